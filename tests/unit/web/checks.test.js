import assert from "node:assert/strict";
import { test } from "node:test";
import { checkIns, left } from "../../../web/credit/sentences.js";

test("the time left is said in words that change rarely", () => {
  assert.equal(left(240_000), "Up to 4 minutes left.");
  assert.equal(left(60_001), "Up to 2 minutes left.");
  assert.equal(left(60_000), "Less than a minute left.");
  assert.equal(left(30_000), "Less than half a minute left.");
  assert.equal(left(0), "The time is nearly over.");
  assert.equal(left(-5_000), "The time is nearly over.");
});

test("check-ins are told once there are any", () => {
  assert.equal(checkIns({ checks_asked: 0, checks_done: 0 }), "");
  assert.equal(checkIns({ checks_asked: 3, checks_done: 2 }), "2 of 3 check-ins done");
});
