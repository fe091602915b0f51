import assert from "node:assert/strict";
import { test } from "node:test";

import { sentence } from "../../../web/live/sentence.js";
import { LiveSocket } from "../../../web/live/socket.js";

/** The page around a socket: sockets that go nowhere, and a clock that the test moves. */
class Around {
  /** @type {Line[]} */
  lines = [];
  time = 0;
  /** @type {Map<number, { at: number, run: () => void }>} */
  #due = new Map();
  #timer = 0;
  #id = 0;

  open = () => {
    const line = new Line();
    this.lines.push(line);
    return /** @type {any} */ (line);
  };
  now = () => this.time;
  random = () => 1;
  id = () => `id-${++this.#id}`;
  /** @param {() => void} run @param {number} ms */
  later = (run, ms) => {
    this.#due.set(++this.#timer, { at: this.time + ms, run });
    return this.#timer;
  };
  /** @param {number} timer */
  cancel = (timer) => void this.#due.delete(timer);

  /** @param {number} ms */
  pass(ms) {
    const until = this.time + ms;
    for (;;) {
      const [next] = [...this.#due].filter(([, { at }]) => at <= until).sort((a, b) => a[1].at - b[1].at);
      if (next === undefined) break;
      this.#due.delete(next[0]);
      this.time = next[1].at;
      next[1].run();
    }
    this.time = until;
  }

  get line() {
    return /** @type {Line} */ (this.lines.at(-1));
  }
}

class Line extends EventTarget {
  readyState = 0;
  /** @type {any[]} */
  sent = [];

