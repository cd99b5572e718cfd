#!/usr/bin/env python3
"""The live page in headless Chromium, under load, beside INFO.

    tests/browser/live_page.py BINARY [FOLDER FOR PICTURES]

Starts the server and the browser, sends requests, and checks: each number of the page is that of
INFO, HOTKEYS, CACHE or SLOWLOG, or follows from them; nothing is loaded from anywhere else; no
script fails; each chart has words; on a phone nothing is wider than the screen; without scripts
there is the table; a text of a client is no markup. The browser is driven by its protocol of
debugging over a pipe, so nothing is installed for it but the browser.

Not here: what follows how (shown.py), the answers as bytes (src/node/tests/pages.rs,
tests/server/tools/http.rs).
"""

import base64
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import shown

sys.path.append(str(pathlib.Path(__file__).parents[1] / "support"))
from waiting import free_port

WAIT_S = 60
# Moments at which the page and INFO may be caught in the same state.
ATTEMPTS = 8


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


def fill(cache):
    """A few large keys."""
    for number in range(0, 1200, 100):
        numbers = range(number, number + 100)
        cache.send(("HSET", "cart:4711", *[word for n in numbers for word in (f"field:{n}", "x" * 16)]))
        cache.send(("RPUSH", "queue:mail", *[f"mail:{n}" for n in numbers]))
        cache.send(("ZADD", "board:weekly", *[word for n in numbers for word in (n, f"player:{n}")]))


def load(port, is_over, padding):
    """Requests as of a cache that is too small for its keys."""
    cache, chance = Cache(port), random.Random(7)
    fill(cache)
    large = (("HGET", "cart:4711", "field:7"), ("LINDEX", "queue:mail", 0), ("ZSCORE", "board:weekly", "player:7"))
    while not is_over.is_set():
        requests = []
        for _ in range(100):
            number = int(chance.paretovariate(0.35)) % 200_000
            if chance.random() < 0.8:
                requests.append(("GET", f"user:{number}"))
            else:
                deadline = ("EX", chance.randint(2, 40)) if chance.random() < 0.6 else ()
                value = "v" * chance.randint(20, 60) + " " * chance.randint(0, padding)
                requests.append(("SET", f"user:{number}", value, *deadline))
            if chance.random() < 0.1:
                requests.append(("GET", "config:flags"))
        if chance.random() < 0.01:
            requests.append(("SORT", "queue:mail", "ALPHA", "LIMIT", 0, 3))
        requests.extend(large)
        if None in cache.send(*requests)[-len(large):]:
            cache.send(("UNLINK", "cart:4711", "queue:mail", "board:weekly"))
            fill(cache)
        time.sleep(0.02)


class Stream(threading.Thread):
    """The same lines as the page gets, by the time of the server in them."""

    def __init__(self, http_port):
        super().__init__(daemon=True)
        self.events = []
        self.socket = socket.create_connection(("127.0.0.1", http_port))
        self.socket.sendall(b"GET /events HTTP/1.1\r\n\r\n")
        self.start()

    def run(self):
        for line in self.socket.makefile("rb"):
            if line.startswith(b"data: "):
                self.events.append(json.loads(line[len(b"data: "):]))

    def pair(self, time_usec):
        """The line of that time and the one before it; none while it is not here."""
        for last, event in zip(self.events, self.events[1:]):
            if event["info"]["server_time_usec"] == time_usec:
                return last["info"], event
        return None


READ_PAGE = """(() => {
  const text = (id) => document.getElementById(id).textContent;
  const rows = (id) => [...document.querySelectorAll("#" + id + " tr")]
    .map((row) => [...row.cells].map((cell) => cell.textContent));
  const all = (query, key, value) => Object.fromEntries(
    [...document.querySelectorAll(query)].map((made) => [made.id, value(made)]));
  return {
    tiles: all(".tiles dd", "id", (made) => [made.firstChild.data, made.lastChild.textContent]),
    tables: Object.fromEntries(["memory", "loop", "snapshot", "clients", "hot", "big", "curve", "slow"]
      .map((id) => [id, rows(id)])),
    charts: all(".charts svg", "id", (made) => made.getAttribute("aria-label")),
    figures: all(".figures td[id]", "id", (made) => made.textContent),
    progress: document.getElementById("progress").hidden ? null : document.getElementById("progress").value,
  };
})()"""

