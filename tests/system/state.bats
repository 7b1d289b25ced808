#!/usr/bin/env bats
# The state folder: what is a cache is made anew, what is not stops the daemon with words that say what to do.
load world

setup() {
	world_open
	world_root frigate frigate
	INTERVAL=PT1S
}
teardown() { world_close; }

# Two old segments, one of them held; the daemon stopped again.
held_and_due() {
	HELD=$(frigate gate "$(days_ago 33)")
	YOUNG=$(frigate gate "$(days_ago 3)")
	ROOTS=${ROOTS/enforce/observe}
	world_start
	until_true 20 has_segments frigate/gate 2
	ctl hold place --camera gate --at "$(date -u -d "@$(days_ago 33)" +%Y-%m-%d)" --reason damage --case T-1 --json >/dev/null || [ $? -eq 3 ]
	HOLD=$(ctl hold list --json | jq -r '.holds[0].id')
	[[ "$HOLD" == H-* ]]
	world_stop
	ROOTS=${ROOTS/observe/enforce}
	DUE=$(frigate yard "$(days_ago 33)")
}

index_comes_back() {
	world_start
	until_true 25 gone "$DUE"
	are_there "$HELD" "$YOUNG"
	[ "$(entries index-rebuilt | wc -l)" = 1 ]
	is_told delete 1
	no_entry missing
	[ "$(segments_of frigate/gate)" = 2 ]
	is_explained "$HELD" held
	ctl log verify
	world_stop
}

refuses() { # what the message must say …
	run timeout 20 "$INSTALLED/sbin/retentiond" -f -c "$WORLD/retention.conf" $(world_users)
	echo "$output"
	[ "$status" -ne 0 ] || return 1
	[ "$status" -ne 124 ] || return 1
	local words
	for words in "$@"; do [[ "$output" == *"$words"* ]] || return 1; done
	[ ! -e "$WORLD/run/control.sock" ]
}

@test "a missing index is made anew from the disk and the log; until then nothing is deleted" {
	held_and_due
	rm "$WORLD"/state/index.db*
	index_comes_back
}

@test "a corrupt index is set aside and made anew" {
	held_and_due
	size=$(stat -c %s "$WORLD/state/index.db")
	dd if=/dev/urandom of="$WORLD/state/index.db" bs=1k seek=1 count=$((size / 1024 - 1)) conv=notrunc 2>/dev/null
	index_comes_back
	[ -e "$WORLD/state/index.db.damaged" ]
}

@test "an index that is no database at all is set aside and made anew" {
	held_and_due
	echo "this is no database" >"$WORLD/state/index.db"
	index_comes_back
	[ -e "$WORLD/state/index.db.damaged" ]
}

@test "an index of a newer version is set aside and made anew" {
	held_and_due
	sqlite3 "$WORLD/state/index.db" "PRAGMA user_version = 999"
	index_comes_back
}

@test "a corrupt state: the daemon does not run, says what to do, and touches nothing; yesterday's copy puts it right" {
	held_and_due
	[ -s "$WORLD/state/state.db.yesterday" ] || cp "$WORLD/state/state.db" "$WORLD/state/state.db.yesterday"
	sqlite3 "$WORLD/state/state.db" "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
	size=$(stat -c %s "$WORLD/state/state.db")
	dd if=/dev/urandom of="$WORLD/state/state.db" bs=1k seek=4 count=$((size / 1024 - 4)) conv=notrunc 2>/dev/null
	before=$(sha256sum <"$WORLD/state/state.db")
	refuses "damaged" "state.db.yesterday" "nothing is deleted"
	are_there "$HELD" "$DUE"
	[ "$(sha256sum <"$WORLD/state/state.db")" = "$before" ]
	rm -f "$WORLD"/state/state.db-wal "$WORLD"/state/state.db-shm
	cp -p "$WORLD/state/state.db.yesterday" "$WORLD/state/state.db"
	[ "$(id -u)" -ne 0 ] || chown nobody "$WORLD/state/state.db"
	ROOTS=${ROOTS/enforce/observe}
	world_start
	world_stop
}

@test "a state that is no database, or was cut: the daemon does not run" {
	held_and_due
	cp -p "$WORLD/state/state.db" "$WORLD/whole.db"
	echo "this is no database, but long enough to be taken for one" >"$WORLD/state/state.db"
	rm -f "$WORLD"/state/state.db-wal "$WORLD"/state/state.db-shm
	refuses "damaged"
	head -c 9000 "$WORLD/whole.db" >"$WORLD/state/state.db"
	refuses "damaged"
	are_there "$HELD" "$DUE"
	cp -p "$WORLD/whole.db" "$WORLD/state/state.db"
	world_start
	until_true 20 gone "$DUE"
	[ -e "$HELD" ]
	world_stop
}

