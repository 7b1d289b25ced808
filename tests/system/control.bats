#!/usr/bin/env bats
# The control socket: who may do what, what is answered to nonsense, and that no client holds up the daemon.
load world

setup() {
	world_open
	world_root frigate frigate
	INTERVAL=PT1S
	# Groups that every Debian has stand for the roles.
	EXTRA='roles = { guardroom = "floppy"; officer = "games"; privacy = "tape"; auditor = "users"; admin = "staff"; };'
}
teardown() { world_close; }

# as GROUPS COMMAND…: retentionctl as somebody who is in these groups only ("" for none).
as() {
	local groups=$1
	shift
	if [ -n "$groups" ]; then
		setpriv --reuid=54321 --regid=54321 --groups="$(group_numbers "$groups")" "$INSTALLED/bin/retentionctl" "$@"
	else
		setpriv --reuid=54321 --regid=54321 --clear-groups "$INSTALLED/bin/retentionctl" "$@"
	fi
}
group_numbers() { for group in ${1//,/ }; do getent group "$group" | cut -d: -f3; done | paste -sd,; }

exits() { # STATUS GROUPS COMMAND…
	local wanted=$1
	shift
	run as "$@"
	[ "$status" -eq "$wanted" ] || { echo "as '$1', ${*:2}: exit $status, not $wanted: $output"; return 1; }
}

one_held() {
	frigate gate "$(days_ago 3)" >/dev/null
	world_start
	until_true 20 has_segments frigate/gate 1
	DAY=$(date -u -d "@$(days_ago 3)" +%Y-%m-%d)
	ctl hold place --camera gate --at "$DAY" --reason damage --case T-1 >/dev/null || [ $? -eq 3 ]
	HOLD=$(ctl hold list --json | jq -r '.holds[0].id')
}

@test "each command is for its roles, and for nobody else" {
	need_root
	one_held
	place=(hold place --camera gate --at "$DAY" --reason damage --case T-2 --json)
	# No role at all sees nothing, not even that there are cameras.
	for command in "status" "camera list" "footage list --camera gate --at $DAY" "hold list" "log search" "root list" "metrics" "deletion plan"; do
		# shellcheck disable=SC2086
		exits 5 "" $command
		[[ "$output" != *frigate/gate* ]]
	done
	for group in floppy games tape users staff; do
		exits 0 $group camera list
		exits 0 $group deletion plan
	done
	for group in floppy tape users staff; do exits 5 $group "${place[@]}"; done
	run as games "${place[@]}"
	[ "$status" -eq 0 ] || [ "$status" -eq 3 ]
	for group in tape users staff; do exits 5 $group hold now --last 1h --camera gate; done
	run as floppy hold now --last 1h --camera gate
	[ "$status" -eq 0 ] || [ "$status" -eq 3 ]
	for group in games tape users; do exits 0 $group hold show "$HOLD"; done
	for group in floppy staff; do exits 5 $group hold list; done
	exits 0 users log search
	exits 0 users log verify
	for group in floppy games tape staff; do exits 5 $group log search; done
	for group in floppy games tape users; do
		exits 5 $group deletion resume --yes
		exits 5 $group config reload
		exits 5 $group rescan
		exits 5 $group volume adopt frigate --as own --yes
		exits 5 $group clock confirm --yes
	done
	exits 0 staff config reload
	exits 0 staff rescan
	exits 5 staff hold release "$HOLD" --yes
	# Two groups, two roles.
	exits 0 games,users log search
	# The holds that were denied do not exist.
	[ "$(ctl hold list --json | jq '[.holds[] | select(.case == "T-2")] | length')" = 1 ]
	world_stop
}

@test "a denied request is an entry that says who wanted what" {
	need_root
	one_held
	exits 5 staff hold place --camera gate --at "$DAY" --reason damage --case DENIED-7
	exits 5 "" status
	until_true 10 eval '[ "$(entries request-denied | wc -l)" -ge 2 ]'
	entries request-denied | jq -s -e 'any(.user.id == "54321" and .event.outcome == "failure")'
	entries request-denied | grep -q 'hold.place'
	entries request-denied | grep -q 'DENIED-7'
	# And so is one that was allowed.
	exits 0 users log search
	until_true 10 eval 'entries log-read | jq -s -e "any(.user.id == \"54321\")"'
	world_stop
}

@test "what is no call is answered with its JSON-RPC error" {
	one_held
	python3 "$BATS_TEST_DIRNAME/control_client.py" errors "$RETENTION_SOCKET"
	kill -0 "$DAEMON"
	world_stop
}

@test "long lines, too many clients and answers that nobody reads hold up nobody" {
	one_held
	keeper=$(child_pid keeper)
	python3 "$BATS_TEST_DIRNAME/control_client.py" limits "$RETENTION_SOCKET"
	[ "$(child_pid keeper)" = "$keeper" ]
	[ "$(awk '/VmHWM/ { print $2 }' "/proc/$keeper/status")" -lt 65536 ]
	# Deletion went on meanwhile and goes on now.
	due=$(frigate yard "$(days_ago 33)")
	until_true 15 gone "$due"
	world_stop
}

@test "every answer is as config/retention.openrpc.json describes it" {
	one_held
	frigate yard "$(days_ago 10)" >/dev/null
	until_true 20 has_segments frigate/yard 1
	python3 "$BATS_TEST_DIRNAME/control_client.py" answers "$RETENTION_SOCKET" "$BATS_TEST_DIRNAME/../../config/retention.openrpc.json"
	world_stop
}

@test "--json of every command is one JSON object with schema 1; ndjson is one object a line; csv has a head" {
	one_held
	commands=("status" "doctor" "camera list" "camera show gate" "footage list --camera gate --at $DAY" "footage gaps --camera gate --at $DAY"
		"footage explain $WORLD/frigate/none.mp4" "deletion plan" "deletion status" "hold preview --camera gate --at $DAY" "hold coverage $HOLD"
		"hold list" "hold show $HOLD" "log search" "log search --actor root" "log show 0" "log verify" "log checkpoint" "log review" "log proof 0" "root list" "volume list" "clock status"
		"config show" "key show" "hold place --camera gate --at $DAY --reason damage --case J-1" "hold now --last 1h --camera gate"
		"hold widen $HOLD --at -20d..now" "hold review $HOLD --next 2030-01-01" "rescan" "config reload" "hold release $HOLD --yes")
	for command in "${commands[@]}"; do
		# shellcheck disable=SC2086
		ctl $command --json --no-input </dev/null >"$BATS_TEST_TMPDIR/answer" 2>"$BATS_TEST_TMPDIR/talk" || { code=$?; [ $code -eq 2 ] || [ $code -eq 3 ] || { echo "$command: exit $code"; cat "$BATS_TEST_TMPDIR/talk"; false; }; }
		jq -e 'type == "object" and .schema == 1' "$BATS_TEST_TMPDIR/answer" >/dev/null || { echo "$command: $(head -c 300 "$BATS_TEST_TMPDIR/answer")"; false; }
	done
	for command in "camera list" "hold list" "root list" "log search"; do
		# shellcheck disable=SC2086
		ctl $command --output ndjson | jq -s -e 'length > 0 and all(type == "object")' >/dev/null
		# shellcheck disable=SC2086
		ctl $command --output csv | head -n 1 | grep -q ,
	done
	world_stop
}

@test "without a daemon: exit 6 and what to do; config check needs none" {
	world_config
	for command in "status" "hold list" "camera list --json" "log verify"; do
		# shellcheck disable=SC2086
		run ctl $command
		[ "$status" -eq 6 ]
		[[ "$output" == *retentiond* ]]
	done
	run ctl config check "$WORLD/retention.conf" --layouts "$INSTALLED/share/retention/layouts"
	[ "$status" -eq 0 ]
	run ctl no-such-noun
	[ "$status" -eq 64 ]
	run ctl hold place --nonsense
	[ "$status" -eq 64 ]
}
