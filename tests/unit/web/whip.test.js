import assert from "node:assert/strict";
import { test } from "node:test";
import { percent } from "../../../web/stages/levels.js";
import { ordered, pictured, sizes } from "../../../web/stages/whip.js";

const codec = (/** @type {string} */ mimeType, /** @type {string} */ sdpFmtpLine = "") => ({ mimeType, sdpFmtpLine });
const KNOWN = [codec("video/VP8"), codec("video/rtx"), codec("video/VP9"), codec("video/H264", "a"), codec("video/H264", "b"), codec("video/AV1")];
const types = (/** @type {{ mimeType: string }[]} */ found) => found.map(({ mimeType }) => mimeType);

test("an offer starts with H.264 where the browser encodes it, then VP8", () => {
  assert.deepEqual(types(ordered(KNOWN, null)), ["video/H264", "video/H264", "video/VP8", "video/rtx"]);
  assert.deepEqual(types(ordered(KNOWN.slice(0, 3), null)), ["video/VP8", "video/rtx"]);
});

test("a wish is kept alone, and an unknown one changes nothing", () => {
  assert.deepEqual(types(ordered(KNOWN, "vp8")), ["video/VP8", "video/rtx"]);
  assert.deepEqual(types(ordered(KNOWN, "H264")), ["video/H264", "video/H264", "video/rtx"]);
  assert.deepEqual(ordered(KNOWN, "theora"), KNOWN);
});

test("loudness is a share of the meter", () => {
  assert.equal(percent(new Float32Array(64)), 0);
  assert.equal(percent(new Float32Array(64).fill(1)), 100);
  assert.equal(percent(new Float32Array(64).fill(0.0316)), 50);
});

test("a camera is sent in three sizes, a screen and a voice in one", () => {
  const asked = sizes({ kind: "video", contentHint: "" });
  assert.deepEqual(asked.map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy]), [["l", 4], ["m", 2], ["h", 1]]);
  assert.deepEqual(sizes({ kind: "video", contentHint: "detail" }), []);
  assert.deepEqual(sizes({ kind: "audio", contentHint: "" }), []);
  assert.deepEqual(sizes(undefined), []);
});

test("of several sizes the largest that flows is the one that is told of", () => {
  const size = (rid, frameHeight, framesEncoded) => ({ rid, frameHeight, frameWidth: 2 * frameHeight, framesEncoded, codecId: rid });
  const streams = [size("l", 180, 50), size("m", 360, 60), size("h", 720, 40)];
  const before = new Map([["l", 20], ["m", 30], ["h", 40]]);
  assert.deepEqual(pictured(streams, before), { width: 720, height: 360, frames: 30, codecId: "m", sizes: [360, 180] });
  assert.deepEqual(pictured(streams, new Map()).sizes, [720, 360, 180]);
  assert.deepEqual(pictured([], before), { width: 0, height: 0, frames: 0, codecId: "", sizes: [] });
});
