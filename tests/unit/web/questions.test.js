import assert from "node:assert/strict";
import { test } from "node:test";
import { keyed, moved, undo } from "../../../web/questions/keys.js";
import {
  begin,
  hope,
  listed,
  mine,
  news,
  ownListed,
  reduce,
  settled,
  steady,
  votes,
  withStatus,
} from "../../../web/questions/reduce.js";
import { amount, time, why } from "../../../web/questions/words.js";

const at = (minute) => `2026-03-12T12:${String(minute).padStart(2, "0")}:00Z`;
const question = (id, other = {}) => ({
  id,
  text: `${id}?`,
  author: "Ann",
  asked_at: at(0),
  status: "live",
  votes: 0,
  revision: 0,
  reason: "",
  ...other,
});
const event = (id, other) => ({ type: "question", topic: "t", ...question(id, other) });
const snapshot = (...rows) => begin({ session_id: "s", rows });
const ids = (questions) => questions.map(({ id }) => id);

test("a session that is over takes no questions, until it goes on", () => {
  const told = (state, phase) => reduce(state, [{ type: "stage", topic: "t", session_id: "s", phase }]);
  const over = told(begin({ session_id: "s", open: true, rows: [] }), "ended");
  assert.equal(over.open, false);
  assert.equal(told(over, "live").open, true);
});

test("an event is the whole new state of one question, and twice changes nothing", () => {
  const before = snapshot(question("a"));
  const told = [event("a", { status: "answering", revision: 1 }), event("b", { votes: 2 })];
  const once = reduce(before, told);
  assert.deepEqual(ids(listed(once)), ["a", "b"]);
  assert.deepEqual(reduce(once, told), once);
});

test("an older event changes nothing, not even for a question that is gone", () => {
  const gone = event("a", { status: "dismissed", text: "", revision: 2 });
  const state = reduce(snapshot(question("a")), [gone, event("a", { revision: 1 })]);
  assert.deepEqual(listed(state), []);
});

test("what nobody may see (any more) is in no list of the audience", () => {
  const rows = ["pending", "dismissed", "withdrawn"].map((status) => question(status, { status }));
  assert.deepEqual(listed(snapshot(...rows)), []);
});

test("top: what is answered now, then by votes, then by time, then what was answered", () => {
  const state = snapshot(
    question("answered", { status: "answered", votes: 9 }),
    question("late", { votes: 4, asked_at: at(2) }),
    question("early", { votes: 4, asked_at: at(1) }),
    question("now", { status: "answering" }),
    question("more", { votes: 5, asked_at: at(3) }),
  );
  assert.deepEqual(ids(listed(state)), ["now", "more", "early", "late", "answered"]);
  assert.deepEqual(ids(listed(state, "newest")), ["more", "late", "early", "now", "answered"]);
  assert.deepEqual(ids(listed(state, "answered")), ["answered"]);
});

test("times in other zones are compared as moments", () => {
  const state = snapshot(
    question("second", { asked_at: "2026-03-12T12:30:00Z" }),
    question("first", { asked_at: "2026-03-12T13:05:00+01:00" }),
  );
  assert.deepEqual(ids(listed(state)), ["first", "second"]);
});

test("a count replaces the one before, and counts nothing unknown", () => {
  const state = reduce(snapshot(question("a")), [
    { type: "votes", id: "a", votes: 7 },
    { type: "votes", id: "nobody", votes: 3 },
  ]);
  assert.equal(state.questions.get("a").votes, 7);
  assert.equal(state.questions.size, 1);
});

test("a vote shows at once, and the server's count stands in its place", () => {
  const before = snapshot(question("a", { votes: 3 }));
  const hoped = hope(before, "a", true);
  assert.deepEqual([mine(hoped, "a"), votes(hoped, hoped.questions.get("a"))], [true, 4]);
  const done = settled(hoped, "a", true, 9);
  assert.deepEqual([mine(done, "a"), votes(done, done.questions.get("a"))], [true, 9]);
  const back = hope(done, "a", false);
  assert.equal(votes(back, back.questions.get("a")), 8);
});

test("a vote that was refused is taken back", () => {
  const before = snapshot(question("a", { votes: 3 }));
  const after = settled(hope(before, "a", true), "a", true);
  assert.deepEqual([mine(after, "a"), votes(after, after.questions.get("a"))], [false, 3]);
});

test("a second press while the first is on its way is what counts in the end", () => {
  const pressedTwice = hope(hope(snapshot(question("a")), "a", true), "a", false);
  const first = settled(pressedTwice, "a", true, 1);
  assert.equal(mine(first, "a"), false);
  assert.equal(mine(settled(first, "a", false, 0), "a"), false);
});