# Figures that are no counters and move while nobody does anything: clocks, rates, the process, and
# what each look at INFO or the page changes. They are compared with the line, which is of one moment.
RESTLESS = {
    "server_time_usec", "used_memory_rss", "rss_overhead_bytes", "rss_overhead_ratio", "allocator_resident",
    "mem_fragmentation_ratio", "mem_fragmentation_bytes", "instantaneous_ops_per_sec",
    "instantaneous_input_kbps", "instantaneous_output_kbps", "instantaneous_eventloop_cycles_per_sec",
    "instantaneous_eventloop_duration_usec", "evicted_keys_per_sec", "client_recent_max_input_buffer",
    "client_recent_max_output_buffer", "expiry_next_deadline_ms", "allocator_frag_ratio",
    "used_memory_peak_perc", "used_memory_dataset_perc",
}

# Memory in which who asks for INFO is counted, too, with the buffers that he has just then.
WITH_WHO_ASKS = {
    "used_memory", "used_memory_overhead", "used_memory_dataset", "used_memory_startup", "mem_clients_normal",
    "client_buffers_bytes", "mem_not_counted_for_evict", "allocator_active", "allocator_allocated",
}
BUFFERS_BYTES = 32 * 1024


def number_of(text):
    try:
        return float(text)
    except ValueError:
        return None


def check_with_info(figures, before, after):
    """Each figure of the page lies between that of INFO before and that after: how many do, and
    those that don't."""
    compared, wrong = 0, []
    for place, text in figures.items():
        field = place.removeprefix("f-")
        if field in RESTLESS:
            continue
        bounds = before[field], after[field]
        number = number_of(text)
        if number is None:
            is_right = text in bounds
        else:
            slack = BUFFERS_BYTES if field in WITH_WHO_ASKS else 0
            least, most = sorted(map(float, bounds))
            is_right = least - slack <= number <= most + slack
        compared += 1
        if not is_right:
            wrong.append((field, text, bounds))
    return compared, wrong


def check_with_line(page, last, event):
    """Each text of the page is what follows from the line that it got last, and the one before."""
    expected = shown.tiles(last, event)
    assert page["tiles"] == {place: list(texts) for place, texts in expected.items()}, (page["tiles"], expected)
    tables = shown.tables(last, event)
    for name, rows in tables.items():
        assert page["tables"][name] == rows, (name, page["tables"][name], rows)
    slow = [[texts[1], texts[2]] for texts in page["tables"]["slow"]]
    assert slow == [[shown.duration(entry["usec"]), " ".join(entry["words"])] for entry in event["slow"]]
    for place, text in shown.charts(last, event).items():
        assert page["charts"][place].startswith(text + ", least "), (page["charts"][place], text)
    is_saving = event["info"]["snapshot_in_progress"] == 1
    assert (page["progress"] is not None) == is_saving
    for field, value in event["info"].items():
        text = page["figures"]["f-" + field]
        assert text == value if isinstance(value, str) else float(text) == value, (field, text, value)
    return len(expected) * 2 + sum(len(rows) for rows in tables.values()) + len(slow)


def pairs(values):
    return dict(zip(values[::2], values[1::2]))


def text_of(value):
    return value.decode(errors="replace")


def lists_of(cache):
    """Hot keys, big keys, the curve and slow commands, as commands tell them."""
    hot, big, curve, slow = cache.send(
        ("HOTKEYS", "GET"), ("CACHE", "BIGKEYS", "16"), ("CACHE", "MRC"), ("SLOWLOG", "GET", "16"))
    keys = [{text_of(name): value for name, value in pairs(key).items()} for key in hot + big]
    told = [tuple(text_of(value) if name == "key" else int(value) for name, value in key.items())
            for key in keys]
    points = [(int(size), round(float(ratio), 4)) for size, ratio in pairs(curve)[b"curve"]]
    entries = [(int(entry[0]), int(entry[1]), int(entry[2]), [text_of(word) for word in entry[3]])
               for entry in slow]
    return told[:len(hot)], told[len(hot):], points, entries


