"""redis-py against a running server: what cache users do with it, in both protocol versions.

A Python warning or a message of the library's log at level WARNING counts as a failure.
"""

import asyncio
import datetime
import logging
import warnings

import redis
import redis.asyncio
from support import HOST, PORT

warnings.simplefilter("error")


class FailingHandler(logging.Handler):
    """Collects what the library complains about."""

    def __init__(self):
        super().__init__(level=logging.WARNING)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


def check_strings(client):
    assert client.set("name", "PyRedisAsync") is True
    assert client.get("name") == b"PyRedisAsync"
    assert client.get("missing") is None
    assert client.set("name", "other", nx=True) is None
    assert client.set("name", "other", xx=True, get=True) == b"PyRedisAsync"
    assert client.getdel("name") == b"other"
    assert client.setnx("lock", "1") is True
    assert client.setnx("lock", "2") is False
    assert client.incr("counter") == 1
    assert client.incrby("counter", 41) == 42
    assert client.decr("counter") == 41
    assert float(client.incrbyfloat("number", 1.5)) == 1.5
    assert client.mset({"a": 1, "b": 2}) is True
    assert client.mget("a", "missing", "b") == [b"1", None, b"2"]
    assert client.msetnx({"b": 3, "c": 4}) is False
    assert client.append("text", "Hello") == 5
    assert client.setrange("text", 1, "a") == 5
    assert client.getrange("text", 0, 2) == b"Hal"
    assert client.strlen("text") == 5
    value = bytes(range(256)) * 4096
    assert client.set("large", value) is True
    assert client.get("large") == value


def check_expiry(client):
    assert client.set("k", "v", ex=100) is True
    assert 99 <= client.ttl("k") <= 100
    assert client.set("k", "v", px=datetime.timedelta(seconds=50)) is True
    assert 45_000 <= client.pttl("k") <= 50_000
    assert client.expire("k", 200, gt=True) == 1
    assert client.expire("k", 100, gt=True) == 0
    assert client.expireat("k", 4_102_444_800) == 1
    assert client.expiretime("k") == 4_102_444_800
    assert client.set("k", "w", keepttl=True) is True
    assert client.pexpiretime("k") == 4_102_444_800_000
    assert client.getex("k", persist=True) == b"w"
    assert client.ttl("k") == -1
    assert client.ttl("missing") == -2
    assert client.execute_command("SETEX", "k", 10, "v") is True
    assert client.persist("k") == 1
    assert client.expire("k", -1) == 1
    assert client.exists("k") == 0


def check_bits(client):
    assert client.setbit("bits", 7, 1) == 0
    assert client.getbit("bits", 7) == 1
    assert client.bitcount("bits") == 1
    assert client.bitpos("bits", 1) == 7
    field = client.bitfield("field", default_overflow="SAT")
    assert field.incrby("u8", "#0", 300).get("u8", 0).execute() == [255, 255]


def check_keys(client):
    names = {f"user:{number}".encode() for number in range(1000)}
    client.mset({name: "x" for name in names})
    assert set(client.scan_iter("user:*", count=50)) == names
    assert set(client.keys("user:*")) == names
    assert client.delete(*names) == 1000
    assert client.set("from", "v") is True
    assert client.rename("from", "to") is True
    assert client.copy("to", "copy") is True
    assert client.type("to") == b"string"
    assert client.unlink("to", "copy", "missing") == 2
    assert client.touch("missing") == 0


def check_pipelines(client):
    with client.pipeline(transaction=False) as pipeline:
        for number in range(1000):
            pipeline.set(f"p{number}", number)
        assert pipeline.execute() == [True] * 1000
    with client.pipeline() as pipeline:
        pipeline.set("k", "abc").incr("k").get("k")
        first, error, last = pipeline.execute(raise_on_error=False)
        assert first is True and isinstance(error, redis.ResponseError) and last == b"abc"

    def add_one(pipeline):
        present = int(pipeline.get("n") or 0)
        pipeline.multi()
        pipeline.set("n", present + 1)

    assert client.transaction(add_one, "n") == [True]
    with client.pipeline() as pipeline:
        pipeline.watch("n")
        client.set("n", "changed behind its back")
        pipeline.multi()
        pipeline.set("n", "never")
        try:
            pipeline.execute()
            raise AssertionError("the watched key changed")
        except redis.WatchError:
            pass


