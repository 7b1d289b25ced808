#!/usr/bin/env bats
# What auditors do with the log: search it, follow it, export it, review it, carry its head away. The lookup that makes a
# search fast may be lost or damaged at any time, and the answers stay the same.
load world

setup() {
	world_open
	world_root frigate frigate
	# Groups that every Debian has stand for the roles.
	EXTRA='roles = { officer = "games"; auditor = "users"; };'
}
teardown() { world_close; }

as() { # GROUP COMMAND…
	local group=$1
	shift
	setpriv --reuid=54321 --regid=54321 --groups="$(getent group "$group" | cut -d: -f3)" "$INSTALLED/bin/retentionctl" "$@"
}

# So many entries, each another request: all are written at once, since no two can be joined.
many_entries() { # COUNT [CASE]
	python3 - "$RETENTION_SOCKET" "$1" "${2:-C}" <<-'PY'
		import json, socket, sys
		path, count, case = sys.argv[1], int(sys.argv[2]), sys.argv[3]
		client = socket.socket(socket.AF_UNIX)
		client.connect(path)
		answers = client.makefile()
		for first in range(0, count, 50):
		    for number in range(first, min(first + 50, count)):
		        call = {"jsonrpc": "2.0", "id": number, "method": "hold.list", "params": {"case": f"{case}-{number}"}}
		        client.sendall(json.dumps(call).encode() + b"\n")
		    for number in range(first, min(first + 50, count)):
		        answers.readline()
	PY
}

# The numbers that a search finds, by the lookup and by reading everything: they must be the same.
found() {
	local by_lookup by_reading
	by_lookup=$(ctl log search --limit 100000 --output ndjson "$@" | jq -c '.event.sequence')
	by_reading=$(ctl log search --limit 100000 --output ndjson --all "$@" | jq -c '.event.sequence')
	# What came meanwhile is about these two searches.
	[ "$by_lookup" = "$(head -n "$(wc -l <<<"$by_lookup")" <<<"$by_reading")" ] ||
		{ diff <(echo "$by_lookup") <(echo "$by_reading") >&2; return 1; }
	echo "$by_lookup"
}
counts() { # NUMBER FILTER…
	local wanted=$1 numbers
	shift
	numbers=$(found "$@") || return 1
	[ "$(grep -c . <<<"$numbers")" = "$wanted" ] || { echo "$*: $numbers"; return 1; }
}
looked_up() { ctl log search --action stop --json | jq '.looked_up'; }
log_size() { ctl log checkpoint --json | jq .size; }

filled() {
	frigate gate "$(days_ago 3)" >/dev/null
	frigate $'ga\xffrden' "$(days_ago 2)" >/dev/null
	frigate gate "$(days_ago 40)" >/dev/null
	world_start
	until_true 20 has_segments frigate/gate 1
	until_true 20 has_entry delete
	DAY=$(date -u -d "@$(days_ago 3)" +%Y-%m-%d)
	ctl hold place --camera gate --at "$DAY" --reason damage --case PV-7 >/dev/null || [ $? -eq 3 ]
	HOLD=$(ctl hold list --json | jq -r '.holds[0].id')
	many_entries 600
}

