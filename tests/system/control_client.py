#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of the control socket that behave badly, and answers held against config/retention.openrpc.json.

  control_client.py errors SOCKET             lines that are no call, and what is answered
  control_client.py limits SOCKET             long lines, many clients, answers that nobody reads
  control_client.py answers SOCKET OPENRPC    each method that reads, its answer checked against its description
Prints what does not hold, and exits with 1.
"""
import json
import os
import socket
import sys
import time

problems = []


def expect(holds, what):
    if not holds:
        problems.append(what)


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(5)
        self.socket.connect(path)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else json.dumps(data).encode() + b"\n")

    def line(self):
        """The next line, or None at the end of the connection."""
        while b"\n" not in self.buffer:
            try:
                part = self.socket.recv(1 << 16)
            except ConnectionResetError:
                return None
            if not part:
                return None
            self.buffer += part
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def call(self, method, params=None, number=1):
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}})
        return self.line()

    def is_closed(self):
        while True:
            try:
                if not self.socket.recv(1 << 16):
                    return True
            except ConnectionResetError:
                return True
            except socket.timeout:
                return False


def quick(path, what):
    """The daemon answers another client meanwhile."""
    begun = time.monotonic()
    answer = Client(path).call("clock.status")
    took = time.monotonic() - begun
    expect(answer is not None and "result" in answer, f"{what}: another client gets no answer: {answer}")
    expect(took < 1, f"{what}: another client waits {took:.2f} s")


def errors(path):
    head = '{"jsonrpc": "2.0", "id": 7, '
    table = [
        (b"this is no JSON\n", -32700, None),
        (b"{\n", -32700, None),
        (b"\xff\xfe\n", -32700, None),
        (b"[" * 3000 + b"\n", -32700, None),
        (b"[]\n", -32600, None),
        (b'"text"\n', None, None),
        (b'{"jsonrpc": "1.0", "id": 7, "method": "status"}\n', -32600, None),
        (b'{"id": 7, "method": "status"}\n', -32600, None),
        ((head + '"method": 5}\n').encode(), -32600, None),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "status"}\n', -32600, None),
        ((head + '"method": "status", "params": 5}\n').encode(), -32602, 7),
        ((head + '"method": "no.such"}\n').encode(), -32601, 7),
        ((head + '"method": "' + "x" * 500 + '"}\n').encode(), None, None),
        ((head + '"method": "camera.show", "params": {}}\n').encode(), -32602, 7),
        ((head + '"method": "camera.show", "params": {"camera": 5}}\n').encode(), -32602, 7),
        ((head + '"method": "camera.show", "params": {"camera": "no such"}}\n').encode(), -32002, 7),
        ((head + '"method": "hold.place", "params": {"camera": "gate", "at": "yesterday", "reason": "because", "case": "1"}}\n').encode(), None, 7),
        ((head + '"method": "hold.show", "params": {"id": "H-1999-0001"}}\n').encode(), -32002, 7),
        ((head + '"method": "footage.list", "params": {"camera": "gate", "at": "when the moon is full"}}\n').encode(), -32602, 7),
    ]
    client = Client(path)
    for line, code, number in table:
        client.send(line)
        answer = client.line()
        if answer is None:
            problems.append(f"{line[:60]}: the connection ended")
            client = Client(path)
            continue
        error = answer.get("error", {})
        expect(answer.get("jsonrpc") == "2.0", f"{line[:60]}: no JSON-RPC: {answer}")
        expect(isinstance(error.get("message"), str) and error.get("data", {}).get("reason"), f"{line[:60]}: no message or reason: {answer}")
        expect(code is None or error.get("code") == code, f"{line[:60]}: {error.get('code')}, not {code}: {error}")
        expect(number is None or answer.get("id") == number, f"{line[:60]}: answered to {answer.get('id')}")
    # Several in one write come back in order; one in many writes is one.
    client = Client(path)
    client.send(b"".join(json.dumps({"jsonrpc": "2.0", "id": n, "method": "clock.status"}).encode() + b"\n" for n in range(40)))
    expect([client.line()["id"] for _ in range(40)] == list(range(40)), "forty calls in one write")
    for byte in b'{"jsonrpc": "2.0", "id": "a", "method": "clock.status"}\n':
        client.send(bytes([byte]))
    expect(client.line()["id"] == "a", "a call byte by byte")
    # Its writing side closed: it still gets its answer.
    client = Client(path)
    client.send({"jsonrpc": "2.0", "id": 3, "method": "status"})
    client.socket.shutdown(socket.SHUT_WR)
    expect((client.line() or {}).get("id") == 3, "a client that shut its writing side")
    quick(path, "after all the wrong lines")


def limits(path):
    # 64 KiB a line: the longest goes through, one byte more is refused and the connection ends.
    body = '{"jsonrpc": "2.0", "id": 1, "method": "clock.status", "params": {"x": "%s"}}'
    client = Client(path)
    client.send((body % ("y" * (65536 - len(body) + 2 - 1))).encode() + b"\n")
    expect(client.line() is not None, "a line of just under 64 KiB is not answered")
    client = Client(path)
    client.send(b"z" * 66000)
    answer = client.line()
    expect(answer is not None and answer["error"]["data"]["reason"] == "too_long", f"a line that is too long: {answer}")
    expect(client.is_closed(), "after a line that is too long the connection stays")
    quick(path, "after a long line")

    # Half a line keeps nobody waiting.
    half = Client(path)
    half.send(b'{"jsonrpc": "2.0", ')
    quick(path, "with half a line")
    half.socket.close()

    # 64 clients; the next is told so and closed; when one goes there is room.
    clients = []
    refused = None
    for _ in range(70):
        client = Client(path)
        client.socket.settimeout(0.05)
        try:
            refused = client.line()
            if refused is not None or client.is_closed():
                break
        except socket.timeout:
            client.socket.settimeout(5)
            clients.append(client)
    expect(len(clients) == 64, f"{len(clients)} clients are taken")
    expect(refused is not None and refused["error"]["data"]["reason"] == "too_many_clients", f"one too many: {refused}")
    expect(clients[0].call("clock.status") is not None, "one of 64 clients gets no answer")
    for client in clients:
        client.socket.close()
    time.sleep(0.3)
    quick(path, "after 64 clients")

    # Who never reads is cut off; nobody else waits for that.
    deaf = Client(path)
    deaf.socket.settimeout(1)
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "status"}).encode() + b"\n"
    begun = time.monotonic()
    cut = False
    while time.monotonic() - begun < 8 and not cut:
        try:
            deaf.send(line * 50)
        except socket.timeout:
            quick(path, "with a client that never reads")
        except OSError:
            cut = True
    quick(path, "after a client that never reads")
    # The daemon stops reading from it, or closes it: both bound what it keeps.
    # A client that goes in the middle of its answer.
    for _ in range(20):
        client = Client(path)
        client.send(line)
        client.socket.close()
    quick(path, "after clients that went away")


class Schema:
    def __init__(self, document):
        self.document = document

    TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}

    def is_type(self, value, name):
        if name == "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        if name == "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        return isinstance(value, self.TYPES[name])

    def check(self, schema, value, where):
        if "$ref" in schema:
            target = self.document
            for part in schema["$ref"].lstrip("#/").split("/"):
                target = target[part]
            self.check(target, value, where)
        if "const" in schema:
            expect(value == schema["const"], f"{where}: {value!r} is not {schema['const']!r}")
        if "enum" in schema:
            expect(value in schema["enum"], f"{where}: {value!r} is none of {schema['enum']}")
        if "type" in schema:
            names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            if not any(self.is_type(value, name) for name in names):
                problems.append(f"{where}: {value!r} is not {names}")
                return
        if isinstance(value, dict):
            for key in schema.get("required", []):
                expect(key in value, f"{where}: '{key}' is missing")
            for key, inner in schema.get("properties", {}).items():
                if key in value:
                    self.check(inner, value[key], f"{where}.{key}")
        if isinstance(value, list) and "items" in schema:
            for number, item in enumerate(value):
                self.check(schema["items"], item, f"{where}[{number}]")


def answers(path, openrpc):
    with open(openrpc) as file:
        document = json.load(file)
    schema = Schema(document)
    client = Client(path)
    first = client.call("hold.list")["result"]["holds"]
    camera = client.call("camera.list")["result"]["cameras"][0]["camera"]
    span = {"camera": camera, "at": "-40d..now"}
    listed = client.call("footage.list", span)["result"]["segments"]
    root = client.call("root.list")["result"]["roots"][0]
    calls = {
        "status": {}, "doctor": {}, "metrics": {}, "camera.list": {}, "camera.show": {"camera": camera}, "footage.list": span,
        "footage.gaps": span, "footage.explain": {"path": os.path.join(root["path"], listed[0]["path"])}, "deletion.plan": {},
        "deletion.status": {}, "deletion.resume": {"dry_run": True}, "hold.now": {"last": "PT1H", "camera": camera, "dry_run": True},
        "hold.preview": span, "hold.place": {**span, "reason": "damage", "case": "S-1"}, "hold.coverage": {"id": first[0]["id"]},
        "hold.list": {}, "hold.show": {"id": first[0]["id"]}, "hold.widen": {"id": first[0]["id"], "at": "-41d..now", "dry_run": True},
        "hold.review": {"id": first[0]["id"], "next": "+30d"}, "hold.release": {"id": first[0]["id"], "dry_run": True},
        "log.checkpoint": {}, "events.subscribe": {"events": ["log.entry"]}, "root.list": {}, "volume.list": {},
        "volume.adopt": {"root": root["root"], "as": "own", "dry_run": True}, "clock.status": {}, "clock.confirm": {"dry_run": True},
        "config.show": {}, "config.reload": {}, "rescan": {"dry_run": True}, "key.show": {}, "key.rotate": {"dry_run": True}, "witness.list": {}, "witness.test": {"url": "http://none.example"}, "log.open": {"purpose": "audit"},
        "log.find": {"actor": "root", "at": "-1d..now"}, "log.review": {"to": 0, "dry_run": True},
    }
    calls["report.open"] = {"kind": "retention", "at": "-40d..now"}
    calls["report.facts"] = {"report": Client(path).call("report.open", calls["report.open"])["result"]["report"]}
    for method in document["methods"]:
        name = method["name"]
        if name not in calls:
            problems.append(f"{name} is described and not tried here")
            continue
        fresh = Client(path)
        answer = fresh.call(name, calls[name])
        if name == "deletion.resume" and answer and answer.get("error", {}).get("data", {}).get("reason") == "not_paused":
            continue  # nothing to resume here
        if name == "witness.test" and answer and answer.get("error", {}).get("data", {}).get("reason") == "witness":
            continue  # there is no witness here
        if answer is None or "result" not in answer:
            problems.append(f"{name}: {answer}")
            continue
        schema.check(method["result"]["schema"], answer["result"], name)
        expect(answer["result"].get("schema") == 1, f"{name}: no schema number")


if __name__ == "__main__":
    {"errors": errors, "limits": limits, "answers": answers}[sys.argv[1]](*sys.argv[2:])
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
