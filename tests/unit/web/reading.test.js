import assert from "node:assert/strict";
import { test } from "node:test";

import { Reading } from "../../../web/exhibits/reading.js";

/** A server that answers when the test says so. */
function served() {
  /** @type {{ path: string, signal: AbortSignal, answer: (state: string[] | undefined) => void }[]} */
  const asked = [];
  const fetch = (/** @type {string} */ path, /** @type {AbortSignal} */ signal) =>
    new Promise((answer) => asked.push({ path, signal, answer }));
  const reduce = (/** @type {string[]} */ lines, /** @type {string} */ line) =>
    lines.includes(line) ? lines : [...lines, line];
  return { asked, reading: new Reading(/** @type {any} */ (fetch), reduce) };
}

test("what came while it was read is put upon it, once", async () => {
  const { asked, reading } = served();
  reading.took("before anything was asked");
  const read = reading.read("/now");
  reading.took("hello");
  reading.took("known to the server too");
  asked[0].answer(["known to the server too"]);
  assert.deepEqual(await read, ["known to the server too", "hello"]);
});

test("the next reading starts without what the last one took", async () => {
  const { asked, reading } = served();
  const first = reading.read("/now");
  reading.took("hello");
  asked[0].answer([]);
  await first;
  const second = reading.read("/now");
  asked[1].answer([]);
  assert.deepEqual(await second, []);
});

test("an older reading is given up, whichever answers first", async () => {
  const { asked, reading } = served();
  const old = reading.read("/now");
  const fresh = reading.read("/now?visit=7");
  assert.equal(asked[0].signal.aborted, true);
  assert.equal(asked[1].signal.aborted, false);
  reading.took("hello");
  asked[1].answer(["new"]);
  assert.deepEqual(await fresh, ["new", "hello"]);
  asked[0].answer(["old"]);
  assert.equal(await old, undefined);
});

test("a server that is away changes nothing", async () => {
  const { asked, reading } = served();
  const read = reading.read("/now");
  reading.took("hello");
  asked[0].answer(undefined);
  assert.equal(await read, undefined);
});
