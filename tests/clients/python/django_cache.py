"""django-redis and Django's own Redis cache: values, counters, locks, patterns, sets, sessions."""

import importlib

import django
from django.conf import settings
from support import URL, refusal

settings.configure(
    CACHES={
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": f"{URL}/1",
            "KEY_PREFIX": "shop",
        },
        "own": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": f"{URL}/2"},
    },
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    SECRET_KEY="of a test",
)
django.setup()

from django.core.cache import caches  # noqa: E402


def check_any(cache):
    """What every cache of Django can do."""
    cache.clear()
    assert cache.get("missing", "default") == "default"
    cache.set("basket", {"apples": 3, "text": "é"}, timeout=100)
    assert cache.get("basket") == {"apples": 3, "text": "é"}
    assert cache.add("basket", 1) is False and cache.add("new", 1) is True
    assert cache.get_or_set("lazy", lambda: 42, timeout=10) == 42
    assert cache.incr("new", 4) == 5 and cache.decr("new") == 4
    assert isinstance(refusal(cache.incr, "missing"), ValueError)
    cache.set_many({"a": 1, "b": [2]}, timeout=100)
    assert cache.get_many(["a", "b", "c"]) == {"a": 1, "b": [2]}
    assert cache.touch("a", 200) is True and cache.touch("missing") is False
    cache.delete_many(["a", "b"])
    assert cache.has_key("a") is False
    cache.set("gone", 1, timeout=0)
    assert cache.get("gone") is None
    cache.set("versioned", "one", version=1)
    assert cache.incr_version("versioned") == 2
    assert cache.get("versioned", version=2) == "one" and cache.get("versioned", version=1) is None
    assert cache.delete("basket") is True and cache.delete("basket") is False


def check_deadlines(cache):
    cache.set("k", "v", timeout=100)
    assert 99 <= cache.ttl("k") <= 100 and 99_000 <= cache.pttl("k") <= 100_000
    assert cache.expire("k", 50) is True and 49 <= cache.ttl("k") <= 50
    assert cache.pexpire("k", 2500) is True and 2000 <= cache.pttl("k") <= 2500
    assert cache.persist("k") is True and cache.ttl("k") is None
    assert cache.ttl("missing") == 0


def check_patterns(cache):
    cache.set_many({f"user:{number}": number for number in range(1500)})
    cache.set("other", 1)
    assert len(cache.keys("user:*")) == 1500
    assert sum(1 for _ in cache.iter_keys("user:1*", itersize=50)) == 1 + 10 + 100 + 500
    assert cache.delete_pattern("user:*", itersize=100) == 1500
    assert cache.keys("*") == ["other"]


def check_locks(cache):
    with cache.lock("lock", timeout=30):
        assert cache.lock("lock", timeout=30).acquire(blocking=False) is False
    lock = cache.lock("lock", timeout=30)
    assert lock.acquire(blocking=False) is True
    lock.release()


def check_sets(cache):
    assert cache.sadd("s", "a", "b", 3) == 3 and cache.smembers("s") == {"a", "b", 3}
    assert cache.sadd("t", "b", "c") == 2 and cache.sinter("s", "t") == {"b"}
    assert cache.sismember("s", "a") is True and cache.srem("s", "a") == 1
    assert cache.hset("h", "f", {"x": 1}) == 1 and cache.hkeys("h") == ["f"]


def check_sessions():
    engine = importlib.import_module(settings.SESSION_ENGINE)
    session = engine.SessionStore()
    session["user"] = 7
    session.save()
    again = engine.SessionStore(session.session_key)
    assert again["user"] == 7 and again.exists(session.session_key)
    again.cycle_key()
    assert engine.SessionStore(again.session_key)["user"] == 7
    assert not again.exists(session.session_key)
    again.flush()
    assert again.session_key is None


check_any(caches["own"])
django_redis_cache = caches["default"]
check_any(django_redis_cache)
for check in (check_deadlines, check_patterns, check_locks, check_sets):
    django_redis_cache.clear()
    check(django_redis_cache)
check_sessions()
