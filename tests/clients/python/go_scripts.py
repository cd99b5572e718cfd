"""Scripts of Go: redsync, redislock, redis_rate and throttled. Written from what their sources call,
and sent as go-redis sends them: EVALSHA first, EVAL if the server doesn't know it.
"""

import hashlib
import time

import redis
from redis.exceptions import NoScriptError, ResponseError
from support import HOST, PORT, refusal

REDSYNC_DELETE = """
local value = redis.call("GET", KEYS[1])
if value == ARGV[1] then
    return redis.call("DEL", KEYS[1])
elseif value == false then
    return -1
else
    return 0
end
"""
REDSYNC_TOUCH = """
if redis.call("GET", KEYS[1]) == ARGV[1] then
    return redis.call("PEXPIRE", KEYS[1], ARGV[2])
elseif ARGV[3] == "true" and redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2], "NX") then
    return 1
else
    return 0
end
"""
REDISLOCK_OBTAIN = """
local function expire_all(milliseconds)
    for _, key in ipairs(KEYS) do redis.call("pexpire", key, milliseconds) end
end
local function is_ours(prefix)
    for _, key in ipairs(KEYS) do
        if redis.call("getrange", key, 0, #prefix - 1) ~= prefix then return false end
    end
    return true
end
local pairs_to_set = {}
for _, key in ipairs(KEYS) do
    pairs_to_set[#pairs_to_set + 1] = key
    pairs_to_set[#pairs_to_set + 1] = ARGV[1]
end
if redis.call("msetnx", unpack(pairs_to_set)) ~= 1 then
    if not is_ours(string.sub(ARGV[1], 1, tonumber(ARGV[2]))) then return false end
    redis.call("mset", unpack(pairs_to_set))
end
expire_all(ARGV[3])
return redis.status_reply("OK")
"""
REDISLOCK_RELEASE = """
for _, value in ipairs(redis.call("mget", unpack(KEYS))) do
    if value ~= ARGV[1] then return redis.error_reply("lock not held") end
end
redis.call("del", unpack(KEYS))
return redis.status_reply("OK")
"""
REDIS_RATE = """
redis.replicate_commands()
local burst, rate, period, cost = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local interval = period / rate
local increment = interval * cost
local tolerance = interval * burst
-- Seconds since the first of January 2017, so that a double has room for the fraction.
local time = redis.call("TIME")
local now = (time[1] - 1483228800) + (time[2] / 1000000)
local arrival = redis.call("GET", KEYS[1])
if not arrival then arrival = now else arrival = tonumber(arrival) end
arrival = math.max(arrival, now)
local new_arrival = arrival + increment
local allow_at = new_arrival - tolerance
local difference = now - allow_at
local remaining = difference / interval
if remaining < 0 then
    return {0, 0, tostring(allow_at - now), tostring(arrival - now)}
end
local reset_after = new_arrival - now
if reset_after > 0 then
    redis.call("SET", KEYS[1], new_arrival, "EX", math.ceil(reset_after))
end
return {cost, remaining, tostring(-1), tostring(reset_after)}
"""
THROTTLED_SWAP = """
local value = redis.call("get", KEYS[1])
if value == false then return redis.error_reply("key does not exist") end
if value ~= ARGV[1] then return 0 end
redis.call("setex", KEYS[1], ARGV[3], ARGV[2])
return 1
"""


def run(client, script, keys, *arguments):
    sha = hashlib.sha1(script.encode()).hexdigest()
    try:
        return client.evalsha(sha, len(keys), *keys, *arguments)
    except NoScriptError:
        return client.eval(script, len(keys), *keys, *arguments)


def check_redsync(client):
    assert run(client, REDSYNC_DELETE, ["m"], "a") == -1
    assert run(client, REDSYNC_TOUCH, ["m"], "a", 10_000, "false") == 0
    assert run(client, REDSYNC_TOUCH, ["m"], "a", 10_000, "true") == 1
    assert run(client, REDSYNC_TOUCH, ["m"], "a", 20_000, "true") == 1
    assert 19_000 < client.pttl("m") <= 20_000
    assert run(client, REDSYNC_DELETE, ["m"], "b") == 0
    assert run(client, REDSYNC_DELETE, ["m"], "a") == 1


def check_redislock(client):
    keys = ["one", "two"]
    assert run(client, REDISLOCK_OBTAIN, keys, "token-a", 5, 10_000) in ("OK", True)
    assert 9_000 < client.pttl("two") <= 10_000
    assert run(client, REDISLOCK_OBTAIN, keys, "other-b", 5, 10_000) is None
    # The same prefix is the same owner, with other words behind it.
    assert run(client, REDISLOCK_OBTAIN, keys, "token-c", 5, 10_000) in ("OK", True)
    error = refusal(run, client, REDISLOCK_RELEASE, keys, "token-a")
    assert isinstance(error, ResponseError) and "lock not held" in str(error), error
    assert run(client, REDISLOCK_RELEASE, keys, "token-c") in ("OK", True)
    assert client.exists(*keys) == 0


def check_redis_rate(client):
    begin = time.time()
    replies = [run(client, REDIS_RATE, ["rate:user"], 10, 10, 60, 1) for _ in range(12)]
    assert time.time() - begin < 5, "too slow for the figures below"
    assert [reply[0] for reply in replies] == [1] * 10 + [0] * 2, replies
    assert [reply[1] for reply in replies] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0], replies
    assert replies[0][2] == "-1" and abs(float(replies[0][3]) - 6) < 0.001
    assert 1 < float(replies[11][2]) <= 6 and 55 < float(replies[11][3]) <= 60
    assert 55 <= client.ttl("rate:user") <= 60
    # What was stored is a number with a fraction.
    assert float(client.get("rate:user")) > 300_000_000


def check_throttled(client):
    error = str(refusal(run, client, THROTTLED_SWAP, ["t"], "0", "1", 10))
    assert error.startswith("key does not exist"), error
    client.set("t", 0)
    assert run(client, THROTTLED_SWAP, ["t"], "0", "1", 10) == 1
    assert run(client, THROTTLED_SWAP, ["t"], "0", "2", 10) == 0
    assert client.get("t") == "1" and client.ttl("t") == 10


for protocol in (2, 3):
    with redis.Redis(host=HOST, port=PORT, protocol=protocol, decode_responses=True) as connected:
        connected.script_flush()
        for check in (check_redsync, check_redislock, check_redis_rate, check_throttled):
            connected.flushall()
            check(connected)
