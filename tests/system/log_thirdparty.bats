#!/usr/bin/env bats
# A log that the daemon made, checked by other people's software (tests/thirdparty) and by retention-verify.
load world

setup_file() {
	export CHECK=$BATS_FILE_TMPDIR/log_check
	GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS='' GOCACHE=$BATS_FILE_TMPDIR/cache \
		go build -o "$CHECK" "$BATS_TEST_DIRNAME/../thirdparty/log_check.go"
}
setup() { world_open; world_root frigate frigate; }
teardown() { world_close; }

signing_keys() { (cd "$WORLD/state/keys" && echo epoch-*); }
verify() { "$INSTALLED/bin/retention-verify" "$@"; }
# A checkpoint as an auditor would keep it.
keep() {
	ctl log checkpoint >"$WORLD/kept-$1"
	KEPT+=("$WORLD/kept-$1")
}

@test "x/mod verifies the daemon's log over several epochs: signatures, root, every entry, every kept checkpoint" {
	KEPT=()
	old=$(frigate gate "$(days_ago 40)")
	world_start
	until_true 20 gone "$old"
	first=$(ctl key show)
	keep 1
	python3 "$BATS_TEST_DIRNAME/log_fill.py" "$RETENTION_SOCKET" 300
	keep 2
	ctl key rotate --yes
	keep 3
	python3 "$BATS_TEST_DIRNAME/log_fill.py" "$RETENTION_SOCKET" 40
	ctl key rotate --yes
	ctl key rotate --yes
	keep 4
	world_stop
	world_start
	python3 "$BATS_TEST_DIRNAME/log_fill.py" "$RETENTION_SOCKET" 250
	keep 5
	ctl key rotate --yes
	[ "$(ctl key show --json | jq .epoch)" = 4 ]
	world_stop
	log=$WORLD/state/log
	[ "$(wc -l <"$WORLD/state/log.vkeys")" = 5 ]
	[ "$(signing_keys)" = epoch-4.seed ]
	size=$(sed -n 2p "$log/checkpoint")
	[ "$size" -gt 600 ]

	run "$CHECK" "$log" "$WORLD/state/log.vkeys" "${KEPT[@]}"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == "INTACT: $size entries, 10 signed sizes, 4 hand-overs, "* ]]

	# Ours, from the first key alone; and each checkpoint that was kept.
	arguments=()
	for file in "${KEPT[@]}"; do arguments+=(--checkpoint "$file"); done
	run verify log "$WORLD/state" --key "$first" "${arguments[@]}"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "${lines[-1]}" == "INTACT: $size entries of "* ]]
	[ "$(verify log "$log" --key "$first" --json | jq -c '[.verdict, .epoch, .trusted_from, .own_keys]')" = '["intact",4,0,false]' ]
	verify entry "$log" $((size - 1)) --key "$first"
	verify checkpoint "${KEPT[0]}" "${KEPT[4]}" --log "$log" --key "$first"
	run verify checkpoint "${KEPT[4]}" "${KEPT[0]}" --log "$log"
	[ "$status" -eq 2 ]

	# Both see one bit.
	chmod -R u+w "$log"
	printf '\001' | dd of="$log/tile/entries/000" bs=1 seek=900 conv=notrunc status=none
	run "$CHECK" "$log" "$WORLD/state/log.vkeys"
	[ "$status" -eq 2 ]
	run verify log "$log"
	[ "$status" -eq 2 ]
	[[ "${lines[-1]}" == "BROKEN: entry "*" is not what tile/0/000 says" ]]
}

# log = { keep = …; } of this world.
log_keeps() {
	eval "$(declare -f world_config | sed '1s/world_config/plain_config/')"
	eval "world_config() { plain_config; sed -i 's/^log = .*/log = { syslog = false; keep = \"$1\"; };/' \"\$WORLD/retention.conf\"; }"
}
epoch_is() { [ "$(ctl key show --json | jq .epoch)" = "$1" ]; }

