#!/usr/bin/env bats
# What each process of a running instance may do. tests/unit/sandbox_test.c tries the forbidden calls one by one; here
# the processes that really run are looked at, and a program put into a process's place tries them.
load world

setup() {
	world_open
	world_root frigate frigate
	INTERVAL=PT1S
}
teardown() { world_close; }

field() { awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/status"; }
has_child() { [ -n "$(child_pid "$1")" ]; }

# Capabilities by their numbers in hexadecimal, as /proc shows them.
caps() {
	local bits=0 number
	for number in "$@"; do bits=$((bits | 1 << number)); done
	printf '%016x' $bits
}

# A prober and a hasher run for 30 s after their last file. Publisher runs where something is published.
all_running() {
	EXTRA='publish = { syslog = ( "udp://127.0.0.1:9" ); };'
	world_start
	until_true 20 root_is frigate online
	frigate gate $(($(date +%s) - 20)) >/dev/null # a new segment is read at once
	local program
	for program in keeper watcher reaper prober hasher publisher $(root_only guard); do until_true 20 has_child $program; done
	# Each has entered its sandbox: hasher last, when it got its first file.
	until_true 10 eval '[ "$(field "$(child_pid hasher)" Seccomp)" = 2 ]'
}

root_only() { [ "$(id -u)" -ne 0 ] || echo "$1"; }

confined() { # PROGRAM CAPABILITIES [USER]
	local pid user=${3:-65534}
	pid=$(child_pid "$1")
	echo "$1: $(grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' "/proc/$pid/status" | tr '\n' ' ')"
	[ "$(field "$pid" CapEff)" = "$2" ] || return 1
	[ "$(field "$pid" CapPrm)" = "$2" ] || return 1
	[ "$(field "$pid" CapInh)" = 0000000000000000 ] || return 1
	[ "$(field "$pid" CapAmb)" = 0000000000000000 ] || return 1
	[ "$(field "$pid" NoNewPrivs)" = 1 ] || return 1
	[ "$(field "$pid" Seccomp)" = 2 ] || return 1
	if [ "$(id -u)" -eq 0 ]; then
		[ "$(field "$pid" CapBnd)" = "$2" ] || return 1
		[ "$(awk '$1 == "Uid:" { print $2, $3, $4, $5 }' "/proc/$pid/status")" = "$user $user $user $user" ] || return 1
		[ -z "$(sed -n 's/^Groups:[[:space:]]*//p' "/proc/$pid/status" | tr -d ' ')" ] || return 1
	fi
}

# What its descriptors are, one a line, numbers left out.
descriptors() {
	local fd
	for fd in "/proc/$(child_pid "$1")/fd"/*; do readlink "$fd"; done | sed 's/\[[0-9]*\]//' | sort -u
}

only() { # PROGRAM, then a pattern that each descriptor must fit
	local fd
	while read -r fd; do
		[[ "$fd" =~ ^($2)$ ]] || { echo "$1 has $fd open"; return 1; }
	done < <(descriptors "$1")
}

@test "as root: each process keeps exactly the rights of its row, drops the rest, and is filtered" {
	need_root
	all_running
	confined keeper "$(caps)"
	confined prober "$(caps)"
	confined hasher "$(caps)"
	confined watcher "$(caps 2)"        # CAP_DAC_READ_SEARCH
	confined reaper "$(caps 1 3 28)"    # CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_LEASE
	confined guard "$(caps 2 19 21)" 0  # CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_SYS_ADMIN
	confined publisher "$(caps)"
	# The supervisor: kill and reading at work; in reserve what its children take on their way (with chown), nothing beyond.
	grep ^Cap "/proc/$DAEMON/status"
	[ "$(field "$DAEMON" CapEff)" = "$(caps 2 5)" ]
	[ "$(field "$DAEMON" CapPrm)" = "$(caps 0 1 2 3 5 6 7 8 14 19 21 23 28)" ]
	[ "$(field "$DAEMON" CapBnd)" = "$(field "$DAEMON" CapPrm)" ]
	world_stop
}

@test "media are read under limits of memory, time and output" {
	all_running
	for program in prober hasher; do
		limits=/proc/$(child_pid $program)/limits
		grep -E "^Max (address space|file size|open files|core|cpu)" "$limits"
		sanitized || [ "$(awk '/^Max address space/ { print $4 }' "$limits")" = 536870912 ]
		[ "$(awk '/^Max core file size/ { print $5 }' "$limits")" = 0 ]
		[ "$(awk '/^Max file size/ { print $4 }' "$limits")" != unlimited ] # its log lines, and no more
		[ "$(awk '/^Max cpu time/ { print $4 }' "$limits")" = 600 ]
		[ "$(awk '/^Max open files/ { print $4 }' "$limits")" = 32 ]
	done
	world_stop
}

@test "no process has a descriptor that it does not need; an idle disk has none" {
	all_running
	only prober 'socket:|/dev/null|/.*/daemon.log'
	only hasher 'socket:|/dev/null|/.*/daemon.log'
	only keeper "socket:|pipe:|/dev/null|/.*/daemon.log|anon_inode:.*|/proc/[0-9]*/mountinfo|/dev/rtc0?|$WORLD/state.*"
	until_true 30 only watcher 'socket:|/dev/null|/.*/daemon.log|anon_inode:inotify'
	until_true 30 only reaper 'socket:|/dev/null|/.*/daemon.log'
	only publisher 'socket:|/dev/null|/.*/daemon.log|anon_inode:.*'
	# Guard has folders of the roots (which name no file in use), its groups, its pulse, and no file of footage.
	[ "$(id -u)" -ne 0 ] || only guard "socket:|/dev/null|/.*/daemon.log|anon_inode:.*|/memfd:retention-pulse.*|/proc.*|$WORLD/frigate(/[^.]*)?"
	world_stop
}

@test "children are the supervisor's own processes, each in a group of its own, and die with it" {
	all_running
	pids=$(pgrep -P "$DAEMON" | sort)
	for pid in $pids; do
		[ "$(ps -o pgid= -p "$pid" | tr -d ' ')" = "$pid" ]
	done
	kill -KILL "$DAEMON"
	wait "$DAEMON" || true
	DAEMON=
	for pid in $pids; do until_true 5 eval "! kill -0 $pid"; done
}

@test "a program in the place of any of them cannot do what is not in its row" {
	"$RETENTION_BUILD/tests/unit/sandbox_test" || { [ ! -e "$RETENTION_BUILD/tests/unit/sandbox_test" ] && skip "the unit tests are not built"; }
}

@test "footage that only root may read is indexed, read and deleted by a daemon that is not root" {
	need_root
	secret=$(frigate gate "$(days_ago 3)")
	due=$(frigate gate "$(days_ago 33)")
	chmod -R go-rwx "$WORLD/frigate"
	world_start
	until_true 20 gone "$due"
	until_true 20 eval 'ctl footage list --camera gate --at -4d..now --json | jq -e ".segments[0].state == \"finished\""'
	[ "$(stat -c %u%a "$secret")" = 0600 ]
	world_stop
}

@test "as an ordinary user: the main job works, and what is off is said" {
	due=$(frigate gate "$(days_ago 33)")
	young=$(frigate gate "$(days_ago 3)")
	as=
	if [ "$(id -u)" -eq 0 ]; then
		chown -R nobody "$WORLD"
		as="setpriv --reuid=nobody --regid=nogroup --clear-groups"
	fi
	world_config
	# shellcheck disable=SC2086
	$as "$INSTALLED/sbin/retentiond" -f -c "$WORLD/retention.conf" >>"$WORLD/daemon.log" 2>&1 3>&- 4>&- &
	DAEMON=$!
	until_true 20 daemon_answers
	log_says "running as an ordinary user: guard is off"
	[ "$(grep -cw guard "$WORLD/daemon.log")" = 1 ] # once is enough
	[ -z "$(child_pid guard)" ]
	until_true 20 gone "$due"
	[ -e "$young" ]
	for program in keeper watcher reaper; do
		confined $program "$(caps)" || { [ "$(id -u)" -eq 0 ] && [ "$(field "$(child_pid $program)" CapEff)" = "$(caps)" ] && [ "$(field "$(child_pid $program)" Seccomp)" = 2 ]; }
	done
	ctl log verify
	world_stop
}
