import assert from "node:assert/strict";
import { test } from "node:test";
import { covers, matches, otherDay, rowOf, words } from "../../../web/agenda/find.js";

test("every word of a search must occur, in any order and case", () => {
  assert.ok(matches("iron deficiency hall a amara okafor", words("OKAFOR  iron")));
  assert.ok(!matches("iron deficiency", words("iron x")));
  assert.ok(matches("anything", words("  ")));
});

test("now falls into a row of five minutes, or into none", () => {
  const start = Date.parse("2026-03-12T08:00:00Z");
  assert.equal(rowOf(start, start + 12 * 60_000, 10), 2);
  assert.equal(rowOf(start, start - 1, 10), null);
  assert.equal(rowOf(start, start + 50 * 60_000, 10), null);
});

test("a session on another date in the viewer's zone says its weekday", () => {
  const nine = new Date("2026-03-12T00:00:00Z"); // 09:00 in Tokyo, the evening before in Lima
  assert.equal(otherDay(nine, "Asia/Tokyo", "America/Lima"), "Wed");
  assert.equal(otherDay(nine, "Asia/Tokyo", "Asia/Seoul"), "");
});

test("the time of now covers that of an hour which began a little before, and no other", () => {
  const covered = [11, 12, 15, 16].map((now) => covers(now, 12));
  assert.deepEqual(covered, [false, true, true, false]);
  assert.equal(covers(null, 12), false);
});
