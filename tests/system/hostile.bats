#!/usr/bin/env bats
# What may lie in a folder of recordings: nothing of it stops the rest, is followed out of the root, or is taken for footage.
load world

setup() {
	world_open
	world_root frigate frigate
	INTERVAL=PT1S
	WHEN=$(days_ago 33)
	HOUR=$WORLD/frigate/$(date -u -d "@$WHEN" +%Y-%m-%d/%H)
	NAME=$(date -u -d "@$WHEN" +%M.%S).mp4
}
teardown() {
	[ ! -e "$WORLD/frigate" ] || { chattr -R -i -a "$WORLD/frigate" 2>/dev/null || true; }
	world_close
}

# The pipeline works: an ordinary segment beside the odd ones goes.
witness_goes() {
	until_true 25 gone "$1"
	root_is frigate online
}

@test "permission removed from one folder: what is in it stays as it was, the others go" {
	witness=$(frigate gate "$WHEN")
	other=$(frigate yard "$WHEN")
	recent=$(frigate yard "$(days_ago 3)")
	chmod 000 "$(dirname "$recent")"
	[ "$(id -u)" -ne 0 ] || chown -R nobody "$WORLD"
	AS_USER="setpriv --reuid=nobody --regid=nogroup --clear-groups"
	[ "$(id -u)" -eq 0 ] || AS_USER=
	world_config
	# shellcheck disable=SC2086
	$AS_USER "$INSTALLED/sbin/retentiond" -f -c "$WORLD/retention.conf" >>"$WORLD/daemon.log" 2>&1 3>&- 4>&- &
	DAEMON=$!
	until_true 20 daemon_answers
	witness_goes "$witness"
	until_true 10 gone "$other"
	log_says "cannot read folder"
	log_says "stays as it was"
	run ctl status
	[ "$status" -eq 2 ]
	[[ "$output" == *"cannot be read"* ]]
	no_entry missing
	chmod 755 "$(dirname "$recent")"
	ctl rescan
	until_true 10 has_segments frigate/yard 1
	# Now one that was indexed: it is neither missing nor gone.
	chmod 000 "$(dirname "$recent")"
	ctl rescan
	sleep 2
	[ "$(segments_of frigate/yard)" = 1 ]
	no_entry missing
	chmod 755 "$(dirname "$recent")"
	ctl rescan
	until_true 10 eval '! ctl status | grep -q "cannot be read"'
	world_stop
}

@test "a file that cannot be deleted backs off alone, with its reason, and goes when it can" {
	need_root
	stuck=$(frigate gate "$WHEN")
	chattr +i "$stuck" 2>/dev/null || skip "this filesystem has no immutable files"
	witness=$(frigate yard "$WHEN")
	world_start
	witness_goes "$witness"
	until_true 10 is_explained "$stuck" failed
	run ctl footage explain "$stuck"
	[[ "$output" == *"not permitted"* ]]
	run ctl status
	[ "$status" -eq 2 ]
	until_true 5 has_entry delete-failed
	sleep 3
	[ "$(entries delete-failed | wc -l)" = 1 ]
	chattr -i "$stuck"
	world_stop
	world_start
	until_true 20 gone "$stuck"
	world_stop
}

@test "a folder with 100,000 files: all indexed, all that is due goes, each told once, in bounded memory" {
	mkdir -p "$WORLD/many/gate"
	ROOTS="{ name = \"many\"; path = \"$WORLD/many\"; layout = \"custom\"; patterns = ( \"%{camera}/%Y-%m-%d_%H-%M-%S.mp4\" ); timezone = \"UTC\"; mode = \"enforce\"; allow_system_volume = true; }"
	python3 - "$WORLD/many/gate" "$(days_ago 35)" "$(days_ago 5)" <<'PY'
import os, sys, time
folder, old, young = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for first in (old, young):
    for i in range(50000):
        start = first + i
        path = folder + time.strftime("/%Y-%m-%d_%H-%M-%S.mp4", time.gmtime(start))
        fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
        os.utime(fd, (start + 1, start + 1))
        os.close(fd)
PY
	START_SECONDS=30
	world_start
	until_true 60 root_is many online
	until_true 60 is_told delete 50000
	[ "$(find "$WORLD/many/gate" -type f | wc -l)" = 50000 ]
	[ "$(segments_of many/gate)" = 50000 ]
	no_entry missing
	for program in keeper watcher reaper; do
		peak=$(awk '/VmHWM/ { print $2 }' "/proc/$(child_pid $program)/status")
		echo "$program: at most $peak kB"
		[ "$peak" -lt "$(sanitized && echo 4000000 || echo 65536)" ] # a sanitizer keeps what was freed
	done
	ctl log verify
	world_stop
}

