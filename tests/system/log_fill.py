#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes entries in the log of a running daemon: COUNT readings of the log, each an entry of its own."""
import json
import socket
import sys

path, count = sys.argv[1], int(sys.argv[2])
with socket.socket(socket.AF_UNIX) as control:
    control.connect(path)
    answers = control.makefile("rb")
    for number in range(count):
        call = {"jsonrpc": "2.0", "id": number, "method": "log.open", "params": {"purpose": f"audit {number}"}}
        control.sendall(json.dumps(call).encode() + b"\n")
        answer = json.loads(answers.readline())
        if "error" in answer:
            sys.exit(answer["error"]["message"])