@test "a state that is missing beside a log: the daemon does not run; an empty file in its place is a decision" {
	held_and_due
	rm "$WORLD"/state/state.db "$WORLD"/state/state.db-* 2>/dev/null || true
	refuses "state.db is missing" "state.db.yesterday" "empty file"
	are_there "$HELD" "$DUE"
	: >"$WORLD/state/state.db"
	[ "$(id -u)" -ne 0 ] || chown nobody "$WORLD/state/state.db"
	world_start
	until_true 20 gone "$DUE"
	[ "$(ctl hold list --json | jq '.holds | length')" = 0 ]
	world_stop
}

@test "a state of a newer version: the daemon does not run and names the version" {
	held_and_due
	sqlite3 "$WORLD/state/state.db" "PRAGMA user_version = 999"
	refuses "newer" "999"
	[ -e "$DUE" ]
}

@test "a log that was tampered with: nothing more is signed on it, a new one begins and says so, deletion goes on" {
	held_and_due
	world_config
	bundle=$(find "$WORLD/state/log/tile/entries" -type f | head -n 1)
	[ -n "$bundle" ]
	printf 'X' | dd of="$bundle" bs=1 seek=40 conv=notrunc 2>/dev/null
	tile=$(find "$WORLD/state/log/tile/0" -type f | head -n 1)
	printf 'XXXX' | dd of="$tile" bs=1 seek=8 conv=notrunc 2>/dev/null
	world_start
	until_true 10 has_entry log-renewed
	log_says "did not hold"
	until_true 20 gone "$DUE"
	[ -e "$HELD" ]
	[ "$(ctl hold list --json | jq '.holds | length')" = 1 ]
	ctl log verify
	world_stop
}

@test "what happened before a kill -9 is in the log once, and holds outlive it" {
	held_and_due
	world_start
	until_true 20 gone "$DUE"
	kill -KILL "$DAEMON"
	wait "$DAEMON" || true
	world_start
	until_true 20 root_is frigate online
	is_told delete 1
	[ "$(ctl hold list --json | jq -r '.holds[0].id')" = "$HOLD" ]
	[ -e "$HELD" ]
	ctl log verify
	world_stop
}

@test "a state folder of another user is refused with the command that mends it" {
	need_root
	held_and_due
	chown -R daemon "$WORLD/state"
	refuses "belongs to user" "chown -R"
	[ -e "$DUE" ]
}

@test "a state folder on a read-only disk is refused" {
	need_root
	world_open
	disk_make state ext4 24
	disk_mount state "$WORLD/state"
	rmdir "$WORLD/state/lost+found"
	world_root frigate frigate
	DUE=$(frigate gate "$(days_ago 33)")
	ROOTS=${ROOTS/enforce/observe}
	world_start
	world_stop
	mount -o remount,ro "$WORLD/state"
	ROOTS=${ROOTS/observe/enforce}
	world_config
	refuses "ead-only"
	[ -e "$DUE" ]
}

@test "the time in which nobody watched is a gap entry with its bounds" {
	world_start
	until_true 20 root_online frigate
	world_stop
	stopped=$(date +%s)
	sleep 2
	world_start
	until_true 10 has_entry gap
	from=$(entries gap | tail -n 1 | jq '.gap.from_us / 1000000 | floor')
	to=$(entries gap | tail -n 1 | jq '.gap.to_us / 1000000 | floor')
	[ "$from" -le "$stopped" ]
	[ $((to - from)) -ge 2 ]
	[ $((to - from)) -le 10 ]
	world_stop
}

@test "keeper is killed between a segment and its seal entry: the entry comes after the start, and never twice" {
	local now
	EXTRA='guard = { mode = "off"; };'
	now=$(($(date +%s) - 70))
	frigate gate $now >/dev/null
	world_start
	until_true 10 root_online frigate
	until_true 10 has_segments frigate/gate 1
	sleep 1
	[ "$(date +%M)" = 01 ] || no_entry seal # its hour is not over
	# One more, which the index did not commit yet.
	frigate yard $((now - 1)) >/dev/null
	until_true 10 has_segments frigate/yard 1
	kill -KILL "$(child_pid keeper)"
	until_true 20 daemon_answers
	until_true 10 root_online frigate
	until_true 10 has_segments frigate/yard 1
	# And once more at once, while they wait again.
	kill -KILL "$(child_pid keeper)"
	until_true 20 daemon_answers
	until_true 10 root_online frigate
	until_true 10 has_segments frigate/yard 1
	until_true 10 status_says '.media.waiting // 0 == 0'
	world_stop
	world_start
	entries seal
	is_told seal 2
	[ "$(entries seal | jq -r .camera | sort | paste -sd' ')" = "frigate/gate frigate/yard" ]
	entries seal | jq -es 'all(.[]; .segments.sha256 | length > 0)'
	# What a start finds whose entry is there is not sealed again.
	kill -KILL "$(child_pid keeper)"
	until_true 20 daemon_answers
	until_true 10 root_online frigate
	world_stop
	world_start
	is_told seal 2
	no_entry missing
	ctl log verify
	world_stop
}
