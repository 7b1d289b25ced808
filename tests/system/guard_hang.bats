#!/usr/bin/env bats
# A disk that hangs (a frozen filesystem) or a keeper that stands still holds up nobody who opens footage, and afterwards
# each open is in a count or in a gap.
load world

setup() {
	need_root
	world_open
	disk_make footage
	disk_mount footage "$WORLD/frigate"
	world_root frigate frigate
	ROOTS=${ROOTS/enforce/observe}
	frozen_list=$BATS_TEST_TMPDIR/frozen
}
teardown() {
	thaw_all
	[ -z "${STOPPED:-}" ] || kill -CONT "$STOPPED" 2>/dev/null || true
	world_close
}

freeze() { # MOUNT POINT
	echo "$1" >>"$frozen_list"
	fsfreeze -f "$1"
}
thaw_all() { # what hangs on a filesystem cannot even be killed
	[ ! -e "$frozen_list" ] || while read -r folder; do fsfreeze -u "$folder" 2>/dev/null || true; done <"$frozen_list"
	rm -f "$frozen_list"
}

guard_start() {
	for n in $(seq 0 19); do frigate gate $(($(days_ago 2) + 10 * n)) >/dev/null; done
	folder=$(dirname "$(frigate gate "$(days_ago 2)")")
	world_start
	until_true 20 root_online frigate
	until_true 10 status_says '.roots[0].observation.level == "permission"' || skip "this kernel has no permission events"
	guard=$(child_pid guard)
}

# Opens and reads all footage again and again for so many seconds, each time as another process as well (the shell's
# `head`); adds to $made, and the longest open of all in milliseconds is in $longest.
opens_for() { # SECONDS
	local answer
	answer=$(timeout $(($1 + 20)) /usr/bin/python3 -c '
import os, subprocess, sys, time
files = sorted(os.path.join(sys.argv[1], name) for name in os.listdir(sys.argv[1]))
end, made, longest = time.monotonic() + float(sys.argv[2]), 0, 0.0
while time.monotonic() < end:
    for file in files:
        begin = time.monotonic()
        handle = os.open(file, os.O_RDONLY)
        longest = max(longest, time.monotonic() - begin)
        os.read(handle, 4096)
        os.close(handle)
        made += 1
    begin = time.monotonic()
    subprocess.run(["/usr/bin/python3", "-S", "-c", "import sys; open(sys.argv[1]).close()", files[0]], check=True)
    longest = max(longest, time.monotonic() - begin - 0.3) # starting it is not meant
    made += 1
    time.sleep(0.005)
print(made, int(longest * 1000))' "$folder" "$1")
	made=$((${made:-0} + ${answer% *})) longest=${answer#* }
	echo "$answer: opens, ms"
}

# What the log says of all those opens: counted and lost.
opens_add_up() {
	local counted lost
	[ "$(child_pid guard)" = "$guard" ]
	sleep 0.5
	world_stop
	EXTRA='guard = { mode = "off"; };'
	world_start
	counted=$(entries open | jq -s '[.[] | select(.process.name | test("^python3")) | .recorder.count] | add // 0')
	lost=$(entries gap | jq -s 'map(.gap.lost // 0) | add // 0')
	echo "made $made, counted $counted, lost $lost, entries $(entries open | wc -l)"
	[ $((counted + lost)) = "$made" ]
	ctl log verify
	world_stop
}

@test "the state folder's disk hangs, and keeper with it: opens return at once, and each is told afterwards" {
	disk_make state
	disk_mount state "$WORLD/state"
	rmdir "$WORLD/state/lost+found"
	chown nobody: "$WORLD/state"
	guard_start
	keeper=$(child_pid keeper)
	freeze "$WORLD/state"
	opens_for 4
	# Something is written within that time, so keeper does hang.
	[ "$(cut -d ' ' -f 3 "/proc/$keeper/stat")" = D ]
	[ "$longest" -lt 1000 ]
	[ "$(child_pid guard)" = "$guard" ]
	thaw_all
	until_true 10 daemon_answers
	opens_add_up
}

@test "the recordings' own disk hangs: it can be read, who writes waits, and guard for neither" {
	guard_start
	freeze "$WORLD/frigate"
	/usr/bin/touch "$folder/59.59.mp4" 3>&- 4>&- &
	writer=$!
	until_true 5 eval '[ "$(cut -d " " -f 3 /proc/$writer/stat)" = D ]'
	opens_for 3
	[ "$longest" -lt 1000 ]
	[ "$(cut -d ' ' -f 3 "/proc/$writer/stat")" = D ]
	daemon_answers
	thaw_all
	wait "$writer"
	opens_add_up
}

@test "keeper stands still for ten seconds under thousands of opens: they return at once, counts and losses add up" {
	guard_start
	STOPPED=$(child_pid keeper)
	kill -STOP "$STOPPED"
	opens_for 10
	kill -CONT "$STOPPED"
	STOPPED=
	[ "$longest" -lt 1000 ]
	[ "$made" -gt 1000 ]
	until_true 10 daemon_answers
	opens_add_up
}
