"""RQ: workers in processes of their own, results, failures, retries, dependencies, delayed jobs."""

import datetime
import pathlib
import tempfile

import redis
import support_rq
from rq import Queue, Retry, SimpleWorker
from support import HOST, PORT, URL, wait_until, worker


def check_worker(client, queue):
    first = queue.enqueue(support_rq.add, 2, 3)
    second = queue.enqueue(support_rq.add, 20, 22, depends_on=first)
    failed = queue.enqueue(support_rq.fail)
    many = queue.enqueue_many([Queue.prepare_data(support_rq.add, (n, 1)) for n in range(20)])
    assert second.get_status() == "deferred"
    with worker("rq.cli", "worker", "--url", URL, "--burst", "--quiet", "default") as process:
        assert process.wait(timeout=40) == 0
    assert first.return_value() == 5 and second.return_value() == 42
    assert [job.return_value() for job in many] == list(range(1, 21))
    assert failed.get_status() == "failed"
    assert "on purpose" in failed.latest_result().exc_string
    assert queue.failed_job_registry.get_job_ids() == [failed.id]
    assert len(queue.finished_job_registry) == 22 and queue.count == 0


def check_here(client, queue):
    """Workers in this process, which need no fork."""

    def work(with_scheduler=False):
        SimpleWorker([queue], connection=client).work(
            burst=True, with_scheduler=with_scheduler, logging_level="ERROR"
        )

    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "was here")
        retried = queue.enqueue(support_rq.fail_once, path, retry=Retry(max=2))
        work()
        assert retried.return_value() == "the second time"
    urgent = queue.enqueue(support_rq.add, 1, 1, at_front=True)
    assert queue.job_ids[0] == urgent.id
    cancelled = queue.enqueue(support_rq.add, 9, 9)
    cancelled.cancel()
    delayed = queue.enqueue_in(datetime.timedelta(seconds=1), support_rq.add, 3, 3)
    assert queue.scheduled_job_registry.get_job_ids() == [delayed.id]
    work()
    assert urgent.return_value() == 2 and cancelled.get_status() == "canceled"
    wait_until(lambda: work(True) or delayed.return_value() == 6)
    unique = queue.enqueue(support_rq.add, 5, 5, job_id="one")
    assert queue.fetch_job("one").id == unique.id
    queue.empty()
    assert queue.count == 0 and queue.fetch_job("one") is None


for check in (check_worker, check_here):
    with redis.Redis(host=HOST, port=PORT) as connected:
        connected.flushall()
        check(connected, Queue(connection=connected))
