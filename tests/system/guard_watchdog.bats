#!/usr/bin/env bats
# Whoever opens footage waits for guard's word. Whatever stands still, guard included, nobody waits for long, and what
# was not seen meanwhile is an entry.
load world

setup() {
	need_root
	world_open
	world_root frigate frigate
	clip=$(frigate gate "$(days_ago 3)")
	world_start
	until_true 20 root_is frigate online
	until_true 20 guard_waits
}
teardown() {
	[ -z "${TRACER:-}" ] || kill -KILL "$TRACER" 2>/dev/null || true
	[ -z "${READER:-}" ] || kill "$READER" 2>/dev/null || true
	world_close
}

# A guard, but not the one with that number, has its marks: opens wait for its word.
guard_waits() { # [OTHER THAN]
	local pid
	for pid in $(pgrep -P "$DAEMON" -x guard); do
		[ "$pid" = "${1:-}" ] || ! grep -qs '^fanotify \(ino\|sdev\|mnt_id\):' "/proc/$pid"/fdinfo/* || return 0
	done
	return 1
}

# Opens and reads the clip again and again; how long each took, in microseconds, goes to a file.
reader_start() {
	: >"$WORLD/took"
	rm -f "$WORLD/enough"
	(
		while [ ! -e "$WORLD/enough" ]; do
			from=${EPOCHREALTIME/[.,]/}
			cat "$clip" >/dev/null || echo "9999999999" >>"$WORLD/took"
			echo $((${EPOCHREALTIME/[.,]/} - from)) >>"$WORLD/took"
			sleep 0.01
		done
	) 3>&- 4>&- &
	READER=$!
}

# The longest of all, in milliseconds, in $longest.
reader_stop() {
	touch "$WORLD/enough"
	wait "$READER"
	READER=
	longest=$(($(sort -n "$WORLD/took" | tail -n 1) / 1000))
	echo "$(wc -l <"$WORLD/took") opens, the longest took $longest ms"
	[ "$(wc -l <"$WORLD/took")" -gt 5 ]
}

# A gap in what is known of opens, with both ends, that lasted less than so many seconds, and holds the time $1.
gap_of_opens() { # SECONDS
	entries gap | jq -s -e --argjson most "$1" '
		def seconds: sub("\\.[0-9]+"; "") | fromdate;
		any(.gap.of == "opens" and .gap.from != null and .gap.to != null and (.gap.to | seconds) - (.gap.from | seconds) <= $most)'
}

@test "a guard that is stopped frees who waits, comes back, and leaves a gap with its bounds" {
	guard=$(child_pid guard)
	reader_start
	sleep 0.3
	kill -STOP "$guard"
	until_true 10 guard_waits "$guard"
	sleep 0.5
	reader_stop
	[ "$longest" -lt 3000 ]
	[ ! -e "/proc/$guard" ]
	log_says "guard (process $guard) was stopped"
	until_true 10 gap_of_opens 5
	world_stop
}

@test "a guard that a debugger stopped, of which no signal tells, likewise" {
	guard=$(child_pid guard)
	reader_start
	sleep 0.3
	python3 -c 'import ctypes, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
if libc.ptrace(16, int(sys.argv[1]), None, None) != 0: sys.exit(77) # PTRACE_ATTACH
time.sleep(30)' "$guard" 3>&- 4>&- &
	TRACER=$!
	until_true 10 guard_waits "$guard"
	sleep 0.5
	reader_stop
	[ "$longest" -lt 3000 ]
	log_says "guard (process $guard) is stopped"
	until_true 10 gap_of_opens 6
	world_stop
}

@test "a guard that is killed is back at once, and nobody waited" {
	reader_start
	for _ in 1 2 3; do
		guard=$(child_pid guard)
		sleep 0.3
		from=${EPOCHREALTIME/[.,]/}
		kill -KILL "$guard"
		until guard_waits "$guard"; do
			[ $((${EPOCHREALTIME/[.,]/} - from)) -lt 10000000 ]
			sleep 0.01
		done
		took=$(((${EPOCHREALTIME/[.,]/} - from) / 1000))
		echo "back after $took ms"
		sanitized || [ "$took" -lt 1000 ] # 300 on a machine that has nothing else to do
	done
	reader_stop
	[ "$longest" -lt 1000 ]
	until_true 10 gap_of_opens 3
	world_stop
}

@test "keeper, reaper, watcher and prober stand still: opens of footage return at once" {
	frigate gate $(($(date +%s) - 20)) >/dev/null # a new segment is read, so there is a prober
	until_true 20 eval '[ -n "$(child_pid prober)" ]'
	guard=$(child_pid guard)
	stopped="$(child_pid keeper) $(child_pid reaper) $(child_pid watcher) $(child_pid prober)"
	# shellcheck disable=SC2086
	kill -STOP $stopped
	reader_start
	sleep 3
	reader_stop
	# shellcheck disable=SC2086
	kill -CONT $stopped
	[ "$longest" -lt 1000 ]
	[ "$(wc -l <"$WORLD/took")" -gt 50 ]
	[ "$(child_pid guard)" = "$guard" ]
	until_true 10 daemon_answers
	world_stop
}
