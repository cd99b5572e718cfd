// rate-limiter-flexible, redlock and connect-redis: limits, locks and sessions of Node.js.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { RedisStore } from "connect-redis";
import session from "express-session";
import { Redis } from "ioredis";
import { RateLimiterRedis } from "rate-limiter-flexible";
import { createClient } from "redis";
import Redlock, { ExecutionError } from "redlock";
import { endWell, host, port, watch } from "./support.mjs";

async function checkLimiter(storeClient, more) {
  const limiter = new RateLimiterRedis({ storeClient, points: 5, duration: 60, ...more });
  const key = `key ${Math.random()}`;
  const tries = await Promise.allSettled(Array.from({ length: 8 }, () => limiter.consume(key)));
  assert.equal(tries.filter(({ status }) => status === "fulfilled").length, 5);
  const refused = tries.find(({ status }) => status === "rejected").reason;
  assert.ok(refused.msBeforeNext > 50_000 && refused.msBeforeNext <= 60_000, refused);
  assert.equal((await limiter.get(key)).consumedPoints, 8);
  assert.equal((await limiter.reward(key, 2)).consumedPoints, 6);
  assert.equal((await limiter.block(key, 10)).msBeforeNext, 10_000);
  assert.equal(await limiter.delete(key), true);
  assert.equal(await limiter.get(key), null);
}

async function checkRedlock(client) {
  const redlock = new Redlock([client], { retryCount: 500, retryDelay: 5, retryJitter: 5 });
  const once = { retryCount: 0 };
  let lock = await redlock.acquire(["a", "b"], 10_000);
  await assert.rejects(redlock.acquire(["b"], 10_000, once), ExecutionError);
  lock = await lock.extend(20_000);
  assert.ok((await client.pttl("a")) > 10_000);
  await lock.release();
  assert.equal(await client.exists("a", "b"), 0);
  let count = 0;
  await Promise.all(
    Array.from({ length: 10 }, () =>
      redlock.using(["count"], 10_000, async () => {
        const before = count;
        await new Promise(setImmediate);
        count = before + 1;
      }),
    ),
  );
  assert.equal(count, 10);
}

// A visitor of a web server with sessions: counted by the cookie.
async function checkSessions(client) {
  const store = new RedisStore({ client, prefix: "sess:", ttl: 100 });
  const middleware = session({ store, secret: "s", resave: false, saveUninitialized: false });
  const server = createServer((request, response) => {
    middleware(request, response, () => {
      request.session.visits = (request.session.visits ?? 0) + 1;
      response.end(String(request.session.visits));
    });
  });
  await new Promise((resolve) => server.listen(0, host, resolve));
  const visit = (headers) => fetch(`http://${host}:${server.address().port}`, { headers });
  const first = await visit({});
  assert.equal(await first.text(), "1");
  const cookie = first.headers.get("set-cookie").split(";")[0];
  assert.equal(await (await visit({ cookie })).text(), "2");
  assert.equal(await (await visit({ cookie })).text(), "3");
  const promised = (name, ...values) =>
    new Promise((resolve, reject) =>
      store[name](...values, (error, answer) => (error ? reject(error) : resolve(answer))),
    );
  assert.equal(await promised("length"), 1);
  const [id] = await promised("ids");
  assert.equal((await promised("all"))[0].visits, 3);
  await promised("destroy", id);
  assert.equal(await (await visit({ cookie })).text(), "1");
  await promised("clear");
  assert.equal(await promised("length"), 0);
  server.close();
}

const ioredis = watch(new Redis({ host, port }));
const nodeRedis = await watch(createClient({ socket: { host, port } })).connect();
await checkLimiter(ioredis, {});
await checkLimiter(nodeRedis, { useRedisPackage: true });
await checkRedlock(ioredis);
await checkSessions(nodeRedis);
await ioredis.quit();
await nodeRedis.close();
endWell();
