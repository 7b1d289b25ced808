# A world of its own for each test: roots, state, configuration, daemon. Loaded by every .bats file.
#
#   world_open              folders and defaults
#   world_root NAME LAYOUT [more keys]   adds a root below $WORLD/NAME
#   world_start / world_stop / world_kill
#   ctl …                   retentionctl against this world
#   until_true SECONDS COMMAND…
#   frigate CAMERA START [ROOT]    one segment as Frigate names it, START in epoch seconds; prints its path

world_open() {
	WORLD=$BATS_TEST_TMPDIR/world
	mkdir -p "$WORLD/state" "$WORLD/run"
	chmod 755 "$BATS_TEST_TMPDIR" "$WORLD"
	chmod a+rx "$(dirname "$BATS_TEST_TMPDIR")" "$(dirname "$(dirname "$BATS_TEST_TMPDIR")")" 2>/dev/null || true
	ROOTS= EXTRA= DAEMON= STARTED_WITH=
	export RETENTION_SOCKET=$WORLD/run/control.sock NO_COLOR=1 PAGER=cat
}

world_root() {
	local name=$1 layout=$2
	shift 2
	mkdir -p "$WORLD/$name"
	ROOTS+="${ROOTS:+,}{ name = \"$name\"; path = \"$WORLD/$name\"; layout = \"$layout\"; mode = \"enforce\"; allow_system_volume = true; $* }"
}

