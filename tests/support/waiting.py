"""What scripts that try the server with other programs share: ports, and waiting for an answer.

Not here: what is asked (tests/prometheus/, tests/sharding/, tests/browser/).
"""

import socket
import time


def free_port():
    """A port of the loopback address that nothing listened on a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(what, ask, limit_s):
    """What `ask` returns once that is true; an assertion fails after `limit_s` seconds."""
    end = time.monotonic() + limit_s
    while True:
        try:
            if answer := ask():
                return answer
        except OSError:
            pass
        assert time.monotonic() < end, f"{what} does not come"
        time.sleep(0.05)
