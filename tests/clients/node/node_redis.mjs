// node-redis: what cache users do with it, in both protocol versions. An `error` event of a client
// counts as a failure.

import assert from "node:assert/strict";
import { createClient, WatchError } from "redis";
import { endWell, host, port, watch } from "./support.mjs";

async function checkProtocol(protocol) {
  const client = createClient({ socket: { host, port }, RESP: protocol, name: "tests" });
  watch(client);
  await client.connect();
  await client.flushAll();
  assert.equal(await client.set("name", "PyRedisAsync"), "OK");
  assert.equal(await client.get("name"), "PyRedisAsync");
  assert.equal(await client.get("missing"), null);
  assert.equal(await client.set("name", "x", { NX: true }), null);
  assert.equal(await client.set("session", "data", { EX: 100 }), "OK");
  assert.equal(await client.ttl("session"), 100);
  assert.equal(await client.expire("session", 50, "LT"), 1);
  assert.equal(await client.incr("counter"), 1);
  assert.equal(await client.incrBy("counter", 41), 42);
  assert.deepEqual(await client.mGet(["name", "missing"]), ["PyRedisAsync", null]);
  assert.deepEqual(await client.multi().set("a", "1").incr("a").get("a").exec(), ["OK", 2, "2"]);
  const many = await Promise.all(Array.from({ length: 1000 }, (_, i) => client.set(`key:${i}`, "v")));
  assert.ok(many.every((reply) => reply === "OK"));
  const found = new Set();
  for await (const keys of client.scanIterator({ MATCH: "key:*", COUNT: 100 })) {
    for (const key of keys) found.add(key);
  }
  assert.equal(found.size, 1000);
  assert.equal(await client.del([...found]), 1000);
  assert.match(await client.info("server"), /redis_version:7\./);
  assert.equal((await client.configGet("databases")).databases, "16");
  const other = await watch(client.duplicate()).connect();
  await client.watch("a");
  await other.set("a", "changed");
  await assert.rejects(client.multi().set("a", "never").exec(), WatchError);
  await assert.rejects(client.sendCommand(["NOSUCH"]), /unknown command 'NOSUCH'/);
  await other.close();
  await client.close();
}

async function checkPassword(protocol, password) {
  const create = (options) =>
    createClient({
      socket: { host, port, reconnectStrategy: false },
      RESP: protocol,
      ...options,
    });
  for (const options of [{ password }, { username: "default", password }]) {
    const client = watch(create(options));
    await client.connect();
    assert.equal(await client.set("guarded", "v"), "OK");
    assert.equal(await client.get("guarded"), "v");
    await client.close();
  }
  const ignore = () => {};
  await assert.rejects(create({ password: "wrong" }).on("error", ignore).connect(), /WRONGPASS/);
  const unnamed = create({}).on("error", ignore);
  // With RESP3 the handshake itself is refused, with RESP2 the first command.
  await assert.rejects(unnamed.connect().then(() => unnamed.get("guarded")), /NOAUTH/);
  if (unnamed.isOpen) unnamed.destroy();
}

await checkProtocol(2);
await checkProtocol(3);
const password = "a long password: 'quoted' and @/:% signs";
const client = await watch(createClient({ socket: { host, port } })).connect();
await client.configSet("requirepass", password);
await client.close();
await checkPassword(2, password);
await checkPassword(3, password);
endWell();