# Writes the configuration. Policy, clock and the like may be set before in POLICY, CLOCK, HOLDS, INTERVAL, EXTRA.
world_config() {
	cat >"$WORLD/retention.conf" <<CONF
state_dir = "$WORLD/state";
run_dir = "$WORLD/run";
policy = { ${POLICY-retention = \"P30D\"; legal_maximum = \"P1M\";} };
roots = ( $ROOTS );
clock = { ${CLOCK-require = \"unverified\";} };
holds = { ${HOLDS-two_person = false; release_delay = \"PT0S\";} };
expiry = { interval = "${INTERVAL-PT1S}"; };
log = { syslog = false; };
$EXTRA
CONF
}

world_users() { # as root: names that every Debian has, so that nothing is added to the machine
	[ "$(id -u)" -ne 0 ] || echo "--user nobody --probe-user nobody --publish-user nobody"
}

world_start() {
	world_config
	[ -z "${CLOCK_FILE:-}" ] || clock_write
	# shellcheck disable=SC2046
	LD_PRELOAD=${LD_PRELOAD_DAEMON:-${LD_PRELOAD:-}} "${WORLD_PROGRAMS:-$INSTALLED}/sbin/retentiond" -f -c "$WORLD/retention.conf" $(world_users) "$@" >>"$WORLD/daemon.log" 2>&1 3>&- 4>&- &
	DAEMON=$!
	until_true "${START_SECONDS:-20}" daemon_answers || { cat "$WORLD/daemon.log"; return 1; }
}

world_stop() {
	[ -n "${DAEMON:-}" ] || return 0
	kill -TERM "$DAEMON" 2>/dev/null
	wait "$DAEMON" 2>/dev/null
	local status=$?
	DAEMON=
	return $status
}

world_close() {
	if [ -n "${DAEMON:-}" ]; then
		kill -KILL "$DAEMON" 2>/dev/null
		wait "$DAEMON" 2>/dev/null || true
	fi
	disks_release
	[ -z "${BATS_ERROR_STATUS:-}" ] || [ "${BATS_ERROR_STATUS:-0}" -eq 0 ] || tail -n 30 "$WORLD/daemon.log" 2>/dev/null
	return 0
}

ctl() { "$INSTALLED/bin/retentionctl" "$@"; }

# Exit 2 is a finding (something overdue, an observing root), and an answer all the same.
daemon_answers() {
	local status=0
	ctl status --json >/dev/null 2>&1 || status=$?
	[ $status -eq 0 ] || [ $status -eq 2 ]
}

until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $end ]; then
			echo "gave up after waiting for: $*"
			[ -z "${DAEMON:-}" ] || ctl status 2>/dev/null || true
			return 1
		fi
		sleep 0.1
	done
}

sanitized() { grep -q __asan_init "$INSTALLED/libexec/retention/keeper"; }

need_root() { [ "$(id -u)" -eq 0 ] || skip "needs root: mounts, devices, other users"; }

# ---- disks: images on loop devices, for root only ----

#   disk_make NAME [FILESYSTEM [MEBIBYTES]]     an image with a fresh filesystem
#   disk_mount NAME FOLDER [OPTIONS]            mounts it; disks_release takes all of them away, also after a failure
disk_make() {
	local image=$WORLD/$1.img filesystem=${2:-ext4} size=${3:-32}
	rm -f "$image"
	truncate -s "${size}M" "$image"
	case $filesystem in
	ext4) mkfs.ext4 -q -F -m 0 "$image" ;;
	xfs) mkfs.xfs -q -f "$image" ;;
	btrfs) mkfs.btrfs -q -f "$image" ;;
	esac
}

disk_mount() {
	mkdir -p "$2"
	mount -o "loop${3:+,$3}" "$WORLD/$1.img" "$2" && echo "$2" >>"$BATS_TEST_TMPDIR/mounts"
}

disk_unmount() { umount "$1"; }

disks_release() {
	[ -e "$BATS_TEST_TMPDIR/mounts" ] || return 0
	local folder
	tac "$BATS_TEST_TMPDIR/mounts" | while read -r folder; do
		while umount "$folder" 2>/dev/null || umount -l "$folder" 2>/dev/null; do :; done
	done
}

# ---- questions ----

root_is() { [ "$(ctl status --json 2>/dev/null | jq -r --arg n "$1" '.roots[] | select(.root == $n) | .state')" = "$2" ]; }
root_reason() { ctl status --json 2>/dev/null | jq -r --arg n "$1" '.roots[] | select(.root == $n) | .reason'; }
root_reason_has() { [[ "$(root_reason "$1")" == *"$2"* ]]; }
is_explained() { [ "$(ctl footage explain "$1" --json | jq -r .reason)" = "$2" ]; } # held, not_due, failed, …
segments_of() { ctl camera list --json | jq -r --arg c "$1" '[.cameras[] | select(.camera == $c) | .segments] | add // 0'; }
has_segments() { [ "$(segments_of "$1")" = "$2" ]; }
is_told() { [ "$(told "$1")" = "$2" ]; }
has_entry() { [ -n "$(entries "$1")" ]; }
no_entry() { [ -z "$(entries "$1")" ]; } # `! has_entry` would not fail a test: bash leaves a negated command out of set -e
are_there() { local file; for file; do [ -e "$file" ] || { echo "gone: $file"; return 1; }; done; }
fails() { if "$@"; then echo "did not fail: $*"; return 1; fi; }
log_says() { grep -q -- "$1" "$WORLD/daemon.log"; }

# The pid of a child by its program's name.
child_pid() { pgrep -P "$DAEMON" -x "$1" | head -n 1; }

frigate() {
	local folder file root=${3:-$WORLD/frigate}
	folder=$root/$(date -u -d "@$2" +%Y-%m-%d/%H)/$1
	file=$folder/$(date -u -d "@$2" +%M.%S).mp4
	mkdir -p "$folder"
	put_clip "$file" $(($2 + 10))
	echo "$file"
}

# The clip under a name, with an mtime, in one step: what watcher sees is a finished file.
put_clip() { # FILE MTIME
	cp "$CLIP" "$WORLD/arriving"
	touch -d "@$2" "$WORLD/arriving"
	mv "$WORLD/arriving" "$1"
}

days_ago() { echo $(($(date +%s) - $1 * 86400)); }

root_online() { [ "$(ctl status --json 2>/dev/null | jq -r --arg n "$1" '.roots[] | select(.root == $n) | .state')" = online ]; }
gone() { [ ! -e "$1" ]; }

# The details of all log entries with an action, one JSON object a line.
entries() { ctl log search --action "$1" --output ndjson; }

# ---- a clock of the test's own: the build with an injected clock ----
#
#   world_clock WALL [SYNCED] [RTC]      before world_start: WALL in epoch seconds or µs, SYNCED and RTC 0 or 1 (0 and 1)
#   world_advance SECONDS                time passes: both clocks go on
#   world_step SECONDS                   only the wall clock moves
#   world_sync 0|1                       the kernel's word on synchronisation
#   world_reboot WALL [SYNCED] [RTC]     stops the daemon, begins another boot, starts it again
#   wall                                 the wall clock now, epoch seconds
#
# It runs on its own with real time; CLOCK_STANDS=1 makes it stand still. Timers are real.

world_clock() {
	[ -x "${INSTALLED_CLOCK:-}/libexec/retention/keeper" ] || skip "no build with an injected clock (make TEST_CLOCK=1)"
	WORLD_PROGRAMS=$INSTALLED_CLOCK
	CLOCK_FILE=$WORLD/clock
	export RETENTION_TEST_CLOCK=$CLOCK_FILE
	CLOCK_BOOTS=$((${CLOCK_BOOTS:-0} + 1)) CLOCK_BOOT=60000000 CLOCK_SYNCED=${2:-0} CLOCK_RTC=${3:-1} CLOCK_WALL=$1
	[ ${#1} -gt 12 ] || CLOCK_WALL=$(($1 * 1000000))
	CLOCK_SINCE=$(now_us)
	clock_write
}

now_us() { local us=${EPOCHREALTIME/[.,]/}; echo "$us"; }

# What has passed since the last change goes into the line, which keeper counts from again.
clock_write() {
	local now
	now=$(now_us)
	if [ "${CLOCK_STANDS:-0}" = 0 ]; then
		CLOCK_WALL=$((CLOCK_WALL + now - CLOCK_SINCE)) CLOCK_BOOT=$((CLOCK_BOOT + now - CLOCK_SINCE))
	fi
	CLOCK_SINCE=$now
	printf '%-127s\n' "$CLOCK_WALL $CLOCK_BOOT $(printf '00000000-0000-4000-8000-%012d' "$CLOCK_BOOTS") $CLOCK_SYNCED $CLOCK_RTC $((1 - ${CLOCK_STANDS:-0}))" |
		dd of="$CLOCK_FILE" bs=128 conv=notrunc status=none
	chmod a+r "$CLOCK_FILE"
}

world_advance() {
	CLOCK_WALL=$((CLOCK_WALL + $1 * 1000000)) CLOCK_BOOT=$((CLOCK_BOOT + $1 * 1000000))
	clock_write
}
# Microseconds instead of seconds.
world_advance_us() {
	CLOCK_WALL=$((CLOCK_WALL + $1)) CLOCK_BOOT=$((CLOCK_BOOT + $1))
	clock_write
}
world_step() {
	CLOCK_WALL=$((CLOCK_WALL + $1 * 1000000))
	clock_write
}
world_sync() {
	CLOCK_SYNCED=$1
	clock_write
}
world_reboot() {
	world_stop
	world_clock "$@"
	world_start
}
wall() {
	local now=$CLOCK_WALL
	[ "${CLOCK_STANDS:-0}" = 1 ] || now=$((now + $(now_us) - CLOCK_SINCE))
	echo $((now / 1000000))
}
# At least one whole pass of deletion has run by now: the interval is a second of real time.
a_pass() { sleep 1.3; }

# Something that `status --json` says: a jq expression that must be true.
status_says() { ctl status --json 2>/dev/null | jq -e "$1" >/dev/null; }
# The same of `footage explain PATH`.
explained() { ctl footage explain "$1" --json | jq -e "$2" >/dev/null; }
# How many segments stand in the entries with an action, and how many entries there are.
told() { entries "$1" | jq -s 'map(.segments.count // 0) | add // 0'; }

# Kills keeper as it is about to make its Nth write to state.db from now on (STRACE is the process that does it).
kill_keeper_at_write() { # N
	command -v strace >/dev/null && [ "$(id -u)" = 0 ] || skip "needs root and strace"
	local pid
	pid=$(child_pid keeper)
	strace -qq -p "$pid" -P "$WORLD/state/state.db-wal" -e trace=pwrite64 -e "inject=pwrite64:error=EIO:signal=KILL:when=$1" -o /dev/null 2>/dev/null 3>&- 4>&- &
	STRACE=$!
	until_true 5 eval "[ \"\$(sed -n 's/^TracerPid:[[:space:]]*//p' /proc/$pid/status)\" != 0 ]"
}

# Each unlink takes so much longer from now on, where strace can do that.
slow_down() { # PID [µs]
	SLOWED=
	command -v strace >/dev/null && [ "$(id -u)" = 0 ] || return 0
	strace -qq -p "$1" -e trace=unlinkat -e inject=unlinkat:delay_exit=${2:-2000} -o /dev/null 2>/dev/null 3>&- 4>&- &
	until_true 5 eval "[ \"\$(sed -n 's/^TracerPid:[[:space:]]*//p' /proc/$1/status)\" != 0 ]" && SLOWED=yes
}

# A port on loopback that nothing has now, and that the kernel gives to no connection of another test meanwhile.
free_port() {
	python3 - <<-'PYTHON'
		import random, socket
		while True:
		    port = random.randrange(20000, 32000)
		    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
		        try:
		            tcp.bind(("127.0.0.1", port))
		            udp.bind(("127.0.0.1", port))
		        except OSError:
		            continue
		    print(port)
		    break
	PYTHON
}
