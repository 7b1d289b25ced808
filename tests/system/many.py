#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""many.py ROOT CAMERA START COUNT STEP: COUNT small segments as Frigate names them, STEP seconds apart from START."""
import os
import sys
import time

root, camera = sys.argv[1:3]
start, count, step = (int(argument) for argument in sys.argv[3:6])
for number in range(count):
    began = start + number * step
    folder = os.path.join(root, time.strftime("%Y-%m-%d/%H", time.gmtime(began)), camera)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, time.strftime("%M.%S.mp4", time.gmtime(began)))
    hidden = path + ".part"
    with open(hidden, "wb") as file:
        file.write(b"footage %d\n" % began)
    os.utime(hidden, (began + step, began + step))
    os.rename(hidden, path)
