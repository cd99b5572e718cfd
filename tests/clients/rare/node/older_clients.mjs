// Older clients of Node.js that many still use: node-redis 4 and 5, ioredis 5.

import assert from "node:assert/strict";
import { Redis } from "ioredis5";
import { createClient as createClient4 } from "redis4";
import { createClient as createClient5, BasicClientSideCache } from "redis5";
import { endWell, host, port, url, waitUntil, watch } from "./support.mjs";

async function checkNodeRedis(client) {
  await client.connect();
  await client.flushAll();
  assert.equal(await client.set("k", "v", { EX: 100 }), "OK");
  assert.equal(await client.get("k"), "v");
  assert.deepEqual(await client.multi().incr("n").incr("n").exec(), [1, 2]);
  assert.equal(await client.hSet("h", { a: "1", b: "2" }), 2);
  assert.deepEqual({ ...(await client.hGetAll("h")) }, { a: "1", b: "2" });
  assert.equal(await client.zAdd("z", { score: 1.5, value: "m" }), 1);
  assert.equal(await client.zScore("z", "m"), 1.5);
  const subscriber = watch(client.duplicate());
  await subscriber.connect();
  const heard = [];
  await subscriber.subscribe("channel", (message) => heard.push(message));
  assert.equal(await client.publish("channel", "x"), 1);
  await waitUntil(() => heard.length === 1);
  await subscriber.unsubscribe();
  for (const open of [subscriber, client]) await (open.close ?? open.quit).call(open);
}

await checkNodeRedis(watch(createClient4({ url })));
for (const RESP of [2, 3]) await checkNodeRedis(watch(createClient5({ url, RESP })));

const clientSideCache = new BasicClientSideCache({ ttl: 0, maxEntries: 0, evictPolicy: "LRU" });
const reader = await watch(createClient5({ url, RESP: 3, clientSideCache })).connect();
const writer = watch(new Redis({ host, port }));
await writer.set("k", "old");
assert.equal(await reader.get("k"), "old");
await writer.set("k", "new");
await waitUntil(async () => (await reader.get("k")) === "new");
await reader.close();

writer.defineCommand("double", { numberOfKeys: 1, lua: "return redis.call('GET', KEYS[1]) * 2" });
await writer.set("n", 21);
assert.equal(await writer.double("n"), 42);
assert.deepEqual(await writer.pipeline().get("k").double("n").exec(), [
  [null, "new"],
  [null, 42],
]);
await writer.quit();
endWell();