@test "a key's time ends while the daemon did not run; old epochs are pruned, but not what mentions held footage" {
	world_clock "$(date -u -d 2024-01-01 +%s)"
	log_keeps P10D
	log=$WORLD/state/log
	held=$(frigate gate $(($(wall) - 40 * 86400)))
	ROOTS=${ROOTS/enforce/observe}
	world_start
	until_true 20 root_online frigate
	first=$(ctl key show)
	day=$(date -u -d "@$(($(wall) - 40 * 86400))" +%Y-%m-%d)
	ctl hold place --camera gate --at "$day" --reason damage --case T-1 >/dev/null || [ $? -eq 3 ]
	python3 "$BATS_TEST_DIRNAME/log_fill.py" "$RETENTION_SOCKET" 700
	world_stop
	[ "$(signing_keys)" = epoch-0.seed ]
	world_advance $((26 * 3600))
	world_start
	until_true 20 epoch_is 1
	ctl log checkpoint >"$WORLD/kept"
	world_stop
	[ "$(signing_keys)" = epoch-1.seed ]
	[ -e "$log/tile/entries/000" ] && [ -e "$log/tile/entries/001" ]

	# Nothing is older than ten days after it ended, until it is.
	world_advance $((9 * 86400))
	world_start
	until_true 20 epoch_is 2
	[ ! -e "$log/pruned" ]
	world_stop
	world_advance $((2 * 86400))
	world_start
	until_true 20 epoch_is 3
	until_true 20 eval '[ ! -e "$log/tile/entries/001" ]'
	[ -e "$log/tile/entries/000" ] # it has the entry about the hold
	[ -e "$log/tile/0/001" ]
	ctl log search --action log-pruned --json | jq -e '.entries[0].pruned | .keep == "P10D" and .below > 700' >/dev/null
	run verify log "$log" --key "$first" --checkpoint "$WORLD/kept"
	echo "$output"
	[ "$status" -eq 0 ]
	run verify entry "$log" 300
	[ "$status" -eq 1 ]
	[[ "${lines[-1]}" == *"has been pruned" ]]
	world_stop

	# The log can still be replayed into a new index, and starts again.
	rm "$WORLD"/state/index.db*
	world_start
	until_true 20 eval '! ctl status --json | jq -e .index.rebuilding >/dev/null'
	ctl log verify
	[ -e "$held" ]
	world_stop
	verify log "$log" --key "$first" --checkpoint "$WORLD/kept"

	# Missing without a word.
	rm -r "$log"/tile/entries/002.p
	run verify log "$log"
	[ "$status" -eq 2 ]
}

@test "the sum over a pruned log: what is known is in one column each, and what is no longer kept is told" {
	local at status=0
	at() { date -u -d "2024-$1" +%s; }
	world_clock "$(at '01-05 12:00:05')"
	log_keeps P10D
	log=$WORLD/state/log
	frigate gate "$(at '01-04 12:00')" >/dev/null
	old=$(frigate gate "$(date -u -d '2023-12-04 12:00' +%s)")
	world_start
	until_true 20 gone "$old"
	until_true 20 eval '[ "$(told seal)" -ge 1 ]'
	python3 "$BATS_TEST_DIRNAME/log_fill.py" "$RETENTION_SOCKET" 300
	ctl key rotate --yes >/dev/null
	# As long as everything is there, all of it is in the sum.
	ctl report retention --at 2023-12-01..2024-01-05 --json >"$WORLD/before.json"
	jq -e '.total | .recorded == 2 and .erased_on_time + .erased_late == 1 and .kept == 1' "$WORLD/before.json"
	jq -e '.unwatched | map(select(.reason == "pruned")) == []' "$WORLD/before.json"
	world_stop
	world_advance $((12 * 86400))
	world_start
	until_true 20 eval '[ ! -e "$log/tile/entries/000" ]'
	has_entry log-pruned
	# One whose seal is no longer kept, one from after that; the first is erased when it is due.
	world_advance $(($(at '02-02 12:00:05') - $(wall)))
	frigate gate "$(at '02-02 12:00')" >/dev/null
	until_true 20 has_segments frigate/gate 2
	world_advance $(($(at '02-03 12:00:05') - $(wall)))
	until_true 20 has_entry delete

	ctl report retention --at 2023-12-01..2024-02-10 --json --segments --html "$WORLD/sum.html" >"$WORLD/sum.json" || status=$?
	jq 'del(.segments)' "$WORLD/sum.json"
	jq -e '.total | .recorded == 2 and .erased_on_time == 1 and .kept == 1' "$WORLD/sum.json"
	jq -e '.total | .recorded == .erased_on_time + .erased_late + .held + .deleted_by_others + .overdue + .kept + .unaccountable' "$WORLD/sum.json"
	jq -e '.total.bytes | .recorded == .erased_on_time + .erased_late + .held + .deleted_by_others + .overdue + .kept + .unaccountable' "$WORLD/sum.json"
	jq -r '.segments[] | [.start[0:10], .column] | join(" ")' "$WORLD/sum.json" | sort |
		diff <(printf '%s\n' '2024-01-04 erased_on_time' '2024-02-02 kept') -
	# From when to when nothing can be said, in each form; and from which entry on the log was read.
	jq -e '.unwatched | map(select(.reason == "pruned")) | length == 1 and .[0].to[0:10] >= "2024-01-05"' "$WORLD/sum.json"
	jq -e '.checkpoint.verified and .checkpoint.first_entry >= 256' "$WORLD/sum.json"
	grep -q 'no longer kept' "$WORLD/sum.html"
	ctl report retention --at 2023-12-01..2024-02-10 >"$WORLD/sum.text" || true
	grep -q 'no longer kept' <(tr -s ' \n' ' ' <"$WORLD/sum.text")
	world_stop
	verify log "$log"
}

