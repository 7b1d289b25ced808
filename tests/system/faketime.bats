#!/usr/bin/env bats
# The shipped binaries under libfaketime: every process survives its sandbox with it, and the rules of the clock hold.
load world

LIBRARY=/usr/lib/$(uname -m)-linux-gnu/faketime/libfaketime.so.1

setup() {
	[ -e "$LIBRARY" ] || skip "no libfaketime (Debian: faketime)"
	world_open
	world_root frigate frigate
}
teardown() { world_close; }

# Starts the daemon, and only the daemon, under a false time.
start_at() { # FAKETIME
	export FAKETIME=$1 FAKETIME_DONT_FAKE_MONOTONIC=1 LD_PRELOAD_DAEMON=$LIBRARY
	world_start
}

# Of the daemon's programs none was ended by its sandbox.
sandbox_held() {
	! grep -E 'SIGSYS|bad system call|signal 31|cannot start' "$WORLD/daemon.log"
}

@test "under libfaketime all programs run, footage is indexed, held and deleted" {
	local old young
	old=$(frigate gate "$(days_ago 31)")
	young=$(frigate gate "$(days_ago 29)")
	start_at +0
	until_true 20 gone "$old"
	a_pass
	[ -e "$young" ]
	# The library is there, in each of them.
	local pid
	for pid in "$DAEMON" $(pgrep -P "$DAEMON"); do grep -q libfaketime "/proc/$pid/maps"; done
	until_true 10 eval 'ctl footage list --camera gate --at "-40d..now" --json | jq -e ".segments[0].end != null"'
	sandbox_held
	world_stop
}

@test "+2 days: what is due then goes, what is not stays" {
	local due young
	due=$(frigate gate "$(($(days_ago 29) + 3600))")
	young=$(frigate gate "$(($(days_ago 28) + 7200))")
	start_at +2d
	until_true 20 gone "$due"
	a_pass
	[ -e "$young" ]
	sandbox_held
	world_stop
}

@test "+40 days at a later start, and 1970: nothing goes, the alarm is up; with the true time all is well again" {
	CLOCK='require = "unverified"; max_jump = "P1D";'
	local young due
	young=$(frigate gate "$(days_ago 10)")
	due=$(frigate gate "$(($(days_ago 30) + 7))")
	start_at +0
	until_true 20 root_online frigate
	world_stop
	for false_time in +40d -50y; do
		start_at "$false_time"
		until_true 20 root_online frigate
		a_pass
		[ -e "$young" ]
		status_says '(.clock.trusted | not) and .deletion.reason == "clock"'
		run ctl status
		[ "$status" -eq 2 ]
		sandbox_held
		world_stop
	done
	start_at +0
	ctl clock confirm --yes
	until_true 40 gone "$due"
	[ -e "$young" ]
	world_stop
}
