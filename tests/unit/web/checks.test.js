import assert from "node:assert/strict";
import { test } from "node:test";
import { lanes, parts, ready, why } from "../../../web/stages/checks.js";

const stage = (changes = {}) => ({
  session_id: "s", at_ms: 10, phase: "scheduled", starts_ms: 0, ends_ms: 1, started_ms: null,
  disclosure: "abc", on_air: false, media: {}, ...changes,
});
const known = (changes = {}, stageChanges = {}) => ({
  stage: stage(stageChanges), uplink: "idle", measured: undefined, counting: false, camera: undefined,
  microphone: undefined, shared: false, micOn: true, camOn: true, ...changes,
});
const measured = (lostPercent = 0) => ({ kbit: 1234, roundTripMs: 38, lostPercent, width: 1280, height: 720, frames: 30, codec: "video/H264", sizes: [720] });
const lane = (/** @type {any} */ all, /** @type {string} */ name) => all.find((/** @type {any} */ each) => each.name === name);
const seen = (/** @type {any} */ all) => Object.keys(all).filter((name) => all[name]);

test("nobody goes on air without a disclosure, or without a picture", () => {
  assert.equal(ready(known({ uplink: "sending" }, { disclosure: null })), false);
  assert.match(why(known({ uplink: "sending" }, { disclosure: null })), /disclosure is missing/);
  assert.equal(ready(known()), false);
  assert.match(why(known()), /Turn on/);
  assert.equal(ready(known({ uplink: "sending" })), true);
  assert.equal(ready(known({}, { on_air: true })), true); // an encoder sends
});

test("the list says what was measured, and nothing before", () => {
  assert.equal(lane(lanes(known()), "line").title, "Line not measured yet");
  assert.equal(lane(lanes(known({ uplink: "sending" })), "line").title, "Measuring the line");
  const steady = lane(lanes(known({ uplink: "sending", measured: measured() })), "line");
  assert.deepEqual([steady.state, steady.line], ["ok", "1.2 Mbit/s up, 38 ms, 0.0% lost"]);
  const narrow = { ...measured(), codec: "video/VP8" };
  assert.match(lane(lanes(known({ uplink: "sending", measured: narrow })), "line").line, /sees no picture/);
  assert.match(lane(lanes(known({}, { on_air: true, media: { video: "vp8" } })), "line").line, /encoder\. In VP8: .* sees no picture/);
  assert.doesNotMatch(steady.line, /sent as/);
  const several = { ...measured(), sizes: [720, 360, 180] };
  assert.match(lane(lanes(known({ uplink: "sending", measured: several })), "line").line, /0\.0% lost, sent as 720p, 360p and 180p$/);
  const lossy = lane(lanes(known({ uplink: "sending", measured: measured(5) })), "line");
  assert.deepEqual([lossy.state, lossy.title], ["due", "Line loses packets"]);
  assert.equal(lane(lanes(known({ uplink: "lost" })), "line").state, "failed");
  assert.equal(lane(lanes(known({}, { on_air: true })), "line").title, "Your encoder is sending");
});

test("devices are named, and a muted one is said to be", () => {
  const all = lanes(known({ camera: "Brio", microphone: "Rode", micOn: false }));
  assert.deepEqual([lane(all, "camera").state, lane(all, "camera").line], ["ok", "Brio"]);
  assert.deepEqual([lane(all, "microphone").state, lane(all, "microphone").title], ["due", "Microphone is muted"]);
  assert.equal(lane(lanes(known({}, { disclosure: null })), "disclosure").state, "failed");
});

test("each phase has its card, and the countdown hides it", () => {
  const camera = { camera: "Brio", microphone: "Rode" };
  assert.deepEqual(seen(parts(known(camera))), ["card-go", "tip-backstage", "chip-backstage", "checks-before"]);
  assert.deepEqual(seen(parts(known({ ...camera, counting: true }))), ["card-count", "tip-backstage", "chip-backstage", "checks-before"]);
  assert.deepEqual(seen(parts(known(camera, { phase: "live" }))), ["card-live", "tip-live", "chip-live", "checks-now"]);
  assert.deepEqual(seen(parts(known(camera, { phase: "paused" }))), ["card-paused", "tip-paused", "chip-paused", "checks-now"]);
  assert.deepEqual(seen(parts(known(camera, { phase: "ended" }))), ["card-go", "tip-ended", "chip-backstage", "checks-before"]);
});

test("another device of the speaker can be taken over from, somebody else's cannot", () => {
  const camera = { camera: "Brio", microphone: "Rode" };
  assert.ok(seen(parts(known({ ...camera, uplink: "elsewhere" }))).includes("take-over"));
  assert.ok(!seen(parts(known({ ...camera, uplink: "taken" }))).includes("take-over"));
});

test("the screen needs no camera", () => {
  assert.ok(parts(known())["no-camera"]);
  assert.ok(!parts(known({ shared: true }))["no-camera"]);
  assert.ok(parts(known({ microphone: "Rode" }))["cam-off"]);
  assert.ok(!parts(known({ microphone: "Rode", shared: true }))["cam-off"]);
});
