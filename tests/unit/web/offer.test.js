import assert from "node:assert/strict";
import { test } from "node:test";
import { withSoundAgain } from "../../../web/stages/offer.js";

const OFFER = [
  "m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
  "a=rtpmap:111 opus/48000/2",
  "a=rtcp-fb:111 transport-cc",
  "a=rtpmap:63 red/48000/2",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "a=rtpmap:96 VP8/90000",
  "a=rtcp-fb:96 nack",
  "",
].join("\r\n");

test("sound may be asked for again, and nothing else changes", () => {
  const changed = withSoundAgain(OFFER);
  assert.equal(changed, OFFER.replace("opus/48000/2\r\n", "opus/48000/2\r\na=rtcp-fb:111 nack\r\n"));
  assert.equal(withSoundAgain(changed), changed);
});

test("an offer without sound stays as it is", () => {
  const video = OFFER.slice(OFFER.indexOf("m=video"));
  assert.equal(withSoundAgain(video), video);
});
