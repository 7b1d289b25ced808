#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes small media files of each container that prober knows, for probe_fuzz: probe_corpus.sh FOLDER
set -eu
rm -rf "$1" "$1.new"
mkdir -p "$1.new"
cd "$1.new"
run() { ffmpeg -nostdin -loglevel error -y "$@"; }
run -f lavfi -i testsrc2=size=160x120:rate=10:duration=2 -f lavfi -i sine=sample_rate=16000:duration=2 \
	-c:v libx264 -preset ultrafast -g 10 -c:a aac plain.mp4
run -i plain.mp4 -c copy -movflags frag_keyframe+empty_moov+default_base_moof fragmented.mp4
for name in a.ts a.mkv a.avi; do run -i plain.mp4 -c copy "$name"; done
run -i plain.mp4 -an -c copy a.flv
run -i plain.mp4 -an -c copy -f matroska -live 1 live.mkv
run -i plain.mp4 -an -c:v libvpx -deadline realtime -cpu-used 8 a.webm
for name in a.wav a.flac a.opus a.mp3 a.aac; do run -i plain.mp4 -vn -t 1 "$name"; done
for name in a.jpg a.png a.webp; do run -i plain.mp4 -frames:v 1 "$name"; done
cd - >/dev/null
mv "$1.new" "$1"
