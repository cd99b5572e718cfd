#!/usr/bin/env python3
"""The live page in headless Chromium, under load, beside INFO.

    tests/browser/live_page.py BINARY [FOLDER FOR PICTURES]

Starts the server and the browser, sends requests, and checks: the numbers of the page are those of
INFO; nothing is loaded from anywhere else; no script fails; each chart has words; on a phone
nothing is wider than the screen; without scripts there is the table; a text of a client is no
markup. The browser is driven by its protocol of debugging over a pipe, so nothing is installed for
it but the browser.

Not here: the answers as bytes (src/node/tests/pages.rs, tests/server/tools/http.rs).
"""

import base64
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

WAIT_S = 60


class Browser:
    """Chromium and one tab of it."""

    def __init__(self, folder):
        program = shutil.which("chromium") or shutil.which("google-chrome")
        if not program:
            sys.exit("there is no chromium")
        to_browser, self.commands = os.pipe()
        self.answers, from_browser = os.pipe()

        def place():
            # The pipes stand at 3 and 4, whatever numbers they have here.
            low, high = os.dup(to_browser), os.dup(from_browser)
            os.dup2(low, 3, inheritable=True)
            os.dup2(high, 4, inheritable=True)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--hide-scrollbars", "--remote-debugging-pipe", "--user-data-dir=" + folder],
            preexec_fn=place, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.number = 0
        self.buffer = b""
        self.events = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = None
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
            self.ask(domain + ".enable")

    def ask(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if getattr(self, "session", None):
            request["sessionId"] = self.session
        os.write(self.commands, json.dumps(request).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer)
                return answer["result"]
            self.events.append(answer)

    def read(self):
        while b"\0" not in self.buffer:
            part = os.read(self.answers, 1 << 20)
            assert part, "the browser has ended"
            self.buffer += part
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def value(self, script):
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, script):
        end = time.time() + WAIT_S
        while not self.value(script):
            assert time.time() < end, script
            time.sleep(0.2)

    def screen(self, width, height, scale=1, mobile=False):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=scale, mobile=mobile)

    def scheme(self, name):
        self.ask("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": name}])

    def picture(self, path):
        data = self.ask("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def close(self):
        self.process.terminate()
        self.process.wait()


class Cache:
    """A client of the protocol."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")

    def send(self, *requests):
        out = b""
        for words in requests:
            out += b"*%d\r\n" % len(words)
            for word in words:
                word = str(word).encode()
                out += b"$%d\r\n%s\r\n" % (len(word), word)
        self.socket.sendall(out)
        return [self.reply() for _ in requests]

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        return rest

    def info(self):
        text = self.send(("INFO", "everything"))[0].decode()
        lines = (line.split(":", 1) for line in text.split("\r\n") if ":" in line)
        return dict(lines)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def load(port, is_over):
    """Requests as of a cache that is too small for its keys."""
    cache, chance = Cache(port), random.Random(7)
    fields = [word for number in range(3000) for word in (f"field:{number}", "x" * 40)]
    cache.send(("HSET", "cart:4711", *fields), ("RPUSH", "queue:mail", *range(5000)))
    cache.send(("ZADD", "board:weekly", *[x for n in range(2000) for x in (n, f"player:{n}")]))
    while not is_over.is_set():
        requests = []
        for _ in range(100):
            number = int(chance.paretovariate(0.35)) % 200_000
            if chance.random() < 0.8:
                requests.append(("GET", f"user:{number}"))
            else:
                deadline = ("EX", chance.randint(2, 40)) if chance.random() < 0.6 else ()
                requests.append(("SET", f"user:{number}", "v" * chance.randint(20, 60) + " " * chance.randint(0, 1500), *deadline))
            if chance.random() < 0.1:
                requests.append(("GET", "config:flags"))
        cache.send(*requests)
        time.sleep(0.02)


def check_numbers(browser, cache):
    """After the load: what no longer changes must be the same on the page and in INFO."""
    fields = ["keyspace_hits", "keyspace_misses", "evicted_keys", "rdb_saves", "maxmemory",
              "total_connections_received", "http_viewers", "rejected_connections", "tcp_port"]
    browser.value("document.getElementById('figures').open = true")
    time.sleep(2.5)
    info = cache.info()
    for field in fields:
        shown = browser.value(f"document.getElementById('f-{field}').textContent")
        assert shown == info[field], (field, shown, info[field])
    keys = info["db0"].split(",")[0].split("=")[1]
    assert browser.value("document.getElementById('t-clients').firstChild.data") == "1"
    print(f"{len(fields)} figures are those of INFO; {keys} keys")
    browser.value("document.getElementById('figures').open = false")


def check_page(browser, origin):
    assert browser.value("[...document.querySelectorAll('svg[role=img]')]"
                         ".every(chart => chart.getAttribute('aria-label'))"), "charts have words"
    assert browser.value("document.querySelectorAll('#slow tr').length") > 0
    assert browser.value("[...document.querySelectorAll('#slow td')]"
                         ".some(cell => cell.textContent.includes('<img src=x'))")
    for name in ("hot", "big", "curve"):
        assert browser.value(f"document.querySelectorAll('#{name} tr').length") > 0, name
    assert browser.value("document.images.length") == 0, "a text of a client became markup"
    for event in browser.events:
        if event.get("method") == "Network.requestWillBeSent":
            url = event["params"]["request"]["url"]
            assert url.startswith((origin, "data:", "about:")), url
        assert event.get("method") not in ("Runtime.exceptionThrown", "Log.entryAdded"), event


def main():
    binary = sys.argv[1]
    pictures = sys.argv[2] if len(sys.argv) > 2 else None
    folder = tempfile.mkdtemp(prefix="live-page-")
    port, http_port = free_port(), free_port()
    server = subprocess.Popen(
        [binary, "--port", str(port), "--http-port", str(http_port), "--dir", folder, "--save", "",
         "--maxmemory", "2mb", "--slowlog-log-slower-than", "3000"], stderr=subprocess.DEVNULL)
    browser = None
    is_over = threading.Event()
    try:
        end = time.time() + WAIT_S
        while socket.socket().connect_ex(("127.0.0.1", http_port)):
            assert time.time() < end, "the server does not start"
            time.sleep(0.1)
        origin = f"http://127.0.0.1:{http_port}/"
        worker = threading.Thread(target=load, args=(port, is_over))
        worker.start()
        cache = Cache(port)
        cache.send(("CONFIG", "SET", "slowlog-log-slower-than", "0"), ("GET", "<img src=x>"))
        cache.send(("CONFIG", "SET", "slowlog-log-slower-than", "3000"))
        browser = Browser(os.path.join(folder, "browser"))
        browser.screen(1280, 1650)
        browser.scheme("light")
        browser.ask("Page.navigate", url=origin)
        browser.wait_for("document.getElementById('state')?.textContent === 'Live'")
        time.sleep(30 if pictures else 4)
        if pictures:
            cache.send(("BGSAVE",))
            for scheme in ("light", "dark"):
                browser.scheme(scheme)
                time.sleep(1.2)
                browser.picture(os.path.join(pictures, f"live-page-{scheme}.png"))
        browser.screen(360, 740, 2, True)
        time.sleep(1.2)
        overflow = browser.value("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, f"{overflow} pixels wider than a phone"
        if pictures:
            browser.picture(os.path.join(pictures, "live-page-phone.png"))
        browser.screen(1280, 1650)
        is_over.set()
        worker.join()
        check_numbers(browser, cache)
        check_page(browser, origin)
        browser.ask("Emulation.setScriptExecutionDisabled", value=True)
        browser.ask("Page.navigate", url=origin)
        time.sleep(2)
        root = browser.ask("DOM.getDocument")["root"]["nodeId"]
        rows = browser.ask("DOM.querySelectorAll", nodeId=root, selector=".figures tbody tr")
        assert len(rows["nodeIds"]) > 100, "a table without scripts"
        print(f"without scripts a table of {len(rows['nodeIds'])} rows")
    finally:
        is_over.set()
        if browser:
            browser.close()
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)
    print("the live page is well")


main()
