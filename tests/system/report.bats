#!/usr/bin/env bats
# The sum: a quarter in which everything happened that can happen to footage; every file of the truth that the test
# keeps is in exactly one column, and the columns add up. Reports about access, and who may have them.
load world

setup() {
	world_open
	CLOCK='require = "rtc"; max_jump = "P1D";'
	TRUTH=$BATS_TEST_TMPDIR/truth
	: >"$TRUTH"
}
teardown() { world_close; }

at() { date -u -d "2024-$1" +%s; }

# One segment with bytes of its own; prints its path. The truth is told by expect.
segment() { # CAMERA START
	local folder file
	folder=$WORLD/frigate/$(date -u -d "@$2" +%Y-%m-%d/%H)/$1
	file=$folder/$(date -u -d "@$2" +%M.%S).mp4
	mkdir -p "$folder"
	{ cat "$CLIP"; echo "$1 $2"; } >"$WORLD/arriving"
	touch -d "@$(($2 + 4))" "$WORLD/arriving"
	mv "$WORLD/arriving" "$file"
	echo "$file"
}
expect() { echo "frigate/$1 $2 $3" >>"$TRUTH"; } # CAMERA START COLUMN

# To five seconds after noon of a day: what was recorded at noon is due then, and one pass goes.
noon() { world_advance $(($(at "$1 12:00:05") - $(wall))); a_pass; }
reload() {
	world_config
	kill -HUP "$DAEMON"
}
mode() { # observe or enforce
	ROOTS=${ROOTS/$([ "$1" = observe ] && echo enforce || echo observe)/$1}
	local before
	before=$(entries configuration | wc -l)
	reload
	until_true 10 eval "[ \$(entries configuration | wc -l) -gt $before ]"
}
sum_is() { # COLUMN NUMBER
	[ "$(jq ".total.$1" "$BATS_TEST_TMPDIR/sum.json")" = "$2" ] || { jq .total "$BATS_TEST_TMPDIR/sum.json"; return 1; }
}
sum_says() { jq -e "$1" "$BATS_TEST_TMPDIR/sum.json" >/dev/null || { jq "del(.segments)" "$BATS_TEST_TMPDIR/sum.json"; return 1; }; }

