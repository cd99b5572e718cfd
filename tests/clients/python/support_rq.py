"""Jobs of RQ that `rq_jobs.py` and its workers share."""

import os


def add(a, b):
    return a + b


def fail():
    raise ValueError("on purpose")


def fail_once(path):
    """Fails unless it has been here before."""
    if not os.path.exists(path):
        open(path, "w").close()
        raise ValueError("the first time")
    return "the second time"
