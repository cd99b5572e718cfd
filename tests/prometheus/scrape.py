#!/usr/bin/env python3
"""Prometheus scrapes a server, and answers what the dashboard and the alert rules ask.

    tests/prometheus/scrape.py BINARY

Starts the server, sends requests, and checks: promtool finds nothing to object to in /metrics and
in the alert rules; a Prometheus scrapes it and answers with the numbers of INFO; each expression
of the dashboard is answered, and each rule is well. Both programs are those of Debian's package
`prometheus`; without them there is nothing to try, and that is said.

Not here: whether the names exist (tests/docs/packaging/metrics.rs), the answers as bytes
(src/node/tests/pages.rs).
"""

import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from functools import partial

sys.path.append(str(pathlib.Path(__file__).parents[1] / "support"))
import waiting
from waiting import free_port

WAIT_S = 60
wait_for = partial(waiting.wait_for, limit_s=WAIT_S)
KEYS = 2_000
PACKAGING = pathlib.Path(__file__).parents[2] / "packaging" / "prometheus"
RULES = PACKAGING / "evenkeel.rules.yml"
DASHBOARD = PACKAGING / "evenkeel-dashboard.json"

CONFIGURATION = """
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: ["%s"]
scrape_configs:
  - job_name: evenkeel
    static_configs: [{ targets: ["127.0.0.1:%d"] }]
"""


def get(url):
    with urllib.request.urlopen(url, timeout=WAIT_S) as answer:
        return answer.read()


class Prometheus:
    """What a Prometheus at a port says."""

    def __init__(self, port):
        self.origin = f"http://127.0.0.1:{port}"

    def ask(self, path):
        answer = json.loads(get(self.origin + "/api/v1/" + path))
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression):
        return self.ask("query?query=" + urllib.parse.quote(expression))["result"]

    def number(self, name):
        result = self.query(name)
        return int(result[0]["value"][1]) if result else None


def talk(port):
    """Sends some requests; returns INFO after them."""
    with socket.create_connection(("127.0.0.1", port)) as stream, stream.makefile("rb") as lines:
        for number in range(KEYS):
            asked = number if number % 2 else -number
            stream.sendall(b"SET key:%d value EX 1000\r\nGET key:%d\r\n" % (number, asked))
        # A key that takes half of all accesses, with a name that is hard to write.
        stream.sendall(rb'INCR "hot \"key\"\n"' + b"\r\n")
        for _ in range(2 * KEYS):
            stream.sendall(rb'STRLEN "hot \"key\"\n"' + b"\r\n")
        # So that there are counters of errors and a slow command.
        stream.sendall(b"NOSUCH\r\nDEBUG SLEEP 0.02\r\nINFO\r\n")
        info = {}
        while "keyspace_misses" not in info:
            name, _, value = lines.readline().decode().strip().partition(":")
            info[name] = value
        return info


def check_with_promtool(http_port):
    text = get(f"http://127.0.0.1:{http_port}/metrics")
    for words, given in ((["metrics"], text), (["rules", str(RULES)], b"")):
        told = subprocess.run(["promtool", "check", *words], input=given, capture_output=True)
        assert told.returncode == 0, (words, told.stdout, told.stderr)
    lines = [line for line in text.decode().splitlines() if not line.startswith("#")]
    print(f"promtool accepts {len(lines)} samples, and the rules")


def check_scrapes(prometheus, info):
    wait_for("a scrape", lambda: prometheus.number("up{job='evenkeel'}") == 1)
    hits = "evenkeel_keyspace_hits_total"
    wait_for("a scrape after the requests", lambda: prometheus.number(hits) == int(info["keyspace_hits"]))
    assert prometheus.number("evenkeel_keyspace_misses_total") == int(info["keyspace_misses"])
    assert prometheus.number("sum(evenkeel_command_calls_total{command=~'get|set'})") == 2 * KEYS
    (point,) = prometheus.query("evenkeel_expected_hit_ratio{memory='1'}")
    hits, misses = int(info["keyspace_hits"]), int(info["keyspace_misses"])
    assert abs(float(point["value"][1]) - hits / (hits + misses)) < 0.0002, point
    label = json.dumps('hot "key"\\x0a')
    (hot,) = prometheus.query(f"evenkeel_hot_key_access_ratio{{db='0',key={label}}}")
    assert 0.3 < float(hot["value"][1]) < 0.8, hot
    target = prometheus.ask("targets")["activeTargets"][0]
    assert (target["health"], target["lastError"]) == ("up", ""), target
    # A rate takes two scrapes.
    quantile = ("histogram_quantile(0.99, sum by (le) "
                "(rate(evenkeel_loop_turn_duration_seconds_bucket[1m]))) >= 0")
    wait_for("a quantile", lambda: prometheus.query(quantile))
    described = prometheus.ask("metadata?metric=evenkeel_memory_limit_bytes")
    (about,) = described["evenkeel_memory_limit_bytes"]
    assert (about["type"], about["unit"]) == ("gauge", "bytes") and about["help"], about
    print(f"Prometheus says {info['keyspace_hits']} hits, as INFO does")


def check_dashboard_and_rules(prometheus):
    panels = json.loads(DASHBOARD.read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    for expression in expressions:
        expression = expression.replace("$__rate_interval", "1m").replace("$instance", ".*")
        prometheus.query(expression)

    def rules():
        groups = prometheus.ask("rules")["groups"]
        found = [rule for group in groups for rule in group["rules"]]
        return found if all(rule["health"] != "unknown" for rule in found) else None

    found = wait_for("an evaluation of all rules", rules)
    for rule in found:
        assert rule["health"] == "ok", rule
        # The requests above are no reason to wake anybody.
        assert rule["state"] != "firing", rule
    assert len(expressions) > 30 and len(found) >= 10, (len(expressions), len(found))
    print(f"{len(expressions)} expressions of the dashboard are answered, {len(found)} rules are well")


def main():
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        print("there is no Prometheus, so nothing scrapes")
        return
    folder = pathlib.Path(tempfile.mkdtemp(prefix="scrape-"))
    port, http_port, prometheus_port = free_port(), free_port(), free_port()
    settings = folder / "prometheus.yml"
    settings.write_text(CONFIGURATION % (RULES, http_port))
    server = subprocess.Popen(
        [sys.argv[1], "--port", str(port), "--http-port", str(http_port), "--dir", str(folder),
         "--save", ""], stderr=subprocess.DEVNULL)
    prometheus = None
    try:
        ready = f"http://127.0.0.1:{http_port}/readyz"
        wait_for("the server", lambda: get(ready) == b"ok\n")
        info = talk(port)
        check_with_promtool(http_port)
        prometheus = subprocess.Popen(
            ["prometheus", f"--config.file={settings}", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{prometheus_port}"],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        asked = Prometheus(prometheus_port)
        check_scrapes(asked, info)
        check_dashboard_and_rules(asked)
    finally:
        for process in (prometheus, server):
            if process:
                process.terminate()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


main()
