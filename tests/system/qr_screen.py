#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""qr_screen.py dark|light FILE: what a terminal shows of half blocks, as a picture (PBM), eight pixels a square.

dark: no colours are set, so ink is light on black. light: the colours that are set are black on white."""
import re
import sys

ink_is_dark = sys.argv[1] == "light"
with open(sys.argv[2], encoding="utf-8") as file:
    text = file.read().replace("\r", "")
if ink_is_dark:
    assert "\x1b[38;5;16;48;5;231m" in text, "no colours are set"
lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in text.split("\n")]
lines = [line for line in lines if line and set(line) <= set(" \u2580\u2584\u2588")]
width = max(len(line) for line in lines)
rows = []
for line in lines:
    line = line.ljust(width)
    for half in ("\u2580\u2588", "\u2584\u2588"):
        rows.append([(cell in half) == ink_is_dark for cell in line])
size = 8
print("P1")
print(width * size, len(rows) * size)
for row in rows:
    drawn = "".join(("1" if dark else "0") * size for dark in row)
    for _ in range(size):
        print(drawn)
