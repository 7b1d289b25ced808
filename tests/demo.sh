#!/bin/bash
# The main job, end to end, on real footage: `make demo`. Everything happens below one folder, which
# `make clean` removes; nothing else on the machine is touched. Works as root and as an ordinary user.
set -eu
build=$(cd "${1:?build folder}" && pwd)
run=${2:?demo folder}
top=$(cd "$(dirname "$0")/.." && pwd)
ctl=$build/bin/retentionctl
export NO_COLOR=1 RETENTION_SOCKET=$run/run/control.sock PAGER=cat

step() { printf '\n\033[1m== %s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9;]*m//g'; fi; }
say() { printf '   %s\n' "$*"; }
show() { printf '   $ retentionctl %s\n' "$*"; "$ctl" "$@" | sed 's/^/   | /' || true; }

cleanup() {
	[ -z "${recorder:-}" ] || kill "$recorder" 2>/dev/null || true
	[ -z "${daemon:-}" ] || { kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null; } || true
}
trap cleanup EXIT
trap 'exit 130' INT TERM

wait_for() { # seconds, what, command…
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { echo "demo: gave up waiting until $what; the daemon's log is $run/daemon.log" >&2; exit 1; }
		sleep 0.2
	done
}

step "1. A camera and five weeks of history"
rm -rf "$run"
mkdir -p "$run/live/gate" "$run/archive" "$run/state" "$run/run"
chmod 755 "$run"
say "everything is in $run"
source_footage=${FOOTAGE_DIR:-}/car-detection.mp4
if [ -n "${FOOTAGE_DIR:-}" ] && [ -e "$source_footage" ]; then
	say "footage: $source_footage"
else
	source_footage=$run/camera.mp4
	ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=640x360:rate=15:duration=30 -c:v libx264 -preset ultrafast -g 15 "$source_footage"
	say "footage: a stream made with ffmpeg (set FOOTAGE_DIR for a real one)"
fi
# History as Frigate writes it (date/hour/camera/minute.second.mp4, UTC): ten seconds every two hours, two cameras, 35 days.
ffmpeg -nostdin -v error -t 10 -i "$source_footage" -an -vf scale=320:-2 -c:v libx264 -preset ultrafast -g 15 "$run/ten-seconds.mp4"
now=$(date +%s)
for camera in gate yard; do
	for ((hour = 35 * 24; hour > 0; hour -= 2)); do
		start=$((now - hour * 3600))
		folder=$run/archive/$(date -u -d "@$start" +%Y-%m-%d/%H)/$camera
		mkdir -p "$folder"
		file=$folder/$(date -u -d "@$start" +%M.%S).mp4
		cp "$run/ten-seconds.mp4" "$file"
		touch -d "@$((start + 10))" "$file"
	done
done
say "archive: $(find "$run/archive" -name '*.mp4' | wc -l) segments of 2 cameras, the oldest 35 days old (Frigate's layout)"
ffmpeg -nostdin -v error -re -stream_loop -1 -i "$source_footage" -c copy -f segment -segment_time 4 -reset_timestamps 1 -strftime 1 \
	"$run/live/gate/%Y-%m-%d_%H-%M-%S.mp4" &
recorder=$!
say "live: ffmpeg writes a segment every few seconds (process $recorder)"

