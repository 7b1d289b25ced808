#!/usr/bin/env bats
# Starting, watching, restarting, reloading, stopping.
load world

setup() {
	world_open
	world_root frigate frigate
	INTERVAL=PT1S
}
teardown() {
	[ -z "${LISTENER:-}" ] || kill "$LISTENER" 2>/dev/null || true
	world_close
}

is_other() { local now; now=$(child_pid "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }

kill_child() { # kills it and waits for the next one
	local pid
	pid=$(child_pid "$1")
	kill -KILL "$pid"
	until_true "${2:-10}" is_other "$1" "$pid"
}

refuses() { # what the message must say …
	world_config
	refuses_as_it_is "$@"
}

refuses_as_it_is() {
	# shellcheck disable=SC2046
	run timeout 20 "$INSTALLED/sbin/retentiond" -f -c "$WORLD/retention.conf" $(world_users)
	echo "$output"
	[ "$status" -ne 0 ] || return 1
	[ "$status" -ne 124 ] || return 1
	local words
	for words in "$@"; do [[ "$output" == *"$words"* ]] || { echo "does not say: $words"; return 1; }; done
}

@test "each child that is killed comes back, the loss is an entry, and the instance goes on" {
	world_start
	until_true 20 root_is frigate online
	for program in watcher reaper keeper; do
		kill_child $program
		until_true 20 root_is frigate online
		# The whole way works again: a new segment is seen, and one that is due goes.
		due=$(frigate $program "$(days_ago 33)")
		until_true 15 gone "$due"
	done
	for program in watcher reaper; do entries child-lost | jq -s -e --arg p $program 'any(.child == $p and .signal == 9)'; done
	[ "$(entries start | wc -l)" = 2 ]
	ctl log verify
	kill -0 "$DAEMON"
	world_stop
}

@test "a child that ends again and again is started later and later" {
	world_start
	until_true 20 root_is frigate online
	begun=$(date +%s%N)
	for _ in 1 2 3 4; do kill_child keeper; done
	took=$((($(date +%s%N) - begun) / 1000000))
	echo "four ends took $took ms"
	[ $took -ge 1400 ] # 100 + 200 + 400 + 800 ms
	log_says "failure 4 in a row"
	until_true 20 root_is frigate online
	world_stop
}

@test "a child that hangs and is stopped holds up no stop: under 2 s" {
	world_start
	until_true 20 root_is frigate online
	children=$(pgrep -P "$DAEMON" -d ' ')
	kill -STOP "$(child_pid reaper)" "$(child_pid watcher)"
	begun=$(date +%s%N)
	kill -TERM "$DAEMON"
	wait "$DAEMON"
	took=$((($(date +%s%N) - begun) / 1000000))
	echo "the stop took $took ms"
	[ $took -lt 2100 ]
	for child in $children; do [ ! -e "/proc/$child" ]; done
	DAEMON=
}

@test "a clean stop under load takes under 2 s, leaves no process and no socket, and the next start knows it was clean" {
	for second in $(seq 0 10 1200); do frigate gate $(($(days_ago 33) + second)) >/dev/null; done
	world_start
	until_true 20 daemon_answers
	pids=$(pgrep -P "$DAEMON")
	begun=$(date +%s%N)
	kill -TERM "$DAEMON"
	wait "$DAEMON"
	took=$((($(date +%s%N) - begun) / 1000000))
	DAEMON=
	echo "the stop took $took ms"
	[ $took -lt 2000 ]
	for pid in $pids; do fails kill -0 "$pid" 2>/dev/null; done
	[ ! -e "$WORLD/run/control.sock" ]
	world_start
	[ "$(entries start | jq -s '.[-1].clean_stop')" = true ]
	until_true 20 is_told delete 121
	world_stop
}

@test "SIGHUP takes up a new configuration, and keeps the old one where the new one is wrong, with an entry that says why" {
	POLICY='retention = "P60D"; legal_maximum = "P2M";'
	due=$(frigate gate "$(days_ago 33)")
	world_start
	until_true 20 has_segments frigate/gate 1
	POLICY='retention = "P30D"; legal_maximum = "P1M"; retension = "P7D";'
	world_config
	kill -HUP "$DAEMON"
	until_true 10 has_entry configuration-refused
	entries configuration-refused | jq -s -e '.[0].event.reason | test("retention.conf:[0-9]+.*retension")'
	log_says "the old one stays"
	sleep 2
	[ -e "$due" ]
	run ctl config reload
	[ "$status" -ne 0 ]
	[[ "$output" == *retension* ]]
	ctl config show --json | grep -q P60D
	POLICY='retention = "P30D"; legal_maximum = "P1M";'
	world_config
	ctl config reload
	until_true 15 gone "$due"
	until_true 5 eval '[ "$(entries configuration | wc -l)" -ge 1 ]'
	world_stop
}

@test "a reload adds a root and takes one away; what was there of it is not missing" {
	world_start
	until_true 20 root_is frigate online
	kept=$(frigate gate "$(days_ago 3)")
	until_true 10 has_segments frigate/gate 1
	first=$ROOTS
	world_root second frigate
	other=$(frigate yard "$(days_ago 33)" "$WORLD/second")
	world_config
	kill -HUP "$DAEMON"
	until_true 20 root_is second online
	until_true 20 gone "$other"
	ROOTS=${ROOTS#"$first",}
	world_config
	kill -HUP "$DAEMON"
	until_true 10 eval '[ "$(ctl status --json | jq ".roots | length")" = 1 ]'
	sleep 1
	no_entry missing
	ROOTS=$first
	world_config
	kill -HUP "$DAEMON"
	until_true 20 root_is frigate online
	[ "$(segments_of frigate/gate)" = 1 ]
	[ -e "$kept" ]
	world_stop
}

@test "a second instance on the same state folder or run folder is refused and names the first" {
	world_start
	refuses "another retentiond" "process $DAEMON"
	sed "s#state_dir = .*#state_dir = \"$WORLD/state2\";#" "$WORLD/retention.conf" >"$WORLD/other.conf"
	# shellcheck disable=SC2046
	run timeout 20 "$INSTALLED/sbin/retentiond" -f -c "$WORLD/other.conf" $(world_users)
	[ "$status" -ne 0 ]
	[[ "$output" == *"another retentiond"*"$WORLD/run"* ]]
	daemon_answers
	world_stop
}

@test "readiness, life, reloads and the stop are told to the service manager" {
	python3 - "$WORLD/notify" "$WORLD/notified" <<'PY' &
import os, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
with open(sys.argv[2], "w", buffering=1) as out:
    while True:
        out.write(listener.recv(4096).decode().replace("\n", " ") + "\n")
PY
	LISTENER=$!
	until_true 5 test -S "$WORLD/notify"
	world_config
	# shellcheck disable=SC2046
	NOTIFY_SOCKET=$WORLD/notify WATCHDOG_USEC=1000000 "$INSTALLED/sbin/retentiond" -f -c "$WORLD/retention.conf" $(world_users) >>"$WORLD/daemon.log" 2>&1 3>&- 4>&- &
	DAEMON=$!
	until_true 10 grep -q READY=1 "$WORLD/notified"
	until_true 5 grep -q WATCHDOG=1 "$WORLD/notified"
	until_true 10 grep -q "STATUS=.*online" "$WORLD/notified"
	kill -HUP "$DAEMON"
	until_true 5 grep -q "RELOADING=1" "$WORLD/notified"
	until_true 5 eval '[ "$(grep -c READY=1 "$WORLD/notified")" -ge 2 ]'
	# A keeper that does not answer any more: the watchdog is not fed.
	kill -STOP "$(child_pid keeper)"
	sleep 11
	before=$(grep -c WATCHDOG=1 "$WORLD/notified")
	sleep 2
	[ "$(grep -c WATCHDOG=1 "$WORLD/notified")" = "$before" ]
	kill -CONT "$(child_pid keeper)"
	world_stop
	grep -q STOPPING=1 "$WORLD/notified"
	# None of the children knows the socket.
	[ "$(grep -c 'READY=1' "$WORLD/notified")" -le 3 ]
}

@test "no roots at all: it runs, and says that it sees nothing" {
	ROOTS=
	world_start
	run ctl status
	[[ "$output" == *"no footage"* ]]
	ctl root list --json | jq -e '.roots == []'
	world_stop
}

@test "a wrong configuration is refused at the start with file, line, what is wrong and what to write" {
	POLICY='retention = "thirty days";'
	refuses "retention.conf:3:" "retention" "P30D"
	POLICY='retention = "P90D"; legal_maximum = "P1M";'
	refuses "retention.conf:3:" "longer than the legal maximum" "retention_basis"
	unset POLICY
	EXTRA='expiry_interval = "PT1S";'
	refuses "retention.conf:" "expiry_interval"
	EXTRA=
	ROOTS="$ROOTS, { name = \"inner\"; path = \"$WORLD/frigate/inner\"; layout = \"frigate\"; allow_system_volume = true; }"
	refuses "retention.conf:4" "inner"
	ROOTS="{ name = \"r\"; path = \"$WORLD/frigate\"; layout = \"moonfire\"; allow_system_volume = true; }"
	refuses "retention.conf:4" "oonfire"
	printf 'state_dir = "%s/state"; roots = (' "$WORLD" >"$WORLD/retention.conf"
	refuses_as_it_is "retention.conf:1:"
	rm "$WORLD/retention.conf"
	refuses_as_it_is "retention.conf" "No such file"
}

@test "a root on the system disk is refused at the first start unless it is allowed" {
	stat -c %d / "$WORLD" | uniq | wc -l | grep -q '^1$' || skip "the tests' folder is not on the system disk"
	ROOTS=${ROOTS/allow_system_volume = true;/}
	refuses "system disk" "allow_system_volume = true"
}

@test "users that do not exist and run folders with too long a path are refused with what to do" {
	need_root
	world_config
	run timeout 20 "$INSTALLED/sbin/retentiond" -f -c "$WORLD/retention.conf" --user no-such-user
	[ "$status" -ne 0 ]
	[[ "$output" == *"no-such-user"*"useradd"* ]]
	long=$WORLD/$(printf 'x%.0s' $(seq 100))
	sed -i "s#run_dir = .*#run_dir = \"$long\";#" "$WORLD/retention.conf"
	refuses_as_it_is "too long"
}
