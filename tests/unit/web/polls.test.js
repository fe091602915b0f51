import assert from "node:assert/strict";
import { test } from "node:test";
import { answered, bars, begin, listed, percent, reduce, result } from "../../../web/polls/reduce.js";
import { answers, why } from "../../../web/polls/words.js";

const poll = (id, other = {}) => ({
  id,
  text: `${id}?`,
  kind: "single",
  options: ["yes", "no"],
  status: "open",
  revealed: false,
  opened_at: null,
  revision: 0,
  ...other,
});
const card = (id, other = {}, rest = {}) => ({ poll: poll(id, other), choices: [], counts: null, voters: 0, ...rest });
const event = (id, other) => ({ type: "poll", topic: "t", ...poll(id, other) });
const tally = (id, counts, voters) => ({ type: "tally", id, counts, voters });
const ids = (state) => listed(state).map(({ id }) => id);

test("an event is the whole new state of one poll, and twice changes nothing", () => {
  const told = [event("a", { status: "closed", revision: 1 }), event("b")];
  const once = reduce(begin({ rows: [card("a")] }), told);
  assert.deepEqual(ids(once), ["b", "a"]);
  assert.deepEqual(reduce(once, told), once);
  assert.deepEqual(reduce(once, [event("a", { revision: 0 })]), once);
});

test("open polls lead, drafts follow, closed ones come last", () => {
  const state = begin({ rows: [card("c", { status: "closed" }), card("d", { status: "draft" }), card("o")] });
  assert.deepEqual(ids(state), ["o", "d", "c"]);
});

test("of polls that stand alike the one that was opened last leads, in whatever order they were heard of", () => {
  const [early, late] = [{ opened_at: "2026-03-12T10:00:00Z" }, { opened_at: "2026-03-12T10:05:00.5Z" }];
  const state = reduce(begin({ rows: [card("l", late)] }), [event("e", early)]);
  assert.deepEqual(ids(state), ["l", "e"]);
  assert.deepEqual(ids(reduce(state, [event("e", { opened_at: "2026-03-12T10:09:00Z", revision: 1 })])), ["e", "l"]);
});

test("a deleted draft is gone", () => {
  const state = reduce(begin({ rows: [card("a", { status: "draft" })] }), [event("a", { status: "deleted", revision: 1 })]);
  assert.deepEqual(ids(state), []);
});

test("a result is seen by the desk always, by the audience while it is revealed", () => {
  let state = reduce(begin({ rows: [card("a")] }), [tally("a", [3, 1], 4)]);
  const shown = (desk) => result(state, state.polls.get("a"), desk);
  assert.equal(shown(false), undefined);
  assert.deepEqual(shown(true), { counts: [3, 1], voters: 4 });
  state = reduce(state, [event("a", { revealed: true, revision: 1 })]);
  assert.deepEqual(shown(false), { counts: [3, 1], voters: 4 });
  state = reduce(state, [event("a", { revealed: false, revision: 2 })]);
  assert.equal(shown(false), undefined);
  state = reduce(state, [tally("a", null, 0)]);
  assert.equal(shown(true), undefined);
});

test("bars tell percent, the leader and what is mine", () => {
  const rows = [card("a", { revealed: true }, { choices: [1], counts: [3, 1], voters: 4 })];
  const state = begin({ rows });
  assert.deepEqual(bars(state, state.polls.get("a")), [
    { text: "yes", percent: 75, mine: false, leads: true },
    { text: "no", percent: 25, mine: true, leads: false },
  ]);
});

test("without a result a bar has no percent, and one's own answer is still marked", () => {
  const state = answered(begin({ rows: [card("a")] }), "a", [0]);
  assert.deepEqual(bars(state, state.polls.get("a")).map((bar) => [bar.percent, bar.mine, bar.leads]), [
    [undefined, true, false],
    [undefined, false, false],
  ]);
});

for (const [count, voters, whole] of [[0, 0, 0], [1, 8, 13], [4, 8, 50], [1, 3, 33], [2, 3, 67], [7, 7, 100], [1, 200, 1]]) {
  test(`${count} of ${voters} is ${whole} %, as on the server`, () => assert.equal(percent(count, voters), whole));
}

test("refusals have words that name the field", () => {
  const refusal = (code, where) => Object.assign(new Error(code), { code, where });
  assert.match(why(refusal("poll.closed")), /closed/);
  assert.match(why(refusal("invalid", "options")), /2 to 12/);
  assert.match(why(refusal("invalid", "?")), /try again/);
  assert.match(why(new TypeError("?")), /try again/);
  assert.equal(answers(1), "1 answer");
});
