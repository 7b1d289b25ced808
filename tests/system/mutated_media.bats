#!/usr/bin/env bats
# The prober, in its sandbox, on real media with changed bytes: it survives, or is replaced, and
# nothing else notices. MUTATIONS says how many files.
load world

setup() { world_open; world_root cam custom 'patterns = ( "%{camera}/%Y%m%d-%H%M%S-%{number}.{mp4,mkv,ts}" ); kind = "video"; timezone = "UTC";'; }
teardown() { world_close; }

@test "mutated media are read or called unreadable, in the sandbox, and all are still indexed and kept" {
	EXTRA='probe = "decode";'
	local folder=$WORLD/cam/gate count=${MUTATIONS:-120}
	mkdir -p "$folder"
	ffmpeg -nostdin -v error -i "$CLIP" -c copy "$BATS_TEST_TMPDIR/clip.mkv"
	ffmpeg -nostdin -v error -i "$CLIP" -c copy "$BATS_TEST_TMPDIR/clip.ts"
	ffmpeg -nostdin -v error -i "$CLIP" -c copy -movflags frag_keyframe+empty_moov -f mp4 "$BATS_TEST_TMPDIR/clip.frag.mp4"
	python3 - "$folder" "$count" "$CLIP" "$BATS_TEST_TMPDIR/clip.frag.mp4" "$BATS_TEST_TMPDIR/clip.mkv" "$BATS_TEST_TMPDIR/clip.ts" <<'PY'
import os, random, sys, time
folder, count, clips = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
random.seed(20261124)
now = int(time.time()) - 7200
for i in range(count):
    source = clips[i % len(clips)]
    data = bytearray(open(source, "rb").read())
    for _ in range(random.choice((1, 4, 40, 400))):
        data[random.randrange(len(data)) if random.random() < 0.5 else random.randrange(min(4096, len(data)))] = random.randrange(256)
    if random.random() < 0.2:
        del data[random.randrange(len(data)):]
    start = now + i * 10
    name = time.strftime("%Y%m%d-%H%M%S", time.gmtime(start)) + "-%d.%s" % (i, source.rsplit(".", 1)[1])
    path = os.path.join(folder, name)
    open(path, "wb").write(data)
    os.utime(path, (start + 10, start + 10))
PY
	world_start
	keeper=$(child_pid keeper)
	until_true 20 root_online cam
	until_true 60 eval '[ "$(ctl status --json | jq .media.waiting)" = 0 ]'
	[ "$(child_pid keeper)" = "$keeper" ]
	[ "$(ctl status --json | jq '.cameras[0].segments')" = "$count" ]
	[ "$(find "$folder" -type f | wc -l)" = "$count" ]
	run ctl log search --action child-lost --output ndjson
	[[ "$output" != *'"keeper"'* && "$output" != *'"watcher"'* ]]
	world_stop
}
