#!/usr/bin/env bats
# The main job: index, hold, erase, write down.
load world

setup() { world_open; world_root frigate frigate; }
teardown() { world_close; }

@test "what is older than 30 days is erased, what is younger stays, and each step is in the log" {
	old=$(frigate gate "$(days_ago 31)")
	older=$(frigate gate "$(days_ago 40)")
	young=$(frigate gate "$(days_ago 29)")
	world_start
	until_true 20 gone "$old"
	until_true 20 gone "$older"
	[ -e "$young" ]
	until_true 5 eval '[ "$(entries delete | wc -l)" -ge 1 ]'
	[ "$(entries delete | jq '.segments.count' | paste -sd+ | bc)" = 2 ]
	run entries delete
	[[ "$output" == *'"rule":"retention"'* ]]
	ctl log verify
	world_stop
}

@test "what a hold covers stays, and goes when the hold ends" {
	old=$(frigate gate "$(days_ago 33)")
	other=$(frigate yard "$(days_ago 33)")
	ROOTS=${ROOTS/enforce/observe}
	world_start
	until_true 20 root_online frigate
	day=$(date -u -d "@$(days_ago 33)" +%Y-%m-%d)
	run ctl hold place --camera gate --at "$day" --reason damage --case T-1 --json
	[ "$status" -eq 0 ] || [ "$status" -eq 3 ]
	id=$(ctl hold list --json | jq -r '.holds[0].id')
	[[ "$id" == H-* ]]
	ROOTS=${ROOTS/observe/enforce}
	world_config
	kill -HUP "$DAEMON"
	until_true 20 gone "$other"
	sleep 3
	[ -e "$old" ]
	run ctl footage explain "$old"
	[[ "$output" == *"$id"* ]]
	ctl hold release "$id" --yes
	until_true 90 gone "$old"
	world_stop
}

@test "a live segment is indexed within seconds with its start and end" {
	start=$(($(date +%s) / 3600 * 3600 - 1800))
	frigate gate "$start" >/dev/null # the hour's folder is there, as it is for all but the first segment of an hour
	world_start
	until_true 20 root_online frigate
	frigate gate $((start + 10)) >/dev/null
	until_true 5 newest_says '.state == "finished"'
	newest_says ".start | fromdateiso8601 == $start + 10"
	until_true 5 newest_says "(.end | fromdateiso8601) >= $start + 11"
	world_stop
}
newest_says() { ctl footage list --camera gate --at "-2h..now" --json | jq -e ".segments | max_by(.start) | $1" >/dev/null; }

@test "deletion by anyone else becomes exactly one missing entry" {
	one=$(frigate gate "$(days_ago 3)")
	two=$(frigate gate "$(($(days_ago 3) + 10))")
	world_start
	until_true 20 root_online frigate
	rm "$one" "$two"
	until_true 90 eval '[ "$(entries missing | jq ".segments.count" | paste -sd+ | bc)" = 2 ]'
	world_stop
	world_start
	until_true 20 root_online frigate
	[ "$(entries missing | jq '.segments.count' | paste -sd+ | bc)" = 2 ]
	world_stop
}

@test "retention unset means keep, and status says so" {
	POLICY=" "
	old=$(frigate gate "$(days_ago 400)")
	world_start
	until_true 20 root_online frigate
	sleep 3
	[ -e "$old" ]
	run ctl status
	[[ "$output" == *"no limit is set"* ]]
	world_stop
}

@test "an observing root deletes nothing and status exits with 2" {
	ROOTS=${ROOTS/enforce/observe}
	old=$(frigate gate "$(days_ago 31)")
	world_start
	until_true 20 root_online frigate
	sleep 3
	[ -e "$old" ]
	run ctl status
	[ "$status" -eq 2 ]
	[[ "$output" == *bserving* ]]
	world_stop
}
