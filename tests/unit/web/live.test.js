import assert from "node:assert/strict";
import { test } from "node:test";

import { LONGEST_MS, wait, within } from "../../../web/live/backoff.js";
import { LIMIT, Outbox, Refusal } from "../../../web/live/outbox.js";
import { Positions } from "../../../web/live/positions.js";

test("waits are jittered from nothing to a bound that doubles up to eight seconds", () => {
  const longest = [0, 1, 2, 3, 4, 5, 60].map((attempt) => wait(attempt, () => 1));
  assert.deepEqual(longest, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
  assert.equal(wait(9, () => 0), 0);
});

test("a goodbye is obeyed, and nonsense in it is bounded", () => {
  assert.equal(within([500, 1500], () => 0.5), 1000);
  assert.equal(within([1e12, 1e15], () => 1), 2 * LONGEST_MS);
  assert.equal(within([-5, -9], () => 1), 0);
  assert.equal(within([], () => 1), LONGEST_MS);
});

/** @returns {{ outbox: Outbox, heard: unknown[], add: (type: string) => string | undefined }} */
function open() {
  const outbox = new Outbox();
  /** @type {unknown[]} */
  const heard = [];
  let id = 0;
  const add = (/** @type {string} */ type) =>
    outbox.add(type, { text: "x" }, `id-${++id}`, 1000, (done) => heard.push(done), (no) => heard.push(no));
  return { outbox, heard, add };
}

test("a command stays until it is answered, and is sent again as it was", () => {
  const { outbox, heard, add } = open();
  const first = add("question.ask");
  const second = add("question.vote");
  assert.deepEqual(JSON.parse(first ?? ""), { type: "question.ask", ref: 1, command_id: "id-1", text: "x" });
  assert.deepEqual(outbox.texts(), [first, second]);
  outbox.done({ type: "done", ref: 1, id: "q" });
  outbox.done({ type: "done", ref: 1, id: "q" });
  assert.deepEqual(outbox.texts(), [second]);
  assert.deepEqual(heard, [{ type: "done", ref: 1, id: "q" }]);
});

test("a refusal has a code and a place, and belongs to one command", () => {
  const { outbox, heard, add } = open();
  add("question.ask");
  assert.equal(outbox.refused({ ref: 9, code: "topic.forbidden" }), false);
  assert.equal(outbox.refused({ ref: 1, code: "questions.closed", where: "$.text" }), true);
  const [refusal] = /** @type {Refusal[]} */ (heard);
  assert.ok(refusal instanceof Refusal);
  assert.deepEqual([refusal?.code, refusal?.where], ["questions.closed", "$.text"]);
});

test("the outbox is bounded, and what does not fit is refused at once", () => {
  const { outbox, heard, add } = open();
  for (let n = 0; n < LIMIT; n++) add("question.vote");
  assert.equal(add("question.vote"), undefined);
  assert.equal(/** @type {Refusal} */ (heard[0]).code, "busy");
  outbox.refuseAll("signed_out");
  assert.equal(heard.length, LIMIT + 1);
  assert.deepEqual(outbox.texts(), []);
});

test("how long the oldest command has waited starts anew with a new socket", () => {
  const { outbox, add } = open();
  assert.equal(outbox.waited(5000), 0);
  add("question.ask");
  assert.equal(outbox.waited(5000), 4000);
  outbox.restart(5000);
  assert.equal(outbox.waited(5000), 0);
});

test("an event is news once, and a gap is noticed", () => {
  const positions = new Positions();
  assert.equal(positions.follow("t", { epoch: "e", seq: 3 }), true);
  assert.equal(positions.arrived("t", 3), "seen");
  assert.equal(positions.arrived("t", 4), "news");
  assert.equal(positions.arrived("t", 4), "seen");
  assert.equal(positions.arrived("t", 6), "gap");
  assert.deepEqual(positions.of("t"), { epoch: "e", seq: 4 });
  assert.equal(positions.arrived("other", 1), "seen");
});

test("without a known position every event is news, and the next follow asks anew", () => {
  const positions = new Positions();
  positions.follow("t", { epoch: null, seq: 0 });
  assert.equal(positions.arrived("t", 9), "news");
  assert.equal(positions.arrived("t", 4), "news");
  assert.deepEqual(positions.all(), [["t", { epoch: null, seq: 4 }]]);
  positions.set("t", { epoch: "e", seq: 12 });
  assert.equal(positions.arrived("t", 12), "seen");
});

test("a second panel asks again only when it knows less than the page", () => {
  const positions = new Positions();
  positions.follow("t", { epoch: "e", seq: 3 });
  positions.arrived("t", 4);
  assert.equal(positions.follow("t", { epoch: "e", seq: 4 }), false);
  assert.equal(positions.follow("t", { epoch: "e", seq: 2 }), true);
  assert.deepEqual(positions.of("t"), { epoch: "e", seq: 2 });
  assert.equal(positions.follow("t", { epoch: "new", seq: 1 }), true);
  assert.equal(positions.unfollow("t"), false);
  assert.equal(positions.unfollow("t"), false);
  assert.equal(positions.unfollow("t"), false);
  assert.equal(positions.unfollow("t"), true);
  assert.equal(positions.unfollow("t"), false);
});
