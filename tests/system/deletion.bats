#!/usr/bin/env bats
# DESIGN section 6, "Deletion": each sentence, and the test that fails when it is broken.
#
#   batches of up to 1,000, across folders, intents first ......... "killed in the middle of a batch …" (three)
#   checks inode, size, mtime before it unlinks .................... "a file that is another now …"
#   sidecars first and the video last; one intent for a group ...... "a group goes together …", "an event's folder …"
#   tombstones: one each, with the intent's id ..................... "killed in the middle of a batch …"
#   nothing goes before its due time; the legal maximum ............ time.bats
#   slots are renamed into the quarantine, checked, put back ....... "a slot that a recorder writes …"
#   a hold against a batch in flight ............................... holds.bats
#   after a crash intents are replayed, `recovered` ................ "killed in the middle of a batch …"
#   an unlink of our own is no `missing` ........................... every test here ends with none told
#   a tombstone tells the truth: open elsewhere, links ............. "a tombstone tells who still has the bytes"
#   the brake, a failing file, empty folders, foreign, shared ...... by name below
#
# Of later issues: "kept in the vault", "erased only when its last copy is" (the vault's copies).
load world

setup() { world_open; }
teardown() { world_close; }

videos() { find "$WORLD/frigate" -name '*.mp4' | wc -l; }
all_gone() { [ "$(videos)" = 0 ]; }
until_all_told() { until_true 10 eval "[ \"\$(told delete)\" = $1 ]"; }

# Kills a process as soon as one of these files is gone: in the middle of its batch.
kill_in_batch() { # PID FILE…
	python3 - "$@" <<'PY'
import os, signal, sys, time
pid, files = int(sys.argv[1]), sys.argv[2:]
end = time.monotonic() + 20
while all(map(os.path.exists, files)):
    if time.monotonic() > end:
        sys.exit("nothing was deleted")
os.kill(pid, signal.SIGKILL)
PY
}

# 2,500 files in 7 folders of 2 cameras, which are all due when the clock goes on by a day.
many_soon() {
	local now=1755691200 first
	EXTRA='brake = { days = 366; };'
	world_root frigate frigate
	world_clock $now
	first=$(((now - 30 * 86400) / 3600 * 3600 + 3600))
	"$BATS_TEST_DIRNAME/many.py" "$WORLD/frigate" gate $first 2000 10
	"$BATS_TEST_DIRNAME/many.py" "$WORLD/frigate" yard $first 500 10
	world_start
	until_true 20 root_online frigate
	slow_down "$(child_pid reaper)"
	[ "$(videos)" = 2500 ]
}
# The first files of each camera that are there: one of them goes first.
first_files() {
	local camera
	for camera in gate yard; do find "$WORLD/frigate" -path "*/$camera/*.mp4" | sort | head -n 1; done
}

@test "reaper killed in the middle of a batch: each file has one tombstone, those of the batch are marked recovered" {
	many_soon
	world_advance 86400
	# shellcheck disable=SC2046
	kill_in_batch "$(child_pid reaper)" $(first_files)
	until_true 30 all_gone
	until_all_told 2500
	[ "$(told missing)" = 0 ]
	[ -z "$SLOWED" ] || entries delete | jq -se 'map(select(.recovered)) | length >= 1'
	entries delete | jq -se 'all(.intent > 0)'
	ctl log verify
	world_stop
}

@test "keeper killed in the middle of a batch: the same" {
	many_soon
	world_advance 86400
	# shellcheck disable=SC2046
	kill_in_batch "$(child_pid keeper)" $(first_files)
	until_true 20 daemon_answers
	clock_write
	until_true 30 all_gone
	until_all_told 2500
	[ "$(told missing)" = 0 ]
	[ -z "$SLOWED" ] || entries delete | jq -se 'map(select(.recovered)) | length >= 1'
	ctl log verify
	world_stop
}

@test "everything killed in the middle of a batch, twice: the same after the next start" {
	many_soon
	world_advance 86400
	local round
	for round in 1 2; do
		# shellcheck disable=SC2046
		kill_in_batch "$(child_pid keeper)" $(first_files)
		kill -KILL "$DAEMON"
		wait "$DAEMON" || true
		world_start
		slow_down "$(child_pid reaper)"
		[ "$(videos)" -gt 0 ] || break
	done
	until_true 30 all_gone
	until_all_told 2500
	[ "$(told missing)" = 0 ]
	ctl log verify
	world_stop
}

