"""dramatiq: workers, results, retries, delays, pipelines and groups, limits of rates."""

import pathlib
import tempfile

import dramatiq
from dramatiq import group, pipeline
from dramatiq.rate_limits import ConcurrentRateLimiter, WindowRateLimiter
from support_dramatiq import add, broker, fail, limits, third_time

LIMIT_MS = 20_000


def check_actors():
    for message in [add.send(number, 1) for number in range(100)]:
        a, _ = message.args
        assert message.get_result(block=True, timeout=LIMIT_MS) == a + 1
    with tempfile.TemporaryDirectory() as folder:
        message = third_time.send(str(pathlib.Path(folder) / "times"))
        assert message.get_result(block=True, timeout=LIMIT_MS) == "the third time"
    delayed = add.send_with_options(args=(1, 1), delay=200)
    assert delayed.get_result(block=True, timeout=LIMIT_MS) == 2
    fail.send()
    broker.join("default", timeout=LIMIT_MS)
    # The failed one is among the dead letters.
    assert broker.client.zcard("dramatiq:default.XQ") == 1


def check_compositions():
    numbers = pipeline([add.message(1, 2), add.message(4), add.message(5)]).run()
    assert numbers.get_result(block=True, timeout=LIMIT_MS) == 12
    many = group([add.message(number, 0) for number in range(20)]).run()
    assert list(many.get_results(block=True, timeout=LIMIT_MS)) == list(range(20))


def check_limits():
    concurrent = ConcurrentRateLimiter(limits, "concurrent", limit=2)
    with concurrent.acquire(), concurrent.acquire():
        with concurrent.acquire(raise_on_failure=False) as is_in:
            assert not is_in
    window = WindowRateLimiter(limits, "window", limit=3, window=60)
    entered = []
    for _ in range(5):
        with window.acquire(raise_on_failure=False) as is_in:
            entered.append(bool(is_in))
    assert entered == [True] * 3 + [False] * 2


broker.flush_all()
workers = dramatiq.Worker(broker, worker_threads=4)
workers.start()
check_actors()
check_compositions()
check_limits()
workers.stop()
broker.close()
