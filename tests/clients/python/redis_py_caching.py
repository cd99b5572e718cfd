"""Client-side caching of redis-py: what is kept is given up when another client changes it.

A reader with a cache races writers: it must never see an older value than before, and must see the
last one. The seed of each race is printed if it fails.
"""

import random
import threading

import redis
from redis.cache import CacheConfig
from support import HOST, PORT, wait_until

KEYS = [f"key:{number}" for number in range(5)]
RACES = 8
WRITES = 300


def connect(**options):
    return redis.Redis(host=HOST, port=PORT, protocol=3, decode_responses=True, **options)


def check_hits(reader, writer):
    cache = reader.get_cache()
    writer.mset({"a": "1", "b": "2"})
    writer.hset("h", "f", "1")
    assert reader.get("a") == "1" and reader.mget("a", "b") == ["1", "2"]
    assert reader.hget("h", "f") == "1"
    assert cache.size == 3
    calls_before = calls_of_get(writer)
    for _ in range(100):
        assert reader.get("a") == "1"
    assert calls_of_get(writer) == calls_before
    writer.set("a", "changed")
    wait_until(lambda: reader.get("a") == "changed")
    assert reader.mget("a", "b") == ["changed", "2"]
    # A key that is absent, one that expires, and everything at once.
    assert reader.get("absent") is None
    writer.set("absent", "there", px=30)
    wait_until(lambda: reader.get("absent") == "there")
    wait_until(lambda: reader.get("absent") is None)
    writer.flushall()
    wait_until(lambda: reader.get("a") is None)
    assert writer.info("clients")["tracking_clients"] == 1


def calls_of_get(client):
    return client.info("commandstats")["cmdstat_get"]["calls"]


def check_race(seed):
    """Writers raise numbers under their keys; the numbers a reader sees never fall."""
    draw = random.Random(seed)
    with connect() as writer:
        writer.mset(dict.fromkeys(KEYS, 0))
    end = threading.Event()
    failures = []

    def read():
        with connect(cache_config=CacheConfig()) as reader:
            seen = dict.fromkeys(KEYS, 0)
            while not end.is_set() and not failures:
                for key in KEYS:
                    number = int(reader.get(key))
                    if number < seen[key]:
                        failures.append(f"{key}: {number} after {seen[key]}, seed {seed}")
                    seen[key] = number
            for key in KEYS:
                wait_until(lambda: reader.get(key) == last[key])

    def write(numbers):
        with connect() as writer:
            for key, way in numbers:
                if way == 0:
                    writer.incr(key)
                elif way == 1:
                    writer.transaction(lambda pipeline: pipeline.incr(key))
                elif way == 2:
                    writer.eval("return redis.call('INCR', KEYS[1])", 1, key)
                else:
                    writer.pipeline().incr(key).incr(key).execute()

    steps = [[(draw.choice(KEYS), draw.randrange(4)) for _ in range(WRITES)] for _ in range(2)]
    raised = [key for step in steps for key, way in step for _ in range(2 if way == 3 else 1)]
    last = {key: str(raised.count(key)) for key in KEYS}
    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(step,)) for step in steps]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    end.set()
    for thread in readers:
        thread.join()
    assert not failures, failures


with connect(cache_config=CacheConfig()) as caching, connect() as plain:
    check_hits(caching, plain)
for number in range(RACES):
    check_race(number)
