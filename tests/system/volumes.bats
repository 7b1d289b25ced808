#!/usr/bin/env bats
# Disks come, go and are exchanged: what is not the known volume is offline, and then nothing is missing and nothing goes.
load world

setup() {
	need_root
	world_open
	INTERVAL=PT1S
}
teardown() { world_close; }

# One root on a disk of its own, the daemon not running.
disk_root() {
	disk_make disk "$@"
	disk_mount disk "$WORLD/disk"
	mkdir -p "$WORLD/disk/recordings"
	ROOTS="{ name = \"disk\"; path = \"$WORLD/disk/recordings\"; layout = \"frigate\"; mode = \"enforce\"; }"
}
old() { frigate "${1:-gate}" "$(($(days_ago 33) + ${2:-0}))" "$WORLD/disk/recordings"; }
young() { frigate "${1:-gate}" "$(($(days_ago 3) + ${2:-0}))" "$WORLD/disk/recordings"; }

on_filesystem() {
	disk_root "$1" "$2"
	local due kept uuid
	due=$(old) kept=$(young)
	uuid=$(blkid -s UUID -o value "$WORLD/disk.img")
	world_start
	until_true 20 root_is disk online
	[ "$(ctl status --json | jq -r '.roots[0].volume')" = "$uuid" ]
	[ "$(ctl status --json | jq -r '.roots[0].filesystem')" = "$1" ]
	until_true 20 gone "$due"
	[ -e "$kept" ]
	until_true 5 is_told delete 1
	world_stop
}

@test "a volume is known by its filesystem's UUID: ext4" { on_filesystem ext4 32; }
@test "a volume is known by its filesystem's UUID: xfs" { on_filesystem xfs 320; }
@test "a volume is known by its filesystem's UUID: btrfs" { on_filesystem btrfs 128; }

@test "an idle disk can be unmounted; while it is away nothing is missing, and it carries on when it comes back" {
	disk_root
	kept=$(young)
	world_start
	until_true 20 root_is disk online
	until_true 10 has_segments disk/gate 1
	until_true 20 disk_unmount "$WORLD/disk"
	until_true 20 root_is disk offline
	root_reason_has disk "not mounted"
	sleep 2
	[ "$(segments_of disk/gate)" = 1 ]
	no_entry missing
	has_entry root-offline
	run ctl status
	[[ "$output" == *offline* ]]
	# It comes back with footage that is due.
	disk_mount disk "$WORLD/disk"
	due=$(old)
	until_true 20 root_is disk online
	until_true 20 gone "$due"
	[ -e "$kept" ]
	no_entry missing
	world_stop
}

@test "a root that is not mounted at the start is offline, whatever lies below its mount point" {
	disk_root
	due=$(old)
	ROOTS=${ROOTS/enforce/observe}
	world_start
	until_true 20 has_segments disk/gate 1
	world_stop
	disk_unmount "$WORLD/disk"
	mkdir -p "$WORLD/disk/recordings"
	below=$(old yard)
	ROOTS=${ROOTS/observe/enforce}
	world_start
	until_true 20 root_is disk offline
	root_reason_has disk "not mounted"
	sleep 2
	[ -e "$below" ]
	no_entry missing
	no_entry delete
	rm -rf "$WORLD/disk/recordings"
	disk_mount disk "$WORLD/disk"
	until_true 20 root_is disk online
	until_true 20 gone "$due"
	world_stop
}

@test "another disk at the same place is offline until it is adopted; nothing on it goes, nothing is missing" {
	disk_root
	kept=$(young)
	world_start
	until_true 20 has_segments disk/gate 1
	until_true 20 disk_unmount "$WORLD/disk"
	disk_make other
	disk_mount other "$WORLD/disk"
	mkdir -p "$WORLD/disk/recordings"
	foreign=$(old yard)
	until_true 40 root_reason_has disk "another disk"
	root_reason_has disk "volume adopt"
	sleep 2
	[ -e "$foreign" ]
	no_entry missing
	no_entry delete
	# Another box's footage is observed only.
	ctl volume adopt disk --as other --yes
	until_true 20 root_is disk online
	until_true 20 has_segments disk/yard 1
	sleep 2
	[ -e "$foreign" ]
	run ctl volume adopt disk --as own --yes
	[ "$status" -eq 0 ]
	until_true 20 gone "$foreign"
	no_entry missing
	has_entry volume-adopted
	world_stop
}

@test "a root's folder that was made anew on the same disk is offline" {
	disk_root
	kept=$(young)
	world_start
	until_true 20 has_segments disk/gate 1
	world_stop
	mv "$WORLD/disk/recordings" "$WORLD/disk/before"
	mkdir "$WORLD/disk/recordings"
	foreign=$(old yard)
	world_start
	until_true 20 root_is disk offline
	root_reason_has disk "made anew"
	sleep 1
	[ -e "$foreign" ]
	no_entry missing
	# The right one is put back while it runs.
	rm -r "$WORLD/disk/recordings"
	mv "$WORLD/disk/before" "$WORLD/disk/recordings"
	until_true 40 root_is disk online
	[ -e "$kept" ]
	no_entry missing
	world_stop
}

