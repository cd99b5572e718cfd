"""channels_redis: both layers of Django Channels, with many consumers and groups."""

import asyncio

import redis.asyncio
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from support import URL


async def take(layer, channel):
    return await asyncio.wait_for(layer.receive(channel), 20)


async def subscribed(pattern, count):
    """Waits for channels that somebody listens to: the library doesn't wait for its subscriptions."""
    async with redis.asyncio.Redis.from_url(URL) as client:
        async with asyncio.timeout(20):
            while len(await client.pubsub_channels(pattern)) < count:
                await asyncio.sleep(0.01)


async def check_layer(layer, is_subscribed):
    channels = [await layer.new_channel() for _ in range(30)]
    if is_subscribed:
        await subscribed("*", 30)
    waiting = [asyncio.ensure_future(take(layer, channel)) for channel in channels]
    for number, channel in enumerate(channels):
        await layer.send(channel, {"type": "test.message", "number": number})
    assert [message["number"] for message in await asyncio.gather(*waiting)] == list(range(30))
    for channel in channels:
        await layer.group_add("room", channel)
    await layer.group_discard("room", channels[0])
    if is_subscribed:
        await subscribed("*room*", 1)
    await layer.group_send("room", {"type": "chat.message", "text": "hello", "bytes": b"\x00\xff"})
    for channel in channels[1:]:
        message = await take(layer, channel)
        assert message["text"] == "hello" and message["bytes"] == b"\x00\xff"
    try:
        message = await asyncio.wait_for(layer.receive(channels[0]), 0.2)
        raise AssertionError(f"not in the group, and yet: {message}")
    except asyncio.TimeoutError:
        pass


async def check_capacity():
    """A full channel refuses, and a group leaves it out."""
    layer = RedisChannelLayer(hosts=[URL], capacity=3)
    for number in range(3):
        await layer.send("full", {"type": "x", "number": number})
    try:
        await layer.send("full", {"type": "x"})
        raise AssertionError("the channel is full")
    except Exception as error:
        assert type(error).__name__ == "ChannelFull", error
    await layer.group_add("group", "full")
    await layer.group_send("group", {"type": "y"})
    assert [(await take(layer, "full"))["number"] for _ in range(3)] == [0, 1, 2]
    await layer.flush()
    await layer.close_pools()


async def main():
    layer = RedisChannelLayer(hosts=[URL], capacity=100)
    await check_layer(layer, False)
    await layer.flush()
    await layer.close_pools()
    layer = RedisPubSubChannelLayer(hosts=[URL])
    await check_layer(layer, True)
    await layer.flush()
    await check_capacity()


asyncio.run(main())
