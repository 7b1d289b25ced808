#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Validates every entry of a log against config/retention-log.schema.json: log_schema.py LOG SCHEMA. Prints the actions."""
import collections
import json
import pathlib
import sys

import jsonschema


def bundles(log):
    """Of each bundle the widest file, in order."""
    folder = log / "tile" / "entries"
    widest = {}
    for path in folder.rglob("*"):
        if path.is_file():
            partial = path.parent.name.endswith(".p")
            name = str((path.parent if partial else path).relative_to(folder)).removesuffix(".p")
            number = int(name.replace("x", "").replace("/", ""))
            width = int(path.name) if partial else 256
            if width > widest.get(number, (0, None))[0]:
                widest[number] = (width, path)
    return sorted((number * 256, path) for number, (_, path) in widest.items())


def entries(log):
    for index, path in bundles(log):
        data = path.read_bytes()
        while data:
            length = int.from_bytes(data[:2], "big")
            yield index, data[2 : 2 + length]
            data = data[2 + length :]
            index += 1


def whole(text):
    raise ValueError(f"{text} is no integer")


log, schema = pathlib.Path(sys.argv[1]), json.load(open(sys.argv[2]))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
seen = collections.Counter()
bad = 0
for index, line in entries(log):
    entry = json.loads(line, parse_float=whole)
    seen[entry["event"]["action"]] += 1
    if len(line) > 8192 or b"\n" in line or entry["event"]["sequence"] != index:
        print(f"entry {index}: too long, or out of its place")
        bad += 1
    for error in validator.iter_errors(entry):
        print(f"entry {index}: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")
        bad += 1
print(" ".join(f"{action}={count}" for action, count in sorted(seen.items())))
sys.exit(bad != 0)
