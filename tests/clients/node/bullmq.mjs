// BullMQ: queues, workers, delays, retries, priorities, limits of rates, repetitions, flows, events.

import assert from "node:assert/strict";
import { FlowProducer, Queue, QueueEvents, UnrecoverableError, Worker } from "bullmq";
import { endWell, host, port, waitUntil, watch } from "./support.mjs";

const connection = { host, port, maxRetriesPerRequest: null };
const open = [];

function keep(thing) {
  open.push(thing);
  return watch(thing);
}

async function checkJobs() {
  const queue = keep(new Queue("jobs", { connection }));
  const events = keep(new QueueEvents("jobs", { connection }));
  await events.waitUntilReady();
  const progress = [];
  events.on("progress", ({ data }) => progress.push(data));
  const early = await queue.add("early", { number: 1 });
  const worker = keep(
    new Worker(
      "jobs",
      async (job) => {
        if (job.name === "broken") throw new UnrecoverableError("on purpose");
        if (job.name === "third" && job.attemptsMade < 2) throw new Error("not yet");
        await job.updateProgress(50);
        await job.log("a line");
        return { doubled: (job.data.number ?? 0) * 2 };
      },
      { connection, concurrency: 5 },
    ),
  );
  assert.deepEqual(await early.waitUntilFinished(events, 20_000), { doubled: 2 });
  const many = await queue.addBulk(
    Array.from({ length: 200 }, (_, number) => ({ name: "many", data: { number } })),
  );
  const results = await Promise.all(many.map((job) => job.waitUntilFinished(events, 20_000)));
  assert.deepEqual(results, Array.from({ length: 200 }, (_, number) => ({ doubled: number * 2 })));
  const delayed = await queue.add("delayed", { number: 4 }, { delay: 100 });
  assert.equal(await delayed.getState(), "delayed");
  assert.deepEqual(await delayed.waitUntilFinished(events, 20_000), { doubled: 8 });
  const third = await queue.add("third", {}, { attempts: 3, backoff: { type: "fixed", delay: 10 } });
  await third.waitUntilFinished(events, 20_000);
  assert.equal((await queue.getJob(third.id)).attemptsMade, 3);
  const broken = await queue.add("broken", {}, { attempts: 3 });
  await assert.rejects(broken.waitUntilFinished(events, 20_000), /on purpose/);
  assert.equal(await broken.getState(), "failed");
  const counts = await queue.getJobCounts("completed", "failed", "wait", "active", "delayed");
  assert.deepEqual(counts, { completed: 203, failed: 1, wait: 0, active: 0, delayed: 0 });
  assert.deepEqual((await queue.getJobLogs(early.id)).logs, ["a line"]);
  await waitUntil(() => progress.length >= 203);
  await worker.close();
  await queue.drain();
  assert.equal((await queue.clean(0, 1000, "completed")).length, 203);
  await queue.obliterate({ force: true });
  assert.equal(await queue.count(), 0);
}

async function checkOrder() {
  const queue = keep(new Queue("order", { connection }));
  await queue.addBulk([
    { name: "c", data: {}, opts: { priority: 3 } },
    { name: "a", data: {}, opts: { priority: 1 } },
    { name: "b", data: {}, opts: { priority: 2 } },
    { name: "first", data: {}, opts: {} },
    { name: "same", data: {}, opts: { jobId: "one" } },
    { name: "same", data: {}, opts: { jobId: "one" } },
  ]);
  const done = [];
  const worker = keep(
    new Worker("order", async (job) => done.push(job.name), { connection, autorun: false }),
  );
  await queue.pause();
  assert.equal(await queue.isPaused(), true);
  worker.run();
  await queue.resume();
  await waitUntil(() => done.length === 5);
  assert.deepEqual(done, ["first", "same", "a", "b", "c"]);
}

async function checkRate() {
  const queue = keep(new Queue("rate", { connection }));
  const times = [];
  await queue.addBulk(Array.from({ length: 9 }, () => ({ name: "x", data: {} })));
  keep(
    new Worker("rate", async () => times.push(Date.now()), {
      connection,
      concurrency: 9,
      limiter: { max: 3, duration: 200 },
    }),
  );
  await waitUntil(() => times.length === 9);
  assert.ok(times[8] - times[0] >= 300, `nine jobs in ${times[8] - times[0]} ms`);
}

async function checkRepetition() {
  const queue = keep(new Queue("repeated", { connection }));
  await queue.upsertJobScheduler("every", { every: 50 }, { name: "tick" });
  let ticks = 0;
  keep(new Worker("repeated", async () => ticks++, { connection }));
  await waitUntil(() => ticks >= 4);
  assert.equal((await queue.getJobSchedulers()).length, 1);
  assert.equal(await queue.removeJobScheduler("every"), true);
}

async function checkFlow() {
  const flow = keep(new FlowProducer({ connection }));
  const work = async (job) => {
    if (job.name !== "parent") return job.data.number;
    return Object.values(await job.getChildrenValues()).reduce((sum, number) => sum + number, 0);
  };
  for (const name of ["parents", "children"]) keep(new Worker(name, work, { connection }));
  const tree = await flow.add({
    name: "parent",
    queueName: "parents",
    children: Array.from({ length: 20 }, (_, number) => ({
      name: "child",
      queueName: "children",
      data: { number },
    })),
  });
  const events = keep(new QueueEvents("parents", { connection }));
  assert.equal(await tree.job.waitUntilFinished(events, 20_000), 190);
}

for (const check of [checkJobs, checkOrder, checkRate, checkRepetition, checkFlow]) await check();
await Promise.all(open.map((thing) => thing.close()));
endWell();
