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
rows=${BENCH_ROWS:-layouts media log append search guard open scan expire holds memory life}
cameras=16
tools=$build/bench
scratch=$(mktemp -d "$build/bench-run.XXXXXX")
chmod 755 "$scratch"
export NO_COLOR=1 PAGER=cat LC_ALL=C RETENTION_SOCKET=$scratch/run/control.sock
root=$scratch/volume/recordings
state=$scratch/state/state
users=
[ "$(id -u)" -ne 0 ] || users="--user nobody --probe-user nobody --publish-user nobody"
missed=0 reached=0
daemon= helper= mounted= peer= audit_used=

# ---- leaving nothing behind ----

cleanup() {
	set +e
	trap - EXIT
	[ -z "$helper" ] || kill "$helper" 2>/dev/null
	peer_stop
	audit_restore
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

# beside WHAT OURS THEIRS: no goal.
beside() { printf '%-50s %11s %11s %9s %9s\n' "$1" "$2/s" "$3/s" "$(calculate "$2 / $3")x" "no goal"; }

rows_append() {
	local batch figures
	heading "Entries that are durable, a second"
	volume log 600 20000
	for batch in 1 10 1000; do
		mkdir -p "$scratch/log/$batch"
		figures=$("$tools/append_bench" "$scratch/log/$batch" $batch 4000)
		# shellcheck disable=SC2086
		beside "appended in batches of $batch; a plain file, fdatasync" $figures
	done
	volume_drop log
}

looked_up() { "$build/bin/retentionctl" log search --actor visitor --limit 1 --json 2>/dev/null | jq -r '.looked_up // 0' || echo 0; }

rows_search() {
	local entries=${BENCH_ENTRIES:-1000000} i found end=$((SECONDS + 600)) begun
	heading "Searching the log"
	mkdir -p "$root"
	fresh_state
	"$tools/log_make" "$state" "$entries"
	# A log without it would be a state that lost its holds.
	: >"$state/state.db"
	[ -z "$users" ] || chown -R nobody: "$state"
	configure observe
	begun=$(now_us)
	daemon_start
	until found=$(looked_up) && [ "${found:-0}" -ge "$entries" ]; do
		[ $SECONDS -lt $end ] || { echo "gave up: looked up to entry $found" >&2; return 1; }
		sleep 0.5
	done
	note "$entries entries were looked up $(seconds $(($(now_us) - begun))) s after the start; log-lookup.db $(calculate "$(stat -c %s "$state/log-lookup.db") / $entries" 1) bytes an entry"
	: >"$scratch/ours"
	for i in $(seq 5); do
		timed "$build/bin/retentionctl" log search --actor visitor --at "2000-01-01..2100-01-01" --limit 1000 --json >>"$scratch/ours"
	done
	found=$("$build/bin/retentionctl" log search --actor visitor --at "2000-01-01..2100-01-01" --limit 1000 --json | jq '.entries | length')
	row "log search --actor over $entries entries" "$(seconds "$(median <"$scratch/ours")") s" "" "" "<= 1 s" "$(median <"$scratch/ours")" 1000000
	note "$found entries were found and read"
	daemon_stop
	rm -rf "$root" "$state"
}

# Guard by itself, beside a responder that does as little as can be done and one that reads /proc.
rows_guard() {
	local name pinned readers kind median high beside limit
	heading "Opens under guard alone: median, 99th percentile"
	if [ "$(id -u)" -ne 0 ]; then
		note "not measured: permission events are root's"
		return
	fi
	volume guarded 64 4096
	mkdir -p "$scratch/guarded/root"
	"$tools/guard_bench" "$build/libexec/guard" "$scratch/guarded/root" "${BENCH_OPENS:-20000}" "$rounds" >"$scratch/opens"
	while read -r name pinned readers kind median high; do
		case $name-$kind in
		minimal-known) beside=$median limit=1.6 ;;
		proc-new) beside=$median limit=1.3 ;;
		guard-*) row "$kind opener, $readers reader(s), $pinned; p99 $high us" "$median us" "$beside us" "$(calculate "$median / $beside" 2)x" "<= ${limit}x" "$median / $beside" $limit ;;
		esac
		[ "$name" = guard ] || note "$name, $kind, $readers reader(s), $pinned: $median us, p99 $high us"
	done <"$scratch/opens"
	volume_drop guarded
}

# ---- who opens what: our guard and its peers, one after the other on one tree of a filesystem of its own ----