@test "each filter finds what reading every entry finds, and so does each page, onwards and backwards" {
	filled
	[ "$(ctl log search --action request --limit 5 --output ndjson | jq -r '.request.params.case' | tr '\n' ' ')" = "C-595 C-596 C-597 C-598 C-599 " ]
	python3 - "$RETENTION_SOCKET" <<-'PY'
		import json, socket, sys
		def find(**params):
		    client = socket.socket(socket.AF_UNIX)
		    client.connect(sys.argv[1])
		    client.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "log.find", "params": params}).encode() + b"\n")
		    return json.loads(client.makefile().readline())
		whole = find(action="request", limit=50000)["result"]
		assert not whole["more"] and len(whole["numbers"]) >= 600
		newest, oldest, bound = [], [], {}
		while True:
		    page = find(action="request", limit=100, **bound)["result"]
		    newest += page["numbers"]
		    if not page["more"]:
		        break
		    bound = {"before": newest[-1]}
		bound = {"after": -1}
		while True:
		    page = find(action="request", limit=100, **bound)["result"]
		    oldest += page["numbers"]
		    if not page["more"]:
		        break
		    bound = {"after": oldest[-1]}
		assert newest == whole["numbers"], (newest[:5], whole["numbers"][:5])
		assert oldest == whole["numbers"][::-1]
		for wrong in ({"limit": 0}, {"limit": 50001}, {"before": 1, "after": 1}, {"actor": ""}, {"at": "tomorow"}, {"before": -1}):
		    assert "error" in find(**wrong), wrong
	PY
	counts 1 --action hold-placed
	counts 1 --action hold-placed --case PV-7 --hold "$HOLD" --camera gate --actor root --outcome success --held
	counts 1 --camera frigate/gate --action delete
	counts 1 --case C-77
	counts 0 --case C-7777
	counts 0 --action hold-placed --camera elsewhere
	[ "$(found --actor 0 --action request | wc -l)" -ge 600 ]
	[ "$(found --at -1h..now --case C-599 | wc -l)" = 1 ]
	counts 0 --at 2020-01-01..2020-02-01
	counts 0 --at 2020-01-01..2020-02-01 --case C-599
	# A name that is not UTF-8 stands in the log with U+FFFD for what is not.
	[ "$(found --camera $'ga\xef\xbf\xbdrden' --action seal | wc -l)" -ge 1 ]
	ctl log search --camera $'frigate/ga\xef\xbf\xbdrden' --action seal --output ndjson | jq -e 'has("camera_b64")'
	# The answer says how far it was looked up, and a search never lags behind by more than itself.
	[ "$(looked_up)" -ge $(($(log_size) - 3)) ]
	run ctl log search --limit 0x
	[ "$status" = 64 ]

	world_stop
}

@test "the lookup deleted, damaged or of another log: the same answers" {
	filled
	local before
	before=$(found --action request --case C-300)
	[ -n "$before" ]
	world_stop
	rm "$WORLD/state/log-lookup.db"*
	world_start
	[ "$(found --action request --case C-300)" = "$before" ]
	world_stop
	dd if=/dev/urandom of="$WORLD/state/log-lookup.db" bs=512 count=8 conv=notrunc status=none
	world_start
	[ "$(found --action request --case C-300)" = "$before" ]
	log_says "it is made anew"
	world_stop
	mkdir "$WORLD/saved"
	cp "$WORLD/state/log-lookup.db"* "$WORLD/saved/"
	# Another log begins, and the old lookup is put beside it.
	rm -r "$WORLD/state/log" "$WORLD/state/log-"* "$WORLD/state/keys" "$WORLD/state/log.vkeys"
	cp "$WORLD/saved/"* "$WORLD/state/"
	chown --reference="$WORLD/state/state.db" "$WORLD/state/log-lookup.db"*
	world_start
	[ -z "$(found --action request --case C-300)" ]
	counts 1 --action start
	world_stop
}

@test "what was pruned is not found, and its names are gone from the lookup" {
	world_clock "$(date +%s)" 1
	world_start
	many_entries 600 OLD
	counts 1 --case OLD-123
	grep -q OLD-123 "$WORLD/state/log-lookup.db"*
	ctl key rotate --yes >/dev/null
	many_entries 10 NEW
	world_advance $((86400 * 1600))
	world_stop
	world_start
	until_true 20 log_says "pruned 2 bundles"
	until_true 10 fails grep -q OLD-123 "$WORLD/state/log-lookup.db" "$WORLD/state/log-lookup.db-wal"
	[ "$(ctl log search --case OLD-123 --output ndjson | wc -l)" = 0 ]
	counts 1 --case OLD-599
	counts 1 --case NEW-9
	ctl log export 2>"$WORLD/talk" | jq -s -e '.[0].event.sequence == 512' >/dev/null
	grep -q "512 entries that were pruned" "$WORLD/talk"
	ctl log review --json | jq -e '.pruned == 512'
	world_stop
}

