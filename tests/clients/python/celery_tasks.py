"""Celery with the server as broker and backend: a worker, results, chains, groups, chords, control."""

import redis
from celery import chain, chord, group
from support import HOST, PORT, wait_until, worker
from support_celery import add, app, fail, third_time, total

LIMIT_SECONDS = 30


def check_results():
    assert add.delay(2, 3).get(timeout=LIMIT_SECONDS) == 5
    results = [add.delay(number, number) for number in range(100)]
    assert [result.get(timeout=LIMIT_SECONDS) for result in results] == list(range(0, 200, 2))
    failed = fail.delay()
    assert str(failed.get(timeout=LIMIT_SECONDS, propagate=False)) == "on purpose"
    assert failed.state == "FAILURE"
    assert third_time.delay().get(timeout=LIMIT_SECONDS) == 2
    assert add.apply_async((1, 1), countdown=0.2).get(timeout=LIMIT_SECONDS) == 2
    forgotten = add.delay(1, 2)
    forgotten.get(timeout=LIMIT_SECONDS)
    forgotten.forget()
    assert app.AsyncResult(forgotten.id).state == "PENDING"


def check_canvas():
    assert chain(add.s(1, 2), add.s(4))().get(timeout=LIMIT_SECONDS) == 7
    numbers = group(add.s(number, 1) for number in range(20))()
    assert numbers.get(timeout=LIMIT_SECONDS) == list(range(1, 21))
    header = [add.s(number, number) for number in range(20)]
    assert chord(header)(total.s()).get(timeout=LIMIT_SECONDS) == 380
    assert chain(group(add.s(1, 1), add.s(2, 2)), total.s())().get(timeout=LIMIT_SECONDS) == 6
    broken = chord([add.s(1, 1), fail.s()])(total.s())
    error = broken.get(timeout=LIMIT_SECONDS, propagate=False)
    assert "on purpose" in str(error), error


def check_control():
    """Fanout over publish and subscribe, and replies by queues of their own."""
    replies = app.control.ping(timeout=5, limit=1)
    assert [list(reply.values()) for reply in replies] == [[{"ok": "pong"}]], replies
    tasks = app.control.inspect(timeout=5, limit=1).registered()
    assert "support_celery.add" in next(iter(tasks.values()))


with redis.Redis(host=HOST, port=PORT) as client:
    # What is sent before there is a worker waits for it.
    early = add.delay(20, 22)
    assert client.llen("celery") == 1
    arguments = ("-A", "support_celery", "worker", "--concurrency=2", "--loglevel=WARNING")
    with worker("celery", *arguments):
        assert early.get(timeout=LIMIT_SECONDS) == 42
        check_results()
        check_canvas()
        check_control()
    wait_until(lambda: client.llen("celery") == 0)
    assert client.hlen("unacked") == 0 and client.zcard("unacked_index") == 0
    assert app.control.purge() == 0
