"""pyrate-limiter, which fastapi-limiter builds on: a bucket of Redis, with several rates."""

import redis
from pyrate_limiter import Duration, Limiter, Rate, RedisBucket
from support import URL

client = redis.Redis.from_url(URL)
bucket = RedisBucket.init([Rate(3, Duration.MINUTE), Rate(5, Duration.HOUR)], client, "bucket")
limiter = Limiter(bucket)
assert [limiter.try_acquire("a", blocking=False) for _ in range(5)] == [True] * 3 + [False] * 2
assert bucket.count() == 3
bucket.flush()
assert bucket.count() == 0 and limiter.try_acquire("a", blocking=False) is True
