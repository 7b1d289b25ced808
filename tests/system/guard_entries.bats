#!/usr/bin/env bats
# What guard sees becomes entries: who opened, deleted and wrote footage, and when nobody looked.
load world

setup() {
	need_root
	world_open
	disk_make footage
	disk_mount footage "$WORLD/frigate"
	world_root frigate frigate
	ROOTS=${ROOTS/enforce/observe}
}
teardown() { world_close; }

watched() { [ "$(ctl status --json 2>/dev/null | jq -r '.roots[0].observation.level')" = permission ]; }

guard_start() { # [world_start's arguments]
	world_start "$@"
	until_true 20 root_online frigate
	until_true 20 ctl status --json
	until_true 10 status_says '.roots[0].observation.since'
	until_true 10 watched || skip "this kernel has no permission events: $(ctl status --json | jq -c '.roots[0].observation')"
}

# Opens as the log tells them, of a program: the sum of counts.
opens_by() { ctl log search --action "${2:-open}" --output ndjson | jq -s --arg p "$1" '[.[] | select(.process.name == $p) | .recorder.count] | add // 0'; }

@test "a playback of an hour makes at most three entries, and each says who, what and how often" {
	local start n
	start=$(($(days_ago 2) / 3600 * 3600))
	folder=$(dirname "$(frigate gate "$start")")
	for n in $(seq 1 359); do
		printf -v name '%02d.%02d.mp4' $((n / 6)) $((n % 6 * 10))
		ln "$folder/00.00.mp4" "$folder/$name"
	done
	guard_start
	python3 -c '
import os, sys
for name in sorted(os.listdir(sys.argv[1])):
    os.close(os.open(os.path.join(sys.argv[1], name), os.O_RDONLY))' "$folder"
	sleep 1
	world_stop
	world_start
	until_true 20 daemon_answers
	[ "$(opens_by python3)" = 360 ]
	[ "$(entries open | jq -s '[.[] | select(.process.name == "python3")] | length')" -le 3 ]
	run eval "entries open | jq -s '[.[] | select(.process.name == \"python3\")]'"
	jq -e 'all(.[]; .camera == "frigate/gate" and .user.id == "0" and .actor.reliable and .recorder.level == "permission")' <<<"$output"
	jq -e --arg f "$(date -u -d "@$start" +%FT%TZ)" '[.[].footage.from] | min == $f' <<<"$output"
	jq -e '.[0].process.executable | test("python3")' <<<"$output"
	jq -e '.[0].process.parents | length > 0' <<<"$output"
	ctl log verify
	world_stop
}

# Who lives on for a moment can always be named; a program that is gone at once, mostly.
deed() { # PYTHON ARGUMENT…: as the user AS, where that is set
	${AS:+setpriv --reuid=$AS --clear-groups} /usr/bin/python3 -c "import os, sys, time; a = sys.argv[1:]; $1; time.sleep(0.5)" "${@:2}"
}

@test "deleting, renaming and writing over finished files name who did it, and different people never share an entry" {
	local n start
	start=$(days_ago 3)
	for n in $(seq 0 5); do file[n]=$(frigate gate $((start + 10 * n))); done
	chown -R nobody "$WORLD/frigate"
	guard_start
	until_true 20 has_segments frigate/gate 6
	deed 'os.unlink(a[0]); os.unlink(a[1])' "${file[0]}" "${file[2]}"
	AS=nobody deed 'os.rename(a[0], a[1])' "${file[1]}" "$WORLD/frigate/elsewhere"
	until_true 20 eval '[ "$(told missing)" = 3 ]'
	run entries missing
	[ "$(wc -l <<<"$output")" = 2 ]
	jq -es '.[] | select(.alteration.what == "deleted") | .user.id == "0" and .segments.count == 2 and (.process.name | test("python"))' <<<"$output"
	jq -es '.[] | select(.alteration.what == "renamed-away") | .user.name == "nobody" and .segments.count == 1' <<<"$output"
	deed 'f = open(a[0], "r+b"); f.write(b"0123456789"); f.close()' "${file[3]}"
	until_true 20 has_entry altered
	entries altered | jq -e '.alteration.what == "written" and .user.id == "0" and .camera == "frigate/gate"'
	cp "$CLIP" "$WORLD/frigate/new"
	deed 'os.rename(a[0], a[1])' "$WORLD/frigate/new" "${file[4]}"
	until_true 20 eval 'entries missing | grep -q replaced'
	world_stop
}