@test "keeper killed at any moment: what was acknowledged is found" {
	filled
	local round
	for round in 1 2 3; do
		many_entries 300 "K$round"
		kill -KILL "$(child_pid keeper)"
		until_true 20 daemon_answers
		# Requests wait for no sync: the last of them may have gone with keeper.
		ctl log search --case "K$round-1" --output ndjson | jq -e .schema
	done
	counts 1 --action hold-placed
	ctl log verify
	world_stop
}

@test "an entry that was changed is named by the search that shows it" {
	filled
	world_stop
	local log=$WORLD/log
	cp -r "$WORLD/state/log" "$log"
	cp "$WORLD/state/log.vkeys" "$WORLD/keys"
	ctl log search --log "$log" --keys "$WORLD/keys" --case C-5 --output ndjson | jq -e '.request.params.case == "C-5"'
	sed -i 's/C-5"/C-6"/' "$log/tile/entries/000"
	run ctl log search --log "$log" --keys "$WORLD/keys" --case C-6 --output ndjson
	[ "$status" = 2 ]
	[[ "$output" == *"is not what"* ]]
	# A tile that was changed with it, too.
	cp "$WORLD/state/log/tile/entries/000" "$log/tile/entries/000"
	printf 'x' | dd of="$log/tile/0/000" bs=1 seek=40 conv=notrunc status=none
	run ctl log search --log "$log" --keys "$WORLD/keys" --case C-6 --limit 1 --output ndjson
	[ "$status" = 2 ]
	[[ "$output" == *"tile"* ]]
}

@test "export, byte for byte or columns that no spreadsheet takes for formulas; follow; every reading is an entry" {
	frigate '=cmd' "$(days_ago 3)" >/dev/null
	filled
	ctl log export --action request --to "$WORLD/requests.jsonl" 2>"$WORLD/talk"
	grep -q "entries written" "$WORLD/talk"
	[ "$(wc -l <"$WORLD/requests.jsonl")" -ge 600 ]
	[ ! -e "$WORLD/requests.jsonl.partial" ]
	# The bytes hash to the leaf that the proof is about.
	local line number
	line=$(grep '"C-123"' "$WORLD/requests.jsonl")
	number=$(jq .event.sequence <<<"$line")
	[ "$(ctl log proof "$number" --json | jq -r .entry_text)" = "$line" ]
	# Oldest first, and all of them without a filter.
	ctl log export | jq -s -e '[.[].event.sequence] == [range(0; length)]' >/dev/null
	ctl log export --format csv --to "$WORLD/all.csv"
	python3 - "$WORLD/all.csv" "$HOLD" <<-'PY'
		import csv, sys
		with open(sys.argv[1], newline="") as file:
		    rows = list(csv.DictReader(file))
		assert [int(row["sequence"]) for row in rows] == list(range(len(rows)))
		for row in rows:
		    for name, cell in row.items():
		        assert cell is not None and cell[:1] not in ("=", "+", "-", "@"), (name, cell)
		hold = next(row for row in rows if row["action"] == "hold-placed")
		assert hold["case"] == "PV-7" and hold["hold"] == sys.argv[2] and hold["actor"] == "root" and hold["camera"] == "frigate/gate"
		assert hold["footage_from"] and hold["footage_to"] > hold["footage_from"]
		gone = next(row for row in rows if row["action"] == "delete")
		assert gone["count"] == "1" and gone["camera"] == "frigate/gate" and gone["footage_to"] > gone["footage_from"], gone
		assert all(row["time"] and row["local_time"] for row in rows)
	PY
	grep -q "frigate/=cmd" "$WORLD/all.csv"
	many_entries 1 "=HYPERLINK(1)"
	ctl log export --format csv --action request | grep -q "'=HYPERLINK(1)-0"
	# What cannot be written leaves nothing, and what was there before.
	echo before >"$WORLD/keep"
	run ctl log export --format pdf --to "$WORLD/keep"
	[ "$status" = 64 ]
	run ctl log export --to "$WORLD/nowhere/file"
	[ "$status" = 1 ]
	[ "$(cat "$WORLD/keep")" = before ]

	"$INSTALLED/bin/retentionctl" log follow --case F-3 --output ndjson >"$WORLD/followed" 3>&- 4>&- &
	local follower=$!
	until_true 10 eval 'entries log-read | grep -q follow'
	many_entries 6 F
	until_true 10 grep -q '"F-3"' "$WORLD/followed"
	kill $follower
	[ "$(wc -l <"$WORLD/followed")" = 1 ]
	ctl log search --actor nobody-like-this --camera gate --held >/dev/null
	entries log-read | jq -s -e 'any(.query.actor == "nobody-like-this" and .query.camera == "gate" and .query.held == true and .query.command == "search")'
	ctl log export --case X-9 --to "$WORLD/out" 2>/dev/null
	entries log-read | jq -s -e 'any(.query.case == "X-9" and .query.command == "export" and (.query | has("to") | not))'
	world_stop
}

