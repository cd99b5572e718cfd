#!/usr/bin/env python3
"""Four servers behind a proxy, under load: one is killed, comes back, and one hangs.

    tests/sharding/behind_proxies.py BINARY

Runs Debian's `nutcracker` (twemproxy) and `envoy`, each if it is installed, with the examples of
packaging/sharding/, in which only ports are replaced. Clients read random keys and write what they
miss, as those of a cache do. Prints what they see; docs/SHARDING.md has the figures.

    fill ─▶ all hits ─▶ kill -9 of one ─▶ left out ─▶ start it ─▶ back ─▶ kill -STOP of another

Checked: no errors and no misses while all serve; after the kill the proxy leaves the server out, and
all keys can be read again; those of the dead server are missed, all of them, and no others (Envoy: few
others); the server comes back to its keys; a server that hangs is left out, too.

Not here: how many instances, and what sharding costs (docs/SHARDING.md).
"""

import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial

sys.path.append(str(pathlib.Path(__file__).parents[1] / "support"))
import waiting
from waiting import free_port

EXAMPLES = pathlib.Path(__file__).parents[2] / "packaging" / "sharding"
SERVERS = 4
KEYS = 8_000
CLIENTS = 8
WAIT_S = 30
wait_for = partial(waiting.wait_for, limit_s=WAIT_S)
# How long the clients go on in a phase once the proxy has done its part.
PHASE_S = 1.5
# How long a server stays dead: two of the times after which twemproxy tries it again.
DEAD_S = 12


class Connection:
    """One request at a time; errors are returned as text that begins with a minus."""

    def __init__(self, port):
        self.stream = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.stream.makefile("rb")

    def call(self, *words):
        parts = [f"${len(word)}\r\n{word}\r\n" for word in words]
        self.stream.sendall((f"*{len(words)}\r\n" + "".join(parts)).encode())
        line = self.lines.readline().decode().rstrip("\r\n")
        if not line:
            raise ConnectionError("closed")
        if line[0] != "$":
            return line
        length = int(line[1:])
        return None if length < 0 else self.lines.read(length + 2)[:-2].decode()


class Server:
    """One instance, empty at every start."""

    def __init__(self, binary, folder):
        self.port = free_port()
        self.command = [binary, "--port", str(self.port), "--save", "", "--dir", str(folder)]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL)
        wait_for("a server", lambda: Connection(self.port).call("PING") == "+PONG")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def holds(self, key):
        return Connection(self.port).call("EXISTS", key) == ":1"

    def size(self):
        return int(Connection(self.port).call("DBSIZE")[1:])


class Seen:
    """What clients saw in one phase."""

    def __init__(self):
        self.begin = time.monotonic()
        self.requests = 0
        self.hits = 0
        self.missed = set()
        self.errors = {}
        self.last_error_s = 0.0
        self.longest_ms = 0.0

    def error_count(self):
        return sum(self.errors.values())

    def __str__(self):
        errors = ", ".join(f"{count} × {text}" for text, count in sorted(self.errors.items()))
        until = f", the last after {self.last_error_s:.1f} s" if errors else ""
        return (f"{self.requests} requests, {len(self.missed)} keys missed, "
                f"errors: {errors or 'none'}{until}; the longest took {self.longest_ms:.0f} ms")


class Load:
    """Clients that read random keys and write what they miss."""

    def __init__(self, port):
        self.port = port
        self.lock = threading.Lock()
        self.seen = Seen()
        self.is_over = False
        self.failures = []
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        try:
            self.ask(number)
        except OSError as failure:
            self.failures.append(failure)

    def ask(self, number):
        chosen = random.Random(number)
        connection = Connection(self.port)
        while not self.is_over:
            key = f"key:{chosen.randrange(KEYS)}"
            if self.note(key, connection, "GET", key) is None:
                self.note(key, connection, "SET", key, "again")

    def note(self, key, connection, *words):
        begin = time.monotonic()
        answer = connection.call(*words)
        end = time.monotonic()
        with self.lock:
            seen = self.seen
            seen.requests += 1
            seen.longest_ms = max(seen.longest_ms, (end - begin) * 1000)
            if answer is None:
                seen.missed.add(key)
            elif answer.startswith("-"):
                seen.errors[answer] = seen.errors.get(answer, 0) + 1
                seen.last_error_s = end - seen.begin
            else:
                seen.hits += 1
        return answer

    def next_phase(self):
        """What was seen since the last phase began."""
        with self.lock:
            seen, self.seen = self.seen, Seen()
        return seen

    def miss_rest(self, seen):
        """Reads all keys once; those that are absent, here or for the clients meanwhile, are missed."""
        connection = Connection(self.port)
        for number in range(KEYS):
            key = f"key:{number}"
            answer = connection.call("GET", key)
            if answer is None:
                seen.missed.add(key)
                connection.call("SET", key, "again")
        seen.missed |= self.next_phase().missed

    def end(self):
        self.is_over = True
        for thread in self.threads:
            thread.join()
        assert not self.failures, f"the proxy closes connections: {self.failures}"