@test "names with a newline, escapes and bytes that are no UTF-8 are indexed, told and deleted like others" {
	for camera in $'ga\nte' $'caf\xe9' $'\e[31mred' 'quo"te\back' 'spa ce'; do
		mkdir -p "$HOUR/$camera"
		put_clip "$HOUR/$camera/$NAME" $((WHEN + 10))
	done
	put_clip "$WORLD/frigate/"$'odd\nname\xff.txt' "$WHEN"
	witness=$(frigate gate "$WHEN")
	ROOTS=${ROOTS/enforce/observe}
	world_start
	until_true 20 has_segments frigate/gate 1
	until_true 10 eval '[ "$(ctl camera list --json | jq ".cameras | length")" = 6 ]'
	for command in "status" "camera list" "deletion plan" "footage gaps" "doctor" "root list"; do
		# shellcheck disable=SC2086
		ctl $command --json >"$BATS_TEST_TMPDIR/answer" || [ $? -eq 2 ] || [ $? -eq 3 ]
		python3 -c 'import json,sys; json.loads(open(sys.argv[1], "rb").read().decode("utf-8"))' "$BATS_TEST_TMPDIR/answer"
		# No escape of a name reaches the terminal.
		# shellcheck disable=SC2086
		fails eval "ctl $command | grep -q \$'\e\[31m'"
	done
	run ctl footage explain "$HOUR/"$'caf\xe9'"/$NAME"
	[ "$status" -ne 0 ]
	[[ "$output" == *"not UTF-8"* ]]
	run ctl footage explain "$HOUR/"$'ga\nte'"/$NAME" --json
	[ "$(echo "$output" | jq -r .present)" = true ]
	ROOTS=${ROOTS/observe/enforce}
	world_config
	kill -HUP "$DAEMON"
	witness_goes "$witness"
	until_true 10 eval '[ "$(find "$WORLD/frigate" -name "*.mp4" | wc -l)" = 0 ]'
	until_true 5 is_told delete 6
	[ -e "$WORLD/frigate/"$'odd\nname\xff.txt' ]
	[ "$(ctl status --json | jq '.roots[0].not_recognised')" = 1 ]
	entries delete | jq -s -e 'any(.camera_b64 != null)' # the one that is no UTF-8, kept reversibly
	ctl log verify
	world_stop
}

@test "symbolic links are not followed: neither to a file nor to a folder, whatever they are called" {
	mkdir -p "$WORLD/outside/gate" "$HOUR/gate" "$HOUR/yard"
	put_clip "$WORLD/outside/file.mp4" $((WHEN + 10))
	put_clip "$WORLD/outside/gate/$NAME" $((WHEN + 10))
	ln -s "$WORLD/outside/file.mp4" "$HOUR/gate/$NAME"
	ln -s "$WORLD/outside/gate" "$HOUR/linked"
	witness=$(frigate yard "$WHEN")
	world_start
	witness_goes "$witness"
	sleep 1
	are_there "$WORLD/outside/file.mp4" "$WORLD/outside/gate/$NAME"
	[ -L "$HOUR/gate/$NAME" ]
	[ -L "$HOUR/linked" ]
	is_told delete 1
	[ "$(ctl status --json | jq '.roots[0].not_recognised')" = 2 ]
	world_stop
}

@test "a folder that becomes a symbolic link meanwhile leads nowhere" {
	victim=$(frigate gate "$WHEN")
	ROOTS=${ROOTS/enforce/observe}
	world_start
	until_true 20 has_segments frigate/gate 1
	world_stop
	mkdir -p "$WORLD/outside"
	mv "$HOUR/gate" "$WORLD/outside/gate"
	ln -s "$WORLD/outside/gate" "$HOUR/gate"
	ROOTS=${ROOTS/observe/enforce}
	witness=$(frigate yard "$WHEN")
	world_start
	witness_goes "$witness"
	sleep 1
	[ -e "$WORLD/outside/gate/$NAME" ]
	is_told delete 1
	until_true 5 is_told missing 1
	world_stop
}

