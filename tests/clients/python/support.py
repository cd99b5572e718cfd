"""What the programs of this folder share: where the server is, workers, and waiting with a limit."""

import contextlib
import os
import pathlib
import subprocess
import sys
import time

HOST = "127.0.0.1"
PORT = int(os.environ["PORT"])
TLS_PORT = int(os.environ["TLS_PORT"])
CERTIFICATES = pathlib.Path(os.environ["CERTIFICATES"])
URL = f"redis://{HOST}:{PORT}"


def wait_until(is_so, seconds_max=20):
    """Calls until the answer is true, and returns it."""
    until = time.monotonic() + seconds_max
    while not (answer := is_so()):
        assert time.monotonic() < until, f"not so within {seconds_max} seconds"
        time.sleep(0.01)
    return answer


def refusal(call, *arguments, **options):
    """The exception that a call ends with; one that succeeds is a failure."""
    try:
        answer = call(*arguments, **options)
    except Exception as error:
        return error
    raise AssertionError(f"answered {answer!r}")


@contextlib.contextmanager
def worker(*command, module_folder=None):
    """A process of a Python module that runs while the block does; ended by SIGTERM."""
    folder = module_folder or pathlib.Path(sys.argv[0]).resolve().parent
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