@test "review: what stands out, and from where the next one goes on" {
	need_root
	filled
	run as games status
	run as games log search
	[ "$status" = 5 ]
	ctl log review --json >"$WORLD/review"
	jq -e '.next == 0 and .entries == .size and .stands_out["request-denied"] == 1 and .actions["hold-placed"] == 1' "$WORLD/review"
	jq -e '.newest | any(.event.action == "request-denied")' "$WORLD/review"
	local last
	last=$(($(jq .size "$WORLD/review") - 1))
	ctl log review --to "$last" --dry-run --json | jq -e --argjson n "$last" '.from == 0 and .to == $n and (has("sequence") | not)'
	as users log review --to "$last"
	entries log-reviewed | jq -e --argjson n "$last" '.review.from == 0 and .review.to == $n and .user.id == "54321"'
	ctl log review --json | jq -e --argjson n $((last + 1)) '.next == $n and (.stands_out | has("request-denied") | not)'
	run ctl log review
	[[ "$output" == *"Entries $((last + 1)) to"* ]]
	# Not twice, and not what is not there.
	run ctl log review --to "$last"
	[ "$status" = 64 ]
	run ctl log review --to 99999999
	[ "$status" = 64 ]
	run as games log review --to $((last + 1))
	[ "$status" = 5 ]
	# It outlives keeper.
	kill -KILL "$(child_pid keeper)"
	until_true 20 daemon_answers
	ctl log review --json | jq -e --argjson n $((last + 1)) '.next == $n'
	world_stop
}

