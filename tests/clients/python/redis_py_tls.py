"""redis-py over TLS: an authority of one's own, both versions, certificates of clients, asyncio."""

import asyncio
import ssl

import redis
import redis.asyncio
from support import CERTIFICATES, HOST, PORT, TLS_PORT, refusal

AUTHORITY = {"ssl_ca_certs": str(CERTIFICATES / "ca.pem")}
APP = {
    "ssl_certfile": str(CERTIFICATES / "app.pem"),
    "ssl_keyfile": str(CERTIFICATES / "app.key"),
}
URL = f"rediss://{HOST}:{TLS_PORT}"


def connect(**options):
    return redis.Redis.from_url(URL, retry=None, **options)


def check_requests(client):
    value = bytes(range(256)) * 8192
    assert client.set("large", value) is True and client.get("large") == value
    with client.pipeline(transaction=False) as pipeline:
        for number in range(5000):
            pipeline.set(f"key:{number}", number)
        assert pipeline.execute() == [True] * 5000
    subscription = client.pubsub()
    subscription.subscribe("channel")
    assert subscription.get_message(timeout=20)["type"] == "subscribe"
    assert client.publish("channel", "x") == 1
    assert subscription.get_message(timeout=20)["data"] == b"x"
    subscription.close()
    assert client.blpop("nothing", timeout=0.01) is None


def check_strangers():
    """An authority that is not known, and a client that speaks another version or none."""
    assert isinstance(refusal(connect().ping), redis.ConnectionError)
    only_old = {"ssl_min_version": ssl.TLSVersion.TLSv1_3, **AUTHORITY}
    assert connect(**only_old).ping() is True
    plain = redis.Redis(host=HOST, port=TLS_PORT, retry=None, socket_timeout=20)
    assert isinstance(refusal(plain.ping), redis.RedisError)
    encrypted = redis.Redis(host=HOST, port=PORT, ssl=True, retry=None, socket_timeout=20, **AUTHORITY)
    assert isinstance(refusal(encrypted.ping), redis.RedisError)


def check_certificates():
    """With `tls-auth-clients yes` nobody comes in without a certificate of the authority."""
    with redis.Redis(host=HOST, port=PORT) as plain:
        plain.config_set("tls-auth-clients", "yes")
        assert isinstance(refusal(connect(**AUTHORITY).ping), redis.ConnectionError)
        with connect(**AUTHORITY, **APP) as client:
            assert client.ping() is True
        plain.config_set("tls-auth-clients", "optional")


def check_user_of_certificate():
    """The name in a certificate is a user, without a password."""
    with redis.Redis(host=HOST, port=PORT) as plain:
        plain.config_set("tls-auth-clients-user", "cn")
        plain.acl_setuser("app", enabled=True, commands=["+acl|whoami", "+hello", "+client"])
        with connect(**AUTHORITY, **APP) as client:
            assert client.acl_whoami() in ("app", b"app")
            assert isinstance(refusal(client.get, "k"), redis.exceptions.NoPermissionError)
        with connect(**AUTHORITY) as client:
            assert client.acl_whoami() in ("default", b"default")
        plain.config_set("tls-auth-clients-user", "off")
        plain.acl_deluser("app")


async def check_asyncio():
    async with redis.asyncio.Redis.from_url(URL, **AUTHORITY) as client:
        replies = await asyncio.gather(*(client.incr("count") for _ in range(50)))
        assert sorted(replies) == list(range(1, 51))


for protocol in (2, 3):
    with connect(protocol=protocol, **AUTHORITY) as connected:
        connected.flushall()
        check_requests(connected)
for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    with connect(ssl_min_version=version, **AUTHORITY) as connected:
        assert connected.ping() is True
check_strangers()
check_certificates()
check_user_of_certificate()
asyncio.run(check_asyncio())
