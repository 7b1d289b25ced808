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
	[ "$(id -u)" -ne 0 ] || echo "--user nobody --probe-user nobody"
}

world_start() {
	world_config
	# shellcheck disable=SC2046
	"$INSTALLED/sbin/retentiond" -f -c "$WORLD/retention.conf" $(world_users) "$@" >>"$WORLD/daemon.log" 2>&1 3>&- 4>&- &
	DAEMON=$!
	until_true "${START_SECONDS:-20}" ctl status --json || { cat "$WORLD/daemon.log"; return 1; }
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
	[ -z "${BATS_ERROR_STATUS:-}" ] || [ "${BATS_ERROR_STATUS:-0}" -eq 0 ] || tail -n 30 "$WORLD/daemon.log" 2>/dev/null
	return 0
}

ctl() { "$INSTALLED/bin/retentionctl" "$@"; }

until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { echo "gave up after waiting for: $*"; return 1; }
		sleep 0.1
	done
}

# The pid of a child by its program's name.
child_pid() { pgrep -P "$DAEMON" -x "$1" | head -n 1; }

frigate() {
	local folder file root=${3:-$WORLD/frigate}
	folder=$root/$(date -u -d "@$2" +%Y-%m-%d/%H)/$1
	file=$folder/$(date -u -d "@$2" +%M.%S).mp4
	mkdir -p "$folder"
	cp "$CLIP" "$file"
	touch -d "@$(($2 + 10))" "$file"
	echo "$file"
}

days_ago() { echo $(($(date +%s) - $1 * 86400)); }

root_online() { [ "$(ctl status --json 2>/dev/null | jq -r --arg n "$1" '.roots[] | select(.root == $n) | .state')" = online ]; }
gone() { [ ! -e "$1" ]; }

# The details of all log entries with an action, one JSON object a line.
entries() { ctl log search --action "$1" --output ndjson; }
