# What both files of recorders have in common. Loaded after world.bash.

HERE=$BATS_TEST_DIRNAME

# The bytes of one recording in each container that a recorder writes, from the suite's clip.
parts_make() { # folder
	local parts=$1/parts
	mkdir -p "$parts"
	cp "$CLIP" "$parts/clip.mp4"
	_remux() { ffmpeg -nostdin -v error -y -i "$CLIP" -c copy "$@"; }
	_remux -movflags +frag_keyframe+empty_moov+default_base_moof "$parts/clip.frag.mp4"
	_remux -f mpegts "$parts/clip.ts"
	_remux "$parts/clip.mkv"
	_remux -f hls -hls_time 60 -hls_segment_type fmp4 -hls_fmp4_init_filename clip.init.mp4 -hls_segment_filename "$parts/clip%d.m4s" "$parts/clip.m3u8"
	mv "$parts/clip0.m4s" "$parts/clip.m4s"
	ffmpeg -nostdin -v error -y -i "$CLIP" -frames:v 1 -update 1 "$parts/clip.jpg"
	ffprobe -v error -select_streams v -show_entries format=duration:stream=r_frame_rate -of default=nk=1:nw=1 "$CLIP" |
		awk -F/ 'NR == 1 { frame = $2 / $1 } NR == 2 { printf "%.6f %.6f\n", $1, frame }' >"$parts/facts"
}

# A world for all tests of a file: setup_file calls it, the tests only look.
world_open_file() {
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
	world_open
	export WORLD RETENTIONCTL=$INSTALLED/bin/retentionctl
	echo 0 >"$WORLD/daemon.pid"
}

world_close_file() {
	DAEMON=$(cat "$WORLD/daemon.pid")
	[ "$DAEMON" -gt 0 ] || return 0
	kill -TERM "$DAEMON" 2>/dev/null || return 0
	until_true 10 eval '! kill -0 "$DAEMON"' || kill -KILL "$DAEMON"
}

check() { python3 "$HERE/check.py" "$@"; }
writer() { python3 "$HERE/writer.py" "$@"; }

# On the cameras and at the time of what the truth calls held.
hold_on_held() {
	local options=() first last
	while read -r camera; do options+=(--camera "$camera"); done < <(jq -r 'select(.fate == "held") | .camera' "$WORLD/truth.json" | sort -u)
	first=$(jq -r 'select(.fate == "held") | .start' "$WORLD/truth.json" | sort -n | head -n 1)
	last=$(jq -r 'select(.fate == "held") | .end' "$WORLD/truth.json" | sort -n | tail -n 1)
	ctl hold place "${options[@]}" --at "@${first%.*}..@$((${last%.*} + 1))" --reason damage --case T-1 --json
}

world_enforce() {
	ROOTS=${ROOTS//observe/enforce}
	world_config
	kill -HUP "$DAEMON"
}

# What setup_file wrote down of a root: told NAME PART…; an empty file is a part where all is well.
told() {
	local name=$1 failed=0 part
	shift
	for part in "$@"; do
		[ -e "$WORLD/$name.$part" ] || { echo "$part: never looked at"; return 1; }
		[ ! -s "$WORLD/$name.$part" ] || { failed=1; head -n 15 "$WORLD/$name.$part" | sed "s/^/$part: /"; }
	done
	return $failed
}
