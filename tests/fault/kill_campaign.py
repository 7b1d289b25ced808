#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The campaign behind kill.sh: a recorder's files, holds, and kill -9 of random processes, checked against the log.

The files are empty and older than the limit, so each is due at once; what the test knows of them (made, under which
acknowledged hold, taken away by the test itself) is compared with the folder, the holds and the audit log.
"""
import base64
import collections
import datetime
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

CAMERAS = ["gate", "yard", "hall", "dock"]
# No UTF-8: told apart in the log by its bytes; holds are placed on the others.
ODD_CAMERA = os.fsdecode(b"caf\xe9")
CHECK_EVERY = 25
FILES_A_ROUND = 150
# What the supervisor's back-off allows without waiting long: then the supervisor itself is killed instead.
FAILURES_IN_A_ROW = 3
WAIT_SECONDS = 40


class Failure(Exception):
    pass


class Connection:
    def __init__(self, path, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.buffer = b""
        self.number = 0

    def call(self, method, **params):
        self.number += 1
        request = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while b"\n" not in self.buffer:
            part = self.socket.recv(1 << 16)
            if not part:
                raise ConnectionError("closed")
            self.buffer += part
        line, self.buffer = self.buffer.split(b"\n", 1)
        answer = json.loads(line)
        if "error" in answer:
            raise Failure(f"{method}: {answer['error']}")
        return answer["result"]

    def close(self):
        self.socket.close()


class Daemon:
    def __init__(self, installed, world):
        self.installed, self.world = installed, world
        self.socket_path = f"{world}/run/control.sock"
        self.process = None
        self.failures = collections.Counter()

    def configure(self):
        for folder in ("state", "run", "frigate"):
            os.makedirs(f"{self.world}/{folder}")
        with open(f"{self.world}/retention.conf", "w") as file:
            file.write(f"""state_dir = "{self.world}/state";