@test "a checkpoint leaves the box, on a stick, as a picture, from the screen; a proof stands alone" {
	filled
	ctl log checkpoint --to "$WORLD/checkpoint" --qr-file "$WORLD/code.pbm" 2>"$WORLD/talk"
	grep -q "away from this box" "$WORLD/talk"
	head -n 1 "$WORLD/checkpoint" | grep -q retention/
	[ "$(ctl log checkpoint | wc -l)" = "$(wc -l <"$WORLD/checkpoint")" ]
	# The same text comes out of the picture, byte for byte.
	zbarimg --quiet --raw -Sbinary "$WORLD/code.pbm" >"$WORLD/read"
	cmp "$WORLD/checkpoint" "$WORLD/read"
	# And out of what the terminal shows: half blocks as squares, on black and on white.
	local terminal
	for terminal in dark light; do
		if [ $terminal = dark ]; then
			LC_ALL=C.UTF-8 ctl log checkpoint --qr >"$WORLD/screen"
		else
			LC_ALL=C.UTF-8 COLUMNS=200 script -qec "stty cols 200; '$INSTALLED/bin/retentionctl' log checkpoint --qr" /dev/null >"$WORLD/screen" </dev/null
		fi
		python3 "$BATS_TEST_DIRNAME/qr_screen.py" $terminal "$WORLD/screen" >"$WORLD/screen.pbm"
		zbarimg --quiet --raw -Sbinary "$WORLD/screen.pbm" >"$WORLD/read"
		[ "$(head -n 1 "$WORLD/read")" = "$(head -n 1 "$WORLD/checkpoint")" ]
		[ "$(sed -n 2p "$WORLD/read")" -ge "$(sed -n 2p "$WORLD/checkpoint")" ]
	done
	ctl log checkpoint --qr-file "$WORLD/code.svg" 2>/dev/null
	python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' "$WORLD/code.svg"
	run ctl log checkpoint --qr-file "$WORLD/code.jpg"
	[ "$status" = 64 ]
	run ctl log checkpoint --to "$WORLD/nowhere/checkpoint"
	[ "$status" = 1 ]

	local number
	number=$(found --case C-42)
	ctl log proof "$number" --json >"$WORLD/proof"
	python3 - "$WORLD/proof" <<-'PY'
		import base64, hashlib, json, sys
		proof = json.load(open(sys.argv[1]))
		node = lambda left, right: hashlib.sha256(b"\x01" + left + right).digest()
		root = hashlib.sha256(b"\x00" + proof["entry_text"].encode()).digest()
		first, last = proof["index"], proof["size"] - 1
		for text in proof["proof"]:
		    other = bytes.fromhex(text)
		    if first & 1 or first == last:
		        root = node(other, root)
		        while first and not first & 1:
		            first, last = first >> 1, last >> 1
		    else:
		        root = node(root, other)
		    first, last = first >> 1, last >> 1
		assert last == 0
		lines = proof["checkpoint"].split("\n")
		assert lines[0] == proof["origin"] and int(lines[1]) == proof["size"]
		assert base64.b64decode(lines[2]) == root == bytes.fromhex(proof["root"])
		assert json.loads(proof["entry_text"]) == proof["entry"]
	PY
	world_stop
}

@test "who opened footage stands in the table, within 80 columns, and in words" {
	need_root
	disk_make footage
	disk_mount footage "$WORLD/frigate"
	ROOTS=${ROOTS/enforce/observe}
	local file number
	file=$(frigate gate "$(days_ago 2)")
	chmod -R a+rX "$WORLD/frigate"
	world_start
	until_true 20 has_segments frigate/gate 1
	until_true 10 status_says '.roots[0].observation.since'
	[ "$(ctl status --json | jq -r '.roots[0].observation.level')" = permission ] || skip "this kernel has no permission events"
	sleep_after() { python3 -c 'import sys, time; open(sys.argv[1]); time.sleep(0.5)' "$1"; }
	sleep_after "$file"
	until_true 10 has_entry open
	ctl log search --action open >"$WORLD/table"
	cat "$WORLD/table"
	grep -Eq '^ +[0-9]+  [0-9-]{10} [0-9:]{8}  open               frigate/gate \(root, python3[0-9.]*\)$' "$WORLD/table"
	number=$(ctl log search --action open --limit 1 --output ndjson | jq .event.sequence)
	run ctl log show "$number"
	[[ "$output" == *"User        root (0)"* ]]
	[[ "$output" == *"Program     /"*python3*", process "* ]]
	[[ "$output" == *"calls itself python3"* ]]
	[[ "$output" == *"Parents     /"*" of root (0), process "* ]]
	[[ "$output" == *"Address     none"* ]]
	ctl log show "$number" --json | jq -e '.event.action == "open"'
	world_stop
}
