#!/usr/bin/env bats
# Holds: what an acknowledged hold covers is never deleted, whatever is in flight and whatever crashes.
load world

setup() {
	world_open
	world_root frigate frigate
	DAY33=$(date -u -d "@$(days_ago 33)" +%Y-%m-%d)
}
teardown() { world_close; }

observe() { ROOTS=${ROOTS/enforce/observe}; }
enforce() {
	ROOTS=${ROOTS/observe/enforce}
	world_config
	kill -HUP "$DAEMON"
}
place() { ctl hold place --reason damage --case T-1 --json "$@"; } # exit 3: only part covered
noon() { date -u -d "$1 12:00:00" +%s; }

@test "a hold is durable before its answer: kill -9 of everything, and it is there, its entry once" {
	observe
	local file children
	file=$(frigate gate "$(noon "$DAY33")")
	world_start
	until_true 10 root_online frigate
	children=$(pgrep -P "$DAEMON")
	place --camera gate --at "$DAY33" --note "a name" >"$WORLD/answer" || [ $? -eq 3 ]
	# shellcheck disable=SC2086
	kill -KILL $children "$DAEMON"
	wait "$DAEMON" || true
	ROOTS=${ROOTS/observe/enforce}
	world_start
	until_true 10 root_online frigate
	[ "$(ctl hold list --json | jq -r '.holds[].id')" = "$(jq -r .id "$WORLD/answer")" ]
	[ "$(entries hold-placed | wc -l)" = 1 ]
	a_pass
	[ -e "$file" ]
	explained "$file" '.reason == "held"'
	# The narrative stays out of the log, its salted hash is in.
	[ "$(entries hold-placed | grep -c "a name")" = 0 ]
	entries hold-placed | jq -e '.hold.note_sha256 | length == 64'
	ctl log verify
	world_stop
}

@test "keeper killed right after each of five answers: five holds, five entries" {
	observe
	frigate gate "$(noon "$DAY33")" >/dev/null
	world_start
	until_true 10 root_online frigate
	local i
	for i in 1 2 3 4 5; do
		place --camera gate --at "$DAY33 0$i:00..0$i:30" >/dev/null || [ $? -eq 3 ]
		kill -KILL "$(child_pid keeper)"
		until_true 20 daemon_answers
	done
	[ "$(ctl hold list --json | jq '.holds | length')" = 5 ]
	[ "$(entries hold-placed | jq -r .hold.id | sort -u | wc -l)" = 5 ]
	[ "$(entries hold-placed | wc -l)" = 5 ]
	ctl log verify
	world_stop
}

@test "keeper killed at each write of its state around a hold: as many entries as holds, and what was answered stands" {
	observe
	frigate gate "$(noon "$DAY33")" >/dev/null
	world_start
	until_true 10 root_online frigate
	local i answered=0
	for i in 1 3 7 11 12 20; do # the number; the hold; its outbox row's end; after all of them
		kill_keeper_at_write "$i"
		if place --camera gate --at "$DAY33 0$((i % 10)):00..0$((i % 10)):30" >"$WORLD/answer" 2>/dev/null || [ $? -eq 3 ]; then
			answered=$((answered + 1))
			jq -r .id "$WORLD/answer" >>"$WORLD/answered"
		fi
		kill "$STRACE" 2>/dev/null || true
		wait "$STRACE" 2>/dev/null || true
		until_true 20 daemon_answers
	done
	ctl hold list --json | jq -r '.holds[].id' | sort >"$WORLD/holds"
	entries hold-placed | jq -r .hold.id | sort | diff - "$WORLD/holds"
	sort "$WORLD/answered" | comm -23 - "$WORLD/holds" | diff - /dev/null
	[ "$answered" -lt 6 ] && [ "$answered" -gt 0 ] # some were killed before their answer, some not
	ctl log verify
	world_stop
}