@test "hard links: two names of one file are two segments, and the erasure record says what is left" {
	first=$(frigate gate "$WHEN")
	mkdir -p "$HOUR/yard"
	ln "$first" "$HOUR/yard/$NAME"
	single=$(frigate shed "$WHEN")
	ln "$single" "$WORLD/elsewhere.mp4"
	world_start
	until_true 20 gone "$first"
	until_true 10 gone "$HOUR/yard/$NAME"
	until_true 10 gone "$single"
	until_true 5 is_told delete 3
	[ -e "$WORLD/elsewhere.mp4" ]
	entries delete | jq -s -e 'any(.camera == "frigate/shed" and .links_left == [[0, 1]])'
	world_stop
}

@test "a zero-length file, one without any duration, a cut one and rubbish go when they are due, by name and mtime" {
	mkdir -p "$HOUR/empty" "$HOUR/cut" "$HOUR/rubbish" "$HOUR/instant"
	: >"$HOUR/empty/$NAME"
	head -c 3000 "$CLIP" >"$HOUR/cut/$NAME"
	head -c 20000 /dev/urandom >"$HOUR/rubbish/$NAME"
	ffmpeg -nostdin -v error -i "$CLIP" -frames:v 1 -c copy -y "$WORLD/one.mp4"
	python3 - "$WORLD/one.mp4" "$HOUR/instant/$NAME" <<'PY'
import re, struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
for kind, at in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):  # durations of version 0 boxes
    for match in re.finditer(kind, bytes(data)):
        struct.pack_into(">I", data, match.start() + at, 0)
open(sys.argv[2], "wb").write(data)
PY
	touch -d "@$((WHEN + 10))" "$HOUR"/*/"$NAME"
	# Young ones of the same kinds, to see what status says of them.
	young=$WORLD/frigate/$(date -u -d "@$(days_ago 3)" +%Y-%m-%d/%H)
	mkdir -p "$young"
	cp -a "$HOUR"/* "$young/"
	find "$young" -name '*.mp4' -exec touch -d "@$(days_ago 3)" {} +
	witness=$(frigate gate "$WHEN")
	world_start
	witness_goes "$witness"
	until_true 10 eval '[ "$(find "$HOUR" -name "*.mp4" 2>/dev/null | wc -l)" = 0 ]'
	until_true 5 is_told delete 5
	for camera in empty cut rubbish; do
		until_true 30 eval 'ctl footage list --camera '$camera' --at -4d..now --json | jq -e ".segments[0].state == \"unreadable\" or .segments[0].damage != []"'
	done
	[ "$(segments_of frigate/instant)" = 1 ]
	[ -e "$young/instant/$NAME" ]
	ctl footage list --camera instant --at -4d..now --json | jq -e '.segments | length == 1'
	world_stop
}

@test "a folder named like a segment is a folder" {
	mkdir -p "$HOUR/gate/$NAME"
	put_clip "$HOUR/gate/$NAME/inside.mp4" $((WHEN + 10))
	touch -d "@$WHEN" "$HOUR/gate/$NAME"
	witness=$(frigate yard "$WHEN")
	world_start
	witness_goes "$witness"
	sleep 1
	[ -e "$HOUR/gate/$NAME/inside.mp4" ]
	is_told delete 1
	world_stop
}

@test "FIFOs, sockets and devices are not opened and stay" {
	need_root
	mkdir -p "$HOUR/gate" "$HOUR/yard" "$HOUR/shed" "$HOUR/dock"
	mkfifo "$HOUR/gate/$NAME"
	mknod "$HOUR/yard/$NAME" b 7 250
	mknod "$HOUR/shed/$NAME" c 1 5
	python3 -c 'import os, socket, sys; os.chdir(sys.argv[1]); socket.socket(socket.AF_UNIX).bind(sys.argv[2])' "$HOUR/dock" "$NAME"
	touch -d "@$WHEN" "$HOUR"/*/"$NAME" 2>/dev/null || true
	witness=$(frigate hall "$WHEN")
	world_start
	witness_goes "$witness"
	sleep 1
	[ -p "$HOUR/gate/$NAME" ]
	[ -b "$HOUR/yard/$NAME" ]
	[ -c "$HOUR/shed/$NAME" ]
	[ -S "$HOUR/dock/$NAME" ]
	is_told delete 1
	[ "$(ctl status --json | jq '.roots[0].not_recognised')" = 4 ]
	world_stop
}
