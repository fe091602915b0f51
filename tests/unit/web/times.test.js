import assert from "node:assert/strict";
import { test } from "node:test";
import { hoursAhead, written } from "../../../web/shell/times.js";

const LUNCH = new Date("2026-03-12T12:05:00Z");

for (const [shape, zone, text] of [
  ["time", "Europe/Paris", "13:05"],
  ["time", "America/Lima", "07:05"],
  ["day", "Pacific/Auckland", "Fri 13 March"],
  ["full", "Europe/Paris", "Thu 12 March, 13:05 CET"],
  ["zoned", "Europe/Paris", "13:05 CET"],
]) {
  test(`${shape} in ${zone} is ${text}`, () => assert.equal(written(LUNCH, shape, zone), text));
}

test("midnight is 00:00, never 24:00", () => {
  assert.equal(written(new Date("2026-03-12T00:00:00Z"), "time", "UTC"), "00:00");
});

test("the distance between zones follows daylight saving", () => {
  assert.equal(hoursAhead(LUNCH, "Europe/Paris", "America/New_York"), -5); // America has changed, Europe has not
  assert.equal(hoursAhead(new Date("2026-02-12T12:00:00Z"), "Europe/Paris", "America/New_York"), -6);
  assert.equal(hoursAhead(LUNCH, "UTC", "Asia/Kolkata"), 5.5);
});
