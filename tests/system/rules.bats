#!/usr/bin/env bats
# DESIGN section 6, "Rules that are easy to get wrong": each sentence of this issue, and the test that fails when it is broken.
#
# Of later issues: the vault's reserve and copies, deletion "never early to make room" beyond what every test shows,
# `camera alias`, restrictions (art. 18), export leases, approvals by a second person.
# `any` role and denied requests: privilege tests. Space of the log's reserve: state tests.
# Volumes by UUID, offline, replaced: volume tests; `volume adopt` here. Holds are in holds.bats, deletion in deletion.bats.
load world

setup() { world_open; }
teardown() { world_close; }

place() { ctl hold place --reason damage --case T-1 --json "$@"; }
listed() { ctl footage list --camera "$1" --at "-100d..now" --json; }
list_says() { listed "$1" | jq -e "$2" >/dev/null; }

# ---- names ----

@test "a camera is root/camera: the short name where only one root has it, else refused with both" {
	world_root one frigate
	world_root two frigate
	ROOTS=${ROOTS//enforce/observe}
	local t file
	t=$(($(days_ago 33) / 3600 * 3600))
	file=$(frigate gate "$t" "$WORLD/one")
	frigate gate "$t" "$WORLD/two" >/dev/null
	frigate yard "$t" "$WORLD/two" >/dev/null
	world_start
	until_true 10 root_online one
	until_true 10 root_online two
	run place --camera gate --at "$(date -u -d "@$t" +%Y-%m-%d)"
	[ "$status" -ne 0 ] && [ "$status" -ne 3 ]
	[[ "$output" == *one/gate* && "$output" == *two/gate* ]]
	[ "$(ctl hold list --json | jq '.holds | length')" = 0 ]
	place --camera yard --at "$(date -u -d "@$t" +%Y-%m-%d)" >/dev/null || [ $? -eq 3 ]
	# A hold stores what its names meant.
	ctl hold list --json | jq -e '.holds[0].cameras == ["two/yard"]'
	place --camera one/gate --at "$(date -u -d "@$t" +%Y-%m-%d)" >/dev/null || [ $? -eq 3 ]
	ROOTS=${ROOTS//observe/enforce}
	world_config
	kill -HUP "$DAEMON"
	until_true 10 gone "$WORLD/two/$(date -u -d "@$t" +%Y-%m-%d/%H)/gate/00.00.mp4"
	a_pass
	[ -e "$file" ]
	[ -e "$WORLD/two/$(date -u -d "@$t" +%Y-%m-%d/%H)/yard/00.00.mp4" ]
	# What yard meant stays so when another root has such a camera.
	frigate yard "$t" "$WORLD/one" >/dev/null
	until_true 10 gone "$WORLD/one/$(date -u -d "@$t" +%Y-%m-%d/%H)/yard/00.00.mp4"
	[ -e "$WORLD/two/$(date -u -d "@$t" +%Y-%m-%d/%H)/yard/00.00.mp4" ]
	world_stop
}

@test "a hold on a camera not seen yet needs --future-camera; one on all cameras covers new ones" {
	world_root frigate frigate
	local t day future all
	t=$(($(days_ago 33) / 3600 * 3600)) day=$(date -u -d "@$(days_ago 33)" +%Y-%m-%d)
	world_start
	until_true 10 root_online frigate
	run place --camera frigate/later --at "$day"
	[ "$status" -ne 0 ] && [ "$status" -ne 3 ]
	[[ "$output" == *"future-camera"* ]]
	place --camera frigate/later --at "$day" --future-camera >/dev/null || [ $? -eq 3 ]
	future=$(frigate later "$t")
	frigate other "$t" >/dev/null
	until_true 10 gone "$WORLD/frigate/$(date -u -d "@$t" +%Y-%m-%d/%H)/other/00.00.mp4"
	[ -e "$future" ]
	place --all-cameras --at "$day" >/dev/null || [ $? -eq 3 ]
	all=$(frigate newest "$t")
	a_pass
	a_pass
	[ -e "$all" ]
	explained "$all" '.reason == "held"'
	world_stop
}

# ---- where a start comes from ----

@test "mtime, birth and first sight never make footage younger than its path says" {
	world_root frigate frigate
	local t file
	t=$(($(days_ago 31) / 3600 * 3600))
	file=$(frigate gate "$t")
	touch -d "2 hours ago" "$file" # copied two hours ago, seen now: it is old on the first day
	world_start
	until_true 10 gone "$file"
	world_stop
}

@test "a start after mtime is refused: the file goes by its mtime" {
	world_root frigate frigate
	local file soon future
	file=$(frigate gate "$(($(days_ago 5) / 3600 * 3600))")
	touch -d "@$(days_ago 31)" "$file" # its path claims to be younger than its last write
	soon=$(frigate gate "$(($(days_ago 6) / 3600 * 3600))")
	touch -d "@$(days_ago 29)" "$soon"
	future=$(frigate gate "$(($(date +%s) / 3600 * 3600 + 5 * 86400))")
	touch -d "@$(days_ago 2)" "$future"
	world_start
	until_true 10 gone "$file"
	a_pass
	[ -e "$soon" ] && [ -e "$future" ]
	explained "$soon" '.start_from == "mtime"'
	explained "$future" '.start_from == "mtime" and (.start | fromdateiso8601) < now'
	world_stop
}

@test "before 2000 is never a start; without a path mtime counts" {
	world_root frigate frigate
	world_root loose any
	local file
	mkdir -p "$WORLD/frigate/1999-12-31/23/gate" "$WORLD/frigate/1970-01-01/00/gate" "$WORLD/loose/x"
	put_clip "$WORLD/frigate/1999-12-31/23/gate/00.00.mp4" "$(days_ago 10)"
	put_clip "$WORLD/frigate/1970-01-01/00/gate/00.00.mp4" "$(days_ago 31)"
	put_clip "$WORLD/loose/x/old.mp4" "$(days_ago 31)"
	put_clip "$WORLD/loose/x/new.mp4" "$(days_ago 29)"
	world_start
	until_true 10 gone "$WORLD/frigate/1970-01-01/00/gate/00.00.mp4"
	until_true 10 gone "$WORLD/loose/x/old.mp4"
	a_pass
	[ -e "$WORLD/frigate/1999-12-31/23/gate/00.00.mp4" ] && [ -e "$WORLD/loose/x/new.mp4" ]
	explained "$WORLD/frigate/1999-12-31/23/gate/00.00.mp4" '.start_from == "mtime"'
	world_stop
}

@test "path and container more than a day apart: suspect, explained; the later counts for deletion, both for holds" {
	world_root frigate frigate
	local start path_day container file
	start=$(($(date +%s) / 3600 * 3600 - 33 * 86400))
	container=$((start + 10 * 86400))
	frigate gate $((start - 60)) >/dev/null
	ROOTS=${ROOTS/enforce/observe}
	world_start
	until_true 10 root_online frigate
	file=$WORLD/frigate/$(date -u -d "@$start" +%Y-%m-%d/%H)/gate/00.00.mp4
	mkdir -p "$(dirname "$file")"
	ffmpeg -nostdin -v error -i "$CLIP" -c copy -metadata creation_time="$(date -u -d "@$container" +%Y-%m-%dT%H:%M:%SZ)" "$WORLD/arriving.mp4" </dev/null
	touch -d "@$((container + 10))" "$WORLD/arriving.mp4"
	mv "$WORLD/arriving.mp4" "$file"
	until_true 20 explained "$file" '.because | any(contains("more than a day apart"))'
	explained "$file" "(.start | fromdateiso8601) == $container"
	# A hold on what the path says keeps it too.
	place --camera gate --at "$(date -u -d "@$start" +%Y-%m-%dT%H:%MZ)..$(date -u -d "@$((start + 60))" +%Y-%m-%dT%H:%MZ)" >/dev/null || [ $? -eq 3 ]
	explained "$file" '.holds != null and .reason == "held"'
	world_stop
}

@test "an end not yet known is the next segment's start or mtime, whichever is later" {
	EXTRA='probe = "none"; fingerprint = "never";'
	HOLDS='two_person = false; pre_roll = "PT0S"; post_roll = "PT0S";'
	world_root frigate frigate
	ROOTS=${ROOTS/enforce/observe}
	local t by_next by_mtime other
	t=$(($(days_ago 33) / 3600 * 3600))
	by_next=$(frigate gate "$t")              # written until t+10, the next begins at t+600
	by_mtime=$(frigate gate $((t + 600)))     # written until t+1200
	touch -d "@$((t + 1200))" "$by_mtime"
	other=$(frigate gate $((t + 700)))        # begins while it was still written
	world_start
	until_true 10 root_online frigate
	place --camera gate --at "$(date -u -d "@$((t + 300))" +%Y-%m-%dT%H:%M:%SZ)..$(date -u -d "@$((t + 301))" +%Y-%m-%dT%H:%M:%SZ)" >/dev/null || [ $? -eq 3 ]
	place --camera gate --at "$(date -u -d "@$((t + 1100))" +%Y-%m-%dT%H:%M:%SZ)..$(date -u -d "@$((t + 1101))" +%Y-%m-%dT%H:%M:%SZ)" >/dev/null || [ $? -eq 3 ]
	ROOTS=${ROOTS/observe/enforce}
	world_config
	kill -HUP "$DAEMON"
	until_true 10 gone "$other"
	a_pass
	[ -e "$by_next" ] && [ -e "$by_mtime" ]
	world_stop
}

# ---- open, altered, links ----

@test "a segment still being written is never deleted: its reason is open, after a day an alarm, closed it goes" {
	local now=1755691200 t file
	world_root frigate frigate
	world_clock $now
	t=$((now - 31 * 86400))
	frigate gate $((t - 20)) >/dev/null
	frigate gate $((now - 3600)) >/dev/null
	world_start
	until_true 10 gone "$WORLD/frigate/$(date -u -d "@$((t - 20))" +%Y-%m-%d/%H/gate/%M.%S.mp4)"
	file=$WORLD/frigate/$(date -u -d "@$t" +%Y-%m-%d/%H/gate/%M.%S.mp4)
	mkdir -p "$(dirname "$file")"
	sleep 0.5
	exec 7>>"$file"
	cat "$CLIP" >&7
	until_true 10 explained "$file" '.reason == "open"'
	a_pass
	[ -e "$file" ]
	world_advance $((86400 + 60))
	for _ in 1 2 3; do echo more >&7; sleep 0.5; done # it is really being written
	[ -e "$file" ]
	run ctl status
	[ "$status" -eq 2 ]
	[[ "$output" == *"being written"* ]]
	exec 7>&-
	until_true 10 gone "$file"
	world_stop
}

@test "a file that changes after it was sealed is altered: an entry, read again, never a new age" {
	world_root frigate frigate
	local t file due
	t=$(($(days_ago 20) / 3600 * 3600))
	file=$(frigate gate "$t")
	world_start
	until_true 10 root_online frigate
	due=$(ctl footage explain "$file" --json | jq -r .due)
	echo "more" >>"$file"
	until_true 10 eval '[ "$(entries altered | wc -l)" = 1 ]'
	list_says gate '.segments[0].state == "altered"'
	[ "$(ctl footage explain "$file" --json | jq -r .due)" = "$due" ]
	list_says gate "(.segments[0].start | fromdateiso8601) == $t"
	[ "$(told missing)" = 0 ]
	world_stop
}

@test "two names of one inode are two segments: each goes when due" {
	world_root frigate frigate
	local t old young
	t=$(($(days_ago 31) / 3600 * 3600))
	young=$(frigate gate "$(($(days_ago 20) / 3600 * 3600))")
	old=$WORLD/frigate/$(date -u -d "@$t" +%Y-%m-%d/%H)/gate/00.00.mp4
	mkdir -p "$(dirname "$old")"
	ln "$young" "$old"
	world_start
	until_true 10 gone "$old"
	a_pass
	[ -e "$young" ]
	entries delete | jq -se 'map(.links_left // []) == [[[0, 1]]]'
	list_says gate '.segments | length == 1'
	[ "$(told missing)" = 0 ]
	world_stop
}

# ---- rules of retention ----

@test "the shorter of the camera's own rule and the legal maximum; without a rule nothing goes" {
	EXTRA='cameras = ( { camera = "gate"; retention = "P7D"; }, { camera = "hall"; retention = "P2M"; legal_maximum = "P3M"; retention_basis = "RD 6 December 2018, station"; } );'
	world_root frigate frigate
	local gate yard hall
	gate=$(frigate gate "$(days_ago 8)")
	yard=$(frigate yard "$(days_ago 8)")
	hall=$(frigate hall "$(days_ago 50)")
	world_start
	until_true 10 gone "$gate"
	a_pass
	[ -e "$yard" ] && [ -e "$hall" ]
	explained "$hall" '.because | any(contains("RD 6 December 2018"))'
	run ctl camera show gate
	[[ "$output" == *P7D* || "$output" == *"7 days"* ]]
	world_stop
}

@test "an overdue segment always has a stated reason" {
	world_root frigate frigate
	local file
	file=$(frigate gate "$(days_ago 31)")
	ROOTS=${ROOTS/enforce/observe}
	world_start
	until_true 10 root_online frigate
	explained "$file" '.reason == "observing" and .answer != ""'
	status_says '.cameras[0].overdue_by_reason == {"observing": 1} and .roots[0].observing_since != null'
	ctl deletion plan --json | jq -e '.cameras[0].kept_because != null and .waiting_segments == 1'
	world_stop
}

# ---- volumes ----

@test "volume adopt asks which it is; another's disk is only observed" {
	world_root frigate frigate
	local file
	file=$(frigate gate "$(days_ago 20)")
	world_start
	until_true 10 root_online frigate
	world_stop
	mv "$WORLD/frigate" "$WORLD/away"
	mkdir "$WORLD/frigate"
	file=$(frigate gate "$(days_ago 40)")
	world_start
	until_true 10 eval '[ "$(ctl status --json | jq -r ".roots[0].state")" = offline ]'
	a_pass
	[ -e "$file" ]
	explained "$file" '.reason == "offline" or .present == null or .reason == "unknown"' || true
	run ctl volume adopt frigate --yes --no-input
	[ "$status" -ne 0 ] # which is it? new, own, other
	ctl volume adopt frigate --as other --yes
	until_true 10 root_online frigate
	a_pass
	[ -e "$file" ]
	explained "$file" '.reason == "observing"'
	run ctl status
	[ "$status" -eq 2 ]
	[ "$(told missing)" = 0 ]
	entries volume-adopted | jq -e '.observe_only'
	ctl volume adopt frigate --as own --yes
	until_true 10 gone "$file"
	world_stop
}

@test "holds with footage on a disk that is not here are listed" {
	world_root frigate frigate
	world_root other frigate
	local id
	frigate gate "$(days_ago 20)" >/dev/null
	frigate yard "$(days_ago 20)" "$WORLD/other" >/dev/null
	world_start
	until_true 10 root_online frigate
	until_true 10 root_online other
	id=$(place --camera gate --at -21d..-19d | jq -r .id)
	place --camera yard --at -21d..-19d >/dev/null || [ $? -eq 3 ]
	world_stop
	mv "$WORLD/frigate" "$WORLD/away"
	world_start
	until_true 10 status_says '.roots[0].state == "offline"'
	status_says ".attention | any(contains(\"not here: $id\"))"
	[ "$(told missing)" = 0 ]
	world_stop
}
