import assert from "node:assert/strict";
import { test } from "node:test";
import { percent } from "../../../web/stages/levels.js";
import { ordered } from "../../../web/stages/whip.js";

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
