// Socket.IO on several servers: the adapters over channels, sharded channels and streams.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Redis } from "ioredis";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { endWell, host, next, port, waitUntil, watch } from "./support.mjs";

const SERVERS = 3;
const opened = [];

function nodeRedis() {
  const client = watch(createClient({ socket: { host, port }, RESP: 2 }));
  opened.push(() => client.destroy());
  return client.connect();
}

function ioredis() {
  const client = watch(new Redis({ host, port }));
  opened.push(() => client.disconnect());
  return client;
}

const ADAPTERS = {
  "channels, node-redis": async () => createAdapter(await nodeRedis(), await nodeRedis()),
  "channels, ioredis": async () => createAdapter(ioredis(), ioredis()),
  "sharded channels": async () => createShardedAdapter(await nodeRedis(), await nodeRedis()),
  "streams, node-redis": async () => createStreamsAdapter(await nodeRedis()),
  "streams, ioredis": async () => createStreamsAdapter(ioredis()),
};

async function listen(adapter) {
  const http = createServer();
  const server = new Server(http, { adapter, connectionStateRecovery: {} });
  await new Promise((resolve) => http.listen(0, host, resolve));
  const client = io(`http://${host}:${http.address().port}`, { transports: ["websocket"] });
  const [[socket]] = await Promise.all([next(server, "connection"), next(client, "connect")]);
  return { server, client, socket };
}

async function check(create) {
  const nodes = [];
  for (let number = 0; number < SERVERS; number++) nodes.push(await listen(await create()));
  const [first, second, third] = nodes;
  // The servers have found each other once each sees the sockets of all.
  for (const { server } of nodes) {
    await waitUntil(async () => (await server.fetchSockets()).length === SERVERS);
  }
  const everybody = nodes.map(({ client }) => next(client, "news"));
  first.server.emit("news", { text: "é", bytes: Buffer.from([0, 255]) });
  for (const [message] of await Promise.all(everybody)) {
    assert.deepEqual(message, { text: "é", bytes: Buffer.from([0, 255]) });
  }
  second.socket.join("room");
  third.socket.join("room");
  await waitUntil(async () => (await first.server.in("room").fetchSockets()).length === 2);
  first.client.on("only", () => assert.fail("not in the room"));
  const room = [second, third].map(({ client }) => next(client, "only"));
  first.server.to("room").emit("only", 1);
  await Promise.all(room);
  first.server.in(third.socket.id).socketsJoin("late");
  await waitUntil(() => third.socket.rooms.has("late"));
  for (const { server } of nodes) server.on("hello", (answer) => answer("heard"));
  const answers = await first.server.serverSideEmitWithAck("hello");
  assert.deepEqual(answers, Array(SERVERS - 1).fill("heard"));
  third.client.on("question", (answer) => answer(42));
  const replies = await first.server.to("late").timeout(20_000).emitWithAck("question");
  assert.deepEqual(replies, [42]);
  const gone = next(second.client, "disconnect");
  first.server.in("room").disconnectSockets();
  await gone;
  for (const { server, client } of nodes) {
    client.close();
    await server.close();
  }
}

for (const [name, create] of Object.entries(ADAPTERS)) {
  await check(create).catch((error) => {
    throw new Error(name, { cause: error });
  });
}
for (const end of opened) end();
endWell();
