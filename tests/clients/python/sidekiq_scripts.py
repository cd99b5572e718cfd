"""What Sidekiq sends, over version 3 of the protocol: the loop of BRPOP, jobs for later by script,
heartbeats, retries, and metrics in BITFIELD. Written from what its sources call.
"""

import json
import threading
import time

import redis
from support import HOST, PORT, wait_until

ZPOPBYSCORE = """
local key, now = KEYS[1], ARGV[1]
local jobs = redis.call("zrange", key, "-inf", now, "byscore", "limit", 0, 1)
if jobs[1] then
  redis.call("zrem", key, jobs[1])
  return jobs[1]
end
"""
JOBS = 300


def connect():
    return redis.Redis(host=HOST, port=PORT, protocol=3, decode_responses=True)


def check_start(client):
    """It refuses to work with a server that says it is older, and warns of one that evicts."""
    client.config_set("maxmemory-policy", "noeviction")
    information = client.info()
    assert tuple(map(int, information["redis_version"].split("."))) >= (7, 0, 0)
    assert information["maxmemory_policy"] == "noeviction"
    for field in ("used_memory_human", "used_memory_peak_human", "connected_clients"):
        assert field in information
    assert "uptime_in_days" in information


def push(client, queue, number):
    job = json.dumps({"class": "Work", "jid": f"{queue}{number}", "args": [number]})
    with client.pipeline() as pipeline:
        pipeline.sadd("queues", queue).lpush(f"queue:{queue}", job).execute()
    return job


def check_fetch(client):
    """Four workers wait for three queues; each job is done once, those of one queue in order."""
    done = []

    def work():
        with connect() as own:
            while found := own.brpop(["queue:critical", "queue:default", "queue:low"], timeout=2):
                queue, job = found
                number = json.loads(job)["args"][0]
                if number < 0:
                    return
                with own.pipeline() as pipeline:
                    pipeline.incrby("stat:processed", 1).expire("stat:processed", 100, nx=True)
                    pipeline.execute()
                done.append((queue, number))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    wait_until(lambda: client.info("clients")["blocked_clients"] == 4)
    for number in range(JOBS):
        push(client, ("critical", "default", "low")[number % 3], number)
    wait_until(lambda: len(done) == JOBS)
    for _ in workers:
        push(client, "low", -1)
    for worker in workers:
        worker.join()
    assert sorted(number for _, number in done) == list(range(JOBS))
    assert client.get("stat:processed") == str(JOBS)
    # Without anybody who waits, a queue named first goes first.
    push(client, "low", 1)
    push(client, "critical", 2)
    order = [client.brpop(["queue:critical", "queue:low"], timeout=2)[0] for _ in range(2)]
    assert order == ["queue:critical", "queue:low"]


def check_schedule(client):
    now = time.time()
    client.zadd("schedule", {json.dumps({"jid": n}): now - 10 + n for n in range(10)})
    client.zadd("schedule", {json.dumps({"jid": "later"}): now + 100})
    sha = client.script_load(ZPOPBYSCORE)
    popped = []
    while job := client.evalsha(sha, 1, "schedule", str(now)):
        popped.append(json.loads(job)["jid"])
    assert popped == list(range(10))
    assert client.zcard("schedule") == 1
    client.zadd("retry", {"a": 1, "b": 2, "c": 3})
    assert client.zrange("retry", 0, 0, desc=True, withscores=True) == [["c", 3.0]]
    client.zincrby("retry", 5, "a")
    assert client.zpopmin("retry") in ([["b", 2.0]], ["b", 2.0], [("b", 2.0)])
    assert client.zremrangebyrank("retry", 0, -2) == 1
    assert [member for member, _ in client.zscan_iter("retry", match="*")] == ["a"]


def check_heartbeat(client):
    with client.pipeline() as pipeline:
        pipeline.unlink("host:work").hset("host:work", mapping={"t1": "{}"}).expire("host:work", 60)
        assert pipeline.execute() == [0, 1, True]
    with client.pipeline() as pipeline:
        pipeline.sadd("processes", "host").exists("host").hset("host", mapping={"busy": 1, "rss": 2})
        pipeline.expire("host", 60).rpop("host-signals")
        assert pipeline.execute() == [1, 0, 2, True, None]
    assert client.set("process_cleanup", 1, nx=True, ex=60) is True
    assert client.set("process_cleanup", 1, nx=True, ex=60) is None
    assert list(client.sscan_iter("processes")) == ["host"]


def check_metrics(client):
    for _ in range(3):
        client.execute_command("BITFIELD", "h", *("OVERFLOW", "SAT", "INCRBY", "u16", "#3", 30_000))
    reads = [word for slot in range(5) for word in ("GET", "u16", f"#{slot}")]
    assert client.execute_command("BITFIELD_RO", "h", *reads) == [0, 0, 0, 65_535, 0]
    client.hincrby("j|20260101|0:0", "Work|ms", 12)
    assert client.hgetall("j|20260101|0:0") == {"Work|ms": "12"}


with connect() as connected:
    check_start(connected)
    for check in (check_fetch, check_schedule, check_heartbeat, check_metrics):
        connected.flushall()
        check(connected)