step "2. retentiond, at first only observing"
cat >"$run/retention.conf" <<CONF
state_dir = "$run/state";
run_dir = "$run/run";
policy = { retention = "P30D"; legal_maximum = "P1M"; };
roots = (
  { name = "archive"; path = "$run/archive"; layout = "frigate"; mode = "observe"; allow_system_volume = true; },
  { name = "live"; path = "$run/live"; layout = "custom"; patterns = ( "%{camera}/%Y-%m-%d_%H-%M-%S.mp4" );
    timezone = "local"; mode = "enforce"; allow_system_volume = true; }
);
clock = { require = "unverified"; };   # a trial: this machine may have no clock of its own
holds = { two_person = false; };       # one person at the keyboard
expiry = { interval = "PT5S"; };
log = { syslog = false; };
CONF
"$ctl" config check "$run/retention.conf" | sed 's/^/   | /'
# As root the programs drop to users of their own: those of an installation, or ones that every system
# has. Below a folder that only root may enter (such as /root) keeper, watcher and reaper stay root without its powers.
users=
if [ "$(id -u)" -eq 0 ]; then
	owner=retention probe=retention-probe
	id $owner >/dev/null 2>&1 || owner=nobody
	id $probe >/dev/null 2>&1 || probe=nobody
	setpriv --reuid=$owner --clear-groups test -x "$run" || owner=root
	users="--user $owner --probe-user $probe --publish-user $probe"
fi
# shellcheck disable=SC2086
"$build/sbin/retentiond" -f -c "$run/retention.conf" $users >"$run/daemon.log" 2>&1 &
daemon=$!
wait_for 20 "the daemon answers" "$ctl" camera list --json
scanned() { "$ctl" footage list --camera archive/yard --at "-36d..now" --json 2>/dev/null | grep -q '"path"'; }
wait_for 20 "the archive is indexed" scanned
sleep 6
show status || true

step "3. An incident 33 days ago: a hold, before anything is erased"
day=$(date -u -d "@$((now - 33 * 86400))" +%Y-%m-%d)
show hold place --camera archive/gate --at "$day 08:00..16:00" --reason damage --case DEMO-2026/1
say "the hold is durable before this answer is given"

step "4. What would go"
show deletion plan

step "5. Now the archive is enforced"
sed -i 's/mode = "observe"/mode = "enforce"/' "$run/retention.conf"
before=$(find "$run/archive" -name '*.mp4' | wc -l)
kill -HUP "$daemon"
erased() { [ "$(find "$run/archive" -name '*.mp4' | wc -l)" -lt "$((before - 100))" ]; }
wait_for 30 "what is due is erased" erased
sleep 3
after=$(find "$run/archive" -name '*.mp4' | wc -l)
say "$before segments before, $after now: $((before - after)) erased, and their empty folders"
show status || true

step "6. Why one is still there, and what became of another"
kept=$(find "$run/archive/$day" -path '*/gate/*' -name '*.mp4' | sort | head -n 1)
show footage explain "$kept"
gone=$(date -u -d "@$((now - 34 * 86400))" +%Y-%m-%d/%H)/yard/$(date -u -d "@$((now - 34 * 86400))" +%M.%S).mp4
show footage explain "$run/archive/$gone"

step "7. Somebody looks at footage, below any web page"
if [ "$(id -u)" -eq 0 ]; then
	cat "$kept" >/dev/null
	opened() { "$ctl" log search --action open --json | grep -q '"executable": *"[^"]*cat"'; }
	wait_for 10 "the open is in the log" opened
	show log search --action open
else
	say "an ordinary user may not see what others open: run the demo as root for this step"
fi

step "8. The audit log"
show log search --action delete
show log verify
"$ctl" key show --json | sed -n 's/.*"first": *"\([^"]*\)".*/\1/p' | tail -n 1 >"$run/log.vkey" || true
if [ -s "$run/log.vkey" ]; then
	say "and without the daemon, by anybody who has the folder and the key:"
	say "$ retention-verify log $run/state/log --key $run/log.vkey"
	"$build/bin/retention-verify" log "$run/state/log" --key "$run/log.vkey" | sed 's/^/   | /' || true
fi

step "9. Stop"
kill "$recorder"
kill "$daemon"
wait "$daemon" 2>/dev/null || true
daemon= recorder=
say "stopped. Look around in $run; \`make clean\` removes it."
missing=0
[ -n "$kept" ] && [ -e "$kept" ] || { echo "demo: the held footage is gone" >&2; missing=1; }
[ ! -e "$run/archive/$gone" ] || { echo "demo: overdue footage is still there" >&2; missing=1; }
exit $missing