# Programs of packages that need not be installed: unpacked into the scratch folder. Says why not, if they cannot be had.
peers_unpack() {
	local package missing
	mkdir -p "$scratch/peers/packages"
	for package in fapolicyd auditd libaudit1 libauparse0; do
		(cd "$scratch/peers/packages" && apt-get download "$package" >/dev/null 2>"$scratch/errors") || { echo "$package cannot be downloaded"; return 1; }
	done
	for package in "$scratch/peers/packages"/*.deb; do dpkg -x "$package" "$scratch/peers"; done
	peer_libraries=$(find "$scratch/peers" -name 'lib*.so.*' -printf '%h\n' | sort -u | paste -sd :)
	missing=$(LD_LIBRARY_PATH=$peer_libraries ldd "$scratch/peers/usr/sbin/fapolicyd" "$scratch/peers/sbin/auditd" | awk '/not found/ { print $1 }' | paste -sd ' ')
	[ -z "$missing" ] || { echo "libraries are missing: $missing"; return 1; }
}

peer_stop() {
	[ -z "$peer" ] || { kill "$peer"; wait "$peer"; } 2>/dev/null || true
	peer=
}

# What a peer may write and must read lies in a mount namespace of its own. For the background: it becomes the program.
in_namespace() { # PROGRAM…
	export LD_LIBRARY_PATH=$peer_libraries
	# shellcheck disable=SC2016
	exec unshare --mount --propagation private sh -c '
		mkdir -p "$0/etc/fapolicyd" "$0/etc/audit" && mount -t overlay -o lowerdir="$0/etc:/etc" overlay /etc &&
		mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /var/log &&
		mkdir -m 700 /run/fapolicyd /var/lib/fapolicyd /var/log/audit && exec "$@"' "$scratch/peers" "$@"
}

# Each peer_… starts one and sets INSIDE, the words before what is to be measured. Fails with a reason.
INSIDE=
peer_none() { INSIDE=; }
peer_says() {
	local i
	for i in $(seq 100); do
		grep -q -- "$1" "$scratch/peer.log" && return 0
		kill -0 "$peer" 2>/dev/null || break
		sleep 0.1
	done
	tail -n 1 "$scratch/peer.log"
	return 1
}

peer_guard() {
	local i pid
	INSIDE=
	fresh_state
	configure observe 'guard = { mode = "attribute"; }; fingerprint = "never"; probe = "none";'
	daemon_start
	for i in $(seq 100); do
		pid=$(pgrep -P "$daemon" -x guard | head -n 1) && grep -qs '^fanotify \(ino\|sdev\|mnt_id\):' "/proc/$pid"/fdinfo/* && break
		sleep 0.1
	done
	[ -n "$pid" ] || { echo "guard does not run"; return 1; }
	sleep 1
	# The others have a processor of their own, as the alternatives' logging has.
	[ -z "${PINNED:-}" ] || taskset -cp 0 "$pid" >/dev/null
}

peer_fapolicyd() {
	local folder=$scratch/peers/etc/fapolicyd
	[ -z "$peers_missing" ] || { echo "$peers_missing"; return 1; }
	mkdir -p "$folder/rules.d" "$folder/trust.d"
	printf '%s\n' 'permissive = 1' 'nice_val = 0' 'q_size = 8192' 'uid = root' 'gid = root' 'do_stat_report = 0' 'detailed_report = 0' \
		'db_max_size = 50' 'subj_cache_size = 1549' 'obj_cache_size = 8191' "watch_fs = $(stat -f -c %T "$root" | sed 's:/.*::;s:^ext2$:ext4:')" 'trust = file' \
		'integrity = none' 'syslog_format = rule,dec,perm,auid,pid,exe,:,path,ftype,trust' 'rpm_sha256_only = 0' 'allow_filesystem_mark = 0' >"$folder/fapolicyd.conf"
	echo 'allow perm=any all : all' >"$folder/compiled.rules"
	rm -f "$folder"/rules.d/* "$folder"/fapolicyd.rules
	: >"$folder/fapolicyd.trust"
	: >"$scratch/peer.log"
	in_namespace ${PINNED:-} "$scratch/peers/usr/sbin/fapolicyd" --debug-deny --permissive >"$scratch/peer.log" 2>&1 &
	peer=$!
	peer_says "tarting to listen" || return 1
	INSIDE="nsenter --mount --target $peer"
}

audit_control() { LD_LIBRARY_PATH=$peer_libraries "$scratch/peers/sbin/auditctl" "$@"; }
audit_field() { echo "$audit_before" | awk -v key="$1" '$1 == key { print $2 }'; }

# As a recorder's operator would have it: the record of each open for reading in a file, by the kernel's rule on the folder.
peer_auditd() {
	local folder=$scratch/peers/etc/audit
	INSIDE=
	[ -z "$peers_missing" ] || { echo "$peers_missing"; return 1; }
	audit_before=$(audit_control -s 2>&1)
	[ "$(audit_field enabled)" = 0 ] && [ "$(audit_field pid)" = 0 ] || { echo "the kernel's audit is in use, or not for us: $(echo "$audit_before" | head -n 1)"; return 1; }
	rm -f "$folder"/plugins.d/* "$folder"/rules.d/*
	mkdir -p "$folder/plugins.d"
	sed -i 's/^log_group.*/log_group = root/;s/^use_libwrap.*/use_libwrap = no/;s/_action = SUSPEND/_action = IGNORE/' "$folder/auditd.conf"
	chmod 640 "$folder/auditd.conf"
	audit_used=yes
	: >"$scratch/peer.log"
	in_namespace ${PINNED:-} "$scratch/peers/sbin/auditd" -f -s enable >"$scratch/peer.log" 2>&1 &
	peer=$!
	peer_says "listening for events" || return 1
	audit_control -b 8192 >/dev/null && audit_control -w "$root" -p r -k retention-bench >/dev/null
}

