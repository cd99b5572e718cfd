"""What Laravel sends, as phpredis and Predis send it: whole bodies by EVAL, each time.

Written from what its cache, locks, limiters, sessions and queues call. The queue's three scripts
move jobs between a list and sorted sets and count attempts inside a JSON text.
"""

import json
import time

import redis
from support import HOST, PORT

ADD = """
return redis.call('exists', KEYS[1]) < 1 and redis.call('setex', KEYS[1], ARGV[2], ARGV[1])
"""
RELEASE = """
if redis.call('get', KEYS[1]) == ARGV[1] then
    return redis.call('del', KEYS[1])
end
return 0
"""
REFRESH = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then
    return 0
end
if ARGV[2] == '' then
    return redis.call('persist', KEYS[1])
end
return redis.call('expire', KEYS[1], ARGV[2])
"""
LIMIT_CONCURRENCY = """
for index, taken in pairs(redis.call('mget', unpack(KEYS))) do
    if not taken then
        redis.call('set', KEYS[index], ARGV[3], 'EX', ARGV[2])
        return ARGV[1] .. index
    end
end
"""
LIMIT_DURATION = """
local function reset()
    redis.call('HMSET', KEYS[1], 'start', ARGV[2], 'end', ARGV[2] + ARGV[3], 'count', 1)
    return redis.call('EXPIRE', KEYS[1], ARGV[3] * 2)
end
if redis.call('EXISTS', KEYS[1]) == 0 then
    return {reset(), ARGV[2] + ARGV[3], ARGV[4] - 1}
end
if ARGV[1] >= redis.call('HGET', KEYS[1], 'start') and ARGV[1] <= redis.call('HGET', KEYS[1], 'end') then
    return {
        tonumber(redis.call('HINCRBY', KEYS[1], 'count', 1)) <= tonumber(ARGV[4]),
        redis.call('HGET', KEYS[1], 'end'),
        ARGV[4] - redis.call('HGET', KEYS[1], 'count')
    }
end
return {reset(), ARGV[2] + ARGV[3], ARGV[4] - 1}
"""
PUSH = """
redis.call('rpush', KEYS[1], ARGV[1])
redis.call('rpush', KEYS[2], 1)
"""
POP = """
local job = redis.call('lpop', KEYS[1])
local reserved = false
if job ~= false then
    reserved = cjson.decode(job)
    reserved['attempts'] = reserved['attempts'] + 1
    reserved = cjson.encode(reserved)
    redis.call('zadd', KEYS[2], ARGV[1], reserved)
    redis.call('lpop', KEYS[3])