@test "rm is named, and where it was gone too soon its number is" {
	local n start
	start=$(days_ago 3)
	for n in $(seq 0 11); do file[n]=$(frigate gate $((start + 10 * n))); done
	guard_start
	until_true 20 has_segments frigate/gate 12
	for n in $(seq 0 11); do rm "${file[n]}"; done
	until_true 20 eval '[ "$(told missing)" = 12 ]'
	run entries missing
	jq -es 'length == 12 and all(.[]; .alteration.what == "deleted" and .process.pid > 0)' <<<"$output"
	# With the sanitizers guard may be too slow for each of them.
	sanitized || jq -es 'any(.[]; .process.name == "rm" and .user.id == "0" and ((.process.executable // "") | endswith("/rm")))' <<<"$output"
	world_stop
}

@test "a recorder's own traffic is one entry a camera" {
	ROOTS= EXTRA=
	cp "$(command -v dd)" "$WORLD/recorder"
	chmod 755 "$WORLD/recorder"
	world_root frigate frigate "recorder = ( { exe = \"$WORLD/recorder\"; } );"
	start=$(($(date +%s) / 3600 * 3600 - 3600))
	folder=$(dirname "$(frigate gate "$start")")
	guard_start
	for n in 10 20 30 40; do
		"$WORLD/recorder" if="$CLIP" of="$folder/00.$n.mp4" status=none
	done
	sleep 1
	world_stop
	world_start
	run eval "entries open | jq -s '[.[] | select(.actor.part == \"recorder\")]'"
	jq -e 'length == 1 and .[0].recorder.count == 4 and .[0].camera == "frigate/gate"' <<<"$output"
	world_stop
}

@test "a guard that is killed leaves one gap with its bounds, and is back" {
	frigate gate "$(days_ago 2)" >/dev/null
	guard_start
	before=$(date +%s%6N)
	kill -KILL "$(child_pid guard)"
	until_true 20 has_entry gap
	until_true 20 watched
	after=$(date +%s%6N)
	entries gap | jq -es --argjson b "$before" --argjson a "$after" \
		'length == 1 and .[0].gap.of == "opens" and .[0].gap.from_us > $b - 5000000 and .[0].gap.from_us <= .[0].gap.to_us and .[0].gap.to_us <= $a'
	world_stop
	world_start
	until_true 20 eval '[ "$(entries gap | wc -l)" = 2 ]'
	entries gap | jq -es '.[1].event.reason == "retentiond did not run" and .[1].opens.to_us >= .[1].gap.to_us'
	world_stop
}

@test "a guard that is off is said to be: entry, status" {
	EXTRA='guard = { mode = "off"; };'
	world_start
	until_true 20 root_online frigate
	until_true 5 has_entry watch-coverage
	entries watch-coverage | jq -e '.watch.to.level == "none" and .event.reason == "guard.mode is off"'
	run ctl status
	[[ "$output" == *"guard.mode is off"* ]]
	world_stop
}

@test "in block mode an open that nobody allows is refused, and is an entry" {
	ROOTS=
	world_root frigate frigate "recorder = ( { exe = \"/usr/bin/ffmpeg\"; } );"
	EXTRA='guard = { mode = "block"; allow = ( { exe = "/usr/bin/head"; } ); };'
	file=$(frigate gate "$(days_ago 2)")
	guard_start
	head -c 10 "$file" >/dev/null
	fails cat "$file"
	fails cat "$file"
	until_true 10 has_entry open-denied
	entries open-denied | jq -es '.[0].process.name == "cat" and .[0].event.outcome == "failure" and .[0].camera == "frigate/gate"'
	entries open | jq -es 'any(.[]; .process.name == "head" and .actor.part == "allowed")'
	world_stop
}

# GUARD_STORM_SECONDS=60 is the whole of it.
@test "opens as fast as eight readers can: each is in a count or in a gap" {
	local n
	for n in $(seq 0 19); do frigate gate $(($(days_ago 2) + 10 * n)) >/dev/null; done
	folder=$(dirname "$(frigate gate "$(days_ago 2)")")
	guard_start
	for n in $(seq 8); do
		python3 - "$folder" "${GUARD_STORM_SECONDS:-4}" >"$WORLD/made.$n" <<-'PYTHON' &
			import os, sys, time
			files = [os.path.join(sys.argv[1], name) for name in os.listdir(sys.argv[1])]
			end, made = time.time() + int(sys.argv[2]), 0
			while time.time() < end:
			    for file in files:
			        os.close(os.open(file, os.O_RDONLY))
			        made += 1
			print(made)
		PYTHON
		readers+=" $!"
	done
	wait $readers
	made=$(cat "$WORLD"/made.* | paste -sd+ | bc)
	sleep 2
	world_stop
	EXTRA='guard = { mode = "off"; };'
	world_start
	counted=$(opens_by python3)
	lost=$(entries gap | jq -s 'map(.gap.lost // 0) | add // 0')
	echo "made $made, counted $counted, lost $lost, entries $(entries open | wc -l)"
	[ $((counted + lost)) = "$made" ]
	ctl log verify
	world_stop
}