@test "intents are replayed on an identified volume only: an absent one is told nothing of" {
	many_soon
	world_advance 86400
	# shellcheck disable=SC2046
	kill_in_batch "$(child_pid keeper)" $(first_files)
	kill -KILL "$DAEMON"
	wait "$DAEMON" || true
	local left
	left=$(videos)
	mv "$WORLD/frigate" "$WORLD/away"
	mkdir "$WORLD/frigate" # the mount point without its disk
	world_start
	until_true 10 status_says '.roots[0].state == "offline"'
	a_pass
	[ "$(told missing)" = 0 ]
	[ "$(told delete)" -le $((2500 - left)) ]
	world_stop
	rmdir "$WORLD/frigate"
	mv "$WORLD/away" "$WORLD/frigate"
	world_start
	until_true 30 all_gone
	until_all_told 2500
	[ "$(told missing)" = 0 ]
	world_stop
}

@test "a tombstone tells who still has the bytes: open elsewhere, more than one link" {
	world_root frigate frigate
	local opened linked plain start
	start=$(($(days_ago 33) / 3600 * 3600))
	plain=$(frigate gate $start)
	opened=$(frigate gate $((start + 20)))
	linked=$(frigate gate $((start + 40)))
	ln "$linked" "$WORLD/kept.mp4"
	exec 7<"$opened"
	world_start
	until_true 10 gone "$linked"
	until_true 10 gone "$opened"
	until_all_told 3
	exec 7<&-
	entries delete | jq -se 'map(.open_elsewhere // []) == [[1]] and map(.links_left // []) == [[[2, 1]]]'
	[ -e "$WORLD/kept.mp4" ]
	[ "$(told missing)" = 0 ]
	world_stop
}

@test "a file that is another now is not unlinked, whatever its name" {
	world_root frigate frigate
	local now=1755691200 file
	world_clock $now
	file=$(frigate gate $((now - 30 * 86400 + 3600)))
	world_start
	until_true 10 root_online frigate
	kill -STOP "$(child_pid watcher)" # nobody tells keeper
	echo "something else" >"$WORLD/new"
	touch -d "@$now" "$WORLD/new"
	mv "$WORLD/new" "$file"
	world_advance 3601
	until_true 10 eval '[ "$(entries delete-failed | wc -l)" = 1 ]'
	[ "$(cat "$file")" = "something else" ]
	[ "$(told delete)" = 0 ]
	kill -CONT "$(child_pid watcher)"
	until_true 10 eval '[ "$(told missing)" = 1 ]' # what was there before is gone by another's hand
	world_stop
}

@test "the brake: an unusual amount stops and asks; resume goes on, and both are entries" {
	EXTRA='brake = { days = 2; minimum = 5; };'
	world_root frigate frigate
	local i start
	for i in $(seq 1 12); do
		start=$(($(days_ago 50) + i * 86400))
		frigate gate $start >/dev/null
		touch -d "@$((start + 80000))" "$WORLD/frigate/$(date -u -d "@$start" +%Y-%m-%d/%H/gate/%M.%S.mp4)"
	done
	world_start
	until_true 10 eval '[ "$(entries brake | wc -l)" = 1 ]'
	a_pass
	[ "$(videos)" = 7 ]
	run ctl status
	[ "$status" -eq 2 ]
	[[ "$output" == *"unusual amount"* ]]
	explained "$(find "$WORLD/frigate" -name '*.mp4' | sort | tail -n 1)" '.reason == "brake"'
	# It holds over a restart.
	world_stop
	world_start
	until_true 10 root_online frigate
	a_pass
	[ "$(videos)" = 7 ]
	ctl deletion resume --yes
	until_true 10 all_gone
	until_all_told 12
	[ "$(entries brake-released | wc -l)" = 1 ]
	world_stop
}

@test "a failing file backs off alone, with its errno; the others go" {
	world_root frigate frigate
	local bad start i
	start=$(($(days_ago 33) / 3600 * 3600))
	bad=$(frigate gate $start)
	for i in 1 2 3 4; do frigate gate $((start + i * 20)) >/dev/null; done
	[ "$(id -u)" = 0 ] && chattr +i "$bad" || skip "needs root and a filesystem with chattr +i"
	world_start
	until_true 10 eval '[ "$(videos)" = 1 ]'
	a_pass
	a_pass
	[ "$(entries delete-failed | wc -l)" = 1 ]
	explained "$bad" '.reason == "failed" and (.because | any(contains("not permitted")))'
	run ctl status --json
	chattr -i "$bad"
	[ "$status" -eq 2 ]
	jq -e '.attention | any(contains("failed") and contains("not permitted"))' <<<"$output"
	[ "$(told delete)" = 4 ]
	world_stop
}