@test "a hold against a batch at a standing disk: an answer at once, in doubt, and nothing held is unlinked after" {
	world_start
	until_true 10 root_online frigate
	local reaper before
	reaper=$(child_pid reaper)
	kill -STOP "$reaper"
	"$BATS_TEST_DIRNAME/many.py" "$WORLD/frigate" gate "$(noon "$DAY33")" 30 10
	"$BATS_TEST_DIRNAME/many.py" "$WORLD/frigate" yard "$(noon "$DAY33")" 30 10
	until_true 10 batch_in_flight
	before=$EPOCHREALTIME
	place --camera gate --at "$DAY33" >"$WORLD/answer" || [ $? -eq 3 ]
	[ "$(bc <<<"$EPOCHREALTIME - $before < 0.5")" = 1 ]
	jq -e '.safe == false and .in_doubt > 0' "$WORLD/answer"
	kill -CONT "$reaper"
	until_true 10 none_left yard
	a_pass
	[ "$(count gate)" = 30 ]
	[ "$(told delete)" = 30 ]
	world_stop
}
batch_in_flight() { # the pass has chosen them: their day's count says so
	ctl deletion status --json | jq -e '.brake.segments_today >= 60'
}
count() { find "$WORLD/frigate" -path "*/$1/*.mp4" | wc -l; }
none_left() { [ "$(count "$1")" = 0 ]; }

@test "holds that race with a pass over 4,000 files: nothing goes after its hold was acknowledged" {
	EXTRA='brake = { days = 366; };'
	HOLDS='two_person = false; pre_roll = "PT0S"; post_roll = "PT0S";'
	local now=1755691200
	world_clock $now
	"$BATS_TEST_DIRNAME/many.py" "$WORLD/frigate" gate $((now - 30 * 86400 + 3600)) 4000 10
	world_start
	until_true 20 root_online frigate
	slow_down "$(child_pid reaper)" 150
	world_advance 86400
	"$BATS_TEST_DIRNAME/hold_race.py" "$RETENTION_SOCKET" "$WORLD/frigate" gate $((now - 30 * 86400 + 3600)) 4000 10 60
	world_stop
}

@test "a segment that a roll touches is held whole; what lies beyond the rolls goes" {
	HOLDS='two_person = false; pre_roll = "PT60S"; post_roll = "PT240S";'
	observe
	local t before pre inside post after
	t=$(noon "$DAY33")
	before=$(frigate gate $((t - 80)))  # its 10 s end before the pre-roll
	pre=$(frigate gate $((t - 65)))     # ends within the pre-roll
	inside=$(frigate gate $((t + 5)))
	post=$(frigate gate $((t + 10 + 239))) # begins a second before the post-roll ends
	after=$(frigate gate $((t + 10 + 260)))
	EXTRA='probe = "none"; fingerprint = "never";'
	world_start
	until_true 10 root_online frigate
	place --camera gate --at "$DAY33 12:00:00..12:00:10" || [ $? -eq 3 ]
	enforce
	until_true 10 gone "$after"
	a_pass
	[ -e "$pre" ] && [ -e "$inside" ] && [ -e "$post" ]
	world_stop
}

@test "overlapping holds are a set: footage goes only when the last has ended, and its age did not begin anew" {
	observe
	local file first second
	file=$(frigate gate "$(noon "$DAY33")")
	world_start
	until_true 10 root_online frigate
	place --camera gate --at "$DAY33 11:59..12:01" >/dev/null || [ $? -eq 3 ]
	place --all-cameras --at "$DAY33 11:00..13:00" >/dev/null || [ $? -eq 3 ]
	first=$(ctl hold list --json | jq -r '.holds[0].id') second=$(ctl hold list --json | jq -r '.holds[1].id')
	enforce
	ctl hold release "$first" --yes
	until_true 10 eval "[ \"\$(ctl hold show $first --json | jq -r .state)\" = released ]"
	a_pass
	[ -e "$file" ]
	ctl hold release "$second" --yes
	until_true 10 gone "$file"
	# Each release by one person is marked so.
	[ "$(entries hold-release-asked | jq -s 'map(.hold.single_person) | all and length == 2')" = true ]
	[ "$(entries hold-released | wc -l)" = 2 ]
	world_stop
}

@test "a release waits for its delay, shown as pending, and the hold keeps until then" {
	HOLDS='two_person = false; release_delay = "PT4S";'
	local file id
	observe
	file=$(frigate gate "$(noon "$DAY33")")
	world_start
	until_true 10 root_online frigate
	id=$(place --camera gate --at "$DAY33 11:59..12:01" | jq -r .id)
	enforce
	until_true 10 root_online frigate
	ctl hold release "$id" --yes --json | jq -e '.state == "release_pending" or .state == "release-pending" or .state == "release pending"'
	a_pass
	[ -e "$file" ]
	ctl hold list --json | jq -e '.holds | length == 1'
	until_true 10 gone "$file"
	world_stop
}

