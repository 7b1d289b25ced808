#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares what retentiond says and did with the truth.

  check.py index FOLDER [LAYOUT [gone…]] each segment is in the index once, with camera, start and end
  check.py tree FOLDER LAYOUT [gone…]   the files that are there are exactly those that should be; segments
                                        with one of the fates `gone` (default: overdue) should not be
  check.py log FOLDER LAYOUT [gone…]    tombstones for exactly those segments, and nothing is called missing
  check.py deleted FOLDER [gone…]       no file with one of these fates is there (to wait for)

A line for each thing that is wrong; the exit status is 1 then. RETENTIONCTL is the program to ask.
"""
import datetime
import json
import os
import subprocess
import sys

FOREIGN = ("notes.txt", "recorder.db", "recorder.db-wal")


def truth_of(folder, layout=None):
    with open(os.path.join(folder, "truth.json"), encoding="ascii") as file:
        rows = [json.loads(line) for line in file]
    return [row for row in rows if layout in (None, row["layout"])]


def frame_of(folder):
    with open(os.path.join(folder, "parts", "facts"), encoding="ascii") as file:
        return float(file.read().split()[1])


def ask(*words):
    done = subprocess.run([os.environ["RETENTIONCTL"], *words], stdout=subprocess.PIPE, check=False)
    if done.returncode not in (0, 2):
        sys.exit(f"retentionctl {' '.join(words)}: exit status {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines()] if "ndjson" in words else json.loads(done.stdout)


def seconds_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def footage_of(cameras):
    words = ["footage", "list", "--at", "-50d..+1h", "--limit", "100000", "--output", "json"]
    for camera in sorted(cameras):
        words += ["--camera", camera]
    return ask(*words)["segments"]


def is_start(true, start):
    """Within a second of the truth, which was measured to within `slack`. Where no path says when it was, the media's
    claim may not make footage older than mtime does: `late`."""
    return -1.0 - true.get("slack", 0) <= start - true["start"] <= 1.0 + true.get("late", 0)


def row_wrong(row, true, frame):
    """What is wrong with one row of the index."""
    frame = true.get("frame", frame)
    if row["camera"] != true["camera"]:
        yield f"is of camera {row['camera']}"
    exact = "start_us" in row
    start = row["start_us"] / 1e6 if exact else seconds_of(row["start"])
    if not is_start(true, start):
        yield f"starts {start - true['start']:+.3f} s from the truth"
    # The clock's part of an error is in the start already where a name says whole seconds.
    length, true_length = row["milliseconds"] / 1000, true["end"] - true["start"]
    if abs(length - true_length) > frame + 0.001:
        yield f"ends {length - true_length:+.3f} s from the truth; a frame is {frame:.3f} s"
    # Bare samples are whole, but no demuxer can read them without what stands beside them.
    bare = true["path"].endswith(".mdat")
    if row["state"] != "finished" and not (bare and row["state"] == "unreadable"):
        yield f"is {row['state']}"
    if row["damage"] and not bare:
        yield f"is called {row['damage']}"


def index_wrong(folder, layout, away=()):
    truth = [true for true in truth_of(folder, layout) if true["fate"] not in ("replaced", "raced", *away)]
    frame = frame_of(folder)
    by_path = {}
    for row in footage_of({true["camera"] for true in truth}):
        by_path.setdefault((row["camera"].split("/")[0], row["path"]), []).append(row)
    if not truth:
        yield f"{layout}: nothing was written"
    for true in truth:
        rows = by_path.pop((true["layout"], true["path"]), [])
        if len(rows) != 1:
            yield f"{true['layout']}/{true['path']} ({true['fate']}): {len(rows)} rows in the index"
        for row in rows:
            for what in row_wrong(row, true, frame):
                yield f"{true['layout']}/{true['path']} ({true['fate']}): {what}"
    for root, path in by_path:
        yield f"{root}/{path}: in the index, and nobody recorded it"


def files_of(root):
    files, empty = set(), set()
    for folder, folders, names in os.walk(root):
        inside = os.path.relpath(folder, root)
        files.update(os.path.normpath(os.path.join(inside, name)) for name in names)
        files.update(os.path.normpath(os.path.join(inside, name)) for name in folders if os.path.islink(os.path.join(folder, name)))
        if not folders and not names:
            empty.add(inside)
    return files, empty


def expected_of(truth, gone):
    there = {path for true in truth if true["fate"] not in gone for path in true["members"] + true["shared"]}
    may = {path for true in truth for path in true["loose"]}
    return there, may


def tree_wrong(folder, layout, gone):
    truth = truth_of(folder, layout)
    files, empty = files_of(os.path.join(folder, layout))
    there, may = expected_of(truth, gone)
    known = {path for true in truth for path in true["members"] + true["shared"]}
    foreign = {path for path in files if os.path.basename(path) in FOREIGN}
    with open(os.path.join(folder, "foreign.json"), encoding="utf-8") as file:
        true_foreign = set(json.load(file)[layout])
    yield from (f"{path}: gone, and should be there" for path in sorted(there - files))
    yield from (f"{path}: there, and should be gone" for path in sorted((files & known) - there))
    yield from (f"{path}: a foreign file is gone" for path in sorted(true_foreign - foreign))
    yield from (f"{path}: came from nowhere" for path in sorted(files - known - foreign - may))
    # A camera's own folder may stay when all its footage is gone; what is named by a time may not.
    cameras = {true["camera"].split("/", 1)[1] for true in truth}
    stays = {os.path.join(top, camera) for camera in cameras for top in ("", "mp4", "segments", "gRoup1")} | {f"cam-{camera}" for camera in cameras}
    stays |= {f"ex_nvr/{camera}/hi_quality" for camera in cameras}
    yield from (f"{path}/: an empty folder was left" for path in sorted(empty) if path not in stays)


def foreign_note(folder):
    found = {}
    for layout in {true["layout"] for true in truth_of(folder)}:
        files, _ = files_of(os.path.join(folder, layout))
        found[layout] = sorted(path for path in files if os.path.basename(path) in FOREIGN)
    with open(os.path.join(folder, "foreign.json"), "w", encoding="utf-8") as file:
        json.dump(found, file)


def unrun(values):
    for value in values:
        if isinstance(value, list):
            yield from [value[0]] * value[1]
        else:
            yield value


def starts_of(segments):
    """The starts in an entry's list of segments, in µs; the format is in retention-log(5)."""
    unit = segments.get("unit_us", 0)
    starts = [segments["first_us"]]
    for step in unrun(segments.get("steps", [])):
        starts.append(starts[-1] + step * unit)
    return starts


