import assert from "node:assert/strict";
import { test } from "node:test";

import { Pulse } from "../../../web/attendance/pulse.js";

const here = { visible: true, playing: true };

test("the first beat follows the welcome, the next ones come on time and return the echo", () => {
  const pulse = new Pulse();
  assert.equal(pulse.next(0, here), undefined);
  pulse.welcome("a", 0);
  assert.deepEqual(pulse.next(0, here), { n: 1, echo: "a", ...here });
  pulse.kept({ n: 1, echo: "b" }, 100);
  assert.equal(pulse.next(14_000, here), undefined);
  assert.deepEqual(pulse.next(15_000, here), { n: 2, echo: "b", ...here });
});

test("a change is told at once, and so is leaving", () => {
  const pulse = new Pulse();
  pulse.welcome("a", 0);
  pulse.next(0, here);
  pulse.kept({ n: 1, echo: "b" }, 100);
  assert.equal(pulse.next(2_000, { visible: false, playing: true })?.visible, false);
  pulse.kept({ n: 2, echo: "c" }, 2_100);
  assert.equal(pulse.next(3_000, { visible: false, playing: true }, true)?.leaving, true);
});

test("an unanswered beat is sent again under its own number", () => {
  const pulse = new Pulse();
  pulse.welcome("a", 0);
  pulse.next(0, here);
  assert.equal(pulse.next(5_000, here), undefined);
  assert.deepEqual(pulse.next(15_000, here), { n: 1, echo: "a", ...here });
});

test("a new socket starts at one with its own echo", () => {
  const pulse = new Pulse();
  pulse.welcome("a", 0);
  pulse.next(0, here);
  pulse.gone();
  assert.equal(pulse.next(20_000, here), undefined);
  pulse.welcome("z", 20_000);
  assert.deepEqual(pulse.next(20_000, here), { n: 1, echo: "z", ...here });
});

test("thirty seconds without an answer are told", () => {
  const pulse = new Pulse();
  pulse.welcome("a", 0);
  pulse.next(0, here);
  assert.equal(pulse.silent(30_000), false);
  assert.equal(pulse.silent(30_001), true);
  pulse.kept({ n: 1, echo: "b" }, 31_000);
  assert.equal(pulse.silent(32_000), false);
});

test("a socket that never opens is told as well", () => {
  const pulse = new Pulse();
  assert.equal(pulse.silent(99_000), false);
  pulse.begin(0);
  assert.equal(pulse.silent(30_001), true);
  pulse.welcome("a", 40_000);
  assert.equal(pulse.silent(40_001), true, "a welcome is no record");
  pulse.kept({ n: 0, echo: "b" }, 41_000);
  assert.equal(pulse.silent(42_000), false);
});
