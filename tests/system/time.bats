#!/usr/bin/env bats
# 30 days is 30 days: due times on the calendar, and clocks that lie (the build with an injected clock).
#
# Nothing early, nothing deleted while the clock is not trusted, the alarm up, and the way back works.
# Footage lies before today, since a file's birth bounds its start and no test can set a birth.
load world

setup() {
	world_open
	CLOCK='require = "rtc"; max_jump = "P1D";'
}
teardown() { world_close; }

# A root with local times in its names, in a zone.
local_root() { # NAME ZONE
	world_root "$1" custom "timezone = \"$2\"; patterns = ( \"%{camera}/%Y-%m-%d_%H-%M-%S.mp4\" );"
	mkdir -p "$WORLD/$1/gate"
}

# Footage at local starts, each with the due time that Python reckons, in DUE_<file>; the daemon must say the same.
expect_dues() { # ROOT ZONE START…
	local root=$1 zone=$2 start due rule
	shift 2
	while read -r start due rule; do
		name=${1%/*}
		put_clip "$WORLD/$root/gate/$name.mp4" $((start + 2))
		expected+=("$WORLD/$root/gate/$name.mp4 $start $due $rule")
		shift
	done < <("$BATS_TEST_DIRNAME/dues.py" "$zone" 30 1 1 "$@")
}

check_dues() {
	local line file start due rule answer
	[ ${#expected[@]} -ge 10 ]
	for line in "${expected[@]}"; do
		read -r file start due rule <<<"$line"
		answer=$(ctl footage explain "$file" --json | jq -r '[.start, .due] | map(fromdateiso8601) | @tsv')
		[ "$answer" = "$start"$'\t'"$due" ] || { echo "$file: expected $start $due ($rule), got $answer"; return 1; }
	done
}

@test "Europe/Brussels: month ends, leap years and both changes of the clocks" {
	local_root brussels Europe/Brussels
	world_clock "$(date -u -d 2024-01-01 +%s)"
	expected=()
	expect_dues brussels Europe/Brussels \
		2023-01-28_12-00-00 2023-01-30_12-00-00 2023-01-31_23-59-59 2023-02-01_00-00-00 2023-02-28_10-00-00 \
		2023-03-31_08-00-00 2023-04-30_08-00-00 2023-12-31_23-59-59 2023-10-01_02-30-00 \
		2023-02-24_02-30-00 2023-02-26_02-30-00 2023-03-26_01-59-59 2023-03-26_03-00-00 \
		2023-09-29_02-30-00 2023-10-29_01-59-59 2023-10-29_02-30-00/0 2023-10-29_02-45-00/1 2023-10-29_03-00-00
	ROOTS=${ROOTS/enforce/observe}
	world_start
	until_true 10 root_online brussels
	check_dues
	world_stop
}

@test "UTC: month ends and leap years" {
	local_root utc UTC
	world_clock "$(date -u -d 2024-04-01 +%s)"
	expected=()
	expect_dues utc UTC 2024-01-29_00-00-00 2024-01-30_00-00-00 2024-01-31_00-00-00 2024-02-01_00-00-00 \
		2024-02-28_23-59-59 2024-02-29_00-00-00 2024-02-29_23-59-59 2024-03-01_00-00-00 2023-02-28_23-59-59 2023-01-29_00-00-00 2023-12-31_12-00-00
	ROOTS=${ROOTS/enforce/observe}
	world_start
	until_true 10 root_online utc
	check_dues
	# 29 January of a leap year has a 29 February; 31 January has not, and its month ends on the 29th.
	explained "$WORLD/utc/gate/2024-01-31_00-00-00.mp4" '.due == "2024-02-28T23:59:59Z"'
	world_stop
}

@test "America/Sao_Paulo: summer time that began and ended at midnight, and was given up" {
	local_root saopaulo America/Sao_Paulo
	world_clock "$(date -u -d 2020-01-01 +%s)"
	expected=()
	expect_dues saopaulo America/Sao_Paulo 2018-10-04_00-30-00 2018-10-05_00-30-00 2018-11-03_23-59-59 2018-11-04_01-00-00 \
		2019-01-17_23-30-00 2019-01-18_00-00-00 2019-02-16_22-59-59 2019-02-16_23-30-00/0 2019-02-16_23-45-00/1 2019-02-17_00-00-00 \
		2019-01-31_12-00-00 2019-10-20_00-30-00
	ROOTS=${ROOTS/enforce/observe}
	world_start
	until_true 10 root_online saopaulo
	check_dues
	world_stop
}

@test "to the microsecond: there one before its time, gone at its time" {
	local_root brussels Europe/Brussels
	local_root utc UTC
	# Both are due at the same instant: by 30 days across the end of summer time, and by the month of February.
	INTERVAL=PT1S
	CLOCK_STANDS=1
	local due start
	start=$(TZ=Europe/Brussels date -d '2025-10-01 12:00:00' +%s)
	read -r _ due _ < <("$BATS_TEST_DIRNAME/dues.py" Europe/Brussels 30 1 1 2025-10-01_12-00-00)
	[ "$due" = $((start + 30 * 86400 + 3600)) ]
	world_clock $((due * 1000000 - 1))
	put_clip "$WORLD/brussels/gate/2025-10-01_12-00-00.mp4" $((start + 2))
	local utc=$WORLD/utc/gate/$(date -u -d "@$((due - 30 * 86400))" +%Y-%m-%d_%H-%M-%S).mp4
	put_clip "$utc" $((due - 30 * 86400 + 2))
	local canary=$WORLD/utc/gate/$(date -u -d "@$((due - 30 * 86400 - 1))" +%Y-%m-%d_%H-%M-%S).mp4
	put_clip "$canary" $((due - 30 * 86400 + 1))
	world_start
	until_true 10 gone "$canary"
	a_pass
	[ -e "$WORLD/brussels/gate/2025-10-01_12-00-00.mp4" ]
	[ -e "$utc" ]
	world_advance_us 1
	until_true 5 gone "$WORLD/brussels/gate/2025-10-01_12-00-00.mp4"
	until_true 5 gone "$utc"
	world_stop
}

@test "what the legal maximum bounds goes one interval before it" {
	local_root utc UTC
	CLOCK_STANDS=1
	INTERVAL=PT4S
	local limit file
	limit=$(date -u -d '2025-02-28 12:00:00' +%s)
	file=$WORLD/utc/gate/2025-01-31_12-00-00.mp4
	world_clock $(((limit - 4) * 1000000 - 1))
	put_clip "$file" $((limit - 28 * 86400 + 2))
	world_start
	until_true 10 root_online utc
	ctl footage explain "$file" --json | jq -e "(.due | fromdateiso8601) == $limit - 4"
	[ -e "$file" ]
	world_advance_us 1
	until_true 15 gone "$file"
	until_true 5 eval '[ "$(told delete)" = 1 ]'
	entries delete | jq -e '.rule == "legal maximum"'
	world_stop
}

# ---- clocks that lie ----

# Two segments: one that is due a month after the true time, one that is due a day after it.
lying() { # NOW
	world_root frigate frigate
	young=$(frigate gate $(($1 - 86400)))
	due=$(frigate gate $(($1 - 29 * 86400)))
}
TRUE=1755691200 # 20 August 2025: no February near, 30 days count

@test "first start without RTC or sync: unverified, nothing is deleted; a sync starts it" {
	world_root frigate frigate
	old=$(frigate gate $((TRUE - 31 * 86400)))
	world_clock $TRUE 0 0
	world_start
	until_true 10 root_online frigate
	a_pass
	[ -e "$old" ]
	status_says '.clock.level == "unverified" and (.clock.trusted | not) and .deletion.reason == "clock"'
	run ctl status
	[ "$status" -eq 2 ]
	explained "$old" '.reason == "clock"'
	world_sync 1
	until_true 10 gone "$old"
	status_says '.clock.level == "synced"'
	world_sync 0
	until_true 8 status_says '.clock.level == "holdover" and .clock.trusted'
	world_stop
}

@test "+40 days at boot: nothing goes, the alarm is up; set right, it carries on" {
	lying $TRUE
	world_clock $TRUE
	world_start
	until_true 10 root_online frigate
	world_reboot $((TRUE + 40 * 86400 + 600))
	until_true 10 root_online frigate
	a_pass
	[ -e "$young" ] && [ -e "$due" ]
	status_says '.clock.level == "untrusted" and (.clock.trusted | not) and .deletion.paused'
	run ctl status
	[ "$status" -eq 2 ]
	explained "$due" '.reason == "clock"'
	[ "$(entries clock-frozen | wc -l)" -ge 1 ]
	# The way back: the clock is set right, and says again what nothing contradicts.
	world_reboot $((TRUE + 2 * 86400)) 1
	until_true 15 gone "$due"
	[ -e "$young" ]
	[ "$(told delete)" = 1 ]
	world_stop
}

@test "-50 years, and 1970, at boot: nothing goes, the alarm is up; a sync is the way back" {
	lying $TRUE
	world_clock $TRUE
	world_start
	until_true 10 root_online frigate
	for false_time in $((TRUE - 50 * 365 * 86400)) 30; do
		world_reboot $false_time 0 0
		until_true 10 root_online frigate
		a_pass
		[ -e "$young" ] && [ -e "$due" ]
		status_says '.clock.level == "untrusted" and .deletion.reason == "clock"'
		run ctl status
		[ "$status" -eq 2 ]
		[[ "$output" == *clock* ]]
	done
	# Within this boot the first sync sets it right.
	world_step $((TRUE + 2 * 86400 - $(wall)))
	world_sync 1
	until_true 15 gone "$due"
	[ -e "$young" ]
	world_stop
}

@test "23 hours too much at each of ten boots: the advances add up, nothing goes early" {
	lying $TRUE
	local hour=3600 i
	soon=$(frigate yard $((TRUE - 29 * 86400 + 12 * hour)))
	world_clock $TRUE
	world_start
	until_true 10 root_online frigate
	for i in 1 2 3 4 5 6 7 8 9 10; do
		world_reboot $((TRUE + i * 23 * hour + i * 60))
		[ -e "$young" ]
	done
	until_true 10 root_online frigate
	a_pass
	# The first advance is within max_jump. The truth is ten minutes later: what is due in more than a day is there.
	[ -e "$soon" ]
	[ -e "$young" ]
	status_says '.clock.level == "untrusted" and (.clock.trusted | not)'
	run ctl status
	[ "$status" -eq 2 ]
	# A person confirms: the way back, and an entry.
	ctl clock confirm --yes
	until_true 10 gone "$due"
	until_true 10 gone "$soon"
	[ -e "$young" ]
	[ "$(entries clock-confirmed | wc -l)" = 1 ]
	world_stop
}

@test "a jump within a boot waits for a person, even when the kernel says synchronised" {
	lying $TRUE
	world_clock $TRUE 1
	world_start
	until_true 10 root_online frigate
	world_step $((3 * 86400))
	until_true 10 status_says '.clock.frozen'
	a_pass
	[ -e "$due" ]
	world_sync 0
	world_sync 1
	a_pass
	[ -e "$due" ]
	explained "$due" '.reason == "clock"'
	ctl clock status --json | jq -e '.needs_person'
	run ctl status
	[ "$status" -eq 2 ]
	# The daemon's restart forgets nothing.
	world_stop
	world_start
	until_true 10 root_online frigate
	a_pass
	[ -e "$due" ]
	ctl clock confirm --yes
	until_true 10 gone "$due"
	[ -e "$young" ]
	world_stop
}

@test "a jump back within a boot freezes too, and nothing young goes when it is set right" {
	lying $TRUE
	world_clock $TRUE
	world_start
	until_true 10 root_online frigate
	world_step $((-5 * 86400))
	until_true 10 status_says '.clock.level == "untrusted"'
	world_step $((5 * 86400))
	a_pass
	[ -e "$due" ] && [ -e "$young" ]
	ctl clock confirm --yes
	until_true 8 status_says '.clock.trusted'
	world_advance $((86400 + 60))
	until_true 10 gone "$due"
	[ -e "$young" ]
	world_stop
}

@test "a poisoned high-water mark: nothing goes, and a confirmation lowers it" {
	lying $TRUE
	# A false time server on the very first start, ten years ahead; nothing to compare it with.
	ROOTS=${ROOTS/enforce/observe}
	world_clock $((TRUE + 3650 * 86400)) 1
	world_start
	until_true 10 root_online frigate
	ROOTS=${ROOTS/observe/enforce}
	world_reboot $((TRUE + 2 * 86400)) 1
	until_true 10 root_online frigate
	a_pass
	[ -e "$due" ] && [ -e "$young" ]
	status_says '.clock.level == "untrusted" and .deletion.reason == "clock"'
	run ctl clock status
	[[ "$output" == *"behind"* ]]
	ctl clock confirm --yes
	until_true 10 gone "$due"
	[ -e "$young" ]
	ctl clock status --json | jq -e "(.high_water | fromdateiso8601) < $((TRUE + 3 * 86400))"
	[ "$(entries clock-confirmed | wc -l)" = 1 ]
	ctl log verify
	world_stop
}

@test "off for longer than max_jump: waits for a sync, which arms the brake" {
	world_root frigate frigate
	EXTRA='brake = { days = 1; minimum = 2; };'
	local i file
	for i in 1 2 3 4 5 6 7 8; do
		file=$(frigate gate $((TRUE - 25 * 86400 + i * 86400)))
		touch -d "@$((TRUE - 25 * 86400 + i * 86400 + 80000))" "$file"
	done
	world_clock $TRUE
	world_start
	until_true 10 root_online frigate
	world_reboot $((TRUE + 60 * 86400))
	until_true 10 root_online frigate
	a_pass
	[ "$(find "$WORLD/frigate" -name '*.mp4' | wc -l)" = 8 ]
	world_sync 1
	until_true 8 status_says '.clock.trusted'
	# Eight days of recording at once are unusual: the brake asks.
	until_true 8 status_says '.deletion.reason == "brake"'
	[ "$(find "$WORLD/frigate" -name '*.mp4' | wc -l)" -ge 5 ]
	ctl deletion resume --yes
	until_true 10 eval '[ -z "$(find "$WORLD/frigate" -name "*.mp4")" ]'
	world_stop
}