  /** @param {string} text */
  send(text) {
    assert.equal(this.readyState, 1);
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  open() {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
    return this;
  }
  /** @param {Record<string, unknown>} frame */
  say(frame) {
    this.hear(JSON.stringify(frame));
  }
  /** @param {string} data */
  hear(data) {
    this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }
  /** @param {number} code */
  lose(code) {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

/** @param {string[]} types */
function page(...types) {
  const around = new Around();
  const live = new LiveSocket(around);
  /** @type {any[]} */
  const heard = [];
  for (const type of types) {
    live.addEventListener(type, (event) => heard.push([type, /** @type {CustomEvent} */ (event).detail]));
  }
  return { around, live, heard };
}

const welcome = { type: "welcome", connection: "c", echo: "e", beat_ms: 15000, lease_ms: 45000 };

test("the socket opens when it is first needed, and follows from the page's position", () => {
  const { around, live, heard } = page("online");
  assert.equal(around.lines.length, 0);
  live.follow("session/1", { epoch: "e", seq: 4 });
  live.follow("session/1", { epoch: "e", seq: 4 });
  assert.equal(around.lines.length, 1);
  around.line.open();
  assert.deepEqual(around.line.sent.map(({ ref, ...rest }) => rest), [
    { type: "topic.follow", topic: "session/1", epoch: "e", seq: 4 },
  ]);
  assert.equal(live.state, "connecting");
  around.line.say(welcome);
  assert.deepEqual([live.state, heard.length], ["online", 1]);
});

test("after a loss each topic resumes where it left off, and what was not answered is sent again", async () => {
  const { around, live, heard } = page("question", "away");
  live.follow("s", { epoch: "e", seq: 1 });
  const asked = live.send("question.ask", { text: "Why?" });
  around.line.open().say(welcome);
  around.line.say({ topic: "s", seq: 2, type: "question", id: "q" });
  around.line.say({ topic: "s", seq: 2, type: "question", id: "q" });
  const [, first] = around.line.sent;
  around.line.lose(1006);
  assert.equal(around.lines.length, 1);
  around.pass(500);
  assert.equal(around.lines.length, 2);
  around.line.open();
  const [follow, again] = around.line.sent;
  assert.deepEqual([follow.topic, follow.epoch, follow.seq], ["s", "e", 2]);
  assert.deepEqual(again, first);
  around.line.say({ type: "done", ref: first.ref, id: "q" });
  assert.equal((await asked).id, "q");
  assert.deepEqual(heard.map(([type]) => type), ["question", "away"]);
});

test("a refused command is rejected with its code and place", async () => {
  const { around, live } = page();
  const asked = live.send("question.ask", { text: "" });
  around.line.open();
  around.line.say({ type: "error", ref: 1, code: "questions.empty", where: "$.text" });
  await assert.rejects(asked, { code: "questions.empty", where: "$.text" });
});

test("a gap is asked for again and not shown", () => {
  const { around, live, heard } = page("question");
  live.follow("s", { epoch: "e", seq: 1 });
  around.line.open().say(welcome);
  around.line.say({ topic: "s", seq: 4, type: "question" });
  assert.deepEqual(around.line.sent.at(-1).seq, 1);
  assert.equal(around.line.sent.length, 2);
  for (const seq of [2, 3, 4]) around.line.say({ topic: "s", seq, type: "question" });
  assert.deepEqual(heard.map(([, { seq }]) => seq), [2, 3, 4]);
});

test("a resync moves the position and tells the panels", () => {
  const { around, live, heard } = page("resync", "question");
  live.follow("s", { epoch: null, seq: 0 });
  around.line.open();
  around.line.say({ type: "resync", topic: "s", epoch: "e", seq: 7 });
  around.line.say({ topic: "s", seq: 7, type: "question" });
  around.line.say({ topic: "s", seq: 8, type: "question" });
  assert.deepEqual(heard.map(([type, { seq }]) => [type, seq]), [["resync", 7], ["question", 8]]);
  around.line.lose(1006);
  around.pass(500);
  around.line.open();
  assert.deepEqual(around.line.sent[0].seq, 8);
});

test("states have no position and always arrive", () => {
  const { around, live, heard } = page("tally");
  live.follow("s", { epoch: "e", seq: 1 });
  around.line.open();
  around.line.say({ topic: "s", type: "tally", key: "p", votes: 1 });
  around.line.say({ topic: "s", type: "tally", key: "p", votes: 1 });
  assert.equal(heard.length, 2);
});

test("attempts back off, and an admission starts them anew", () => {
  const { around, live } = page();
  live.follow("s", { epoch: null, seq: 0 });
  const waits = [];
  for (let attempt = 0; attempt < 6; attempt++) {
    around.line.lose(1006);
    const before = around.time;
    while (around.line.readyState === 3) around.pass(100);
    waits.push(around.time - before);
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 8000]);
  around.line.open().say(welcome);
  around.line.lose(1006);
  around.pass(500);
  assert.equal(around.line.readyState, 0);
});

test("a goodbye is obeyed, and the page knows that the server restarts", () => {
  const { around, live, heard } = page("away");
  live.follow("s", { epoch: null, seq: 0 });
  around.line.open().say(welcome);
  around.line.say({ type: "goodbye", after_ms: [500, 2300] });
  around.line.lose(1012);
  around.pass(2299);
  assert.equal(around.lines.length, 1);
  around.pass(1);
  assert.equal(around.lines.length, 2);
  assert.deepEqual(heard, [["away", { restarting: true, crowded: false }]]);
});

test("one that was turned away is patient", () => {
  const { around, live } = page();
  live.follow("s", { epoch: null, seq: 0 });
  around.line.lose(1013);
  around.pass(7999);
  assert.equal(around.lines.length, 1);
  around.pass(1);
  assert.equal(around.lines.length, 2);
});

test("one that is turned away again and again goes on, and says why once until that changes", () => {
  const { around, live, heard } = page("away", "online");
  live.follow("s", { epoch: null, seq: 0 });
  for (let turned = 1; turned <= 20; turned += 1) {
    around.line.open().lose(1013);
    assert.equal(around.lines.length, turned);
    around.pass(8000);
    assert.equal(around.lines.length, turned + 1);
  }
  around.line.lose(1006);
  around.pass(8000);
  around.line.open().say(welcome);
  assert.deepEqual(heard, [
    ["away", { restarting: false, crowded: true }],
    ["away", { restarting: false, crowded: false }],
    ["online", {}],
  ]);
});

test("what is said while away is true of why", () => {
  const told = (/** @type {boolean} */ restarting, /** @type {boolean} */ crowded) => sentence({ restarting, crowded });
  assert.match(told(true, false), /^The server is restarting\. Reconnecting…/);
  assert.match(told(false, false), /^Reconnecting…/);
  assert.match(told(false, true), /cannot let this page in at the moment\. Trying again…/);
});

test("one that is signed out does not come back, and waits for nothing", async () => {
  const { around, live, heard } = page("signed-out", "away");
  const asked = live.send("question.ask", {});
  around.line.open().lose(4001);
  await assert.rejects(asked, { code: "signed_out" });
  await assert.rejects(live.send("question.ask", {}), { code: "signed_out" });
  around.pass(60_000);
  assert.equal(around.lines.length, 1);
  assert.deepEqual(heard.map(([type]) => type), ["signed-out"]);
});

test("changed rights are told, and the page comes back with them", () => {
  const { around, live, heard } = page("rights-changed");
  live.follow("s", { epoch: "e", seq: 1 });
  around.line.open().say(welcome);
  around.line.lose(4003);
  around.pass(500);
  assert.equal(around.lines.length, 2);
  assert.equal(heard.length, 1);
});

test("a command without an answer makes the socket suspect", () => {
  const { around, live } = page();
  live.send("question.ask", { text: "Why?" }).catch(() => {});
  around.line.open().say(welcome);
  around.pass(13_000);
  assert.equal(around.lines.length, 2);
  assert.equal(around.lines[0]?.readyState, 3);
  around.lines[0]?.lose(1006);
  around.line.open();
  assert.equal(around.line.sent.length, 1, "a late close of the old socket changes nothing");
});

test("a network that is back is used at once", () => {
  const { around, live } = page();
  live.follow("s", { epoch: null, seq: 0 });
  around.line.lose(1013);
  live.wake();
  assert.equal(around.lines.length, 2);
  around.pass(20_000);
  assert.equal(around.lines.length, 2, "and not a second time when the wait is over");
});

test("what is only worth saying now is said or dropped", () => {
  const { around, live } = page();
  assert.equal(live.say("beat", { n: 1 }), false);
  around.line.open();
  assert.deepEqual(around.line.sent, []);
  assert.equal(live.say("beat", { n: 2 }), true);
  assert.deepEqual(around.line.sent, [{ type: "beat", n: 2 }]);
});

test("odd frames stop nothing", () => {
  const { around, live, heard } = page("question", "refused");
  live.follow("s", { epoch: "e", seq: 0 });
  around.line.open();
  for (const odd of ["", "null", "[]", "{", '{"type":5}', '{"type":"question","topic":"other","seq":1}']) {
    around.line.hear(odd);
  }
  around.line.say({ type: "error", ref: 1, code: "topic.forbidden", where: "$.topic" });
  around.line.say({ topic: "s", seq: 1, type: "question" });
  assert.deepEqual(heard.map(([type]) => type), ["refused", "question"]);
});

test("a topic that no panel wants any more is left", () => {
  const { around, live } = page();
  live.follow("s", { epoch: "e", seq: 1 });
  around.line.open();
  live.unfollow("s");
  assert.deepEqual(around.line.sent.at(-1), { type: "topic.unfollow", ref: 3, topic: "s" });
});
