"""aiocache: values, namespaces, locks against stampedes, optimistic locks."""

import asyncio

from aiocache import RedisCache
from aiocache.lock import OptimisticLock, OptimisticLockError, RedLock
from aiocache.serializers import JsonSerializer
from support import HOST, PORT


def connect(namespace):
    return RedisCache(
        serializer=JsonSerializer(), namespace=namespace, endpoint=HOST, port=PORT, timeout=20
    )


async def check_values(cache):
    await cache.clear()
    assert await cache.set("a", {"x": 1}, ttl=100) is True
    assert await cache.get("a") == {"x": 1} and await cache.get("b", default=7) == 7
    await cache.multi_set([("b", 2), ("c", 3)], ttl=50)
    assert await cache.multi_get(["a", "b", "c", "d"]) == [{"x": 1}, 2, 3, None]
    assert await cache.exists("a") and await cache.delete("a") == 1
    assert await cache.increment("n", 5) == 5 and await cache.expire("n", 10) is True
    try:
        await cache.add("b", 1)
        raise AssertionError("it is there")
    except ValueError:
        pass
    await cache.clear(namespace="tests")
    assert await cache.get("b") is None


async def check_locks(cache):
    """Of twenty who miss at once, one computes."""
    computed = []

    async def get():
        async with RedLock(cache, "page", lease=10):
            value = await cache.get("page")
            if value is None:
                computed.append(1)
                await asyncio.sleep(0.02)
                value = "rendered"
                await cache.set("page", value)
            return value

    assert await asyncio.gather(*(get() for _ in range(20))) == ["rendered"] * 20
    assert computed == [1]
    await cache.set("k", "old")
    async with OptimisticLock(cache, "k") as lock:
        await cache.set("k", "changed")
        try:
            await lock.cas("new")
            raise AssertionError("it was changed")
        except OptimisticLockError:
            pass
    async with OptimisticLock(cache, "k") as lock:
        await lock.cas("new")
    assert await cache.get("k") == "new"


async def main():
    async with connect("tests") as cache:
        await check_values(cache)
        await check_locks(cache)


asyncio.run(main())
