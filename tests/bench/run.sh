#!/bin/bash
# Speed and memory beside the alternative, measured in the same run: `make bench`, or
#   tests/bench/run.sh BUILD
# BENCH_SEGMENTS (100000) sets the size, BENCH_ROWS which groups of rows, BENCH_ROUNDS (3) how often each pair
# alternates. README.md says how each figure is taken. As root, trees lie on fresh ext4 volumes of their own.
set -eu
build=$(cd "${1:?build folder}" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
segments=${BENCH_SEGMENTS:-100000}
rounds=${BENCH_ROUNDS:-3}
rows=${BENCH_ROWS:-layouts media log scan expire holds memory life}
cameras=16
tools=$build/bench
scratch=$(mktemp -d "$build/bench-run.XXXXXX")
chmod 755 "$scratch"
export NO_COLOR=1 PAGER=cat LC_ALL=C RETENTION_SOCKET=$scratch/run/control.sock
root=$scratch/volume/recordings
state=$scratch/state/state
users=
[ "$(id -u)" -ne 0 ] || users="--user nobody --probe-user nobody"
missed=0 reached=0
daemon= helper= mounted=

# ---- leaving nothing behind ----

cleanup() {
	set +e
	trap - EXIT
	[ -z "$helper" ] || kill "$helper" 2>/dev/null
	[ -z "$daemon" ] || { kill -TERM "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null; }
	for place in $mounted; do umount "$place" 2>/dev/null || umount -l "$place"; done
	rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# ---- numbers ----

calculate() { awk "BEGIN { printf \"%.${2:-3}f\", $1 }"; }
median() { sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }
now_us() { echo "${EPOCHREALTIME/./}"; }
seconds() { calculate "$1 / 1000000"; }

# timed COMMAND…: its wall time in microseconds.
timed() {
	local from
	from=$(now_us)
	"$@" >/dev/null 2>"$scratch/errors" || { cat "$scratch/errors" >&2; return 1; }
	echo $(($(now_us) - from))
}

heading() { printf '\n%-50s %11s %11s %9s %9s\n' "$1" measured "beside it" ratio goal; }

# row WHAT MEASURED BESIDE RATIO GOAL JUDGED LIMIT: JUDGED is what the goal is about.
row() {
	local verdict=reached
	if [ "$(calculate "($6) <= ($7)" 0)" = 1 ]; then
		reached=$((reached + 1))
	else
		verdict=MISSED missed=$((missed + 1))
	fi
	printf '%-50s %11s %11s %9s %9s  %s\n' "$1" "$2" "$3" "$4" "$5" "$verdict"
}
note() { printf '    %s\n' "$*"; }

# against WHAT OURS_US THEIRS_US LIMIT
against() {
	local ratio
	ratio=$(calculate "$2 / $3")
	row "$1" "$(seconds "$2") s" "$(seconds "$3") s" "${ratio}x" "<= ${4}x" "$ratio" "$4"
}

# ---- volumes ----

# volume NAME MEGABYTES INODES: a fresh ext4 on a loop device, or a folder where we may not mount. DEVICE is its device.
volume() {
	local place=$scratch/$1
	volume_drop "$1"
	mkdir -p "$place"
	DEVICE=
	[ "$(id -u)" -eq 0 ] || return 0
	truncate -s "$2M" "$place.image"
	mkfs.ext4 -q -F -N "$3" -E lazy_itable_init=0,lazy_journal_init=0 "$place.image"
	mount -o loop,noatime "$place.image" "$place"
	mounted="$place $mounted"
	DEVICE=$(basename "$(findmnt -n -o SOURCE "$place")")
}

volume_drop() {
	local place=$scratch/$1 kept= other
	for other in $mounted; do
		if [ "$other" = "$place" ]; then umount "$place"; else kept="$kept $other"; fi
	done
	mounted=$kept
	rm -rf "$place" "$place.image"
}

# tree SEGMENTS CAMERAS STEP NEWEST BYTES: made anew, on disk before anything is timed.
tree() {
	rm -rf "$root"
	mkdir -p "$root"
	"$tools/tree_make" "$root" "$2" "$1" "$3" "$4" "$5"
	sync -f "$root"
}

files_left() { find "$root" -type f | wc -l; }
drop_caches() { sync; echo 3 >/proc/sys/vm/drop_caches; }
days_ago() { echo $(($(date +%s) - $1 * 86400)); }

# ---- the daemon ----

# configure MODE [more]
configure() {
	mkdir -p "$scratch/run"
	cat >"$scratch/retention.conf" <<CONF
state_dir = "$state";
run_dir = "$scratch/run";
layouts_dir = "$top/config/layouts";
policy = { retention = "P30D"; legal_maximum = "P1M"; };
roots = ( { name = "bench"; path = "$root"; layout = "frigate"; mode = "$1"; allow_system_volume = true; } );
clock = { require = "unverified"; };
brake = { days = 366; minimum = 100000000; };
holds = { two_person = false; pre_roll = "PT0S"; post_roll = "PT0S"; };
${2:-}
CONF
	sed -i "/^log = /!b; s/};$/ syslog = false; };/" "$scratch/retention.conf"
	grep -q '^log = ' "$scratch/retention.conf" || echo 'log = { syslog = false; };' >>"$scratch/retention.conf"
}

fresh_state() {
	rm -rf "$state"
	mkdir -p "$state"
}

# Starts and waits until the root is compared; STARTED and SCANNED are when, in microseconds.
daemon_start() {
	rm -f "$RETENTION_SOCKET"
	STARTED=$(now_us)
	# shellcheck disable=SC2086
	"${PROGRAMS:-$build}/sbin/retentiond" -f -c "$scratch/retention.conf" $users >"$scratch/daemon.log" 2>&1 &
	daemon=$!
	SCANNED=$("$tools/await_scan" "$RETENTION_SOCKET") || { cat "$scratch/daemon.log" >&2; return 1; }
}

daemon_stop() {
	kill -TERM "$daemon"
	wait "$daemon" || { cat "$scratch/daemon.log" >&2; daemon=; return 1; }
	daemon=
}

children() { pgrep -P "$daemon" || true; }

# Microseconds of CPU that supervisor and children have used.
processor_us() {
	local pid total=0 ticks
	for pid in $daemon $(children); do
		ticks=$(awk '{ print $14 + $15 }' "/proc/$pid/stat" 2>/dev/null || echo 0)
		total=$((total + ticks))
	done
	echo $((total * 1000000 / $(getconf CLK_TCK)))
}

# log_time ACTION first|last: when the first or last such entry was written, in microseconds.
log_time() {
	local entry
	entry=$("$build/bin/retentionctl" log search --log "$state/log" --at "2000-01-01..2100-01-01" --action "$1" --output ndjson |
		jq -r '."@timestamp"' | sort | if [ "$2" = first ]; then head -n 1; else tail -n 1; fi)
	[ -n "$entry" ] || { echo "no entry '$1'" >&2; return 1; }
	date -u -d "$entry" +%s%6N
}

# Until no more than so many files are left; looks at the count of inodes, which costs the disk nothing.
await_erased() {
	local end=$((SECONDS + 300)) used
	while used=$(($(stat -f -c '%c - %d' "$root"))) && [ "$used" -gt "$1" ]; do
		[ $SECONDS -lt $end ] || { echo "gave up waiting: $used inodes are in use" >&2; tail "$scratch/daemon.log" >&2; return 1; }
		sleep 0.1
	done
}

# ---- rows ----

rows_layouts() {
	local slowest
	heading "Layouts"
	"$tools/pattern_bench" config/layouts >"$scratch/names" || true
	slowest=$(grep -oE '[0-9.]+ ns' "$scratch/names" | tr -d ' ns' | sort -n | tail -n 1)
	row "judging a name, the slowest layout" "$slowest ns" "" "" "<= 1 us" "$slowest" 1000
}

rows_media() {
	local clip=$scratch/clip.mp4 ours theirs grade i big=$scratch/big
	heading "Facts and fingerprints"
	ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=1280x720:rate=15:duration=10 -f lavfi -i sine=duration=10 \
		-c:v libx264 -preset ultrafast -b:v 2M -g 15 -c:a aac -shortest "$clip"
	for i in $(seq 5); do timed ffprobe -v error -show_format -show_streams "$clip"; done >"$scratch/theirs"
	theirs=$(median <"$scratch/theirs")
	ours=$("$tools/media_bench" probe "$build/libexec/prober" "$clip" header 200)
	row "facts of a finished mp4 segment, header; ffprobe" "$ours us" "$theirs us" "$(calculate "$ours / $theirs" 4)x" "<= 0.01x" "$ours / $theirs" 0.01
	for grade in streams decode; do
		ours=$("$tools/media_bench" probe "$build/libexec/prober" "$clip" "$grade" 20)
		note "grade $grade: $ours us, $(calculate "$ours / $theirs" 4)x (no goal)"
	done
	head -c 256M /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 -nosalt 2>/dev/null >"$big"
	cat "$big" >/dev/null
	: >"$scratch/ours" >"$scratch/theirs"
	for i in $(seq 5); do
		"$tools/media_bench" hash "$build/libexec/hasher" "$big" 1 >>"$scratch/ours"
		timed openssl dgst -sha256 "$big" >>"$scratch/theirs"
	done
	against "SHA-256 of 256 MiB; openssl dgst" "$(median <"$scratch/ours")" "$(median <"$scratch/theirs")" 1.1
	rm -f "$big" "$clip"
}

rows_log() {
	local place=$scratch/log-state i nodes bytes hashing
	heading "Verifying the log"
	mkdir -p "$place"
	"$tools/log_make" "$place" "$segments"
	bytes=$(find "$place/log/tile/entries" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
	find "$place/log/tile/entries" -type f -print0 | sort -z >"$scratch/bundles"
	: >"$scratch/ours" >"$scratch/theirs" >"$scratch/nodes"
	for i in $(seq "$rounds"); do
		timed "$build/bin/retentionctl" log verify --log "$place/log" >>"$scratch/ours"
		timed xargs -0 -n 100000 -a "$scratch/bundles" openssl dgst -sha256 >>"$scratch/theirs"
		"$tools/node_bench" "$segments" >>"$scratch/nodes"
	done
	nodes=$(calculate "$(median <"$scratch/nodes") * 1000000" 0)
	hashing=$(median <"$scratch/theirs")
	against "verify $segments entries; openssl dgst + a hash a node" "$(median <"$scratch/ours")" $((hashing + nodes)) 1.5
	note "$bytes bytes in bundles; openssl $(seconds "$hashing") s, nodes $(seconds "$nodes") s"
	rm -rf "$place"
}

find_fields() { find "$root" -printf '%p %T@ %s %i %C@ %n %y\n'; }

rows_scan() {
	local i first restart empty theirs cold_ours="" cold_theirs="" index hours before
	heading "Scanning $segments files"
	volume volume $((segments / 150 + 300)) $((segments + segments / 4 + 20000))
	volume state $((segments / 2500 + 200)) 20000
	# What starting the programs costs, whatever there is to scan.
	tree 1 1 10 "$(days_ago 2)" 0
	configure observe 'fingerprint = "never"; probe = "none";'
	for i in $(seq "$rounds"); do
		fresh_state
		daemon_start
		echo $((SCANNED - STARTED)) >>"$scratch/empty"
		daemon_stop
	done
	empty=$(median <"$scratch/empty")
	tree "$segments" "$cameras" 10 "$(days_ago 2)" 0
	sleep 1
	: >"$scratch/ours" >"$scratch/theirs" >"$scratch/restart"
	find_fields >/dev/null
	for i in $(seq "$rounds"); do
		fresh_state
		daemon_start
		echo $((SCANNED - STARTED)) >>"$scratch/ours"
		processor_us >>"$scratch/processor"
		daemon_stop
		timed find_fields >>"$scratch/theirs"
		daemon_start
		echo $((SCANNED - STARTED)) >>"$scratch/restart"
		daemon_stop
	done
	first=$(median <"$scratch/ours") theirs=$(median <"$scratch/theirs") restart=$(median <"$scratch/restart")
	against "first scan, warm; find -printf" $((first - empty)) "$theirs" 1.2
	note "starting the programs takes $((empty / 1000)) ms more, $(calculate "$first / $theirs")x with it; CPU of all processes $(seconds "$(median <"$scratch/processor")") s"
	if [ -w /proc/sys/vm/drop_caches ]; then
		for i in 1 2; do
			drop_caches
			cold_theirs+="$(timed find_fields) "
			fresh_state
			drop_caches
			daemon_start
			cold_ours+="$((SCANNED - STARTED - empty)) "
			daemon_stop
		done
		# shellcheck disable=SC2086
		against "first scan, cold; find -printf" "$(printf '%s\n' $cold_ours | median)" "$(printf '%s\n' $cold_theirs | median)" 1.2
	else
		note "first scan, cold: not measured, only root may drop the caches"
	fi
	restart=$((restart > empty ? restart - empty : 0))
	against "restart, nothing changed, warm; first scan" "$restart" $((first - empty)) 0.02
	note "the start of the programs is taken off both"
	note "watcher alone, as root: $("$tools/scan_bench" "$build/libexec/watcher" "$root" | awk '/^(first|restart)/ { printf "%s %s s, ", $1, $2 }' | sed 's/, $//')"
	daemon_start
	# Seals of an archive are written within a minute.
	sleep 1
	daemon_stop
	index=$(stat -c %s "$state/index.db")
	row "index without fingerprints, bytes a segment" "$(calculate "$index / $segments" 1)" "" "" "<= 75" "$index / $segments" 75
	index=$(find "$state/log" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
	row "log without fingerprints, first sight only" "$(calculate "$index / $segments" 1)" "" "" "<= 32" "$index / $segments" 32
	rows_fingerprints
	volume_drop volume
	volume_drop state
}

# Only what is recent is fingerprinted at first sight; keeper's queue holds 4,096.
rows_fingerprints() {
	local some=4000 end=$((SECONDS + 120)) hashed=0 index
	tree "$some" "$cameras" 10 $(($(date +%s) - 7200)) 4096
	configure observe 'fingerprint = "seal"; probe = "none";'
	fresh_state
	daemon_start
	local last=-1
	while pids=$(pgrep -P "$daemon" -x hasher || true) && [ $SECONDS -lt $end ]; do
		hashed=$([ -z "$pids" ] || awk '{ print $14 + $15 }' "/proc/$pids/stat" 2>/dev/null || echo 0)
		[ -n "$pids" ] && [ "$hashed" = "$last" ] && break
		last=$hashed
		sleep 2
	done
	daemon_stop
	index=$(stat -c %s "$state/index.db")
	row "index with fingerprints, bytes a segment" "$(calculate "$index / $some" 1)" "" "" "<= 110" "$index / $some" 110
	index=$(find "$state/log" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
	row "log with fingerprints, first sight only" "$(calculate "$index / $some" 1)" "" "" "<= 80" "$index / $some" 80
	index=$("$build/bin/retentionctl" log search --log "$state/log" --at "2000-01-01..2100-01-01" --action seal --output ndjson |
		jq '.segments.sha256 | length' | awk '{ sum += $1 } END { print sum + 0 }')
	note "$index of $some were fingerprinted"
}

find_delete() { find "$root" -mindepth 1 \( -type f -mmin +43200 -o -type d -empty \) -delete; }

rows_expire() {
	local i base ours theirs tmpfiles start files
	heading "Expiring $segments files of 4 KB"
	volume volume $((segments / 150 + 300)) $((segments + segments / 4 + 20000))
	volume state $((segments / 2500 + 300)) 20000
	echo "e $root - - - m:30d" >"$scratch/tmpfiles.conf"
	configure enforce 'fingerprint = "never";'
	mkdir -p "$root"
	base=$(($(stat -f -c '%c - %d' "$root")))
	: >"$scratch/ours" >"$scratch/theirs" >"$scratch/tmpfiles" >"$scratch/start"
	for i in $(seq "$rounds"); do
		tree "$segments" "$cameras" 10 "$(days_ago 40)" 4096
		fresh_state
		daemon_start
		await_erased $((base + segments / 100 + 1000))
		while files=$(files_left) && [ "$files" -gt 0 ]; do sleep 0.2; done
		sleep 1
		processor_us >>"$scratch/processor-expiry"
		daemon_stop
		echo $(($(log_time delete last) - SCANNED)) >>"$scratch/ours"
		start=$(($(log_time delete first) - SCANNED))
		echo $((start > 0 ? start : 0)) >>"$scratch/start"
		cp "$scratch/daemon.log" "$scratch/expire.log"
		folders=$(find "$root" -mindepth 1 -type d | wc -l)
		logged=$(find "$state/log" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
		tree "$segments" "$cameras" 10 "$(days_ago 40)" 4096
		find_fields >/dev/null
		timed find_delete >>"$scratch/theirs"
		tree "$segments" "$cameras" 10 "$(days_ago 40)" 4096
		find_fields >/dev/null
		timed systemd-tmpfiles --clean "$scratch/tmpfiles.conf" >>"$scratch/tmpfiles"
		[ "$(files_left)" -eq 0 ] || { echo "systemd-tmpfiles left files" >&2; return 1; }
	done
	ours=$(median <"$scratch/ours") theirs=$(median <"$scratch/theirs") tmpfiles=$(median <"$scratch/tmpfiles")
	against "expire, from the scan's end to the last tombstone; find" "$ours" "$theirs" 1.2
	against "the same; systemd-tmpfiles --clean" "$ours" "$tmpfiles" 1.0
	note "all three remove every file; $folders empty folders were left by ours when the last tombstone stood"
	start=$(median <"$scratch/start")
	row "first tombstone on an unprobed archive after its scan" "$((start / 1000)) ms" "" "" "<= 1 s" "$start" 1000000
	row "log without fingerprints, first sight and tombstone" "$(calculate "$logged / $segments" 1)" "" "" "<= 32" "$logged / $segments" 32
	volume_drop volume
	volume_drop state
}

rows_holds() {
	local newest result scaled some i held none with span
	heading "Holds"
	volume volume $((segments / 150 + 300)) $((segments + segments / 4 + 20000))
	volume state $((segments / 2500 + 200)) 20000
	newest=$(days_ago 2)
	tree "$segments" "$cameras" 10 "$newest" 0
	configure observe 'fingerprint = "never"; probe = "none";'
	fresh_state
	daemon_start
	span=$((segments / cameras * 10 + 100))
	read -r result _ held <<<"$("$tools/hold_bench" "$RETENTION_SOCKET" camera-00 $((newest - 3600)) 95 1 21)"
	row "place a hold over $held segments, with its coverage" "$(calculate "$result / 1000" 2) ms" "" "" "<= 5 ms" "$result" 5000
	read -r result _ held <<<"$("$tools/hold_bench" "$RETENTION_SOCKET" "*" $((newest - span)) "$span" 0 11)"
	# The goal is about 4,000,000, and coverage grows with what it covers.
	scaled=$(calculate "$result / $held * 4000000" 0)
	row "the same over $held, in proportion over 4,000,000" "$(calculate "$result / 1000" 2) ms" "$(calculate "$scaled / 1000000" 2) s" "" "<= 1 s" "$scaled" 1000000
	read -r result _ held <<<"$("$tools/hold_bench" "$RETENTION_SOCKET" "*" $((newest - 40 * 86400 - span)) "$span" 0 21)"
	row "place a hold on all cameras, nothing to cover" "$(calculate "$result / 1000" 2) ms" "" "" "<= 5 ms" "$result" 5000
	daemon_stop
	# A pass over one camera, without holds and with a thousand of one segment each.
	some=$((segments < 40000 ? segments : 40000))
	: >"$scratch/none" >"$scratch/with"
	for i in $(seq "$rounds"); do
		none=$(pass_ns "$some" 0)
		echo "$none" >>"$scratch/none"
		with=$(pass_ns "$some" 1000)
		echo "$with" >>"$scratch/with"
	done
	none=$(median <"$scratch/none") with=$(median <"$scratch/with")
	row "a pass with 1,000 holds on a camera; with none" "$(calculate "$with / 1000" 1) us" "$(calculate "$none / 1000" 1) us" "$(calculate "$with / $none")x" "<= 1.1x" "$with / $none" 1.1
	note "for each segment erased, of $some on one camera"
	volume_drop volume
	volume_drop state
}

# pass_ns SEGMENTS HOLDS: nanoseconds for each segment that a pass erases, from the configuration that allows it to the last tombstone.
pass_ns() {
	local newest kept used=1000000000 before=0 gone
	newest=$(days_ago 40)
	tree "$1" 1 10 "$newest" 4096 >&2
	configure observe 'fingerprint = "never"; probe = "none";'
	fresh_state
	daemon_start
	# The holds lie evenly over the camera and end inside the segment in which they begin.
	[ "$2" -eq 0 ] || "$tools/hold_bench" "$RETENTION_SOCKET" camera-00 $((newest - ($1 - 1) * 10 + 2)) 3 $(($1 / $2 * 10)) "$2" >/dev/null
	configure enforce 'fingerprint = "never"; probe = "none";'
	kill -HUP "$daemon"
	# Until nothing more goes.
	while used=$(($(stat -f -c '%c - %d' "$root"))) && { [ "$used" -ne "$before" ] || [ "$used" -gt $(($2 + $1 / 2)) ]; }; do
		before=$used
		sleep 0.5
	done
	kept=$(files_left)
	daemon_stop
	gone=$(($1 - kept))
	[ "$kept" -ge "$2" ] || { echo "held footage is gone: $kept left" >&2; return 1; }
	echo $((($(log_time delete last) - $(log_time configuration last)) * 1000 / gone))
}

rows_memory() {
	local each=$((segments / 11520)) newest pid kilobytes detail="" total=0 wakeups before after idle=${BENCH_IDLE_SECONDS:-30}
	heading "Idle"
	[ "$each" -ge 1 ] || each=1
	volume volume $((each * 11520 / 150 + 400)) $((each * 11520 + 40000))
	volume state $((segments / 2500 + 200)) 20000
	newest=$(($(date +%s) / 3600 * 3600 - 2 * 86400 + 3599))
	tree $((each * 11520)) "$cameras" $((3600 / each)) "$newest" 0
	configure observe 'fingerprint = "seal"; probe = "none";'
	fresh_state
	daemon_start
	# What follows a start is over; then nothing happens but time.
	sleep 20
	before=$(wakeups)
	sleep "$idle"
	after=$(wakeups)
	for pid in $daemon $(children); do
		kilobytes=$(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup")
		detail+="$(cat "/proc/$pid/comm") $kilobytes kB, "
		total=$((total + kilobytes))
	done
	row "memory of all processes, PSS" "$(calculate "$total / 1024" 2) MB" "" "" "<= 12 MB" "$total" $((12 * 1024))
	note "${detail%, }"
	wakeups=$(calculate "($after - $before) / $idle" 2)
	row "wakeups a second, all processes" "$wakeups" "" "" "<= 2" "$wakeups" 2
	note "11,520 folders of $each segments each; $("$build/bin/retentionctl" status --json | jq -r '.roots[0] | "\(.folders) folders, \(.folders_watched) watched"')"
	daemon_stop
	volume_drop volume
	volume_drop state
}

wakeups() {
	local pid total=0
	for pid in $daemon $(children); do
		total=$((total + $(awk '/^voluntary_ctxt_switches/ { print $2 }' "/proc/$pid/status")))
	done
	echo "$total"
}

sectors_written() { awk '{ print $7 }' "/sys/block/$STATE_DEVICE/stat"; }
# Blocks that the filesystem's journal has taken: each transaction's own and two that begin and end it.
journal_blocks() {
	awk '/transactions/ && !count { count = $1 } /logged blocks per transaction/ { logged = $1 } END { print count * (logged + 2) }' \
		"/proc/fs/jbd2/$STATE_DEVICE-8/info" 2>/dev/null || echo 0
}


# What reaches the state folder's device while segments come and go at 1.6 a second, on a clock that goes 60 times as fast.
rows_life() {
	local speed=60 length=${BENCH_LIFE_SECONDS:-3600} lead=8 start count written journal program entries erased
	heading "Bytes written to the state folder's device"
	if [ "$(id -u)" -ne 0 ]; then
		note "not measured: needs a device of its own, which only root can make"
		return
	fi
	program=$scratch/injected
	mkdir -p "$program/sbin" "$program/libexec"
	cp "$build/sbin/retentiond" "$program/sbin/"
	cp "$build"/libexec/* "$program/libexec/"
	cp "$tools/keeper_injected" "$program/libexec/keeper"
	volume volume 400 60000
	volume state 300 20000
	STATE_DEVICE=$DEVICE
	start=$((($(date +%s) - 3 * 3600) / 3600 * 3600 + 1800))
	count=$((length * cameras / 10))
	# As many fall due as are recorded.
	tree "$count" "$cameras" 10 $((start + lead * speed - 30 * 86400 + length)) 4096
	configure enforce 'fingerprint = "seal"; expiry = { interval = "PT10S"; };
log = { checkpoint = "PT10S"; };'
	fresh_state
	export RETENTION_TEST_CLOCK=$scratch/clock
	"$tools/life_write" "$RETENTION_TEST_CLOCK" "$root" "$cameras" "$start" "$speed" $((lead * speed)) "$length" &
	helper=$!
	sleep 0.2
	PROGRAMS=$program daemon_start
	sleep $((lead - 2))
	sync
	written=$(sectors_written) journal=$(journal_blocks)
	sleep $((length / speed + 3))
	daemon_stop
	sync
	kill "$helper"
	wait "$helper" 2>/dev/null || true
	helper=
	unset RETENTION_TEST_CLOCK
	written=$((($(sectors_written) - written) * 512)) journal=$((($(journal_blocks) - journal) * 4096))
	entries=$("$build/bin/retentionctl" log search --log "$state/log" --at "2000-01-01..2100-01-01" --output ndjson | jq -r '.event.action' | sort | uniq -c | awk '{ printf "%s %s, ", $1, $2 }')
	erased=$("$build/bin/retentionctl" log search --log "$state/log" --at "2000-01-01..2100-01-01" --action delete --output ndjson | jq '.segments.count' | awk '{ sum += $1 } END { print sum + 0 }')
	row "for each segment over its life, 1.6 a second" "$(calculate "$written / $count" 0)" "" "" "<= 600" "$written / $count" 600
	note "$count recorded and $erased erased on a clock that goes $speed times as fast; $written bytes, about $journal of them the filesystem's journal"
	note "entries: ${entries%, }"
	volume_drop volume
	volume_drop state
}

# ---- helpers in C ----

build_helpers() {
	local name flags=(-std=c11 -O2 -g -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -Isrc/lib -Iinclude -Wall -Wextra -Wconversion -Wshadow)
	local layers=() layer
	mkdir -p "$tools"
	for layer in base ipc settings audit client sandbox domain; do layers+=("$build/lib/lib$layer.a"); done
	for name in tree_make life_write media_bench node_bench log_make hold_bench await_scan scan_bench pattern_bench; do
		[ "$tools/$name" -nt "tests/bench/$name.c" ] && [ "$tools/$name" -nt "$build/libexec/keeper" ] && continue
		# shellcheck disable=SC2046
		"${CC:-cc}" "${flags[@]}" "tests/bench/$name.c" -o "$tools/$name" -Wl,--as-needed -Wl,--start-group "${layers[@]}" \
			"$build/obj/lib/base/clock.o" "$build/obj/lib/audit/sha256_libcrypto.o" -Wl,--end-group $(pkg-config --libs libcrypto libsodium jansson libconfig)
	done
	# Keeper as it is, but for the clock that it reads.
	"${CC:-cc}" "${flags[@]}" -c src/lib/base/clock_injected.c -o "$tools/clock_injected.o"
	layers=()
	for layer in audit domain settings ipc sandbox base; do layers+=("$build/lib/lib$layer.a"); done
	# shellcheck disable=SC2046
	"${CC:-cc}" -pie "$build"/obj/daemon/keeper/*.o "$tools/clock_injected.o" "$build/obj/lib/audit/sha256_sodium.o" -Wl,--start-group "${layers[@]}" \
		-Wl,--end-group $(pkg-config --libs sqlite3 jansson libevent_core libsodium) -o "$tools/keeper_injected"
}

build_helpers
echo "retentiond bench: $segments segments, $(nproc) CPUs, load $(cut -d ' ' -f 1 /proc/loadavg), Linux $(uname -r)"
[ "$(id -u)" -eq 0 ] || echo "not root: trees lie in an ordinary folder, and what needs a device of its own is left out"
for name in $rows; do "rows_$name"; done
printf '\n%d reached, %d MISSED, %d s\n' "$reached" "$missed" "$SECONDS"