@test "the sum of a quarter: every file that was recorded is in exactly one column" {
	world_root frigate frigate
	world_clock "$(at '01-05 12:00:05')"
	segment gate "$(at '01-03 12:00')" >/dev/null
	segment yard "$(at '01-04 12:00')" >/dev/null
	expect gate "$(at '01-03 12:00')" erased_on_time
	expect yard "$(at '01-04 12:00')" erased_on_time
	world_start
	until_true 10 root_online frigate
	until_true 10 is_told seal 2

	# A planted rm and a planted copy.
	noon 01-10
	local removed copied copy
	removed=$(segment gate "$(at '01-10 11:50')")
	copied=$(segment gate "$(at '01-10 12:00')")
	segment yard "$(at '01-10 12:00')" >/dev/null
	segment yard "$(at '01-10 11:50')" >/dev/null
	until_true 10 has_segments frigate/gate 3
	until_true 10 has_segments frigate/yard 3
	copy=$WORLD/frigate/2024-01-10/11/gate/59.30.mp4
	cp "$copied" "$WORLD/copying" && mv "$WORLD/copying" "$copy"
	rm "$removed"
	until_true 10 is_told missing 1
	until_true 10 has_segments frigate/gate 3
	expect gate "$(at '01-10 11:50')" deleted_by_others
	expect gate "$(at '01-10 12:00')" erased_late
	expect gate "$(at '01-10 11:59:30')" erased_late
	expect yard "$(at '01-10 12:00')" erased_late
	expect yard "$(at '01-10 11:50')" deleted_by_others

	# A hold.
	noon 01-20
	segment gate "$(at '01-20 12:00')" >/dev/null
	segment yard "$(at '01-20 12:00')" >/dev/null
	until_true 10 has_segments frigate/gate 4
	ctl hold place --camera gate --at "2024-01-20 11:59..12:01" --reason damage --case Q-1 --json >/dev/null || [ $? -eq 3 ]
	expect gate "$(at '01-20 12:00')" held
	expect yard "$(at '01-20 12:00')" erased_late

	noon 02-02
	noon 02-03
	until_true 10 is_told delete 2

	# A week of only observing: what is due stays, and somebody deletes.
	noon 02-05
	mode observe
	noon 02-09
	rm "$WORLD/frigate/2024-01-10/11/yard/50.00.mp4"
	until_true 10 is_told missing 2
	noon 02-12
	is_told delete 2
	mode enforce
	until_true 10 is_told delete 5
	segment gate "$(at '02-12 12:00')" >/dev/null
	until_true 10 has_segments frigate/gate 2
	expect gate "$(at '02-12 12:00')" erased_on_time

	# Days without the daemon.
	noon 02-15
	world_reboot "$(at '02-22 12:00:05')" 1
	until_true 10 root_online frigate
	until_true 10 is_told delete 6

	# The index is lost, and with it the knowledge of a file that vanishes meanwhile.
	noon 02-25
	segment gate "$(at '02-25 12:00')" >/dev/null
	local lost
	lost=$(segment yard "$(at '02-25 12:00')")
	until_true 10 has_segments frigate/gate 3
	until_true 10 has_segments frigate/yard 1
	expect gate "$(at '02-25 12:00')" overdue
	expect yard "$(at '02-25 12:00')" unaccountable
	world_stop
	rm "$WORLD/state/index.db"* "$lost"
	world_start
	until_true 10 has_entry index-rebuilt

	noon 03-12
	until_true 10 is_told delete 7
	segment gate "$(at '03-12 12:00')" >/dev/null
	segment yard "$(at '03-12 12:00')" >/dev/null
	until_true 10 has_segments frigate/gate 3
	expect gate "$(at '03-12 12:00')" kept
	expect yard "$(at '03-12 12:00')" kept
	mode observe
	noon 03-27

	local status=0
	ctl report retention --at 2024-Q1 --segments --json --html "$BATS_TEST_TMPDIR/sum.html" >"$BATS_TEST_TMPDIR/sum.json" || status=$?
	[ "$status" -eq 2 ]
	# Exactly the truth: no file more, none less, each once.
	jq -r '.segments[] | [.camera, .start_us / 1000000, .column] | join(" ")' "$BATS_TEST_TMPDIR/sum.json" | sort >"$BATS_TEST_TMPDIR/told"
	sort "$TRUTH" | diff - "$BATS_TEST_TMPDIR/told"
	sum_is recorded "$(wc -l <"$TRUTH")"
	sum_says '.total | .recorded == .erased_on_time + .erased_late + .held + .deleted_by_others + .overdue + .kept + .unaccountable'
	sum_says '.total.bytes | .recorded == .erased_on_time + .erased_late + .held + .deleted_by_others + .overdue + .kept + .unaccountable'
	sum_says '[.cameras[].recorded] | add == 14'
	# Why.
	sum_says '[.details[] | select(.column == "erased_late" and .reason == "observing") | .segments] | add == 3'
	sum_says '[.details[] | select(.column == "erased_late" and .reason == "down") | .segments] | add == 1'
	sum_says '.details[] | select(.column == "erased_late" and .reason == "down") | .longest_seconds >= 259200 and .longest_seconds < 259300'
	sum_says '.details[] | select(.column == "overdue") | .reason == "observing"'
	sum_says '.details[] | select(.column == "unaccountable") | .reason == "index_rebuilt"'
	# The copy is told as one; when nobody watched is told with its bounds.
	sum_says ".copies == 1 and (.copies_listed[0] | [.start, .same_as.start] | sort == [\"2024-01-10T11:59:30Z\", \"2024-01-10T12:00:00Z\"])"
	sum_says '.unwatched | map(select(.reason == "before_log"))[0] | .from == "2024-01-01T00:00:00Z" and .to[0:10] == "2024-01-05"'
	sum_says '.unwatched | map(select(.reason == "observing")) | length == 2 and .[0].from[0:10] == "2024-02-05" and .[0].to[0:10] == "2024-02-12" and .[1].lasts'
	sum_says '.unwatched | map(select(.reason == "down" and .from[0:10] == "2024-02-15" and .to[0:10] == "2024-02-22")) | length == 1'
	sum_says '.unwatched | map(select(.reason == "index_rebuilt")) | length == 1'
	sum_says '.cameras[0].rule | .retention == "P30D" and .legal_maximum == "P1M" and .source == "policy"'
	sum_says '.checkpoint | .verified and .size > 0 and (.root | length == 64)'
	sum_says '.asked | .role != null and .clock != null'
	sum_says '.outside | map(select(.what | startswith("only observed"))) | length == 2'
	# A camera alone, another form, on 80 columns; each was an entry before it was answered.
	[ "$(ctl report retention --at 2024-Q1 --camera yard --json | jq .total.recorded)" = "$(grep -c yard "$TRUTH")" ]
	ctl report retention --at 2024-Q1 --output csv >"$BATS_TEST_TMPDIR/sum.csv" || [ $? -eq 2 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/sum.csv")" = 3 ]
	grep -q '^camera,recorded,erased_on_time,erased_late,' "$BATS_TEST_TMPDIR/sum.csv"
	ctl report retention --at 2024-Q1 >"$BATS_TEST_TMPDIR/sum.txt" || [ $? -eq 2 ]
	grep -q 'overdue now' "$BATS_TEST_TMPDIR/sum.txt"
	[ "$(wc -L <"$BATS_TEST_TMPDIR/sum.txt")" -le 80 ]
	fails grep -qi 'legal limit' "$BATS_TEST_TMPDIR/sum.txt" "$BATS_TEST_TMPDIR/sum.html"
	[ "$(entries report | wc -l)" = 4 ]
	entries report | head -n 1 | jq -e '.report.kind == "retention" and .report.from == "2024-01-01T00:00:00Z"'
	# The page: whole, without scripts, nothing from elsewhere.
	python3 "$BATS_TEST_DIRNAME/page_check.py" "$BATS_TEST_TMPDIR/sum.html"
	world_stop
}