@test "a read-only disk: what is due stays with its reason, and goes when it can be written" {
	disk_root
	due=$(old)
	mount -o remount,ro "$WORLD/disk"
	world_start
	until_true 20 root_is disk online
	until_true 20 is_explained "$due" failed
	[ -e "$due" ]
	run ctl footage explain "$due"
	[[ "$output" == *ead-only* ]]
	run ctl status
	[ "$status" -eq 2 ]
	run ctl status --json
	[ "$(echo "$output" | jq '.roots[0].read_only')" = true ]
	until_true 5 has_entry delete-failed
	no_entry delete
	world_stop
	mount -o remount,rw "$WORLD/disk"
	world_start
	until_true 20 gone "$due"
	until_true 5 is_told delete 1
	world_stop
}

@test "a full disk of recordings: deletion makes room" {
	disk_root ext4 16
	due=$(old)
	for second in 10 20 30; do young gate $second >/dev/null; done
	dd if=/dev/zero of="$WORLD/disk/recordings/filler" bs=64k 2>/dev/null || true
	[ "$(df --output=avail "$WORLD/disk" | tail -n 1)" -lt 100 ]
	world_start
	until_true 20 gone "$due"
	until_true 5 is_told delete 1
	[ -e "$WORLD/disk/recordings/filler" ]
	ctl log verify
	world_stop
}

@test "a full state disk: nothing is deleted, the daemon says so and stands, and goes on when there is room" {
	disk_make state ext4 24
	disk_mount state "$WORLD/state"
	rmdir "$WORLD/state/lost+found"
	world_root frigate frigate
	kept=$(frigate gate "$(days_ago 3)")
	world_start
	until_true 20 has_segments frigate/gate 1
	dd if=/dev/zero of="$WORLD/state/filler" bs=64k 2>/dev/null || true
	dd if=/dev/zero of="$WORLD/state/filler2" bs=512 2>/dev/null || true
	due=$(frigate gate "$(days_ago 33)")
	# The log has a reserve: what is due may still go, but what is gone is told, and the daemon answers.
	sleep 4
	ctl footage list --camera gate --at -5d..now --json >/dev/null
	if gone "$due"; then is_told delete 1; else is_explained "$due" log; fi
	# A hold that cannot be made durable is not acknowledged.
	day=$(date -u -d "@$(days_ago 3)" +%Y-%m-%d)
	run ctl hold place --camera gate --at "$day" --reason damage --case T-9 --json
	if [ "$status" -eq 0 ] || [ "$status" -eq 3 ]; then
		ctl hold list --json | jq -e '.holds | length == 1'
	else
		[[ "$output" == *"NOT placed"* ]]
	fi
	rm "$WORLD/state/filler" "$WORLD/state/filler2"
	until_true 40 gone "$due"
	until_true 10 is_told delete 1
	[ -e "$kept" ]
	ctl log verify
	world_stop
}

@test "what others delete while the state disk is full is told once, also over a stop" {
	disk_make state ext4 24
	disk_mount state "$WORLD/state"
	rmdir "$WORLD/state/lost+found"
	world_root frigate frigate
	victim=$(frigate gate "$(days_ago 3)")
	kept=$(frigate gate "$(days_ago 4)")
	world_start
	until_true 20 has_segments frigate/gate 2
	world_stop
	world_start
	until_true 20 root_is frigate online
	dd if=/dev/zero of="$WORLD/state/filler" bs=64k 2>/dev/null || true
	dd if=/dev/zero of="$WORLD/state/filler2" bs=512 2>/dev/null || true
	rm "$victim"
	sleep 4
	world_stop
	rm "$WORLD/state/filler" "$WORLD/state/filler2"
	world_start
	until_true 20 root_is frigate online
	until_true 10 is_told missing 1
	[ "$(segments_of frigate/gate)" = 1 ]
	[ -e "$kept" ]
	ctl log verify
	world_stop
}

@test "a mount point inside a root is not entered" {
	disk_root
	due=$(old)
	disk_make inner
	day=$(date -u -d "@$(days_ago 33)" +%Y-%m-%d)
	mkdir -p "$WORLD/disk/recordings/$day/23"
	disk_mount inner "$WORLD/disk/recordings/$day/23"
	mkdir -p "$WORLD/disk/recordings/$day/23/gate"
	inside=$WORLD/disk/recordings/$day/23/gate/10.10.mp4
	cp "$CLIP" "$inside"
	touch -d "33 days ago" "$inside"
	world_start
	until_true 20 gone "$due"
	sleep 2
	[ -e "$inside" ]
	[ "$(ctl camera list --json | jq '[.cameras[].segments] | add')" = 0 ]
	is_told delete 1
	no_entry missing
	world_stop
}