@test "every entry of a log with many actions follows the schema" {
	world_clock "$(date -u -d 2024-01-01 +%s)"
	old=$(frigate gate $(($(wall) - 40 * 86400)))
	lost=$(frigate yard $(($(wall) - 3 * 86400)))
	changed=$(frigate yard $(($(wall) - 4 * 86400)))
	world_start
	until_true 20 gone "$old"
	day=$(date -u -d "@$(($(wall) - 3 * 86400))" +%Y-%m-%d)
	ctl hold place --camera yard --at "$day" --reason damage --case T-1 --note secret >/dev/null || [ $? -eq 3 ]
	id=$(ctl hold list --json | jq -r '.holds[0].id')
	ctl hold review "$id" --next 2024-03-01 >/dev/null
	ctl hold release "$id" --yes >/dev/null
	ctl hold now --last 1h --camera gate >/dev/null || [ $? -eq 3 ]
	run ctl hold show H-2024-9999
	until_true 10 eval '[ "$(entries seal | wc -l)" -ge 1 ]'
	cat "$lost" >/dev/null
	rm "$lost"
	echo more >>"$changed"
	pid=$(pgrep -P "$DAEMON" -x watcher)
	until_true 20 eval '[ "$(entries missing | wc -l)" -ge 1 ]'
	kill -KILL "$pid"
	until_true 20 eval '[ "$(entries child-lost | wc -l)" -ge 1 ]'
	world_step 90000
	until_true 20 eval '[ "$(entries clock-frozen | wc -l)" -ge 1 ]'
	ctl clock confirm --yes >/dev/null
	ctl key rotate --yes >/dev/null
	ctl report retention --at 2024-01 --json >/dev/null 2>&1 || true
	world_config
	kill -HUP "$DAEMON"
	until_true 10 eval '[ "$(entries configuration | wc -l)" -ge 1 ]'
	world_stop
	world_start
	world_stop
	run "$BATS_TEST_DIRNAME/log_schema.py" "$WORLD/state/log" "$BATS_TEST_DIRNAME/../../config/retention-log.schema.json"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(wc -w <<<"${lines[-1]}")" -ge 18 ]
	verify log "$WORLD/state"

	# The schema can fail.
	jq '.properties.nonce.pattern = "^x"' "$BATS_TEST_DIRNAME/../../config/retention-log.schema.json" >"$WORLD/schema.json"
	run "$BATS_TEST_DIRNAME/log_schema.py" "$WORLD/state/log" "$WORLD/schema.json"
	[ "$status" -eq 1 ]
}