def entries_of(action, layout):
    found = []
    for entry in ask("log", "search", "--action", action, "--output", "ndjson", "--limit", "100000"):
        camera = entry.get("camera") or ""
        if camera.split("/")[0] == layout:
            found += [(camera, start) for start in starts_of(entry["segments"])]
    return found


def entries_wrong(truth, told, word):
    """Each of the truth is told once, and nothing else is."""
    left = sorted(truth, key=lambda true: (true["camera"], true["start"]))
    for camera, start in sorted(told):
        found = next((true for true in left if true["camera"] == camera and is_start(true, start / 1e6)), None)
        if found is None:
            yield f"{word}: {camera} at {start / 1e6} is told, and that is not so"
        else:
            left.remove(found)
    yield from (f"{word}: {true['path']} of {true['camera']} is not told" for true in left)


def log_wrong(folder, layout, gone):
    truth = truth_of(folder, layout)
    deleted, missing = entries_of("delete", layout), entries_of("missing", layout)
    # What was overwritten while it fell due is told once, as the one or as the other.
    raced = [true for true in truth if true["fate"] == "raced"]
    by_us = [entry for entry in deleted if any(entry[0] == true["camera"] and is_start(true, entry[1] / 1e6) for true in raced)]
    overwritten = [true for true in truth if true["fate"] == "replaced"]
    yield from entries_wrong([true for true in truth if true["fate"] in gone], [entry for entry in deleted if entry not in by_us], "tombstone")
    yield from entries_wrong(overwritten + raced, missing + by_us, "missing")


def deleted_wrong(folder, gone):
    for true in truth_of(folder):
        if true["fate"] in gone and os.path.lexists(os.path.join(folder, true["layout"], true["path"])):
            yield f"{true['layout']}/{true['path']} is still there"


def main():
    verb, folder, *rest = sys.argv[1:]
    if verb == "foreign":
        foreign_note(folder)
        return
    gone = tuple(rest[1:] if verb in ("tree", "log") else rest) or ("overdue",)
    if verb == "index":
        wrong = index_wrong(folder, rest[0] if rest else None, rest[1:])
    elif verb == "tree":
        wrong = tree_wrong(folder, rest[0], gone)
    elif verb == "log":
        wrong = log_wrong(folder, rest[0], gone)
    elif verb == "deleted":
        wrong = deleted_wrong(folder, gone)
    else:
        sys.exit(__doc__)
    lines = list(wrong)
    print("\n".join(lines), end="\n" if lines else "")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
