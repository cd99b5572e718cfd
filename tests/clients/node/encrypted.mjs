// node-redis and ioredis over TLS, with certificates and without, and as users with few rights.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { certificates, endWell, host, port, tlsPort, watch } from "./support.mjs";

const read = (name) => readFileSync(`${certificates}/${name}`);
const authority = { ca: read("ca.pem") };
const certified = { ...authority, cert: read("app.pem"), key: read("app.key") };
const ignore = () => {};

async function checkNodeRedis(RESP) {
  const create = (socket, options) =>
    createClient({
      socket: { host, port: tlsPort, tls: true, reconnectStrategy: false, ...socket },
      RESP,
      ...options,
    });
  for (const tls of [authority, certified, { ...authority, maxVersion: "TLSv1.2" }]) {
    const client = await watch(create(tls)).connect();
    const value = "v".repeat(3_000_000);
    assert.equal(await client.set("large", value), "OK");
    assert.equal(await client.get("large"), value);
    const replies = await Promise.all(Array.from({ length: 2000 }, () => client.ping()));
    assert.ok(replies.every((reply) => reply === "PONG"));
    await client.close();
  }
  await assert.rejects(create({}).on("error", ignore).connect(), /certificate/);
  const worker = await watch(create(authority, { username: "worker", password: "secret" })).connect();
  assert.equal(await worker.set("jobs:1", "x"), "OK");
  await assert.rejects(worker.set("other", "x"), /NOPERM/);
  await assert.rejects(worker.flushAll(), /NOPERM/);
  await assert.rejects(worker.multi().set("jobs:1", "y").set("other", "x").exec());
  assert.equal(await worker.get("jobs:1"), "x");
  assert.equal(await worker.aclWhoAmI(), "worker");
  await worker.close();
}

async function checkIoredis() {
  const create = (options) => new Redis({ host, port: tlsPort, retryStrategy: null, ...options });
  for (const tls of [authority, certified]) {
    const client = watch(create({ tls }));
    assert.equal(await client.set("k", "v"), "OK");
    assert.ok((await client.getBuffer("k")).equals(Buffer.from("v")));
    await client.quit();
  }
  const worker = watch(create({ tls: authority, username: "worker", password: "secret" }));
  assert.equal(await worker.set("jobs:2", "x"), "OK");
  await assert.rejects(worker.get("other"), /NOPERM/);
  await assert.rejects(worker.config("GET", "*"), /NOPERM/);
  const [first, second] = await worker.pipeline().get("jobs:2").keys("*").exec();
  assert.equal(first[1], "x");
  assert.match(second[0].message, /NOPERM/);
  await worker.quit();
  const stranger = create({ tls: authority, username: "worker", password: "wrong", lazyConnect: true });
  const refusals = [];
  stranger.on("error", (error) => refusals.push(error.message));
  await stranger.connect().then(() => stranger.get("jobs:2")).catch((error) => refusals.push(error.message));
  assert.ok(refusals.some((message) => /WRONGPASS/.test(message)), JSON.stringify(refusals));
  stranger.disconnect();
}

const admin = await watch(createClient({ socket: { host, port } })).connect();
const rights = ["on", ">secret", "~jobs:*", "+@read", "+@write", "+@transaction", "-@dangerous"];
await admin.aclSetUser("worker", [...rights, "+@connection", "+info", "+acl|whoami"]);
await checkNodeRedis(2);
await checkNodeRedis(3);
await checkIoredis();
await admin.close();
endWell();