@test "reports about access: who may have them, and that each is an entry" {
	world_root frigate frigate
	EXTRA='roles = { guardroom = "floppy"; officer = "games"; privacy = "tape"; auditor = "users"; admin = "staff"; };'
	CLOCK='require = "unverified";'
	frigate gate "$(days_ago 3)" >/dev/null
	world_start
	until_true 10 root_online frigate
	ctl footage list --camera gate --json >/dev/null
	ctl report access --at "-1h..now" --json >"$BATS_TEST_TMPDIR/access.json"
	jq -e '.report == "access" and (.people | map(select(.person == "root" and .requests > 0)) | length) == 1' "$BATS_TEST_TMPDIR/access.json"
	jq -e '.rows | map(select(.camera == "gate")) | length > 0' "$BATS_TEST_TMPDIR/access.json"
	ctl report access --at "-1h..now" --html "$BATS_TEST_TMPDIR/access.html"
	python3 "$BATS_TEST_DIRNAME/page_check.py" "$BATS_TEST_TMPDIR/access.html"
	[ "$(stat -c %a "$BATS_TEST_TMPDIR/access.html")" = 600 ]
	ctl report access --at "-1h..now" --output csv | head -n 1 | grep -q '^person,camera,purpose,hour'
	ctl report subject --camera gate --at "-4d..now" --json | jq -e '.cameras == ["frigate/gate"] and (.recipients | length) == 2'
	fails ctl report subject --at "-4d..now"
	fails ctl report access --at "-1h..now" --hours 25..3
	# Before anything is handed out.
	[ "$(entries report | jq -s '[.[] | .report.kind] | join(" ")' -r)" = "access access access subject" ]
	if [ "$(id -u)" -eq 0 ]; then
		chmod 755 "$WORLD/run"
		as_role() { setpriv --reuid=nobody --regid="$1" --clear-groups "$INSTALLED/bin/retentionctl" "${@:2}"; }
		as_role tape report access --at "-1h..now" --json >/dev/null
		as_role users report access --at "-1h..now" --json >/dev/null
		as_role users report retention --at "-4d..now" --json >/dev/null
		run as_role tape report retention --at "-4d..now"
		[ "$status" -eq 5 ]
		run as_role games report access --at "-1h..now"
		[ "$status" -eq 5 ]
		run as_role users report subject --camera gate --at "-4d..now"
		[ "$status" -eq 0 ]
	fi
	world_stop
}