@test "a failing file is tried again after a while, and goes when it can" {
	world_root frigate frigate
	local now=1755691200 bad
	world_clock $now
	bad=$(frigate gate $((now - 31 * 86400)))
	[ "$(id -u)" = 0 ] && chattr +i "$bad" || skip "needs root and a filesystem with chattr +i"
	world_start
	until_true 10 eval '[ "$(entries delete-failed | wc -l)" = 1 ]'
	chattr -i "$bad"
	a_pass
	[ -e "$bad" ]
	world_advance 61
	until_true 10 gone "$bad"
	until_all_told 1
	world_stop
}

@test "empty folders of the layout go; a folder with anything in it stays; foreign files are counted, listed and kept" {
	world_root frigate frigate
	local old foreign
	old=$(frigate gate "$(($(days_ago 33) / 3600 * 3600))")
	foreign=$(dirname "$(frigate yard "$(($(days_ago 35) / 3600 * 3600))")")/notes.txt
	echo "keep me" >"$foreign"
	mkdir "$WORLD/frigate/empty-of-mine"
	world_start
	until_true 10 gone "$old"
	until_true 10 gone "$(dirname "$(dirname "$(dirname "$old")")")"
	[ -e "$foreign" ] && [ -d "$WORLD/frigate/empty-of-mine" ] && [ -d "$WORLD/frigate" ]
	[ ! -e "$(dirname "$foreign")/00.00.mp4" ]
	status_says '.roots[0].not_recognised == 1'
	run ctl status
	[[ "$output" == *"not recognised"* && "$output" == *"notes.txt"* ]]
	explained "$foreign" '.reason == "foreign"'
	[ "$(told missing)" = 0 ]
	world_stop
}

@test "a camera's own folder stays when its footage goes" {
	world_root live custom 'patterns = ( "%{camera}/%Y-%m-%d_%H-%M-%S.mp4" ); timezone = "UTC";'
	mkdir -p "$WORLD/live/gate"
	local start file
	start=$(days_ago 31)
	file=$WORLD/live/gate/$(date -u -d "@$start" +%Y-%m-%d_%H-%M-%S).mp4
	put_clip "$file" $((start + 2))
	world_start
	until_true 10 gone "$file"
	a_pass
	[ -d "$WORLD/live/gate" ]
	world_stop
}

@test 'foreign = "expire": what matches nothing goes by its own age' {
	world_root frigate frigate 'foreign = "expire";'
	mkdir -p "$WORLD/frigate/odd"
	echo old >"$WORLD/frigate/odd/old.bin"
	echo new >"$WORLD/frigate/odd/new.bin"
	touch -d "@$(days_ago 31)" "$WORLD/frigate/odd/old.bin"
	touch -d "@$(days_ago 29)" "$WORLD/frigate/odd/new.bin"
	world_start
	until_true 10 gone "$WORLD/frigate/odd/old.bin"
	a_pass
	[ -e "$WORLD/frigate/odd/new.bin" ]
	until_all_told 1
	world_stop
}

@test "a group goes together, sidecars first: one that cannot go keeps its video" {
	world_root eye motioneye 'timezone = "UTC";'
	[ "$(id -u)" = 0 ] || skip "needs root"
	local folder day
	day=$(date -u -d "@$(days_ago 33)" +%Y-%m-%d)
	folder=$WORLD/eye/gate/$day
	mkdir -p "$folder"
	put_clip "$folder/12-00-00.mp4" "$(date -u -d "$day 12:00:10" +%s)"
	put_clip "$folder/13-00-00.mp4" "$(date -u -d "$day 13:00:10" +%s)"
	echo thumb >"$folder/12-00-00.mp4.thumb"
	echo thumb >"$folder/13-00-00.mp4.thumb"
	chattr +i "$folder/13-00-00.mp4.thumb" || skip "needs chattr +i"
	world_start
	until_true 10 gone "$folder/12-00-00.mp4"
	a_pass
	chattr -i "$folder/13-00-00.mp4.thumb"
	[ ! -e "$folder/12-00-00.mp4.thumb" ]
	[ -e "$folder/13-00-00.mp4" ] && [ -e "$folder/13-00-00.mp4.thumb" ]
	explained "$folder/13-00-00.mp4" '.reason == "failed"'
	[ "$(told delete)" = 1 ]
	[ "$(told missing)" = 0 ]
	world_stop
}

