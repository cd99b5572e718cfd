"""Locks of redis-py, and its scripts in pipelines: EVALSHA with SCRIPT LOAD when it is not known."""

import threading

import redis
from redis.exceptions import LockError, LockNotOwnedError
from support import HOST, PORT, refusal


def check_ownership(client):
    lock = client.lock("lock", timeout=100)
    assert lock.acquire(blocking=False) is True
    assert 99_000 < client.pttl("lock") <= 100_000
    other = client.lock("lock", timeout=100)
    assert other.acquire(blocking=False) is False
    assert lock.owned() and not other.owned() and other.locked()
    assert lock.extend(50) is True
    assert 149_000 < client.pttl("lock") <= 150_000
    assert lock.extend(20, replace_ttl=True) is True
    assert 19_000 < client.pttl("lock") <= 20_000
    assert lock.reacquire() is True
    assert 99_000 < client.pttl("lock") <= 100_000
    lock.release()
    assert client.exists("lock") == 0
    assert isinstance(refusal(lock.release), LockError)


def check_loss(client):
    """Whoever lost a lock can't release, extend or reacquire the one of another."""
    lock = client.lock("lock", timeout=100)
    for call in (lock.release, lambda: lock.extend(1), lock.reacquire):
        assert lock.acquire(blocking=False)
        client.set("lock", "another's token")
        assert isinstance(refusal(call), LockNotOwnedError)
        assert client.getdel("lock") == b"another's token"
        lock.local.token = None
    assert lock.acquire(blocking=False)
    assert client.pexpire("lock", 0) == 1
    assert isinstance(refusal(lock.release), LockNotOwnedError)


def check_exclusion(client):
    """Eight threads count up without INCR; no step is lost."""
    client.set("count", 0)

    def count_up():
        for _ in range(20):
            with client.lock("exclusive", timeout=30, sleep=0.001, blocking_timeout=30):
                client.set("count", int(client.get("count")) + 1)

    threads = [threading.Thread(target=count_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.get("count") == b"160"


def check_scripts(client):
    multiply = client.register_script("return redis.call('GET', KEYS[1]) * ARGV[1]")
    client.set("number", 6)
    assert multiply(keys=["number"], args=[7]) == 42
    client.script_flush()
    assert multiply(keys=["number"], args=[7]) == 42
    assert client.script_exists(multiply.sha) == [True]
    client.script_flush()
    with client.pipeline() as pipeline:
        pipeline.set("number", 5)
        multiply(keys=["number"], args=[2], client=pipeline)
        assert pipeline.execute() == [True, 10]
    error = refusal(client.evalsha, "0" * 40, 0)
    assert isinstance(error, redis.exceptions.NoScriptError), error


for protocol in (2, 3):
    with redis.Redis(host=HOST, port=PORT, protocol=protocol) as connected:
        for check in (check_ownership, check_loss, check_exclusion, check_scripts):
            connected.flushall()
            connected.script_flush()
            check(connected)
