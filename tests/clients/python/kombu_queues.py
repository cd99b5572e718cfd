"""kombu: queues with priorities, rejected and restored messages, topics, fanout."""

import contextlib
import socket

from kombu import Connection, Exchange, Queue
from support import URL, refusal


def take(connection, received, count):
    while len(received) < count:
        connection.drain_events(timeout=20)


def check_priorities(connection):
    queue = Queue("work", Exchange("work"), routing_key="work")
    producer = connection.Producer()
    for priority in (0, 9, 3, 6):
        producer.publish({"priority": priority}, routing_key="work", exchange=queue.exchange,
                         declare=[queue], priority=priority)
    received = []

    def handle(body, message):
        received.append(body["priority"])
        message.ack()

    with connection.Consumer(queue, callbacks=[handle]):
        take(connection, received, 4)
    # Of this transport 0 is the most urgent.
    assert received == [0, 3, 6, 9], received


def check_rejection(connection):
    queue = Queue("again", Exchange("again"), routing_key="again")
    producer = connection.Producer()
    producer.publish("job", routing_key="again", exchange=queue.exchange, declare=[queue])
    simple = connection.SimpleQueue(queue)
    message = simple.get(timeout=20)
    assert connection.default_channel.client.hlen("unacked") == 1
    message.requeue()
    again = simple.get(timeout=20)
    assert again.payload == "job" and again.delivery_info["redelivered"] is True
    again.ack()
    assert connection.default_channel.client.hlen("unacked") == 0
    assert isinstance(refusal(simple.get, timeout=0.1), simple.Empty)
    simple.close()


def check_topics(connection):
    exchange = Exchange("topics", type="topic")
    queues = [Queue(name, exchange, routing_key=key) for name, key in (("all", "#"), ("eu", "eu.*"))]
    producer = connection.Producer()
    for key in ("eu.de", "us.ny"):
        producer.publish(key, exchange=exchange, routing_key=key, declare=queues)
    received = []

    def handle(body, message):
        received.append((message.delivery_info["routing_key"], body))
        message.ack()

    with connection.Consumer(queues, callbacks=[handle]):
        take(connection, received, 3)
    assert sorted(body for _, body in received) == ["eu.de", "eu.de", "us.ny"]


def check_fanout(connection):
    """Three who listen, each on a channel of its own, hear what is published once."""
    exchange = Exchange("everybody", type="fanout")
    received = []

    def handle(body, message):
        received.append((body, message.channel.channel_id))
        message.ack()

    for number in range(3):
        queue = Queue(f"listener-{number}", exchange)
        connection.Consumer([queue], channel=connection.channel(), callbacks=[handle]).consume()
    client = connection.default_channel.client
    while len(client.client_list(_type="pubsub")) < 3:
        # An event may be the confirmation of a subscription.
        with contextlib.suppress(socket.timeout):
            connection.drain_events(timeout=0.02)
    connection.Producer().publish("news", exchange=exchange)
    take(connection, received, 3)
    assert [body for body, _ in received] == ["news"] * 3
    assert len({channel for _, channel in received}) == 3


for check in (check_priorities, check_rejection, check_topics, check_fanout):
    with Connection(URL) as connected:
        connected.default_channel.client.flushall()
        check(connected)
