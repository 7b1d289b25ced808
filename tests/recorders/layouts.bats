#!/usr/bin/env bats
# Each recorder that Debian does not have, by a tree that is written with its own sequence of system calls: one
# daemon watches all of them at once. It observes while history is there and live footage comes, then a hold is
# placed, then it enforces; the tests compare what it said and did with the truth.
load ../system/world
load recorders

LAYOUTS="frigate mediamtx zoneminder-medium zoneminder-deep zoneminder-shallow shinobi motioneye viseron kerberos sentryshot os-nvr
	bluecherry lightnvr opennvr ex-nvr"

all_online() { for name in $LAYOUTS; do root_online "$name" || return 1; done; }

setup_file() {
	world_open_file
	parts_make "$WORLD"
	for name in $LAYOUTS; do
		case $name in
		frigate | viseron | kerberos | sentryshot | os-nvr | ex-nvr) world_root "$name" "$name" ;;
		*) world_root "$name" "$name" "timezone = \"Europe/Brussels\";" ;;
		esac
	done
	POLICY='retention = "P30D";'
	ROOTS=${ROOTS//enforce/observe}
	writer history "$WORLD"
	check foreign "$WORLD"
	world_start
	echo "$DAEMON" >"$WORLD/daemon.pid"
	until_true 30 all_online
	writer live "$WORLD"
	# What fails from here on is told by the tests, not by this function.
	until_true 75 check index "$WORLD" || true
	for name in $LAYOUTS; do check index "$WORLD" "$name" >"$WORLD/$name.index" 2>&1 || true; done
	hold_on_held >"$WORLD/hold.json" || true
	world_enforce
	until_true 45 check deleted "$WORLD" overdue || true
	sleep 3
	for name in $LAYOUTS; do
		check tree "$WORLD" "$name" >"$WORLD/$name.tree" 2>&1 || true
		check log "$WORLD" "$name" >"$WORLD/$name.log" 2>&1 || true
	done
	ctl hold release "$(jq -r .hold.id "$WORLD/hold.json")" --yes --json >"$WORLD/release.json" 2>&1 || true
	until_true 90 check deleted "$WORLD" overdue held || true
	sleep 3
	for name in $LAYOUTS; do
		check tree "$WORLD" "$name" overdue held >"$WORLD/$name.released" 2>&1 || true
		check log "$WORLD" "$name" overdue held >>"$WORLD/$name.released" 2>&1 || true
	done
}

teardown_file() { world_close_file; }

layout() { told "$1" index tree log released; }

@test "frigate: moved from its cache" { layout frigate; }
@test "mediamtx: growing mp4 and mpegts" { layout mediamtx; }
@test "zoneminder, medium: the event's folder, by link()" { layout zoneminder-medium; }
@test "zoneminder, deep: the event's folder, by link()" { layout zoneminder-deep; }
@test "zoneminder, shallow: the event's folder, by link()" { layout zoneminder-shallow; }
@test "shinobi" { layout shinobi; }
@test "motioneye: thumbnails" { layout motioneye; }
@test "viseron: init.mp4 rewritten in place" { layout viseron; }
@test "kerberos: renamed after close" { layout kerberos; }
@test "sentryshot: four files, the last one ends it" { layout sentryshot; }
@test "os-nvr: four files, the last one ends it" { layout os-nvr; }
@test "bluecherry: a picture beside" { layout bluecherry; }
@test "lightnvr" { layout lightnvr; }
@test "opennvr" { layout opennvr; }
@test "ex-nvr: runs renamed later" { layout ex-nvr; }

@test "all of them: the hold is whole, the log verifies, no child was lost" {
	jq -e '.hold.id' "$WORLD/hold.json"
	ctl log verify
	[ -z "$(entries child-lost)" ]
	! grep -E "Sanitizer|panic|assert" "$WORLD/daemon.log"
}
