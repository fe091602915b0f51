import assert from "node:assert/strict";
import { test } from "node:test";

import { kinds, missing, record, spoken } from "../../../web/credit/sentences.js";

const at = (/** @type {string} */ time) => Date.parse(`2026-11-26T${time}Z`);
const ring = (changes = {}) => /** @type {import("../../../web/credit/sentences.js").Ring} */ ({
  session_id: "s", accredited: true, faculty: false, live: true, over: false, percent: 50, minutes: 20, of_minutes: 45,
  units: "0.25", units_if_staying: "0.75", designated_units: "0.75", ends_ms: at("11:00:00"), next_units: "",
  next_at_ms: null, recorded_until_ms: at("10:41:30"), stopped: false, zone: "UTC", rule: "", checks_done: 0,
  checks_asked: 0, check: null, short_ms: 0, strip: [], ...changes,
});
const piece = (/** @type {string} */ words, starts = "10:00:00", ends = "10:01:00") => ({
  starts, ends, words, style: "lap", icon: "laptop", percent: 50, minutes: "1 min", counts: true,
});

test("the record says until when, to the second, whether it goes on or not", () => {
  assert.deepEqual(record(ring(), false), { text: "On record until 10:41:30", due: false });
  assert.deepEqual(record(ring({ stopped: true }), false), { text: "Stopped. On record until 10:41:30", due: true });
  assert.deepEqual(record(ring(), true), {
    text: "Your attendance is not being recorded. On record until 10:41:30", due: true,
  });
  assert.equal(record(ring({ recorded_until_ms: null }), true)?.text, "Your attendance is not being recorded");
  assert.equal(record(ring({ live: false }), true), undefined);
});

test("what is missing is said with the time until which it can be mended", () => {
  const short = { short_ms: 5 * 60_000 - 1 };
  assert.deepEqual(missing(ring()), []);
  assert.deepEqual(missing(ring({ live: false, ...short })), []);
  assert.match(missing(ring(short))[0] ?? "", /^5 min missing .* made up until 11:00\.$/);
  assert.match(missing(ring({ ...short, units_if_staying: "0" }))[0] ?? "", /more than is left until 11:00\.$/);
  assert.match(missing(ring({ ...short, ends_ms: null }))[0] ?? "", /while the session goes on\.$/);
  const check = { id: "c", left_ms: 90_000, closes_ms: at("10:43:00"), extended: false };
  assert.deepEqual(missing(ring({ check })), ["Check-in open until 10:43:00."]);
});

test("the strip is said piece by piece, and its legend names each kind once", () => {
  const strip = [piece("Laptop"), piece("Away", "10:01:00", "10:02:00"), piece("Laptop", "10:02:00", "10:03:00")];
  assert.equal(spoken(strip), "10:00:00 to 10:01:00: Laptop. 10:01:00 to 10:02:00: Away. 10:02:00 to 10:03:00: Laptop.");
  assert.deepEqual(kinds(strip).map(({ words }) => words), ["Laptop", "Away"]);
});

test("a session without a minimum asks for none, though some time must be on record", () => {
  assert.deepEqual(missing(ring({ short_ms: 1, minutes: 0, units: "0" })), []);
});
