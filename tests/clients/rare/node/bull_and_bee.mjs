// Bull 4 and Bee-Queue: jobs, failures, retries, delays, priorities, progress.

import assert from "node:assert/strict";
import BeeQueue from "bee-queue";
import Bull from "bull";
import { endWell, host, next, port, waitUntil, watch } from "./support.mjs";

const redis = { host, port };

async function checkBull() {
  const queue = watch(new Bull("bull", { redis }));
  await queue.isReady();
  const order = [];
  await queue.pause();
  for (const priority of [3, 1, 2]) await queue.add("ordered", { priority }, { priority });
  queue.process("ordered", ({ data }) => order.push(data.priority));
  queue.process("double", 5, async (job) => {
    await job.progress(50);
    return job.data.number * 2;
  });
  queue.process("third", async (job) => {
    if (job.attemptsMade < 2) throw new Error("not yet");
    return "done";
  });
  await queue.resume();
  await waitUntil(() => order.length === 3);
  assert.deepEqual(order, [1, 2, 3]);
  const jobs = await queue.addBulk(
    Array.from({ length: 100 }, (_, number) => ({ name: "double", data: { number } })),
  );
  const results = await Promise.all(jobs.map((job) => job.finished()));
  assert.deepEqual(results, Array.from({ length: 100 }, (_, number) => number * 2));
  const delayed = await queue.add("double", { number: 21 }, { delay: 100 });
  assert.equal(await delayed.finished(), 42);
  const third = await queue.add("third", {}, { attempts: 3 });
  assert.equal(await third.finished(), "done");
  const broken = await queue.add("third", {}, { attempts: 1 });
  await assert.rejects(broken.finished(), /not yet/);
  const counts = await queue.getJobCounts();
  assert.equal(counts.completed, 105);
  assert.equal(counts.failed, 1);
  await queue.obliterate({ force: true });
  await queue.close();
}

async function checkBee() {
  const queue = watch(new BeeQueue("bee", { redis, activateDelayedJobs: true, removeOnSuccess: true }));
  await queue.ready();
  queue.process(3, async (job) => {
    if (job.data.fails && job.options.retries > 0) throw new Error("not yet");
    job.reportProgress({ done: 1 });
    return job.data.number + 1;
  });
  const jobs = Array.from({ length: 50 }, (_, number) => queue.createJob({ number }));
  const results = jobs.map((job) => next(job, "succeeded"));
  await queue.saveAll(jobs);
  for (const [number, [result]] of (await Promise.all(results)).entries()) {
    assert.equal(result, number + 1);
  }
  const delayed = queue.createJob({ number: 1 }).delayUntil(Date.now() + 100);
  const retried = queue.createJob({ number: 2, fails: true }).retries(2);
  const both = [delayed, retried].map((job) => next(job, "succeeded"));
  for (const job of [delayed, retried]) await job.save();
  assert.deepEqual(await Promise.all(both), [[2], [3]]);
  await waitUntil(async () => (await queue.checkHealth()).active === 0);
  await queue.close();
}

await checkBull();
await checkBee();
endWell();