reading() { setpriv --reuid="$1" --clear-groups cat "${@:2}" >/dev/null; }

@test "report access of real opens: who read what and how often, held footage and refusals with the reason, alike in each form" {
	local day n gate=() yard=()
	ROOTS=
	world_root frigate frigate "recorder = ( { exe = \"/usr/bin/ffmpeg\"; } );"
	ROOTS=${ROOTS/enforce/observe}
	EXTRA='guard = { mode = "block"; allow = ( { user = "games"; }, { user = "mail"; } ); };'
	day=$(days_ago 2)
	for n in 0 1; do gate+=("$(frigate gate $((day + 10 * n)))"); done
	for n in 0 1 2; do yard+=("$(frigate yard $((day + 10 * n)))"); done
	guard_start
	until_true 10 has_segments frigate/yard 3
	ctl hold place --camera gate --at "$(date -u -d "@$((day - 60))" +%FT%TZ)..$(date -u -d "@$((day + 60))" +%FT%TZ)" \
		--reason damage --case A-1 --json >/dev/null || [ $? -eq 3 ]
	reading games "${gate[@]}"
	reading games "${gate[@]}"
	reading mail "${yard[@]}"
	fails reading news "${yard[0]}"
	sleep 0.2
	# Opens that still wait to be joined with others are in it, too.
	ctl report access --at "-1h..now" --hours 0..24 --json --html "$WORLD/access.html" >"$WORLD/access.json"
	jq -r '.people[] | select(.person != "root") | [.person, .opens, .denied, (.held_opens // 0)] | join(" ")' "$WORLD/access.json" |
		sort | diff <(printf '%s\n' 'games 4 0 4' 'mail 3 0 0' 'news 0 1 0') -
	jq -r '.rows[] | select(.person != "root") | [.person, .camera, .opens, .denied] | join(",")' "$WORLD/access.json" |
		sort | diff <(printf '%s\n' games,frigate/gate,4,0 mail,frigate/yard,3,0 news,frigate/yard,0,1) -
	jq -e '([.hours[]] | add) == 7 and ([.days[].opens] | add) == 7' "$WORLD/access.json" >/dev/null
	# Held, and refused: each marked with its reason, in all its entries; what is usual is not.
	jq -r '.unusual | group_by(.person)[] | [.[0].person, (map(.opens) | add), (map(.reasons) | add | unique | join("+"))] | join(" ")' \
		"$WORLD/access.json" | diff <(printf '%s\n' 'games 4 held' 'news 1 denied') -
	# The same in the other forms: the table of rows, and the page without its markup.
	ctl report access --at "-1h..now" --hours 0..24 --output csv | grep -v '^root' | cut -d , -f 1,2,5,7 | sort |
		diff <(printf '%s\n' games,frigate/gate,4,0 mail,frigate/yard,3,0 news,frigate/yard,0,1 person,camera,opens,denied) -
	sed -n 's/<tr[^>]*>//; s/<[^>]*>/|/gp' "$WORLD/access.html" | tr -s '|' '|' >"$WORLD/access.text"
	grep -qF '|games|4|0|0|frigate/gate (4)|' "$WORLD/access.text"
	grep -qF '|mail|3|0|0|frigate/yard (3)|' "$WORLD/access.text"
	grep -qF '|news|0|1|0|frigate/yard (1)|' "$WORLD/access.text"
	[ "$(grep -c '|games|frigate/gate|[0-9]*|/usr/bin/cat|this machine|held footage|' "$WORLD/access.text")" = \
		"$(jq '.unusual | map(select(.person == "games")) | length' "$WORLD/access.json")" ]
	grep -q '|news|frigate/yard|1|/usr/bin/cat|this machine|was refused|' "$WORLD/access.text"
	ctl report access --at "-1h..now" --hours 0..24 >"$WORLD/access.table"
	grep -Eq '^games +4 +0 +0 ' "$WORLD/access.table"
	grep -Eq '^news +0 +1 +0 ' "$WORLD/access.table"
	grep -q 'games, frigate/gate, 1 opens: held$' "$WORLD/access.table"
	grep -q 'news, frigate/yard, 1 opens: denied$' "$WORLD/access.table"
	# One camera alone.
	ctl report access --at "-1h..now" --hours 0..24 --camera yard --json | jq -e '[.people[].person] | sort == ["mail", "news"]' >/dev/null
	world_stop
}
