#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs real recorders for a few seconds each, all at once, and says what they recorded.

  record.py history FOLDER   ffmpeg, motion and splitmuxsink under libfaketime, 40, 35 and 29 days ago
  record.py live FOLDER      the same recorders now; one of them goes on in a ring of old slots
  record.py race FOLDER      the same in another ring, to be run while its old slots fall due

The truth goes to FOLDER/truth.json as writer.py has it. It does not come from names: a recording began
when the kernel made its file (or, where a slot is used again, when the first byte came), the next ones
follow by the lengths that the recorder's own list or ffprobe gives. FOLDER/parts/long.mp4 is the camera.
"""
import glob
import json
import os
import signal
import subprocess
import sys
import time

DAY = 86400
SECONDS = 6
FRAME = 0.08
SLACK = 0.25 # a recorder takes the time for a name a moment before the kernel makes the file
MOTION = """target_dir {folder}
netcam_url file://{camera}
width 160
height 96
framerate 12
emulate_motion on
event_gap 1
movie_codec mkv
movie_max_time 2
movie_filename %v-%Y%m%d%H%M%S
picture_output first
picture_filename %v-%Y%m%d%H%M%S-%q
webcontrol_port 0
stream_port 0
log_level 5
"""


def ffprobe(path, *what):
    return subprocess.run(["ffprobe", "-v", "error", *what, path], stdout=subprocess.PIPE, check=True, text=True).stdout.split()


def media_length(path):
    """Seconds. A recorder that is ended on a busy machine may leave no length in its last file: the frames tell it."""
    told = ffprobe(path, "-show_entries", "format=duration", "-of", "default=nk=1:nw=1")
    if told and told[0] != "N/A":
        return float(told[0])
    times = [float(line) for line in ffprobe(path, "-select_streams", "v", "-show_entries", "packet=pts_time", "-of", "default=nk=1:nw=1")
             if line != "N/A"]
    return max(times) - min(times) + FRAME if times else 0.0


class Run:
    """One recorder at work in one folder."""

    def __init__(self, world, root, camera, kind, days, fate, seconds=SECONDS):
        self.world, self.root, self.camera, self.kind, self.days, self.fate = world, root, camera, kind, days, fate
        self.seconds = seconds
        self.folder = os.path.join(world, root, camera)
        # Under a false clock others record in the same folder on other days.
        self.dates = {time.strftime("%Y%m%d", time.gmtime(time.time() - days * DAY + more)) for more in range(-DAY, 2 * DAY, DAY)}
        self.name = f"{root}-{camera or root}-{kind}-{days}"
        os.makedirs(self.folder, exist_ok=True)
        self.before = self.look()
        self.list = os.path.join(world, self.name + ".csv")
        self.first_byte = None
        environment = dict(os.environ, TZ="Europe/Brussels")
        if days:
            fake = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")[0]
            environment.update(LD_PRELOAD=fake, FAKETIME=f"-{days}d", DONT_FAKE_MONOTONIC="1")
        with open(os.path.join(world, self.name + ".out"), "wb") as out:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen(self.command(), env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.end = time.monotonic() + 30 # what does not begin; motion takes its time to connect

    def command(self):
        camera = os.path.join(self.world, "parts", "long.mp4")
        if self.kind == "motion":
            file = os.path.join(self.world, self.name + ".conf")
            with open(file, "w", encoding="utf-8") as out:
                out.write(MOTION.format(folder=self.folder, camera=camera))
            return ["motion", "-n", "-c", file]
        if self.kind == "splitmuxsink":
            return ["gst-launch-1.0", "-q", "-e", "filesrc", f"location={camera}", "!", "qtdemux", "!", "h264parse", "!",
                    "identity", "sync=true", f"eos-after={int(self.seconds / FRAME) + 1}", "!", "splitmuxsink",
                    f"location={self.folder}/video%05d.mp4", "max-size-time=2000000000"]
        options, name = {
            "mp4": ((), "%Y-%m-%d_%H-%M-%S.mp4"),
            "fragmented": (("-segment_format_options", "movflags=+frag_keyframe+empty_moov"), "%Y%m%dT%H%M%S.mp4"),
            "mpegts": (("-segment_format", "mpegts"), "%Y-%m-%d_%H-%M-%S.ts"),
            "ring": (("-segment_format", "mpegts", "-segment_wrap", "4"), "out%03d.ts"),
        }[self.kind]
        return ["ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", camera, "-t", str(self.seconds), "-c", "copy",
                "-f", "segment", "-segment_time", "2", "-reset_timestamps", "1", "-strftime", "0" if self.kind == "ring" else "1",
                "-segment_list", self.list, "-segment_list_type", "csv", *options, os.path.join(self.folder, name)]

    def look(self):
        """Name, size and mtime of what is in the folder; its own footage only."""
        found = {}
        with os.scandir(self.folder) as entries:
            for entry in entries:
                mine = self.kind != "motion" or any(f"-{date}" in entry.name for date in self.dates)
                if mine and entry.is_file() and not entry.name.startswith(("notes", "recorder")):
                    facts = entry.stat()
                    found[entry.name] = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
        return found

    def step(self):
        """Looks for the first byte; ends what does not end by itself. True when it is done."""
        if self.first_byte is None and self.look() != self.before:
            self.first_byte = time.time()
            self.end = time.monotonic() + (self.seconds if self.kind == "motion" else 60)
        if self.process.poll() is not None:
            return True
        if time.monotonic() > self.end:
            self.process.send_signal(signal.SIGINT)
            self.end += 10
        return False

    def births(self, names):
        lines = subprocess.run(["stat", "-c", "%.W", *(os.path.join(self.folder, name) for name in names)],
                               stdout=subprocess.PIPE, check=True).stdout.split()
        return dict(zip(names, map(float, lines)))

    def lengths(self, names):
        """In the order of recording: name, length in seconds. Slots may come more than once."""
        if os.path.exists(self.list):
            with open(self.list, encoding="ascii") as file:
                rows = [line.strip().split(",") for line in file]
            return [(os.path.basename(name), float(to) - float(start)) for name, start, to in rows]
        births = self.births(names)
        return [(name, media_length(os.path.join(self.folder, name))) for name in sorted(names, key=births.get)]

    def recorded(self):
        """[name, start, seconds], the kernel's clock."""
        now = self.look()
        names = [name for name, facts in now.items() if self.before.get(name) != facts]
        if not names:
            sys.exit(f"{self.name}: nothing was recorded")
        stills = [name for name in names if name.endswith(".jpg")]
        names = [name for name in names if not name.endswith(".jpg")]
        births = self.births(names + stills)
        found, at = [], None
        for name, length in self.lengths(names):
            if self.kind == "motion":
                at = births[name]
            elif at is None:
                at = self.first_byte if name in self.before else births[name]
            found.append((name, at, length))
            at += length
        return found + [(name, births[name], 0.0) for name in stills]


