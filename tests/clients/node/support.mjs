// What the programs of this folder share: where the server is, and waiting with a limit.

import assert from "node:assert/strict";

export const host = "127.0.0.1";
export const port = Number(process.env.PORT);
export const tlsPort = Number(process.env.TLS_PORT);
export const certificates = process.env.CERTIFICATES;
export const url = `redis://${host}:${port}`;

// Errors that clients tell; a program ends with `endWell`, which wants none.
const errors = [];

export function watch(client) {
  client.on("error", (error) => errors.push(error));
  return client;
}

export function endWell() {
  assert.deepEqual(errors, []);
  process.exit(0);
}

// Calls until the answer is true, and gives it.
export async function waitUntil(isSo, secondsMax = 20) {
  const until = Date.now() + secondsMax * 1000;
  for (;;) {
    const answer = await isSo();
    if (answer) return answer;
    assert.ok(Date.now() < until, `not so within ${secondsMax} seconds: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// The next event of this name, with what it carries.
export function next(emitter, name) {
  return new Promise((resolve) => emitter.once(name, (...values) => resolve(values)));
}
