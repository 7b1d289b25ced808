#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes trees of footage with each recorder's own sequence of system calls, and says what the truth is.

  writer.py history FOLDER   five weeks of recordings below FOLDER/<layout>, file times set back
  writer.py live FOLDER      one segment for each of two cameras of each layout, written as it happens

FOLDER/parts has what the recordings are made of (recorders.bash makes them). The truth is appended to
FOLDER/truth.json, one object a line: layout, camera, path, start, end, fate, and members: all files
that live and die with the segment.
"""
import datetime
import json
import math
import os
import struct
import sys
import time
import zoneinfo

UTC = datetime.timezone.utc
BRUSSELS = zoneinfo.ZoneInfo("Europe/Brussels")
DAY = 86400
# fate, days ago, which of the cameras
HISTORY = (
    ("overdue", 40, 0), ("overdue", 33, 0), ("overdue", 31, 0),
    ("held", 35, 0),
    ("overdue", 35, 1),      # the same time, a camera that the hold does not name
    ("overdue", 36, 2),      # a camera that loses all it has
    ("young", 29, 0), ("young", 29, 1),
)
FOREIGN = ("notes.txt", "recorder.db", "recorder.db-wal")


class Parts:
    """The bytes of one recording in each container."""

    def __init__(self, folder):
        for name in ("mp4", "frag.mp4", "ts", "mkv", "m4s", "init.mp4", "jpg"):
            with open(os.path.join(folder, "clip." + name), "rb") as file:
                setattr(self, name.replace(".", "_"), file.read())
        # SentryShot and OS-NVR keep the bare samples, as they stand in an mp4's mdat box.
        box = self.mp4.index(b"mdat")
        self.mdat = self.mp4[box + 4:box - 4 + int.from_bytes(self.mp4[box - 4:box], "big")]
        with open(os.path.join(folder, "facts"), encoding="ascii") as file:
            self.seconds, self.frame = (float(word) for word in file.read().split())


class Segment:
    """What a recorder does for one segment: before it records, while, and after."""

    def __init__(self, media, written, final=None):
        self.media = media          # the bytes that arrive while the camera records
        self.written = written      # where they go
        self.final = final or written
        self.before = []            # system calls before the first byte
        self.after = []             # … after the last
        self.members = [self.final]
        self.shared = []            # used by the camera's other segments too
        self.loose = []             # beside it, but no part of it

    def beside(self, path, data, late=True):
        (self.after if late else self.before).append(("file", path, data))
        self.members.append(path)
        return self


# ---- one function a recorder: camera, start in epoch seconds, event number, parts -> Segment ----

def clock(zone):
    return lambda start, form: datetime.datetime.fromtimestamp(start, zone).strftime(form)


utc, local = clock(UTC), clock(BRUSSELS)


def frigate(camera, start, event, parts):
    # ffmpeg fills a cache outside the root; the maintainer has it remuxed to the final name and drops it.
    final = utc(start, f"%Y-%m-%d/%H/{camera}/%M.%S.mp4")
    cache = utc(start, f"../frigate-cache/{camera}@%Y%m%d%H%M%S+0000.mp4")
    segment = Segment(parts.mp4, cache, final)
    segment.after = [("file", final, parts.mp4), ("unlink", cache)]
    return segment


def mediamtx(camera, start, event, parts):
    # camera 1 records mpegts, the others fragmented mp4, which grows fragment by fragment.
    suffix, media = ("ts", parts.ts) if camera == "yard" else ("mp4", parts.frag_mp4)
    return Segment(media, local(start, f"{camera}/%Y-%m-%d_%H-%M-%S-%f.{suffix}"))


def zoneminder(folder_of):
    def recipe(camera, start, event, parts):
        # incomplete.mp4 is filled, its final name appears by link(), then the first name goes.
        folder = folder_of(camera, start, event)
        segment = Segment(parts.mp4, f"{folder}/incomplete.mp4", f"{folder}/{event}-video.h264.mp4")
        segment.beside(f"{folder}/00001-capture.jpg", parts.jpg, late=False)
        segment.beside(f"{folder}/snapshot.jpg", parts.jpg, late=False)
        segment.beside(f"{folder}/alarm.jpg", parts.jpg)
        segment.after += [("file", f"{folder}/snapshot.jpg", parts.jpg),
                          ("link", segment.written, segment.final), ("unlink", segment.written)]
        return segment
    return recipe


def zoneminder_deep(camera, start, event, parts):
    segment = zoneminder(lambda c, s, e: local(s, f"{c}/%y/%m/%d/%H/%M/%S"))(camera, start, event, parts)
    link = local(start, f"{camera}/%y/%m/%d/.{event}")
    segment.before.append(("symlink", local(start, "%H/%M/%S"), link))
    segment.loose.append(link)
    return segment


def shinobi(camera, start, event, parts):
    return Segment(parts.mp4, local(start, f"gRoup1/{camera}/%Y-%m-%dT%H-%M-%S.mp4"))


def motioneye(camera, start, event, parts):
    # motion closes the movie, then motionEye makes the thumbnail.
    path = local(start, f"{camera}/%Y-%m-%d/%H-%M-%S.mp4")
    return Segment(parts.mp4, path).beside(path + ".thumb", parts.jpg)


def viseron(camera, start, event, parts):
    # Each start of the recording rewrites init.mp4 in place.
    init = f"segments/{camera}/init.mp4"
    segment = Segment(parts.m4s, f"segments/{camera}/{int(start)}.m4s")
    segment.before.append(("file", init, parts.init_mp4))
    segment.shared.append(init)
    return segment


def kerberos(camera, start, event, parts):
    head = f"{int(start)}_6-967003_{camera}_200-200-400-400"
    segment = Segment(parts.frag_mp4, f"{head}_0_769_.mp4", f"{head}_24_{int(parts.seconds * 1000)}.mp4")
    segment.after.append(("rename", segment.written, segment.final))
    return segment


def split(camera, start, event, parts):
    # .meta and .mdat grow side by side, then the picture, and .json last: it says that the rest is whole.
    stem = utc(start, f"%Y/%m/%d/{camera}/%Y-%m-%d_%H-%M-%S_{camera}")
    segment = Segment(parts.mdat, f"{stem}.mdat")
    samples = 20
    meta = struct.pack(">BqI", 0, int(start * 1e9), samples)
    meta += b"".join(struct.pack(">qI", int((start + i * parts.frame) * 1e9), 0) for i in range(samples))
    segment.beside(f"{stem}.meta", meta, late=False)
    segment.beside(f"{stem}.jpeg", parts.jpg)
    about = {"start": utc(start, "%Y-%m-%dT%H:%M:%S.%fZ"), "end": utc(start + parts.seconds, "%Y-%m-%dT%H:%M:%S.%fZ"), "events": []}
    return segment.beside(f"{stem}.json", json.dumps(about).encode())


def bluecherry(camera, start, event, parts):
    path = local(start, f"%Y/%m/%d/{camera}/%H-%M-%S.mp4")
    return Segment(parts.mp4, path).beside(path[:-4] + ".jpg", parts.jpg, late=False)


def lightnvr(camera, start, event, parts):
    return Segment(parts.mp4, local(start, f"mp4/{camera}/%Y/%m/%d/recording_%Y%m%d_%H%M%S.mp4"))


def opennvr(camera, start, event, parts):
    return Segment(parts.mp4, local(start, f"cam-{camera}/%Y-%m-%d/%H/%M-%S-%f.mp4"))


def ex_nvr(camera, start, event, parts):
    # A run is renamed after it was closed, when its first frame's time is known better: here by 40 ms.
    folder = utc(start, f"ex_nvr/{camera}/hi_quality/%Y/%m/%d/%H")
    microseconds = int(start * 1e6)
    segment = Segment(parts.mp4, f"{folder}/{microseconds + 40000}.mp4", f"{folder}/{microseconds}.mp4")
    segment.after.append(("rename", segment.written, segment.final))
    return segment


WORDS = ("gate", "yard", "attic")
NUMBERS = ("1", "2", "3")
# layout: recipe, cameras, fraction of a second that names can say, how long after the last frame the file is closed.
# Where only mtime tells the end, it is closed at once.
LAYOUTS = {
    "frigate": (frigate, WORDS, 0, 0.4),
    "mediamtx": (mediamtx, WORDS, 0.25, 0.3),
    "zoneminder-medium": (zoneminder(lambda c, s, e: local(s, f"{c}/%Y-%m-%d/{e}")), NUMBERS, 0, 0),
    "zoneminder-deep": (zoneminder_deep, NUMBERS, 0, 0.3),
    "zoneminder-shallow": (zoneminder(lambda c, s, e: f"{c}/{e}"), NUMBERS, 0, 0),
    "shinobi": (shinobi, WORDS, 0, 0.3),
    "motioneye": (motioneye, WORDS, 0, 0.3),
    "viseron": (viseron, WORDS, 0, 0),
    "kerberos": (kerberos, WORDS, 0, 0.3),
    "sentryshot": (split, WORDS, 0, 0),
    "os-nvr": (split, WORDS, 0, 0),
    "bluecherry": (bluecherry, ("000001", "000002", "000003"), 0, 0.3),
    "lightnvr": (lightnvr, WORDS, 0, 0.3),
    "opennvr": (opennvr, NUMBERS, 0.25, 0.3),
    "ex-nvr": (ex_nvr, WORDS, 0.25, 0.3),
}
UNTIMED = ("zoneminder-medium", "zoneminder-shallow")


# ---- system calls ----

def create(path, flags=os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return os.open(path, flags, 0o644)


def put(fd, data):
    while data:
        data = data[os.write(fd, data):]


def call(root, operation):
    name, first, *rest = operation
    path = os.path.join(root, first)
    if name == "file":
        fd = create(path)
        put(fd, rest[0])
        os.close(fd)
    elif name == "rename":
        os.rename(path, os.path.join(root, rest[0]))
    elif name == "link":
        os.link(path, os.path.join(root, rest[0]))
    elif name == "symlink":
        os.makedirs(os.path.dirname(os.path.join(root, rest[0])), exist_ok=True)
        os.symlink(first, os.path.join(root, rest[0]))
    elif name == "unlink":
        os.unlink(path)
    else:
        raise ValueError(name)


def tell(truth, layout, camera, start, seconds, fate, segment):
    # A copy's birth is today's, so of old footage without a time in its path only mtime tells when it was.
    late = seconds if layout in UNTIMED and fate != "live" else 0
    truth.write(json.dumps({
        "layout": layout, "camera": f"{layout}/{camera}", "path": segment.final, "start": start, "end": start + seconds,
        "late": late, "fate": fate, "members": segment.members, "shared": segment.shared, "loose": segment.loose}) + "\n")


def write_history(folder, truth, parts):
    now = int(time.time())
    for layout, (recipe, cameras, fraction, lag) in LAYOUTS.items():
        root = os.path.join(folder, layout)
        event = 100
        for fate, days, number in HISTORY:
            # Two in a row each time, an hour and some ago, so that a day's end is never near.
            for nth in range(2):
                event += 1
                start = now - days * DAY - 5000 + nth * math.ceil(parts.seconds) + fraction
                segment = recipe(cameras[number], start, event, parts)
                for operation in segment.before:
                    call(root, operation)
                fd = create(os.path.join(root, segment.written))
                put(fd, segment.media)
                os.close(fd)
                for operation in segment.after:
                    call(root, operation)
                closed = int((start + parts.seconds + lag) * 1e9)
                for path in segment.members + segment.shared:
                    os.utime(os.path.join(root, path), ns=(closed, closed))
                tell(truth, layout, cameras[number], start, parts.seconds, fate, segment)
        for name in FOREIGN:
            call(root, ("file", name, b"not footage\n"))
        if not layout.startswith("zoneminder"):
            # Beside footage that goes, too: its folder must stay then. ZoneMinder's folder goes whole.
            start = now - 31 * DAY - 5000 + fraction
            beside = os.path.dirname(recipe(cameras[0], start, 0, parts).final)
            call(root, ("file", os.path.join(beside, "notes.txt"), b"not footage\n"))


def write_live(folder, truth, parts):
    """All recorders at once, from a whole second on, a tenth of a segment at a time."""
    start = int(time.time()) + 1
    recorders = []
    time.sleep(max(0, start - time.time()))
    for layout, (recipe, cameras, _, _) in LAYOUTS.items():
        root = os.path.join(folder, layout)
        for number, camera in enumerate(cameras[:2]):
            segment = recipe(camera, start, 900 + number, parts)
            for operation in segment.before:
                call(root, operation)
            recorders.append((layout, camera, root, segment, create(os.path.join(root, segment.written))))
    steps = 10
    for step in range(steps):
        for _, _, _, segment, fd in recorders:
            size = len(segment.media)
            put(fd, segment.media[size * step // steps:size * (step + 1) // steps])
            if step == steps - 1:
                os.close(fd)
        if step < steps - 1:
            time.sleep(max(0, start + parts.seconds * (step + 1) / (steps - 1) - time.time()))
    for layout, camera, root, segment, _ in recorders:
        for operation in segment.after:
            call(root, operation)
        tell(truth, layout, camera, start, parts.seconds, "live", segment)


def main():
    verb, folder = sys.argv[1], sys.argv[2]
    parts = Parts(os.path.join(folder, "parts"))
    with open(os.path.join(folder, "truth.json"), "a", encoding="ascii") as truth:
        {"history": write_history, "live": write_live}[verb](folder, truth, parts)


if __name__ == "__main__":
    main()