audit_restore() {
	[ -n "$audit_used" ] || return 0
	audit_control -W "$root" -p r -k retention-bench >/dev/null 2>&1
	audit_control -e 0 >/dev/null 2>&1
	audit_control -b "$(audit_field backlog_limit)" >/dev/null 2>&1
	audit_control -f "$(audit_field failure)" >/dev/null 2>&1
	audit_used=
}

peer_end() { # NAME
	case $1 in
	guard) daemon_stop ;;
	auditd) audit_restore; peer_stop ;;
	*) peer_stop ;;
	esac
}

# Lines of median, 99th percentile and time for each open go to open-HOW-NAME, one for each round.
open_round() { # HOW READERS KIND PEERS…
	local how=$1 readers=$2 kind=$3 name milliseconds=${BENCH_OPEN_MS:-1000}
	shift 3
	for name; do
		[ -z "${unmeasured[$name]:-}" ] || continue
		if "peer_$name" >"$scratch/reason"; then
			# Whatever is cached is cached.
			${PINNED:-} $INSIDE "$tools/open_bench" "$kind" "$root" "$readers" 200 >/dev/null
			${PINNED:-} $INSIDE "$tools/open_bench" "$kind" "$root" "$readers" "$milliseconds" |
				awk -v all=$((readers * milliseconds * 1000)) '{ print $1, $2, all / $3 }' >>"$scratch/open-$how-$name"
		else
			unmeasured[$name]=$(tail -n 1 "$scratch/reason")
		fi
		peer_end "$name"
	done
}

# The median over the rounds of one column.
open_figure() { awk -v column="$3" '{ print $column }' "$scratch/open-$1-$2" | median; }

open_rows() { # HOW WHAT
	local name ours theirs line="median, 99th percentile, time for each, us:"
	for name in fapolicyd auditd; do
		[ -s "$scratch/open-$1-$name" ] || continue
		ours=$(open_figure "$1" guard 3)
		theirs=$(open_figure "$1" "$name" 3)
		row "$2; $name" "$(calculate "$ours" 1) us" "$(calculate "$theirs" 1) us" "$(calculate "$ours / $theirs" 2)x" "<= 1.0x" "$ours / $theirs" 1.0
	done
	for name in none guard fapolicyd auditd; do
		[ -s "$scratch/open-$1-$name" ] || continue
		line+=" $name $(open_figure "$1" $name 1) $(open_figure "$1" $name 2) $(calculate "$(open_figure "$1" $name 3)" 1),"
	done
	note "${line%,}"
}

rows_open() {
	local readers pinned i how kind peers_missing name
	declare -A unmeasured=()
	heading "Opening footage, whole daemon: time for each open"
	if [ "$(id -u)" -ne 0 ]; then
		note "not measured: permission events are root's"
		return
	fi
	volume volume 100 20000
	tree 1000 4 10 "$(days_ago 2)" 4096
	peers_missing=$(peers_unpack) || true
	# What peers_unpack found, again here: it ran in a process of its own.
	peer_libraries=$(find "$scratch/peers" -name 'lib*.so.*' -printf '%h\n' 2>/dev/null | sort -u | paste -sd :)
	for kind in read new; do
		for readers in 1 8; do
			for pinned in pinned free; do
				PINNED=
				[ $pinned = free ] || PINNED="taskset -c 0"
				how=$kind-$readers-$pinned
				for i in $(seq "$rounds"); do open_round "$how" "$readers" $kind none guard fapolicyd auditd; done
				open_rows "$how" "$([ $kind = new ] && echo new || echo known) opener, $readers reader(s), $pinned"
			done
		done
	done
	for name in "${!unmeasured[@]}"; do note "$name: not measured: ${unmeasured[$name]}"; done
	note "pinned: reader and responder on one processor; free: a wake-up on another processor is most of it"
	PINNED=
	volume_drop volume
	rm -rf "$scratch/peers"
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
	for name in tree_make life_write media_bench node_bench log_make append_bench open_bench guard_bench hold_bench await_scan scan_bench pattern_bench; do
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
