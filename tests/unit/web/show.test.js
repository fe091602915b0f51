import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, newer, progress, until, view, wanted } from "../../../web/stages/show.js";

const MINUTE = 60_000;

const stage = (changes = {}) => ({
  session_id: "s", at_ms: 10, phase: "live", starts_ms: 0, ends_ms: 45 * MINUTE, started_ms: 0,
  disclosure: "abc", on_air: true, media: { video: "VP8" }, ...changes,
});
const known = (changes = {}, stageChanges = {}) => ({
  stage: stage(stageChanges), entered: true, acknowledged: true, backstage: false, line: "idle", audioOnly: false, ...changes,
});

test("before the picture stands the disclosure, whatever else is known", () => {
  for (const phase of ["scheduled", "live", "paused"]) {
    assert.equal(view(known({ acknowledged: false, line: "playing" }, { phase })), "due");
    assert.equal(view(known({ entered: false, acknowledged: false }, { phase })), "missing");
    assert.equal(wanted(known({ acknowledged: false }, { phase })), false);
  }
});

test("each phase has its own picture", () => {
  assert.equal(view(known({}, { phase: "scheduled" })), "upcoming");
  assert.equal(view(known({ line: "playing" }, { phase: "paused" })), "paused");
  assert.equal(view(known({ entered: false }, { phase: "ended" })), "ended");
  for (const phase of ["scheduled", "paused", "ended"]) assert.equal(wanted(known({}, { phase })), false);
  assert.equal(wanted(known()), true);
});

test("a live session says how its line is", () => {
  assert.equal(view(known({ line: "playing" })), "picture");
  assert.equal(view(known({ line: "joining" })), "joining");
  assert.equal(view(known({ line: "lost" })), "reconnecting");
  assert.equal(view(known({ line: "stalled" })), "reconnecting");
  assert.equal(view(known({ line: "stalled" }, { on_air: false })), "waiting");
  assert.equal(view(known({ line: "joining" }, { on_air: false })), "waiting");
});

test("audio only is a picture of its own, once it is heard", () => {
  assert.equal(view(known({ line: "playing", audioOnly: true })), "audio");
  assert.equal(view(known({ line: "joining", audioOnly: true })), "joining");
  assert.equal(view(known({ line: "playing", audioOnly: true }, { phase: "paused" })), "paused");
  assert.equal(view(known({ line: "audio", audioOnly: true })), "audio");
  assert.equal(view(known({ line: "audio" })), "pictureless");
  assert.equal(view(known({ line: "audio" }, { phase: "ended" })), "ended");
});

test("the desk looks backstage", () => {
  const desk = { backstage: true, entered: false, acknowledged: false };
  assert.equal(wanted(known(desk, { phase: "scheduled" })), true);
  assert.equal(view(known({ ...desk, line: "playing" }, { phase: "scheduled" })), "picture");
  assert.equal(view(known(desk, { phase: "ended", on_air: false })), "waiting");
});

test("of two states the later one counts, in whichever order they come", () => {
  const early = stage({ at_ms: 1, phase: "live" });
  const late = stage({ at_ms: 2, phase: "paused" });
  assert.equal(newer(early, late), late);
  assert.equal(newer(late, early), late);
  assert.equal(newer(late, late), late);
});

test("clocks read as people say them", () => {
  assert.equal(clock(-5), "0:00");
  assert.equal(clock(160_000), "2:40");
  assert.equal(clock(3_600_000 + 62_000), "1:01:02");
  assert.equal(until(3 * 86_400_000 + 5), "3 days");
  assert.equal(until(30 * 3_600_000), "30:00:00");
});

test("progress stays within its bounds", () => {
  assert.equal(progress(stage(), 9 * MINUTE), 20);
  assert.equal(progress(stage(), -MINUTE), 0);
  assert.equal(progress(stage(), 90 * MINUTE), 100);
  assert.equal(progress(stage({ started_ms: 5 * MINUTE }), 14 * MINUTE), 20);
});