test("one's own question follows its fate, in this session only", () => {
  const own = (other) => ({ type: "own_question", session_id: "s", ...question("mine"), anonymous: false, ...other });
  let state = reduce(snapshot(), [own({ status: "pending" }), own({ id: "elsewhere", session_id: "other", status: "pending" })]);
  assert.deepEqual(ids(ownListed(state)), ["mine"]);
  state = reduce(state, [own({ status: "dismissed", reason: "Asked before", revision: 1 })]);
  assert.deepEqual(ownListed(state).map(({ reason }) => reason), ["Asked before"]);
  state = reduce(state, [own({ status: "live", revision: 2 })]);
  assert.deepEqual(ownListed(state), []);
});

test("a row that holds the focus keeps its place while the others sort anew", () => {
  const wanted = ["c", "b", "a"].map((id) => question(id));
  assert.deepEqual(ids(steady(wanted, ["a", "b", "c"], "a")), ["a", "c", "b"]);
  assert.deepEqual(ids(steady(wanted, ["a", "b", "c"], undefined)), ["c", "b", "a"]);
  assert.deepEqual(ids(steady(wanted.slice(0, 2), ["a", "b", "c"], "a")), ["c", "b"]);
  assert.deepEqual(ids(steady(wanted.slice(2), ["x", "y", "a"], "a")), ["a"]);
});

test("the desk's waiting list is in the order asked, the others by votes", () => {
  const state = snapshot(
    question("second", { status: "pending", asked_at: at(2) }),
    question("first", { status: "pending", asked_at: at(1) }),
    question("few", { votes: 1 }),
    question("many", { votes: 8, asked_at: at(5) }),
  );
  assert.deepEqual(ids(withStatus(state, "pending")), ["first", "second"]);
  assert.deepEqual(ids(withStatus(state, "live")), ["many", "few"]);
});

test("news are questions that appeared, not votes", () => {
  const before = snapshot(question("a"));
  assert.equal(news(before, reduce(before, [{ type: "votes", id: "a", votes: 3 }])), 0);
  assert.equal(news(before, reduce(before, [event("b"), event("c", { status: "pending" })])), 1);
});

const desk = { contains: (node) => node?.inside === true };
const target = (localName, other = {}) => ({
  localName,
  matches: (selector) => selector.split(",").some((each) => each.trim() === localName),
  closest: () => null,
  ...other,
});
const press = (key, other = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, target: target("body"), ...other });

for (const [name, event, act] of [
  ["A approves", press("a"), "approve"],
  ["with caps lock too", press("A"), "approve"],
  ["inside the desk", press("d", { target: target("li", { inside: true }) }), "dismiss"],
  ["Enter answers", press("Enter"), "answer"],
  ["U undoes", press("u"), "undo"],
  ["arrows move, held down too", press("ArrowDown", { repeat: true }), "down"],
  ["a held letter acts once", press("a", { repeat: true }), undefined],
  ["a letter in a field is a letter", press("a", { target: target("input", { inside: true }) }), undefined],
  ["Enter on a button presses the button", press("Enter", { target: target("button", { inside: true }) }), undefined],
  ["a browser's shortcut is the browser's", press("a", { ctrlKey: true }), undefined],
  ["elsewhere on the page a key is not ours", press("d", { target: target("li") }), undefined],
  ["in a dialog neither", press("d", { target: target("li", { inside: true, closest: () => ({}) }) }), undefined],
  ["other keys mean nothing", press("x"), undefined],
]) {
  test(`keys: ${name}`, () => assert.equal(keyed(event, desk), act));
}

test("the arrows stop at both ends", () => {
  assert.equal(moved(["a", "b"], "a", "down"), "b");
  assert.equal(moved(["a", "b"], "b", "down"), "b");
  assert.equal(moved(["a", "b"], "a", "up"), "a");
  assert.equal(moved(["a", "b"], "gone", "down"), "a");
  assert.equal(moved([], "", "down"), "");
});

test("an undo leads back to waiting or to approved", () => {
  assert.equal(undo("pending"), "pending");
  for (const was of ["live", "answering", "answered"]) assert.equal(undo(was), "live");
});

test("refusals have words, accidents too", () => {
  const refusal = Object.assign(new Error("too_many"), { code: "too_many" });
  assert.match(why(refusal), /3 questions a minute/);
  assert.match(why(new TypeError("?")), /try again/);
  assert.equal(amount(1, "vote", "votes"), "1 vote");
  assert.equal(time("2026-03-12T12:26:00Z", "Europe/Paris"), "13:26");
});