end
return {job, reserved}
"""
RETRY = """
redis.call('zrem', KEYS[2], ARGV[1])
redis.call('zadd', KEYS[1], ARGV[2], ARGV[1])
return true
"""
MIGRATE = """
local due = redis.call('zrangebyscore', KEYS[1], '-inf', ARGV[1], 'limit', 0, ARGV[2])
if next(due) ~= nil then
    redis.call('zremrangebyrank', KEYS[1], 0, #due - 1)
    for from = 1, #due, 100 do
        redis.call('rpush', KEYS[2], unpack(due, from, math.min(from + 99, #due)))
        for step = from, math.min(from + 99, #due) do
            redis.call('rpush', KEYS[3], 1)
        end
    end
end
return due
"""
SIZE = """
return redis.call('llen', KEYS[1]) + redis.call('zcard', KEYS[2]) + redis.call('zcard', KEYS[3])
"""
PUBLISH = """
for index = 2, #ARGV do
    redis.call('publish', ARGV[index], ARGV[1])
end
"""


def check_cache(client):
    assert client.eval(ADD, 1, "k", "v", 100) in ("OK", b"OK", True)
    assert client.eval(ADD, 1, "k", "w", 100) is None
    assert client.get("k") == "v" and client.ttl("k") == 100
    with client.pipeline() as pipeline:
        for number in range(50):
            pipeline.setex(f"many:{number}", 10, number)
        assert pipeline.execute() == [True] * 50
    # Tags: members with their time as score, stale ones removed by score.
    now = int(time.time())
    client.zadd("tag:people:entries", {f"k{number}": now + number for number in range(-5, 5)})
    assert client.zremrangebyscore("tag:people:entries", 0, now - 1) == 5
    assert len(list(client.zscan_iter("tag:people:entries"))) == 5
    cursor, keys = client.execute_command("SCAN", 0, "MATCH", "many:*", "COUNT", 1000)
    assert len(keys) == 50


def check_locks(client):
    assert client.set("lock", "owner", ex=10, nx=True) is True
    assert client.eval(RELEASE, 1, "lock", "other") == 0
    assert client.eval(REFRESH, 1, "lock", "owner", 100) == 1 and client.ttl("lock") == 100
    assert client.eval(REFRESH, 1, "lock", "owner", "") == 1 and client.ttl("lock") == -1
    assert client.eval(RELEASE, 1, "lock", "owner") == 1


def check_limiters(client):
    slots = [f"funnel{number}" for number in range(1, 4)]
    taken = [client.eval(LIMIT_CONCURRENCY, 3, *slots, "funnel", 60, "id") for _ in range(4)]
    assert taken == ["funnel1", "funnel2", "funnel3", None], taken
    assert client.eval(RELEASE, 1, "funnel2", "id") == 1
    assert client.eval(LIMIT_CONCURRENCY, 3, *slots, "funnel", 60, "id") == "funnel2"
    now = time.time()
    replies = [
        client.eval(LIMIT_DURATION, 1, "throttle", f"{now:.4f}", int(now), 60, 3) for _ in range(4)
    ]
    assert [reply[0] for reply in replies] == [1, 1, 1, None], replies
    assert [reply[2] for reply in replies] == [2, 1, 0, -1], replies
    assert [int(reply[1]) for reply in replies] == [int(now) + 60] * 4


def check_queue(client):
    queue, notify = "queues:default", "queues:default:notify"
    delayed, reserved = "queues:default:delayed", "queues:default:reserved"
    job = {"uuid": "é", "data": {"list": [1, 2], "nothing": None}, "attempts": 0}
    assert client.eval(PUSH, 2, queue, notify, json.dumps(job)) is None
    now = int(time.time())
    client.zadd(delayed, {json.dumps(job | {"uuid": f"late {n}"}): now - 1 for n in range(250)})
    client.zadd(delayed, {json.dumps(job | {"uuid": "far"}): now + 1000})
    moved = client.eval(MIGRATE, 3, delayed, queue, notify, now, 1000)
    assert len(moved) == 250 and client.llen(notify) == 251
    assert client.eval(SIZE, 3, queue, delayed, reserved) == 252
    taken = 0
    while client.blpop([notify], timeout=0.01):
        first, again = client.eval(POP, 3, queue, reserved, f"{notify}:none", now + 90)
        assert json.loads(again) == json.loads(first) | {"attempts": 1}
        if taken == 0:
            assert json.loads(first)["uuid"] == "é"
            assert client.eval(RETRY, 2, delayed, reserved, again, now + 5) == 1
        taken += 1
    assert taken == 251
    assert client.eval(POP, 3, queue, reserved, notify, now) == [None, None]
    assert (client.zcard(reserved), client.zcard(delayed)) == (250, 2)


def check_broadcast(client):
    subscription = client.pubsub()
    subscription.psubscribe("*")
    assert subscription.get_message(timeout=20)["type"] == "psubscribe"
    client.eval(PUBLISH, 0, "payload", "channel-1", "channel-2")
    channels = [subscription.get_message(timeout=20)["channel"] for _ in range(2)]
    assert channels == ["channel-1", "channel-2"]
    subscription.close()


for protocol in (2, 3):
    with redis.Redis(host=HOST, port=PORT, protocol=protocol, decode_responses=True) as connected:
        for check in (check_cache, check_locks, check_limiters, check_queue, check_broadcast):
            connected.flushall()
            check(connected)
