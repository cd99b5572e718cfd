// node-redis with a client-side cache: what it keeps is given up when another client changes it.

import assert from "node:assert/strict";
import { BasicClientSideCache, createClient } from "redis";
import { endWell, host, port, waitUntil, watch } from "./support.mjs";

const RACES = 8;
const WRITES = 500;
const KEYS = ["a", "b", "c"];

function create(options) {
  return watch(createClient({ socket: { host, port }, RESP: 3, ...options })).connect();
}

async function checkHits(writer) {
  const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 0, evictPolicy: "LRU" });
  const reader = await create({ clientSideCache: cache });
  await writer.set("a", "1");
  await writer.hSet("h", "f", "1");
  for (let round = 0; round < 100; round++) {
    assert.equal(await reader.get("a"), "1");
    assert.equal(await reader.hGet("h", "f"), "1");
  }
  assert.equal(cache.stats().missCount, 2);
  assert.equal(cache.stats().hitCount, 198);
  await writer.multi().set("a", "2").hDel("h", "f").exec();
  await waitUntil(async () => (await reader.get("a")) === "2");
  await waitUntil(async () => (await reader.hGet("h", "f")) === null);
  await writer.pExpire("a", 20);
  await waitUntil(async () => (await reader.get("a")) === null);
  await writer.set("b", "there");
  assert.equal(await reader.get("b"), "there");
  await writer.flushAll();
  await waitUntil(async () => (await reader.get("b")) === null);
  await reader.close();
}

// Numbers that only rise, read through a cache meanwhile: they never fall, and the last one is seen.
async function checkRace(writer, race) {
  const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 0, evictPolicy: "LRU" });
  const reader = await create({ clientSideCache: cache });
  const seen = Object.fromEntries(KEYS.map((key) => [key, 0]));
  await writer.mSet(Object.fromEntries(KEYS.map((key) => [key, "0"])));
  let isWriting = true;
  const reading = (async () => {
    while (isWriting) {
      for (const key of KEYS) {
        const number = Number(await reader.get(key));
        assert.ok(number >= seen[key], `${key}: ${number} after ${seen[key]}, race ${race}`);
        seen[key] = number;
      }
      await new Promise(setImmediate);
    }
  })();
  for (let write = 0; write < WRITES; write++) {
    const key = KEYS[(write * (race + 1)) % KEYS.length];
    if (write % 3 === 0) await writer.multi().incr(key).incr(key).exec();
    else if (write % 3 === 1) await writer.eval("return redis.call('INCR', KEYS[1])", { keys: [key] });
    else await writer.incr(key);
  }
  isWriting = false;
  await reading;
  for (const key of KEYS) {
    const last = await writer.get(key);
    await waitUntil(async () => (await reader.get(key)) === last);
  }
  assert.ok(cache.stats().hitCount > 0);
  await reader.close();
}

const writer = await create({});
await checkHits(writer);
for (let race = 0; race < RACES; race++) await checkRace(writer, race);
await writer.close();
endWell();