def check_server(client, protocol):
    assert client.ping() is True
    assert client.echo("hello") == b"hello"
    assert client.client_setname("tests") is True
    assert client.client_getname() in ("tests", b"tests")
    assert any(entry["name"] == "tests" for entry in client.client_list())
    assert client.client_info()["lib-name"].startswith("redis-py")
    assert int(client.client_info()["resp"]) == protocol
    information = client.info()
    assert tuple(int(part) for part in information["redis_version"].split(".")) >= (7, 0, 0)
    assert client.info("keyspace") is not None
    assert client.config_get("databases") == {"databases": "16"}
    assert client.config_set("timeout", 0) is True
    assert client.command_count() > 50
    assert "get" in client.command()
    assert client.dbsize() >= 0
    assert len(client.time()) == 2
    try:
        client.execute_command("NOSUCH", "a")
        raise AssertionError("the command does not exist")
    except redis.ResponseError as error:
        assert str(error).startswith("unknown command 'NOSUCH'"), error


def check_databases(protocol):
    with redis.Redis(host=HOST, port=PORT, db=3, protocol=protocol) as client:
        client.set("only here", 1)
        assert client.dbsize() == 1
        assert client.flushdb() is True
        assert client.dbsize() == 0


async def check_asyncio(protocol):
    async with redis.asyncio.Redis(host=HOST, port=PORT, protocol=protocol) as client:
        assert await client.set("async", "v", ex=100) is True
        assert await client.get("async") == b"v"
        async with client.pipeline() as pipeline:
            assert await pipeline.incr("i").incr("i").execute() == [1, 2]


def check_password(protocol, password):
    def connect(**options):
        # The library tries wrong passwords again and again unless told not to.
        return redis.Redis(host=HOST, port=PORT, protocol=protocol, retry=None, **options)

    # With a user name the library sends both, without one it is the default user.
    for options in ({"password": password}, {"username": "default", "password": password}):
        with connect(**options) as client:
            assert client.set("guarded", "v", ex=100) is True
            assert client.get("guarded") == b"v"
            assert client.client_info()["user"] == "default"
    for options in ({"password": "wrong"}, {"username": "nobody", "password": password}):
        with connect(**options) as client:
            try:
                client.get("guarded")
                raise AssertionError(f"{options} is not the password")
            except redis.AuthenticationError as error:
                assert "invalid username-password pair" in str(error), error
    with connect() as client:
        try:
            client.get("guarded")
            raise AssertionError("a password is wanted")
        except redis.AuthenticationError as error:
            assert "uthenticat" in str(error), error
    with connect(password=password) as client, client.pipeline() as pipeline:
        assert pipeline.set("n", 1).incr("n").execute() == [True, 2]


def main():
    handler = FailingHandler()
    logging.getLogger().addHandler(handler)
    for protocol in (2, 3):
        with redis.Redis(
            host=HOST, port=PORT, protocol=protocol, health_check_interval=1, socket_timeout=20
        ) as client:
            for check in (check_strings, check_expiry, check_bits, check_keys, check_pipelines):
                client.flushall()
                check(client)
            check_server(client, protocol)
        check_databases(protocol)
        with redis.Redis(host=HOST, port=PORT, protocol=protocol) as client:
            client.flushall()
        asyncio.run(check_asyncio(protocol))
    # Without a protocol version the library takes its default and its whole handshake.
    with redis.Redis(host=HOST, port=PORT, client_name="default") as client:
        assert client.ping() is True
        password = "a long password: 'quoted' and @/:% signs"
        client.config_set("requirepass", password)
    for protocol in (2, 3):
        check_password(protocol, password)
    assert not handler.messages, handler.messages


if __name__ == "__main__":
    main()
