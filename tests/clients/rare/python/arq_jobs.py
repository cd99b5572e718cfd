"""arq: a worker in this process, results, retries, jobs for later, jobs that are there already."""

import asyncio

from arq import Retry, create_pool
from arq.connections import RedisSettings
from arq.worker import Worker
from support import HOST, PORT

SETTINGS = RedisSettings(host=HOST, port=PORT)


async def add(context, a, b):
    return a + b


async def third_time(context):
    if context["job_try"] < 3:
        raise Retry(defer=0.01)
    return context["job_try"]


async def fail(context):
    raise ValueError("on purpose")


async def main():
    pool = await create_pool(SETTINGS)
    await pool.flushall()
    jobs = [await pool.enqueue_job("add", number, 1) for number in range(50)]
    third = await pool.enqueue_job("third_time")
    failed = await pool.enqueue_job("fail")
    late = await pool.enqueue_job("add", 20, 22, _defer_by=0.2)
    assert await pool.enqueue_job("add", 1, 1, _job_id="one") is not None
    assert await pool.enqueue_job("add", 1, 1, _job_id="one") is None
    worker = Worker(
        [add, third_time, fail],
        redis_settings=SETTINGS,
        burst=True,
        poll_delay=0.02,
        handle_signals=False,
    )
    await worker.main()
    await worker.close()
    assert [await job.result(timeout=20) for job in jobs] == list(range(1, 51))
    assert await third.result(timeout=20) == 3 and await late.result(timeout=20) == 42
    try:
        await failed.result(timeout=20)
        raise AssertionError("it failed")
    except ValueError as error:
        assert str(error) == "on purpose"
    assert await pool.queued_jobs() == []
    assert len(await pool.all_job_results()) == 54
    await pool.aclose()


asyncio.run(main())
