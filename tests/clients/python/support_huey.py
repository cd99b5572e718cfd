"""Tasks of huey that `huey_tasks.py` and its consumer share."""

from huey import PriorityRedisExpireHuey, crontab
from support import URL

huey = PriorityRedisExpireHuey("tests", url=URL, utc=True)


@huey.task()
def add(a, b):
    return a + b


@huey.task(retries=2, context=True)
def third_time(task=None):
    if task.retries > 0:
        raise ValueError("not yet")
    return "the third time"


@huey.periodic_task(crontab(minute="0", hour="0"))
def at_midnight():
    return "midnight"


@huey.lock_task("alone")
def alone():
    return "alone"