def with_ports(example, ports):
    """The example, with other ports in place of its own."""
    text = (EXAMPLES / example).read_text()
    for old, new in ports.items():
        text, count = re.subn(rf"\b{old}\b", str(new), text)
        assert count >= 1, f"{example} does not name port {old}"
    return text


class Twemproxy:
    name = "twemproxy"
    # Rings differ by the points of the servers in them only, so keys of the living stay.
    other_share_max = 0

    def __init__(self, ports, folder):
        settings = folder / "nutcracker.yml"
        settings.write_text(with_ports("nutcracker.yml", ports))
        self.command = ["nutcracker", "--conf-file", str(settings), "--stats-port", str(free_port()),
                        "--stats-addr", "127.0.0.1", "--output", str(folder / "nutcracker.log")]

    @staticmethod
    def is_there():
        return shutil.which("nutcracker")


class Envoy:
    name = "Envoy"
    # Its table is made anew for the servers that are there, so a few keys of the living move, too.
    other_share_max = 0.01

    def __init__(self, ports, folder):
        settings = folder / "envoy.yaml"
        settings.write_text(with_ports("envoy.yaml", ports | {9901: free_port()}))
        self.command = ["envoy", "--config-path", str(settings), "--concurrency", "1",
                        "--use-dynamic-base-id", "--log-level", "critical"]

    @staticmethod
    def is_there():
        return shutil.which("envoy")


def fill(port):
    connection = Connection(port)
    for number in range(KEYS):
        answer = connection.call("SET", f"key:{number}", "first")
        assert answer == "+OK", answer


def owners(servers):
    """Which server has which keys."""
    found = {}
    for server in servers:
        connection = Connection(server.port)
        for number in range(KEYS):
            if connection.call("EXISTS", f"key:{number}") == ":1":
                assert f"key:{number}" not in found, "a key is on two servers"
                found[f"key:{number}"] = server
    return found


def until_quiet(load, what):
    """Waits until all keys can be read for a while without errors; what was seen until then."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        time.sleep(0.1)
        with load.lock:
            since = time.monotonic() - load.seen.begin
            if since > PHASE_S and since - load.seen.last_error_s > PHASE_S:
                break
    else:
        raise AssertionError(f"{what}: errors do not end")
    return load.next_phase()


def try_proxy(kind, binary, folder):
    servers = [Server(binary, folder) for _ in range(SERVERS)]
    port = free_port()
    ports = {22121: port} | {7001 + index: server.port for index, server in enumerate(servers)}
    proxy = subprocess.Popen(kind(ports, folder).command, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    load = None
    try:
        wait_for(kind.name, lambda: Connection(port).call("SET", "key:0", "first") == "+OK")
        fill(port)
        owned = owners(servers)
        assert len(owned) == KEYS, len(owned)
        shares = [sum(owner is server for owner in owned.values()) / KEYS for server in servers]
        print(f"{kind.name}: shares of the keys: " + ", ".join(f"{share:.1%}" for share in shares))

        load = Load(port)
        time.sleep(PHASE_S)
        seen = load.next_phase()
        print(f"  all serve: {seen}")
        assert not seen.errors and not seen.missed and seen.hits > 0, seen

        dead = servers[1]
        dead_keys = {key for key, owner in owned.items() if owner is dead}
        load.next_phase()
        dead.kill()
        seen = until_quiet(load, "killed")
        load.miss_rest(seen)
        print(f"  one is killed: {seen}")
        others = seen.missed - dead_keys
        print(f"    all of its {len(dead_keys)} keys are missed, and {len(others)} of the "
              f"{KEYS - len(dead_keys)} others")
        assert seen.errors and seen.missed >= dead_keys, seen
        assert len(others) <= kind.other_share_max * KEYS, len(others)
        load.next_phase()
        time.sleep(DEAD_S)
        seen = load.next_phase()
        print(f"  it stays dead for {DEAD_S} s: {seen}")
        assert not seen.missed and seen.error_count() <= seen.requests / 100, seen

        dead.start()
        load.next_phase()
        wait_for("the server's keys", lambda: dead.size() > len(dead_keys) // 2)
        seen = until_quiet(load, "back")
        load.miss_rest(seen)
        print(f"  it is back: {seen}")
        held = sum(server.size() for server in servers)
        print(f"    {held - KEYS} copies of keys are left on servers that are not theirs")
        assert seen.missed >= dead_keys, dead_keys - seen.missed
        assert len(seen.missed - dead_keys) <= kind.other_share_max * KEYS, seen

        hung = servers[2]
        load.next_phase()
        hung.process.send_signal(signal.SIGSTOP)
        seen = until_quiet(load, "hung")
        hung.process.send_signal(signal.SIGCONT)
        print(f"  one hangs: {seen}")
        assert seen.errors, seen
    finally:
        if load:
            load.end()
        proxy.terminate()
        proxy.wait()
        for server in servers:
            server.process.kill()
            server.process.wait()


def main():
    tried = 0
    for kind in (Twemproxy, Envoy):
        if not kind.is_there():
            print(f"{kind.name} is not installed, so it is not tried")
            continue
        folder = pathlib.Path(tempfile.mkdtemp(prefix="sharding-"))
        try:
            try_proxy(kind, sys.argv[1], folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        tried += 1
    print(f"{tried} proxies were tried")


main()
