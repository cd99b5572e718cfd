"""What Spring Session, Spring's cache and Redisson send: events of expiry, KEYS with DEL, locks with
a channel to wait on, and values packed by `struct`. Written from what their sources call.
"""

import threading

import redis
from support import HOST, PORT, wait_until

LOCK = """
if (redis.call('exists', KEYS[1]) == 0) or (redis.call('hexists', KEYS[1], ARGV[2]) == 1) then
    redis.call('hincrby', KEYS[1], ARGV[2], 1)
    redis.call('pexpire', KEYS[1], ARGV[1])
    return nil
end
return redis.call('pttl', KEYS[1])
"""
UNLOCK = """
local latch = redis.call('get', KEYS[3])
if latch ~= false then return tonumber(latch) end
if redis.call('hexists', KEYS[1], ARGV[3]) == 0 then return nil end
local counter = redis.call('hincrby', KEYS[1], ARGV[3], -1)
if counter > 0 then
    redis.call('pexpire', KEYS[1], ARGV[2])
    redis.call('set', KEYS[3], 0, 'px', ARGV[5])
    return 0
else
    redis.call('del', KEYS[1])
    redis.call(ARGV[4], KEYS[2], ARGV[1])
    redis.call('set', KEYS[3], 1, 'px', ARGV[5])
    return 1
end
"""
MAP_CACHE_PUT = """
local old = redis.call('hget', KEYS[1], ARGV[3])
redis.call('zadd', KEYS[2], ARGV[2], ARGV[3])
local value = struct.pack('dLc0', ARGV[1], string.len(ARGV[4]), ARGV[4])
redis.call('hset', KEYS[1], ARGV[3], value)
if old == false then return nil end
local idle, text = struct.unpack('dLc0', old)
return text
"""
MAP_CACHE_GET = """
local value = redis.call('hget', KEYS[1], ARGV[2])
if value == false then return nil end
local idle, text = struct.unpack('dLc0', value)
local due = redis.call('zscore', KEYS[2], ARGV[2])
if due ~= false and tonumber(due) <= tonumber(ARGV[1]) then return nil end
return {tostring(idle), text}
"""


def connect(**options):
    return redis.Redis(host=HOST, port=PORT, decode_responses=True, **options)


def check_session_events(client):
    """Sessions that end are told by events, without anybody touching them."""
    assert client.config_get("notify-keyspace-events") == {"notify-keyspace-events": ""}
    assert client.config_set("notify-keyspace-events", "Egx") is True
    assert sorted(client.config_get("notify-keyspace-events")["notify-keyspace-events"]) == list("Egx")
    subscription = client.pubsub()
    subscription.psubscribe("__keyevent@0__:del", "__keyevent@0__:expired")
    subscription.subscribe("spring:session:event:0:created")
    for _ in range(3):
        assert "subscribe" in subscription.get_message(timeout=20)["type"]
    client.hset("spring:session:sessions:1", mapping={"creationTime": 1, "sessionAttr:user": "a"})
    client.expire("spring:session:sessions:1", 2100)
    client.publish("spring:session:event:0:created", "1")
    assert subscription.get_message(timeout=20)["data"] == "1"
    # A key beside the session ends before it, so that whoever hears of it can still read that.
    for number in range(50):
        client.psetex(f"spring:session:sessions:expires:{number}", 20 + number, "")
    ended = {subscription.get_message(timeout=20)["data"] for _ in range(50)}
    assert ended == {f"spring:session:sessions:expires:{number}" for number in range(50)}
    assert client.hget("spring:session:sessions:1", "sessionAttr:user") == "a"
    client.rename("spring:session:sessions:1", "spring:session:sessions:2")
    client.delete("spring:session:sessions:2")
    message = subscription.get_message(timeout=20)
    assert (message["channel"], message["data"]) == ("__keyevent@0__:del", "spring:session:sessions:2")
    subscription.close()
    client.config_set("notify-keyspace-events", "")


def check_cache(client):
    client.mset({f"books::{number}": "x" for number in range(2000)})
    client.set("other", "x")
    assert client.delete(*client.keys("books::*")) == 2000
    assert client.keys("*") == ["other"]
    assert client.set("books~lock", "", nx=True, px=1000) is True
    assert client.getex("other", px=5000) == "x" and client.pttl("other") > 4000


def check_redisson_lock(client, publish):
    """Ten threads on one lock: whoever can't have it waits for the message of its release."""
    count = [0]
    name, channel = "lock", "redisson_lock__channel:{lock}"

    def work(thread):
        owner = f"id:{thread}"
        with connect() as own:
            subscription = own.pubsub()
            sharded = publish == "spublish"
            (subscription.ssubscribe if sharded else subscription.subscribe)(channel)
            for turn in range(5):
                while own.eval(LOCK, 1, name, 30_000, owner) is not None:
                    subscription.get_message(timeout=0.1)
                # The same owner may enter again.
                assert own.eval(LOCK, 1, name, 30_000, owner) is None
                before = count[0]
                assert own.eval(*unlock(owner, f"{thread}:{turn}:inner")) == 0
                count[0] = before + 1
                latch = f"{thread}:{turn}:outer"
                assert own.eval(*unlock(owner, latch)) == 1
                # Asked again after a lost reply, the answer is the same.
                assert own.eval(*unlock(owner, latch)) == 1
            subscription.close()

    def unlock(owner, latch):
        return UNLOCK, 3, name, channel, f"latch:{latch}", 0, 30_000, owner, publish, 10_000

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count == [50]
    assert client.exists(name) == 0
    assert client.eval(*unlock("nobody", "x")) is None


def check_redisson_map(client):
    put = (MAP_CACHE_PUT, 2, "map", "map:timeouts")
    get = (MAP_CACHE_GET, 2, "map", "map:timeouts")
    assert client.eval(*put, 1500, 2000, "k", "first") is None
    assert client.eval(*put, 1.5, 2000, "k", "second") == "first"
    assert client.eval(*get, 1999, "k") == ["1.5", "second"]
    assert client.eval(*get, 2000, "k") is None


for protocol in (2, 3):
    with connect(protocol=protocol) as connected:
        for check in (check_session_events, check_cache, check_redisson_map):
            connected.flushall()
            check(connected)
        for command in ("publish", "spublish"):
            connected.flushall()
            check_redisson_lock(connected, command)
        wait_until(lambda: connected.pubsub_channels() == [])
