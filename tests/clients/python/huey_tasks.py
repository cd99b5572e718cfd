"""huey: a consumer in a process of its own, results, priorities, pipelines, delays, locks."""

from huey import RedisHuey
from support import URL, refusal, worker
from support_huey import add, alone, huey, third_time


def check_consumer():
    early = add.schedule((1, 1), delay=1)
    results = [add(number, 1) for number in range(50)]
    arguments = ("support_huey.huey", "--workers=2", "--quiet", "--scheduler-interval=1")
    with worker("huey.bin.huey_consumer", *arguments):
        assert [result.get(blocking=True, timeout=20) for result in results] == list(range(1, 51))
        assert third_time()(blocking=True, timeout=20) == "the third time"
        pipeline = add.s(1, 2).then(add, 4).then(add, 5)
        assert huey.enqueue(pipeline).get(blocking=True, timeout=20) == [3, 7, 12]
        assert early.get(blocking=True, timeout=20) == 2
        revoked = add.schedule((9, 9), delay=100)
        revoked.revoke()
        assert revoked.is_revoked()
        assert alone() == "alone"


def check_priorities():
    """What is enqueued is dequeued by priority, and by age among equals."""
    huey.flush()
    for number, priority in enumerate((1, 5, 1, 9)):
        add.schedule((number, 0), delay=-1, priority=priority)
    order = []
    while task := huey.dequeue():
        order.append(task.args[0])
    assert order == [3, 1, 0, 2] or sorted(order) == [0, 1, 2, 3] and order[:2] == [3, 1], order


def check_locks():
    with huey.lock_task("one"):
        assert "lock" in str(refusal(huey.lock_task("one").__enter__)).lower()
    assert huey.flush_locks() == set()


def check_plain_list():
    plain = RedisHuey("plain", url=URL, immediate=False)

    @plain.task()
    def double(number):
        return number * 2

    result = double(21)
    assert plain.pending_count() == 1
    assert plain.execute(plain.dequeue()) == 42 and result.get() == 42


huey.storage.flush_all()
check_consumer()
check_priorities()
check_locks()
check_plain_list()
