import assert from "node:assert/strict";
import { test } from "node:test";
import { called, why } from "../../../web/captions/names.js";
import { Pen } from "../../../web/captions/pen.js";
import { Delayed, begin, languages, last, pick, reduce, whole } from "../../../web/captions/reduce.js";

const line = (id, other = {}) => ({
  id, language: "en", text: `${id}.`, final: true, said_ms: id.charCodeAt(0), ended_ms: id.charCodeAt(0), revision: 0, ...other,
});
const event = (id, other) => ({ type: "caption", topic: "t", ...line(id, other) });
const texts = (state, language = "en", most = 9) => last(state, language, most).map(({ text }) => text);

test("a line grows, is corrected, and twice changes nothing", () => {
  const told = [event("a", { text: "So", final: false }), event("a", { text: "So for", revision: 1 }), event("b")];
  const once = reduce(begin({ rows: [] }), told);
  assert.deepEqual(texts(once), ["So for", "b."]);
  assert.deepEqual(reduce(once, told), once);
  assert.deepEqual(reduce(begin({ rows: [] }), told.toReversed()), once);
});

test("lines stand in the order in which they began, each language by itself", () => {
  const state = reduce(begin({ rows: [line("c")] }), [event("a"), event("b", { language: "de" })]);
  assert.deepEqual(texts(state), ["a.", "c."]);
  assert.deepEqual(texts(state, "de"), ["b."]);
  assert.deepEqual(languages(state), ["de", "en"]);
});

test("what was taken out is gone, and an older state of it does not bring it back", () => {
  const out = reduce(begin({ rows: [line("a"), line("b")] }), [event("b", { text: "", revision: 1 })]);
  assert.deepEqual(texts(out), ["a."]);
  assert.deepEqual(texts(reduce(out, [event("b")])), ["a."]);
  assert.deepEqual(languages(reduce(begin({ rows: [] }), [event("a", { text: "", language: "fr" })])), []);
});

test("no more is kept than can be shown, and a late correction of what fell out is not", () => {
  const many = Array.from({ length: 20 }, (_, at) => event(String.fromCharCode(97 + at)));
  const state = reduce(begin({ rows: [] }), many);
  assert.equal(texts(state, "en", 99).length, 12);
  assert.deepEqual(reduce(state, [event("a", { text: "Late", revision: 1 })]), state);
});

test("the last line is whole only when its writer is done; those before are", () => {
  const lines = [line("a", { final: false }), line("b", { final: false })];
  assert.deepEqual(whole(lines).map(({ id }) => id), ["a"]);
  assert.deepEqual(whole([line("a")]).map(({ id }) => id), ["a"]);
});

test("a language is the chosen one, or what the browser wishes, or the session's", () => {
  const there = ["de", "en", "pt-BR"];
  assert.equal(pick(there, "de", ["en"], "en"), "de");
  assert.equal(pick(there, "fr", ["pt-PT", "en"], "en"), "pt-BR");
  assert.equal(pick(there, "", ["en-GB"], "de"), "en");
  assert.equal(pick(there, undefined, ["ja"], "de"), "de");
  assert.equal(pick(["de"], "", ["ja"], "en"), "de");
  assert.equal(pick([], "", ["ja"], "en"), "en");
});

test("beside a late picture words wait for it, in the order in which they came", () => {
  const late = new Delayed();
  late.add([event("a", { ended_ms: 5_000 }), event("b", { ended_ms: 6_000 }), event("a", { ended_ms: 5_000, revision: 1 })]);
  assert.deepEqual(late.take(4_999), []);
  assert.deepEqual(late.take(5_000).map(({ id }) => id), ["a"]);
  assert.equal(late.waits, true);
  assert.deepEqual(late.take(6_000).map(({ id, revision }) => [id, revision]), [["b", 0], ["a", 1]]);
  assert.equal(late.waits, false);
});

test("beside a picture that is not late nothing waits", () => {
  const late = new Delayed();
  late.add([event("a", { ended_ms: 5_000 })]);
  assert.equal(late.take(undefined).length, 1);
});

test("nothing waits for clocks that differ, nor for ever", () => {
  const late = new Delayed();
  late.add([event("a", { ended_ms: 40_000 })]);
  assert.equal(late.take(5_000).length, 1);
  late.add(Array.from({ length: 600 }, () => event("a", { ended_ms: 6_000 })));
  assert.equal(late.take(5_000).length, 100);
});

test("languages and refusals have names", () => {
  assert.equal(called("de"), "Deutsch");
  assert.equal(called("fr"), "Français");
  assert.equal(called("not a tag"), "not a tag");
  assert.match(why(Object.assign(new Error("x"), { code: "session.not_live", where: "" })), /live/);
  assert.match(why(Object.assign(new Error("x"), { code: "invalid", where: "text" })), /300/);
});

/** A pen, a clock that is set by hand, and a server that answers when it is told to. */
function desk() {
  const sent = [];
  const answers = [];
  const refused = [];
  const due = [];
  let now = 0;
  const send = (type, fields) => new Promise((resolve, reject) => {
    sent.push([type.split(".")[1], fields.line_id ?? "", fields.text, fields.final]);
    answers.push({ resolve, reject });
  });
  const pen = new Pen({ send, now: () => now, later: (run, ms) => due.push([now + ms, run]), refused: (_, text) => refused.push(text) });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    pen, sent, refused,
    async pass(ms) {
      now += ms;
      for (const [at, run] of due.splice(0)) at <= now ? run() : due.push([at, run]);
      await settle();
    },
    async answer(id) {
      answers.shift().resolve({ id });
      await settle();
    },
    async refuse() {
      answers.shift().reject(new Error("no"));
      await settle();
    },
  };
}

test("a line is told while it grows, one command at a time, and its end at once", async () => {
  const { pen, sent, pass, answer } = desk();
  for (const text of ["S", "So", "So f"]) pen.write(text, "en");
  assert.deepEqual(sent, []);
  await pass(400);
  assert.deepEqual(sent, [["say", "", "So f", false]]);
  pen.write("So for", "en");
  pen.end("So for patients.", "en");
  await pass(400);
  assert.equal(sent.length, 1, "its answer is waited for");
  await answer("1");
  assert.deepEqual(sent[1], ["change", "1", "So for patients.", true]);
  pen.end("Next.", "en");
  await answer();
  assert.deepEqual(sent[2], ["say", "", "Next.", true]);
  await answer("2");
  await pass(1_000);
  assert.equal(sent.length, 3, "nothing is told twice");
});

test("a line that is given up is taken out, or never was", async () => {
  const { pen, sent, pass, answer } = desk();
  pen.write("Oops", "en");
  pen.write("", "en");
  await pass(500);
  assert.deepEqual(sent, []);
  pen.write("Oops", "en");
  await pass(500);
  await answer("1");
  pen.write("", "en");
  await pass(0);
  assert.deepEqual(sent[1], ["change", "1", "", true]);
});

test("what is refused is given back, and the next line goes on", async () => {
  const { pen, sent, refused, refuse, pass } = desk();
  pen.end("Too late.", "en");
  pen.end("After.", "en");
  await pass(0);
  await refuse();
  assert.deepEqual(refused, ["Too late."]);
  assert.deepEqual(sent[1], ["say", "", "After.", true]);
});
