"""An older redis-py, with the handshake of its time and hiredis as its parser."""

import redis
from support import HOST, PORT

for options in ({}, {"protocol": 2}, {"protocol": 3}):
    with redis.Redis(host=HOST, port=PORT, client_name="old", **options) as client:
        client.flushall()
        assert client.set("k", "v", ex=100) is True and client.get("k") == b"v"
        assert client.pipeline().incr("n").incr("n").execute() == [1, 2]
        assert client.zadd("z", {"a": 1.5}) == 1
        assert client.hset("h", mapping={"f": 1}) == 1 and client.hexpire("h", 10, "f") == [1]
        assert client.client_info()["lib-name"] == "redis-py"
        with client.lock("lock", timeout=10):
            assert client.get("lock") is not None