def age(run, found):
    """What was recorded under a false clock gets that clock's file times, too."""
    for name in {name for name, _, _ in found}:
        path = os.path.join(run.folder, name)
        mtime = os.stat(path).st_mtime_ns - run.days * DAY * 10**9
        os.utime(path, ns=(mtime, mtime))


def tell(world, run):
    truth = os.path.join(world, "truth.json")
    rows = []
    if os.path.exists(truth):
        with open(truth, encoding="ascii") as file:
            rows = [json.loads(line) for line in file]
    found = run.recorded()
    age(run, found)
    for name, start, length in found:
        path = os.path.join(run.camera, name)
        for row in rows:
            if row["layout"] == run.root and row["path"] == path:
                # In the race it may have been deleted before its slot came round.
                row["fate"] = "raced" if run.camera == "racing" and row["fate"] == "overdue" else "replaced"
        start -= run.days * DAY
        rows.append({"layout": run.root, "camera": f"{run.root}/{run.camera or run.root}", "path": path, "start": start, "end": start + length,
                     "slack": SLACK, "late": length if run.days and run.root in ("ring", "splitmuxsink") else 0, "fate": run.fate, "frame": 1.0 if name.endswith(".jpg") else FRAME, "members": [path], "shared": [], "loose": []})
    with open(truth, "w", encoding="ascii") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def plan(verb, world):
    """Starts the recorders, one by one as they are asked for."""
    if verb == "race":
        yield Run(world, "ring", "racing", "ring", 0, "live", 12)
        return
    if verb == "live":
        yield Run(world, "ring", "reused", "ring", 0, "live", 12)
        ages = ((0, "live"),)
    else:
        for camera in ("reused", "racing", "old"):
            yield Run(world, "ring", camera, "ring", 40, "overdue", 8)
        yield Run(world, "ring", "held", "ring", 35, "held")
        yield Run(world, "ring", "young", "ring", 29, "young")
        ages = ((40, "overdue"), (35, "held"), (29, "young"))
    for days, fate in ages:
        for camera in ("mp4", "fragmented", "mpegts"):
            yield Run(world, "ffmpeg", camera, camera, days, fate)
        yield Run(world, "motion", "", "motion", days, fate)
        # Its counter begins at 0 each time: a folder for each.
        yield Run(world, "splitmuxsink", fate, "splitmuxsink", days, fate)


def main():
    verb, world = sys.argv[1], sys.argv[2]
    runs = []
    for run in plan(verb, world):
        runs.append(run) # one after the other, so that not all of them load their libraries at once
        until = time.monotonic() + 0.15
        while time.monotonic() < until:
            for other in runs:
                other.step()
            time.sleep(0.02)
    while not all([run.step() for run in runs]):
        time.sleep(0.02)
    for run in runs:
        tell(world, run)


if __name__ == "__main__":
    main()