run_dir = "{self.world}/run";
policy = {{ retention = "P30D"; legal_maximum = "P1M"; }};
roots = ( {{ name = "frigate"; path = "{self.world}/frigate"; layout = "frigate"; mode = "enforce"; allow_system_volume = true; }} );
clock = {{ require = "unverified"; }};
holds = {{ two_person = false; release_delay = "PT0S"; pre_roll = "PT0S"; post_roll = "PT0S"; }};
brake = {{ days = 366; minimum = 1000000; }};
expiry = {{ interval = "PT1S"; }};
log = {{ syslog = false; checkpoint = "PT5S"; }};
""")

    def start(self):
        users = ["--user", "nobody", "--probe-user", "nobody"] if os.getuid() == 0 else []
        log = open(f"{self.world}/daemon.log", "a")
        self.process = subprocess.Popen([f"{self.installed}/sbin/retentiond", "-f", "-c", f"{self.world}/retention.conf", *users],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        self.failures.clear()

    def stop(self):
        begun = time.monotonic()
        self.process.terminate()
        status = self.process.wait(10)
        if status != 0:
            raise Failure(f"a clean stop ended with status {status}")
        if time.monotonic() - begun > 2.5:
            raise Failure(f"a clean stop took {time.monotonic() - begun:.1f} s")

    def children(self):
        found = {}
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
                pids = [int(word) for word in file.read().split()]
        except OSError:
            return found
        for pid in pids:
            try:
                with open(f"/proc/{pid}/comm") as file:
                    found[file.read().strip()] = pid
            except OSError:
                pass
        return found

    def online(self):
        if self.process.poll() is not None:
            raise Failure(f"the supervisor ended by itself with status {self.process.returncode}")
        try:
            connection = Connection(self.socket_path, 5)
        except OSError:
            return False
        try:
            return connection.call("status")["roots"][0]["state"] == "online"
        except (OSError, ConnectionError):
            return False
        finally:
            connection.close()

    def wait(self, condition, what):
        end = time.monotonic() + WAIT_SECONDS
        while not condition():
            if time.monotonic() > end:
                raise Failure(f"gave up waiting until {what}")
            time.sleep(0.01)

    def wait_online(self):
        self.wait(self.online, "the root is online")


class Campaign:
    def __init__(self, installed, world, rounds, seed):
        self.rounds, self.seed = rounds, seed
        self.random = random.Random(seed)
        self.daemon = Daemon(installed, world)
        self.root = f"{world}/frigate"
        self.installed = installed
        self.lock = threading.Lock()
        now = int(time.time())
        self.first = now - now % 3600 - 60 * 86400
        self.made = {}             # (camera, start) -> path
        self.taken = set()         # removed by the test
        self.holds = {}            # id -> {camera, from, to, files}: acknowledged
        self.released = set()      # acknowledged
        self.uncertain = set()     # ids whose release was not answered
        self.unanswered = 0        # holds that were not answered
        self.in_doubt = []
        self.committed = []        # held, and in a committed index: what others delete must be missed
        self.kills = collections.Counter()
        self.pause = threading.Event()
        self.idle = threading.Event()
        self.ended = threading.Event()
        self.trouble = None
        self.hold_random = random.Random(seed + 1)

    # ---- what goes on meanwhile ----

    def make_files(self):
        for _ in range(5):
            camera = self.random.choice(CAMERAS + [ODD_CAMERA])
            hour = self.first + 3600 * self.random.randrange(24 * 20)
            folder = f"{self.root}/{time.strftime('%Y-%m-%d/%H', time.gmtime(hour))}/{camera}"
            for second in self.random.sample(range(0, 3600, 10), FILES_A_ROUND // 5):
                start = hour + second
                if (camera, start) not in self.made:
                    self.make_file(camera, start, folder)

    def make_file(self, camera, start, folder):
        path = f"{folder}/{time.strftime('%M.%S', time.gmtime(start))}.mp4"
        for _ in range(10):
            os.makedirs(folder, exist_ok=True)
            try:
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
                break
            except FileNotFoundError:
                continue  # the empty folder was removed between the two calls, as it should be
        os.utime(descriptor, (start + 10, start + 10))
        with self.lock:
            self.made[camera, start] = path
        os.close(descriptor)

    def take_files(self):
        for _ in range(2):
            if not self.committed:
                return
            key = self.committed.pop()
            with self.lock:
                for hold in self.holds.values():
                    hold["files"].discard(key)
                self.taken.add(key)
            try:
                os.unlink(self.made[key])
            except FileNotFoundError:
                pass  # released and deleted in the meantime

    def existing(self, camera, from_s, to_s):
        with self.lock:
            keys = [key for key in self.made if key[0] == camera and from_s <= key[1] < to_s and key not in self.taken]
        return {key for key in keys if os.path.exists(self.made[key])}

    def place_hold(self, connection):
        with self.lock:
            recent = [key for key in list(self.made)[-400:] if key[0] != ODD_CAMERA]
        if not recent:
            return
        camera, start = self.hold_random.choice(recent)
        from_s = start - self.hold_random.randrange(60)
        to_s = start + self.hold_random.randrange(1, 240)
        stamp = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second)) for second in (from_s, to_s)]
        self.unanswered += 1
        result = connection.call("hold.place", camera=[f"frigate/{camera}"], at=f"{stamp[0]}..{stamp[1]}", reason="damage",
                                 case=f"K-{len(self.holds)}", future_camera=True)
        self.unanswered -= 1
        hold = {"camera": camera, "from": from_s, "to": to_s, "files": set()}
        if result["in_doubt"] == 0:
            hold["files"] = self.existing(camera, from_s, to_s)
        else:
            self.in_doubt.append(result["id"])
        with self.lock:
            self.holds[result["id"]] = hold

    def release_hold(self, connection):
        with self.lock:
            candidates = sorted(set(self.holds) - self.released - self.uncertain)
        if not candidates:
            return
        chosen = self.hold_random.choice(candidates)
        with self.lock:
            self.uncertain.add(chosen)
        connection.call("hold.release", id=chosen)
        with self.lock:
            self.uncertain.discard(chosen)
            self.released.add(chosen)

    def officer(self):
        """Places holds without pause, and now and then releases one."""
        connection = None
        while not self.ended.is_set():
            if self.pause.is_set():
                self.idle.set()
                time.sleep(0.01)
                continue
            self.idle.clear()
            try:
                connection = connection or Connection(self.daemon.socket_path)
                if self.hold_random.random() < 0.1:
                    self.release_hold(connection)
                else:
                    self.place_hold(connection)
            except OSError:
                connection = None
            except Exception as error:  # told by the main thread
                self.trouble = error
                self.idle.set()
                return
            time.sleep(self.hold_random.uniform(0, 0.12))

    # ---- killing ----

    def victims(self):
        children = self.daemon.children()
        children["supervisor"] = self.daemon.process.pid
        names = sorted(children)
        name = self.random.choice(names)
        if self.daemon.failures[name] >= FAILURES_IN_A_ROW:
            name = "supervisor"
        chosen = {name: children[name]}
        if self.random.random() < 0.15:
            other = self.random.choice(names)
            if self.daemon.failures[other] < FAILURES_IN_A_ROW:
                chosen[other] = children[other]
        return chosen

    def kill(self):
        chosen = self.victims()
        for name, pid in chosen.items():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.kills[name] += 1
            self.daemon.failures[name] += 1
        if "supervisor" in chosen:
            self.daemon.process.wait()
            self.make_files()  # with nobody watching
            self.daemon.start()
            return True
        return "keeper" in chosen or self.random.random() < 0.4

    def round(self):
        self.make_files()
        self.take_files()
        # Often soon: a restart finds files that are due, and deletes at once.
        longest = self.random.choice([0.05, 0.05, 0.3, 0.3, 1.2])
        time.sleep(self.random.uniform(0.001, longest))
        if self.kill():
            self.daemon.wait_online()
        if self.trouble:
            raise self.trouble

    # ---- checking ----

    def log_entries(self, action):
        output = subprocess.run([f"{self.installed}/bin/retentionctl", "--socket", self.daemon.socket_path, "log", "search", "--action",
                                 action, "--limit", "1000000", "--output", "ndjson"], stdout=subprocess.PIPE, check=True).stdout
        return [json.loads(line) for line in output.splitlines()]

    @staticmethod
    def starts(segments):
        start = segments["first_us"]
        yield start
        for step in segments.get("steps", []):
            value, repeat = step if isinstance(step, list) else (step, 1)
            for _ in range(repeat):
                start += value * segments["unit_us"]
                yield start

    def told(self):
        told = collections.defaultdict(list)
        for action in ("delete", "missing"):
            for entry in self.log_entries(action):
                name = entry["camera"]
                if "camera_b64" in entry:
                    name = os.fsdecode(base64.b64decode(entry["camera_b64"]))
                for start in self.starts(entry["segments"]):
                    told[name.split("/", 1)[1], start // 1000000].append(
                        f"{action} {entry['event']['sequence']}, rule {entry['rule']}, intent {entry.get('intent')}")
        return told

    def holds_listed(self, connection):
        return {hold["id"]: hold for hold in connection.call("hold.list", state="all")["holds"]}

    @staticmethod
    def seconds(instant):
        text = instant["utc"] if isinstance(instant, dict) else instant
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

    def check_holds(self, listed):
        for name, hold in self.holds.items():
            if name not in listed:
                raise Failure(f"hold {name}, which was acknowledged, is lost")
            state = listed[name]["state"]
            if name not in self.released and name not in self.uncertain and state != "active":
                raise Failure(f"hold {name} is {state}, and nobody released it")
            if name in self.released and state == "active":
                raise Failure(f"hold {name} is active again after its release was acknowledged")
            if self.seconds(listed[name]["from"]) != hold["from"] or self.seconds(listed[name]["to"]) != hold["to"]:
                raise Failure(f"hold {name} has another span: {listed[name]}, not {hold}")
            if state != "active":
                continue
            for key in hold["files"]:
                if not os.path.exists(self.made[key]):
                    raise Failure(f"{self.made[key]} is gone, and hold {name} was acknowledged before")
        if len(listed) > len(self.holds) + self.unanswered:
            raise Failure(f"{len(listed)} holds, and only {len(self.holds)} were placed and {self.unanswered} tried")

    def waiting(self, listed):
        """Files that no hold covers and that are there all the same."""
        spans = collections.defaultdict(list)
        for hold in listed.values():
            if hold["state"] != "released":
                spans[hold["cameras"][0].split("/", 1)[1]].append((self.seconds(hold["from"]), self.seconds(hold["to"])))
        return [path for (camera, start), path in self.made.items()
                if os.path.exists(path) and not any(start < to and start + 10 >= begin for begin, to in spans[camera])]

    def settle(self, connection):
        """Until all that is due and not held is gone, or is kept for the reason that its end, not known, reaches into a hold."""
        end = time.monotonic() + WAIT_SECONDS
        held, before = set(), None
        while True:
            left = [path for path in self.waiting(self.holds_listed(connection)) if path not in held]
            if left == before:  # nothing moves: ask why
                for path in left:
                    if ODD_CAMERA in path:
                        if time.monotonic() > end:
                            raise Failure(f"{os.fsencode(path)} stays")
                        continue
                    answer = connection.call("footage.explain", path=path)
                    if answer.get("reason") == "held":
                        held.add(path)
                    elif time.monotonic() > end:
                        raise Failure(f"{len(left)} overdue files stay; {path}: {answer}")
            if not left:
                return
            before = left
            time.sleep(0.2)

    def check(self):
        self.pause.set()
        self.idle.wait(15)
        if self.trouble:
            raise self.trouble
        self.daemon.wait_online()
        self.daemon.stop()
        self.daemon.start()
        self.daemon.wait_online()
        connection = Connection(self.daemon.socket_path, 30)
        self.settle(connection)
        # A clean stop: what is known to be missing is written down, whatever still waited.
        connection.close()
        self.daemon.stop()
        self.daemon.start()
        self.daemon.wait_online()
        connection = Connection(self.daemon.socket_path, 30)
        listed = self.holds_listed(connection)
        self.check_holds(listed)
        verified = subprocess.run([f"{self.installed}/bin/retentionctl", "--socket", self.daemon.socket_path, "log", "verify"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if verified.returncode != 0:
            raise Failure(f"the log does not verify: {verified.stdout}")
        self.check_told()
        for name in self.in_doubt:
            hold = self.holds[name]
            hold["files"] = self.existing(hold["camera"], hold["from"], hold["to"])
        self.in_doubt = []
        held = {key for name, hold in self.holds.items() if listed[name]["state"] == "active" for key in hold["files"]}
        self.committed = sorted(held)
        self.random.shuffle(self.committed)
        connection.close()
        self.pause.clear()

    def check_told(self):
        told = self.told()
        wrong = []
        for key, path in self.made.items():
            entries = told.pop(key, [])
            there = os.path.exists(path)
            if there and entries:
                wrong.append(f"{path} is there, and told as gone: {entries}")
            elif not there and len(entries) != 1:
                by = ", taken by the test" if key in self.taken else ""
                wrong.append(f"{path} is gone{by}, told {len(entries)} times: {entries}")
        wrong += [f"{key} is told as gone, and was never there: {entries}" for key, entries in told.items()]
        if wrong:
            raise Failure(ascii("; ".join([f"{len(wrong)} segments are not told exactly once"] + wrong[:20])))

    def check_crashes(self):
        with open(f"{self.daemon.world}/daemon.log", errors="replace") as file:
            for line in file:
                if "SIGSEGV" in line or "SIGABRT" in line or "SIGBUS" in line or "system call that its sandbox" in line:
                    raise Failure(f"a process crashed by itself: {line.strip()}")

    def run(self):
        self.daemon.configure()
        self.daemon.start()
        self.daemon.wait_online()
        thread = threading.Thread(target=self.officer, daemon=True)
        thread.start()
        number = 0
        try:
            for number in range(1, self.rounds + 1):
                self.round()
                if number % CHECK_EVERY == 0 or number == self.rounds:
                    self.check()
            self.check_crashes()
        except Failure as failure:
            print(f"FAILED in round {number}, seed {self.seed}: {failure}\n"
                  f"replay: tests/fault/kill.sh BUILD {self.rounds} {self.seed}", file=sys.stderr)
            return 1
        finally:
            self.ended.set()
            if self.daemon.process.poll() is None:
                self.daemon.process.kill()
                self.daemon.process.wait()
        return 0


def main():
    installed, world, rounds, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    campaign = Campaign(installed, world, rounds, seed)
    begun = time.monotonic()
    status = campaign.run()
    gone = sum(1 for path in campaign.made.values() if not os.path.exists(path))
    print(f"{rounds} rounds, seed {seed}, {time.monotonic() - begun:.0f} s: kills {dict(sorted(campaign.kills.items()))}, "
          f"{len(campaign.made)} files, {gone} of them gone and told once, {len(campaign.taken)} of those taken by others, "
          f"{len(campaign.holds)} holds, {len(campaign.released)} released, {campaign.unanswered} not answered"
          if status == 0 else "failed")
    return status


if __name__ == "__main__":
    sys.exit(main())
