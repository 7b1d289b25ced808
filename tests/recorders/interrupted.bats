#!/usr/bin/env bats
# Groups stay groups when the reaper is killed while it erases them.
load ../system/world
load recorders

GROUPED="zoneminder-medium zoneminder-deep motioneye sentryshot bluecherry viseron"

setup() {
	world_open
	HERE=$BATS_TEST_DIRNAME
	export RETENTIONCTL=$INSTALLED/bin/retentionctl
	parts_make "$WORLD"
}
teardown() { world_close; }

@test "a reaper that is killed again and again leaves no sidecar behind, and each segment has one tombstone" {
	for name in $GROUPED; do
		case $name in
		sentryshot | viseron) world_root "$name" "$name" ;;
		*) world_root "$name" "$name" 'timezone = "Europe/Brussels";' ;;
		esac
	done
	POLICY='retention = "P30D";'
	writer history "$WORLD"
	jq -c --arg names "$GROUPED" 'select(.layout as $name | $names | split(" ") | index($name))' "$WORLD/truth.json" >"$WORLD/grouped"
	mv "$WORLD/grouped" "$WORLD/truth.json"
	check foreign "$WORLD"
	world_config
	# shellcheck disable=SC2046
	"$INSTALLED/sbin/retentiond" -f -c "$WORLD/retention.conf" $(world_users) >>"$WORLD/daemon.log" 2>&1 3>&- 4>&- &
	DAEMON=$!
	killed=0
	for _ in $(seq 100); do
		reaper=$(child_pid reaper)
		[ -z "$reaper" ] || ! kill -KILL "$reaper" 2>/dev/null || killed=$((killed + 1))
		sleep 0.04
	done
	[ $killed -ge 2 ]
	until_true 60 check deleted "$WORLD" overdue held
	sleep 2
	for name in $GROUPED; do
		# A folder that was left empty at that moment may stay; its footage may not.
		check tree "$WORLD" "$name" overdue held | grep -v "an empty folder" >"$WORLD/wrong" || true
		check log "$WORLD" "$name" overdue held >>"$WORLD/wrong" || true
		[ ! -s "$WORLD/wrong" ] || { echo "$name"; head -n 10 "$WORLD/wrong"; return 1; }
	done
	world_stop
}
