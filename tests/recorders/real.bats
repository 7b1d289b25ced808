#!/usr/bin/env bats
# Recorders that Debian has, at work: ffmpeg -f segment (names by strftime, mp4, fragmented mp4, mpegts, and a numbered
# ring), motion with a file as its camera, GStreamer's splitmuxsink. History is recorded by the same programs under
# libfaketime. One daemon observes while they record, then a hold is placed, then it enforces.
load ../system/world
load recorders

ROOT_NAMES="ffmpeg ring motion splitmuxsink"

all_online() { for name in $ROOT_NAMES; do root_online "$name" || return 1; done; }

setup_file() {
	local name
	world_open_file
	parts_make "$WORLD"
	# What the cameras see: as long as any recorder runs, with a keyframe every 0.4 s.
	ffmpeg -nostdin -v error -stream_loop 6 -i "$CLIP" -an -vf scale=160:96 -r 25/2 -c:v libx264 -preset ultrafast -g 5 "$WORLD/parts/long.mp4"
	world_root ffmpeg ffmpeg-segment 'timezone = "Europe/Brussels";'
	world_root ring ffmpeg-ring "vault = \"$WORLD/ring-vault\";"
	world_root motion motion 'timezone = "Europe/Brussels";'
	world_root splitmuxsink splitmuxsink "timezone = \"Europe/Brussels\"; vault = \"$WORLD/splitmuxsink-vault\";"
	POLICY='retention = "P30D";'
	ROOTS=${ROOTS//enforce/observe}
	python3 "$HERE/record.py" history "$WORLD"
	for name in $ROOT_NAMES; do
		echo "not footage" | tee "$WORLD/$name/notes.txt" "$WORLD/$name/recorder.db" >"$WORLD/$name/recorder.db-wal"
	done
	check foreign "$WORLD"
	world_start
	echo "$DAEMON" >"$WORLD/daemon.pid"
	until_true 30 all_online
	python3 "$HERE/record.py" live "$WORLD"
	# What fails from here on is told by the tests, not by this function.
	until_true 30 check index "$WORLD" || true
	for name in $ROOT_NAMES; do check index "$WORLD" "$name" >"$WORLD/$name.index" 2>&1 || true; done
	hold_on_held >"$WORLD/hold.json" || true
	# The recorder comes back to a ring of old slots while they fall due.
	python3 "$HERE/record.py" race "$WORLD" >"$WORLD/race.out" 2>&1 &
	local race=$!
	sleep 3
	world_enforce
	wait $race
	until_true 30 check deleted "$WORLD" overdue || true
	until_true 20 check index "$WORLD" ring overdue || true
	check index "$WORLD" ring overdue >"$WORLD/ring.raced" 2>&1 || true
	for name in $ROOT_NAMES; do
		check tree "$WORLD" "$name" >"$WORLD/$name.tree" 2>&1 || true
		check log "$WORLD" "$name" >"$WORLD/$name.log" 2>&1 || true
	done
}

teardown_file() { world_close_file; }

count() { jq -r "select($1) | .path" "$WORLD/truth.json" | wc -l; }

@test "ffmpeg, names by strftime: mp4, fragmented mp4, mpegts" {
	[ "$(count '.layout == "ffmpeg" and .fate == "live"')" -ge 9 ]
	told ffmpeg index tree log
}

@test "ffmpeg, a numbered ring: reused slots are new footage, and the old is told as gone" {
	[ "$(count '.layout == "ring" and .fate == "live"')" -eq 8 ]
	[ "$(count '.layout == "ring" and .fate == "replaced" and .camera == "ring/reused"')" -eq 6 ]
	told ring index tree log
}

@test "ffmpeg, a numbered ring that falls due while it is written again keeps its new footage" {
	[ ! -s "$WORLD/race.out" ] || { cat "$WORLD/race.out"; return 1; }
	for slot in 0 1 2 3; do [ -s "$WORLD/ring/racing/out00$slot.ts" ]; done
	told ring raced
	[ -z "$(ls -A "$WORLD/ring-vault/quarantine" 2>/dev/null)" ]
}

@test "motion: movies and pictures, a file as its camera" {
	[ "$(count '.layout == "motion" and .fate == "live"')" -ge 3 ]
	[ "$(count '.layout == "motion" and .fate == "overdue"')" -ge 3 ]
	told motion index tree log
}

@test "gstreamer's splitmuxsink, numbered" {
	[ "$(count '.layout == "splitmuxsink" and .fate == "live"')" -ge 3 ]
	told splitmuxsink index tree log
}

@test "all of them: the hold is there, the log verifies, no child was lost" {
	jq -e '.hold.id' "$WORLD/hold.json"
	ctl log verify
	[ -z "$(entries child-lost)" ]
}
