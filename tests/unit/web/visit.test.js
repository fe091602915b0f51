import assert from "node:assert/strict";
import { test } from "node:test";

import { nameOf, reduce as reduceDesk } from "../../../web/exhibits/desk-state.js";
import { reduce, withLine } from "../../../web/exhibits/visit.js";

const visit = { booth: "b", visit: "v", here: { staff: [], waiting: 0 }, lines: [] };
const line = { type: "line", id: "1", visit: "v", called: "", text: "Hello", said_ms: 2 };

test("a visitor's page shows its own booth, place and thread, and no other", () => {
  assert.equal(reduce(visit, { type: "booth", key: "b", staff: [], waiting: 3 }).here.waiting, 3);
  assert.equal(reduce(visit, { type: "booth", key: "other", staff: [], waiting: 3 }), visit);
  assert.equal(reduce(visit, { type: "talk", key: "v", status: "waiting", place: 2 }).talk?.place, 2);
  assert.equal(reduce(visit, { type: "talk", key: "other", status: "waiting" }), visit);
  assert.equal(reduce(visit, { ...line, visit: "other" }), visit);
  assert.deepEqual(reduce(visit, line).lines, [line]);
});

test("a line that comes twice or late is there once, in its place", () => {
  const earlier = { ...line, id: "0", said_ms: 1 };
  const lines = withLine(withLine(withLine([], line), earlier), line);
  assert.deepEqual(lines.map(({ id }) => id), ["0", "1"]);
});

const lead = { id: "l", visit: "v", holds: true, who: "Ana Prieto" };
const desk = /** @type {any} */ ({
  booth: "b", me: "m", zone: "UTC", open: "v", lines: [], threads: [], figures: {},
  queue: { waiting: [], talking: [], staff: [] }, leads: [lead],
});

test("a visitor has a name on the desk only while a lead holds", () => {
  assert.equal(nameOf(desk, "v"), "Ana Prieto");
  assert.equal(nameOf(desk, "other"), "A visitor");
  const withdrawn = reduceDesk(desk, { type: "lead", id: "l", visit: "v", holds: false });
  assert.equal(nameOf(withdrawn, "v"), "A visitor");
  assert.equal(reduceDesk(desk, { type: "lead", id: "l", visit: "v", holds: true }), desk);
});

test("a line moves its thread to the top, and into the open talk", () => {
  const first = reduceDesk(desk, { ...line, visit: "w", id: "9" });
  assert.deepEqual(first.lines, []);
  const second = reduceDesk(first, line);
  assert.deepEqual(second.threads.map(({ visit: of }) => of), ["v", "w"]);
  assert.deepEqual(second.lines, [line]);
});
