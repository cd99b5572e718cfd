"""limits (behind Flask-Limiter and slowapi): all strategies, with and without asyncio."""

import asyncio

from limits import RateLimitItemPerMinute, storage, strategies
from limits.aio import storage as async_storage
from limits.aio import strategies as async_strategies
from support import URL

# What is left of five after three were taken and three more refused: a fixed window counts those, too.
STRATEGIES = {
    "FixedWindowRateLimiter": 0,
    "MovingWindowRateLimiter": 2,
    "SlidingWindowCounterRateLimiter": 2,
}
FIVE = RateLimitItemPerMinute(5)


def check(kind, left):
    store = storage.storage_from_string(URL)
    assert store.check()
    store.reset()
    limiter = getattr(strategies, kind)(store)
    assert limiter.get_window_stats(FIVE, "a").remaining == 5
    assert [limiter.hit(FIVE, "a") for _ in range(7)] == [True] * 5 + [False] * 2
    assert limiter.test(FIVE, "a") is False and limiter.test(FIVE, "b") is True
    assert limiter.hit(FIVE, "b", cost=3) is True and limiter.hit(FIVE, "b", cost=3) is False
    assert limiter.get_window_stats(FIVE, "b").remaining == left
    limiter.clear(FIVE, "a")
    assert limiter.hit(FIVE, "a") is True
    assert store.reset() >= 1


async def check_async(kind):
    store = async_storage.RedisStorage(f"async+{URL}", implementation="redispy")
    limiter = getattr(async_strategies, kind)(store)
    hits = await asyncio.gather(*(limiter.hit(FIVE, "c") for _ in range(9)))
    assert sorted(hits) == [False] * 4 + [True] * 5, hits
    await store.reset()


for name, left_over in STRATEGIES.items():
    check(name, left_over)
    asyncio.run(check_async(name))