def lists_of_line(event):
    return ([tuple(key.values()) for key in event["hot"][:10]], [tuple(key.values()) for key in event["big"]],
            [(point["bytes"], point["ratio"]) for point in event["curve"]],
            [(entry["id"], entry["at"], entry["usec"], entry["words"]) for entry in event["slow"]])


def are_between(before, shown_lists, after):
    """Whether the lists are the same, but that rates of hot keys fall while nobody uses them."""
    lists = before, shown_lists, after
    names = [[key[:2] for key in hot] for hot, *_ in lists]
    rates = [[key[2] for key in hot] for hot, *_ in lists]
    are_rates_between = all(most >= rate >= least for most, rate, least in zip(*rates))
    others = [rest for _, *rest in lists]
    return (names[0] == names[1] == names[2] and are_rates_between and all(before)
            and others[0] == others[1] == others[2])


def check_numbers(browser, cache, stream, is_loaded):
    """Whatever the page shows follows from the line that it got, and the line is what INFO says."""
    browser.value("document.getElementById('figures').open = true")
    time.sleep(2.5)
    for _ in range(ATTEMPTS):
        before, lists_before = cache.info(), lists_of(cache)
        time.sleep(1.3)
        page = browser.value(READ_PAGE)
        lists_after, after = lists_of(cache), cache.info()
        pair = stream.pair(int(page["figures"]["f-server_time_usec"]))
        assert pair, "the page has got a line that others have not"
        texts = check_with_line(page, *pair)
        if is_loaded:
            # Under load only what is made of one line can be compared.
            print(f"{texts} texts of the page follow from its line, under load")
            break
        compared, wrong = check_with_info(page["figures"], before, after)
        # Percentiles go up and down, and windows of hot keys end: once all must agree.
        if are_between(lists_before, lists_of_line(pair[1]), lists_after) and not wrong:
            print(f"{compared} figures are those of INFO, {texts} texts follow from them, and "
                  f"{sum(map(len, lists_before))} rows are those of HOTKEYS, CACHE and SLOWLOG")
            break
    else:
        raise AssertionError((wrong, lists_before, lists_after, lists_of_line(pair[1])))
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
    # Pictures take longer, and have room for a snapshot beside the keys.
    maxmemory, padding, slower_than = ("6mb", 9_000, "1500") if pictures else ("2mb", 1_500, "3000")
    server = subprocess.Popen(
        [binary, "--port", str(port), "--http-port", str(http_port), "--dir", folder, "--save", "",
         "--maxmemory", maxmemory], stderr=subprocess.DEVNULL)
    browser = None
    is_over = threading.Event()
    try:
        end = time.time() + WAIT_S
        while socket.socket().connect_ex(("127.0.0.1", http_port)):
            assert time.time() < end, "the server does not start"
            time.sleep(0.1)
        origin = f"http://127.0.0.1:{http_port}/"
        worker = threading.Thread(target=load, args=(port, is_over, padding))
        worker.start()
        cache = Cache(port)
        cache.send(("CONFIG", "SET", "slowlog-log-slower-than", "0"), ("GET", "<img src=x>"))
        cache.send(("CONFIG", "SET", "slowlog-log-slower-than", slower_than))
        browser = Browser(os.path.join(folder, "browser"))
        browser.screen(1280, 1700)
        browser.scheme("light")
        browser.ask("Page.navigate", url=origin)
        browser.wait_for("document.getElementById('state')?.textContent === 'Live'")
        stream = Stream(http_port)
        time.sleep(24 if pictures else 4)
        if pictures:
            cache.send(("BGSAVE",))
            time.sleep(6)
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
        check_numbers(browser, cache, stream, True)
        is_over.set()
        worker.join()
        check_numbers(browser, cache, stream, False)
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
