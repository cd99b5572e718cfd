// node-redis and ioredis against a running server: what cache users do with them.
//
// Usage: node node.mjs HOST PORT GUARDED-PORT PASSWORD, where the second server wants the password;
// both packages must be installed where Node finds them. Ends with code 0 if everything is as with
// Redis. An `error` event of a client counts as a failure.

import assert from "node:assert/strict";
import { createClient, WatchError } from "redis";
import { Redis } from "ioredis";

const [host, portText, guardedPortText, password] = process.argv.slice(2);
const port = Number(portText);
const guardedPort = Number(guardedPortText);
const errors = [];

async function checkNodeRedis(protocol) {
  const client = createClient({ socket: { host, port }, RESP: protocol, name: "tests" });
  client.on("error", (error) => errors.push(error));
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
  const other = await client.duplicate().on("error", (error) => errors.push(error)).connect();
  await client.watch("a");
  await other.set("a", "changed");
  await assert.rejects(client.multi().set("a", "never").exec(), WatchError);
  await assert.rejects(client.sendCommand(["NOSUCH"]), /unknown command 'NOSUCH'/);
  await other.close();
  await client.close();
}

async function checkIoredis(options) {
  const client = new Redis({ host, port, connectionName: "tests", ...options });
  client.on("error", (error) => errors.push(error));
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

async function checkNodeRedisPassword(protocol) {
  const create = (options) =>
    createClient({
      socket: { host, port: guardedPort, reconnectStrategy: false },
      RESP: protocol,
      ...options,
    });
  for (const options of [{ password }, { username: "default", password }]) {
    const client = create(options).on("error", (error) => errors.push(error));
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

async function checkIoredisPassword() {
  const create = (options) =>
    new Redis({ host, port: guardedPort, retryStrategy: null, lazyConnect: true, ...options });
  for (const options of [{ password }, { username: "default", password }]) {
    const client = create(options);
    client.on("error", (error) => errors.push(error));
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

// A client that waits for ever must not.
const limit = setTimeout(() => {
  console.error("the clients did not finish in 60 seconds");
  process.exit(1);
}, 60_000);
await checkNodeRedis(2);
await checkNodeRedis(3);
await checkIoredis({});
await checkIoredis({ db: 5, enableAutoPipelining: true });
await checkNodeRedisPassword(2);
await checkNodeRedisPassword(3);
await checkIoredisPassword();
clearTimeout(limit);
assert.deepEqual(errors, []);
console.log("node-redis and ioredis: as with Redis");
