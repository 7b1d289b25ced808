#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""hold_race.py SOCKET FOLDER CAMERA START COUNT STEP HOLDS: places holds while a pass deletes.

After each answer what is there of the held footage is noted, in doubt or not; at the end all of it must be there, but
for as many as the answers said are in doubt. Prints how much was noted and how much was in doubt.
"""
import json
import os
import socket
import sys
import time

path, root, camera = sys.argv[1:4]
start, count, step, holds = (int(argument) for argument in sys.argv[4:8])


def file_of(number):
    began = start + number * step
    return os.path.join(root, time.strftime("%Y-%m-%d/%H", time.gmtime(began)), camera,
                        time.strftime("%M.%S.mp4", time.gmtime(began)))


def instant(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
    control.connect(path)
    stream = control.makefile("rwb")
    end = time.monotonic() + 20
    while os.path.exists(file_of(0)):  # until the pass runs
        if time.monotonic() > end:
            sys.exit("no pass began")
        time.sleep(0.0005)
    kept, doubt = [], 0
    for hold in range(holds):
        # From the end towards the middle, so that there is always something left to hold.
        number = count - 1 - hold * (count // (2 * holds))
        span = {"from": instant(start + number * step + 1), "to": instant(start + number * step + 2)}
        request = {"jsonrpc": "2.0", "id": hold, "method": "hold.place",
                   "params": {"camera": [camera], **span, "reason": "damage", "case": "RACE-%d" % hold}}
        stream.write(json.dumps(request).encode() + b"\n")
        stream.flush()
        answer = json.loads(stream.readline())
        if "result" not in answer:
            sys.exit(json.dumps(answer))
        doubt += answer["result"]["in_doubt"]
        kept += [name for name in map(file_of, range(number - 1, number + 2)) if name == file_of(number) and os.path.exists(name)]
time.sleep(2)
lost = [name for name in kept if not os.path.exists(name)]
print(f"{len(kept)} noted, {doubt} in doubt, {len(lost)} lost")
sys.exit(0 if len(lost) <= doubt and len(kept) > 0 else 1)
