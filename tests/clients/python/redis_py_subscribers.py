"""200 subscribers with redis-py: channels, patterns, sharded channels, and key events."""

import redis
from support import HOST, PORT, wait_until

SUBSCRIBERS = 200
MESSAGES = 50


def connect(protocol=None, **options):
    return redis.Redis(host=HOST, port=PORT, protocol=protocol, decode_responses=True, **options)


def take(subscription, count):
    """The next messages of a subscription, confirmations left out."""
    messages = []
    while len(messages) < count:
        message = subscription.get_message(timeout=20)
        assert message is not None, f"{len(messages)} of {count} messages"
        if "subscribe" not in message["type"]:
            messages.append((message["type"], message["channel"], message["data"]))
    return messages


def check_many(client, protocol):
    """Each of 200 gets every message of its channels once, in order."""
    subscriptions = []
    for number in range(SUBSCRIBERS):
        subscription = connect(protocol).pubsub()
        subscription.subscribe("all", f"one:{number}")
        if number % 2 == 0:
            subscription.psubscribe("one:*")
        subscriptions.append(subscription)
    wait_until(lambda: client.pubsub_numsub("all", "none") == [("all", SUBSCRIBERS), ("none", 0)])
    wait_until(lambda: client.pubsub_numpat() == 1)
    # One pattern, whatever the number of those who have it.
    wait_until(lambda: len(client.client_list(_type="pubsub")) == SUBSCRIBERS)
    wait_until(lambda: client.publish("one:0", "first") == SUBSCRIBERS // 2 + 1)
    with client.pipeline(transaction=False) as pipeline:
        for number in range(MESSAGES):
            pipeline.publish("all", number)
        assert pipeline.execute() == [SUBSCRIBERS] * MESSAGES
    assert client.publish("nobody", "x") == 0
    everything = [("message", "all", str(number)) for number in range(MESSAGES)]
    for number, subscription in enumerate(subscriptions):
        expected = []
        if number == 0:
            expected.append(("message", "one:0", "first"))
        if number % 2 == 0:
            expected.append(("pmessage", "one:0", "first"))
        expected += everything
        assert take(subscription, len(expected)) == expected
        subscription.unsubscribe()
        subscription.punsubscribe()
        subscription.close()
    wait_until(lambda: client.pubsub_channels() == [])


def check_thread(client):
    """A thread of the library calls a handler."""
    received = []
    subscription = client.pubsub(ignore_subscribe_messages=True)
    subscription.psubscribe(**{"news.*": lambda message: received.append(message["data"])})
    thread = subscription.run_in_thread(sleep_time=0.01)
    wait_until(lambda: client.publish("news.today", "rain") == 1)
    wait_until(lambda: received == ["rain"])
    thread.stop()
    thread.join()


def check_shards(client):
    subscription = client.pubsub()
    subscription.ssubscribe("shard")
    assert subscription.get_message(timeout=20)["type"] == "ssubscribe"
    assert client.execute_command("PUBSUB", "SHARDNUMSUB", "shard")[1] == 1
    assert client.execute_command("SPUBLISH", "shard", "x") == 1
    assert client.publish("shard", "not for shards") == 0
    assert take(subscription, 1) == [("smessage", "shard", "x")]
    subscription.close()


def check_events(client):
    client.config_set("notify-keyspace-events", "KEA")
    subscription = client.pubsub()
    subscription.psubscribe("__keyevent@0__:*")
    assert subscription.get_message(timeout=20)["type"] == "psubscribe"
    client.set("k", "v", px=20)
    client.rpush("l", "a")
    expected = ["set", "expire", "rpush"]
    names = [channel.partition(":")[2] for _, channel, _ in take(subscription, 3)]
    assert names == expected, names
    # Nobody touches the key, and yet the event comes.
    assert take(subscription, 1) == [("pmessage", "__keyevent@0__:expired", "k")]
    subscription.close()
    client.config_set("notify-keyspace-events", "")


for version in (2, 3):
    with connect(version) as connected:
        check_many(connected, version)
        check_thread(connected)
        check_shards(connected)
        check_events(connected)