@test "with two_person on, one person releases nothing, and is told why" {
	HOLDS='two_person = true;'
	local file id
	observe
	file=$(frigate gate "$(noon "$DAY33")")
	world_start
	until_true 10 root_online frigate
	id=$(place --camera gate --at "$DAY33 11:59..12:01" | jq -r .id)
	run ctl hold release "$id" --yes
	[ "$status" -ne 0 ]
	[[ "$output" == *"second person"* ]]
	enforce
	until_true 10 root_online frigate
	a_pass
	[ -e "$file" ]
	world_stop
}

@test "hold now: at once, for all cameras, details are owed; giving them ends the debt" {
	local now id
	now=$(date +%s)
	frigate gate $((now - 1800)) >/dev/null
	frigate yard $((now - 1800)) >/dev/null
	world_start
	until_true 10 root_online frigate
	run ctl hold now --last 2h --json
	[ "$status" -eq 0 ] || [ "$status" -eq 3 ]
	id=$(ctl hold list --owed --json | jq -r '.holds[0].id')
	[[ "$id" == H-* ]]
	ctl hold show "$id" --json | jq -e '.state == "provisional" and .details_owed and .details_due != null and .all_cameras'
	ctl hold review "$id" --reason damage --case T-9 --yes
	ctl hold show "$id" --json | jq -e '.state == "active" and (.details_owed | not) and .case == "T-9"'
	[ "$(ctl hold list --owed --json | jq '.holds | length')" = 0 ]
	world_stop
}

@test "owed details and a missed review escalate, and never let a hold lapse" {
	local now=1755691200 id file
	world_clock $now
	file=$(frigate gate $((now - 1800)))
	world_start
	until_true 10 root_online frigate
	ctl hold now --last 2h >/dev/null || [ $? -eq 3 ]
	world_advance 90000
	run ctl status
	[ "$status" -eq 2 ]
	[[ "$output" == *"owed details"* ]]
	world_advance $((120 * 86400))
	a_pass
	[ -e "$file" ]
	explained "$file" '.reason == "held"'
	run ctl status
	[ "$status" -eq 2 ]
	[[ "$output" == *"review date"* ]]
	world_stop
}

@test "the answer says what is kept, already erased with its date, not recorded and to come; late is marked" {
	local now t
	now=$(date +%s)
	t=$(noon "$DAY33")
	frigate gate $((t)) >/dev/null
	world_start
	until_true 10 gone "$WORLD/frigate/$DAY33/12/gate/00.00.mp4"
	until_true 10 eval '[ "$(told delete)" = 1 ]'
	frigate gate $((now - 3600)) >/dev/null
	until_true 10 eval 'ctl footage list --camera gate --at "-2h..now" --json | jq -e ".segments | length == 1"'
	run ctl hold place --camera gate --from "$DAY33 11:00" --to "$(date -u -d '+1 day' +%Y-%m-%dT%H:%MZ)" --reason damage --case T-1 --json
	[ "$status" -eq 3 ]
	ctl hold coverage "$(ctl hold list --json | jq -r '.holds[0].id')" --json >"$WORLD/coverage" || [ $? -eq 3 ]
	local what
	for what in kept erased "not recorded" "to come"; do
		jq -e --arg what "$what" '[.. | objects | select(.is? == $what)] | length >= 1' "$WORLD/coverage"
	done
	jq -e '[.. | objects | select(.is? == "erased")][0] | .erased_at != null and .rule == "retention"' "$WORLD/coverage"
	ctl hold list --json | jq -e '.holds[0].placed_after_part_was_erased'
	entries hold-placed | jq -e '.hold.late'
	world_stop
}

@test "a hold reaches into the future as far as holds.future, and covers what is written then" {
	local now
	now=$(date +%s)
	frigate gate $((now - 3600)) >/dev/null
	world_start
	until_true 10 root_online frigate
	run place --camera gate --from now --to "$(date -u -d '+8 days' +%Y-%m-%dT%H:%MZ)"
	[ "$status" -ne 0 ] && [ "$status" -ne 3 ]
	[[ "$output" == *"holds.future"* ]]
	place --camera gate --from -2h --to "$(date -u -d '+6 days' +%Y-%m-%dT%H:%MZ)" >/dev/null || [ $? -eq 3 ]
	local file
	file=$(frigate gate $((now - 2)))
	until_true 10 explained "$file" '.holds != null'
	world_stop
}