@test "an event's folder lives and dies whole" {
	world_root zm zoneminder-medium 'timezone = "UTC";'
	local day folder
	day=$(date -u -d "@$(days_ago 33)" +%Y-%m-%d)
	folder=$WORLD/zm/1/$day/77
	mkdir -p "$folder"
	put_clip "$folder/77-video.h264.mp4" "$(date -u -d "$day 12:00:10" +%s)"
	echo jpeg >"$folder/snapshot.jpg"
	echo jpeg >"$folder/00001-capture.jpg"
	touch -d "$day 12:00:00" "$folder"/*.jpg
	world_start
	until_true 10 gone "$folder"
	[ -d "$WORLD/zm/1" ]
	until_all_told 1
	[ "$(told missing)" = 0 ]
	world_stop
}

@test "a shared file goes with the last segment that needs it" {
	world_root viseron viseron
	local folder=$WORLD/viseron/segments/gate old young
	mkdir -p "$folder"
	old=$(days_ago 33) young=$(days_ago 29)
	echo init >"$folder/init.mp4"
	touch -d "@$((old - 60))" "$folder/init.mp4"
	put_clip "$folder/$old.m4s" $((old + 5))
	put_clip "$folder/$((old + 5)).m4s" $((old + 10))
	put_clip "$folder/$young.m4s" $((young + 5))
	world_start
	until_true 10 gone "$folder/$((old + 5)).m4s"
	a_pass
	[ -e "$folder/init.mp4" ]
	rm "$folder/$young.m4s"
	put_clip "$folder/$((old + 15)).m4s" $((old + 20))
	put_clip "$folder/$((old + 20)).m4s" $((old + 25))
	until_true 10 gone "$folder/init.mp4"
	[ ! -e "$folder/$((old + 15)).m4s" ] && [ ! -e "$folder/$((old + 20)).m4s" ]
	until_all_told 4
	world_stop
}

@test "a slot that a recorder writes is put back, others go through the quarantine" {
	world_root ring ffmpeg-ring "vault = \"$WORLD/vault\";"
	mkdir -p "$WORLD/ring/gate"
	local i
	for i in 000 001 002; do put_clip "$WORLD/ring/gate/out$i.ts" "$(($(days_ago 31) + 10#$i * 10))"; done
	exec 7<>"$WORLD/ring/gate/out001.ts"
	world_start
	until_true 10 gone "$WORLD/ring/gate/out000.ts"
	until_true 10 gone "$WORLD/ring/gate/out002.ts"
	a_pass
	exec 7>&-
	[ -e "$WORLD/ring/gate/out001.ts" ]
	[ "$(find "$WORLD/vault" -type f | wc -l)" = 0 ]
	explained "$WORLD/ring/gate/out001.ts" '.reason == "failed"'
	[ "$(told delete)" = 2 ]
	[ "$(told missing)" = 0 ]
	world_stop
}

@test "many roots on one volume share a reaper, and all are served" {
	local name now=1755691200
	world_clock $now
	for name in one two three four; do
		world_root $name frigate
		"$BATS_TEST_DIRNAME/many.py" "$WORLD/$name" gate $((now - 30 * 86400 + 600)) 100 10
	done
	world_start
	for name in one two three four; do until_true 10 root_online $name; done
	kill -STOP "$(child_pid reaper)" # so that what keeper orders for each of them comes together
	world_advance 7200
	a_pass
	kill -CONT "$(child_pid reaper)"
	for name in one two three four; do
		until_true 10 eval "[ -z \"\$(find '$WORLD/$name' -name '*.mp4')\" ]"
	done
	until_all_told 400
	[ "$(told missing)" = 0 ]
	[ "$(entries child-lost | wc -l)" = 0 ]
	world_stop
}

@test "keeper killed at each write of its state around a deletion: one tombstone each" {
	local now=1755691200 i start keeper
	world_root frigate frigate
	world_clock $now
	world_start
	until_true 10 root_online frigate
	for i in 1 2 3 4 5 6; do
		start=$((now - 30 * 86400 + (i - 1) * 7200 + 3600))
		frigate gate $start >/dev/null
		frigate gate $((start + 20)) >/dev/null
		until_true 5 eval '[ "$(ctl status --json | jq ".cameras[0].segments")" = 2 ]'
		kill_keeper_at_write $((i == 1 ? 3 : i + 6)) # the intent; from its entry being durable to the intent's end
		keeper=$(child_pid keeper)
		world_advance 7200
		until_true 5 eval 'all_gone || [ "$(child_pid keeper)" != $keeper ]'
		until_true 2 eval '[ ! -d /proc/$STRACE ]' || kill "$STRACE"
		wait "$STRACE" 2>/dev/null || true
		until_true 20 daemon_answers
		clock_write
		until_true 10 all_gone
		until_all_told $((2 * i))
		[ "$(told missing)" = 0 ]
	done
	ctl log verify
	world_stop
}
