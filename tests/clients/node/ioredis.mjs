// ioredis: what cache users do with it. An `error` event of a client counts as a failure.

import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { endWell, host, port, watch } from "./support.mjs";

async function checkCommands(options) {
  const client = new Redis({ host, port, connectionName: "tests", ...options });
  watch(client);
  await client.flushall();
  assert.equal(await client.set("name", "PyRedisAsync", "EX", 100), "OK");
  assert.equal(await client.get("name"), "PyRedisAsync");
  assert.equal(await client.get("missing"), null);
  assert.equal(await client.set("name", "x", "NX"), null);
  assert.equal(await client.ttl("name"), 100);
  assert.deepEqual(await client.pipeline().incr("n").incr("n").get("n").exec(), [
    [null, 1],
    [null, 2],
    [null, "2"],
  ]);
  assert.deepEqual(await client.multi().set("a", "1").incr("a").exec(), [
    [null, "OK"],
    [null, 2],
  ]);
  const value = Buffer.from(Array.from({ length: 65536 }, (_, i) => i % 256));
  assert.equal(await client.set("binary", value), "OK");
  assert.ok(value.equals(await client.getBuffer("binary")));
  await client.mset(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`key:${i}`, "v"])));
  const found = new Set();
  for await (const keys of client.scanStream({ match: "key:*", count: 100 })) {
    for (const key of keys) found.add(key);
  }
  assert.equal(found.size, 1000);
  assert.equal(await client.unlink(...found), 1000);
  await assert.rejects(client.call("NOSUCH"), /unknown command 'NOSUCH'/);
  await client.quit();
}

async function checkPassword(password) {
  const create = (options) =>
    new Redis({ host, port, retryStrategy: null, lazyConnect: true, ...options });
  for (const options of [{ password }, { username: "default", password }]) {
    const client = create(options);
    watch(client);
    await client.connect();
    assert.equal(await client.set("guarded", "v"), "OK");
    assert.deepEqual(await client.pipeline().get("guarded").ping().exec(), [
      [null, "v"],
      [null, "PONG"],
    ]);
    await client.quit();
  }
  for (const [options, expected] of [
    [{ password: "wrong" }, /WRONGPASS/],
    [{}, /NOAUTH/],
  ]) {
    const client = create({ maxRetriesPerRequest: 0, ...options });
    const refusals = [];
    client.on("error", (error) => refusals.push(error.message));
    await client
      .connect()
      .then(() => client.get("guarded"))
      .catch((error) => refusals.push(error.message));
    assert.ok(refusals.some((message) => expected.test(message)), JSON.stringify(refusals));
    client.disconnect();
  }
}

await checkCommands({});
await checkCommands({ db: 5, enableAutoPipelining: true });
const password = "a long password: 'quoted' and @/:% signs";
const client = watch(new Redis({ host, port }));
await client.config("SET", "requirepass", password);
await client.quit();
await checkPassword(password);
endWell();
