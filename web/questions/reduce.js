// The questions of a session as a page knows them: how events change them, and in what order they are shown. Pure.

/**
 * @typedef {"pending" | "live" | "answering" | "answered" | "dismissed" | "withdrawn"} Status
 * @typedef {{ id: string, text: string, author: string | null, asked_at: string, status: Status, votes: number, revision: number, reason: string }} Question
 * @typedef {{ id: string, session_id: string, text: string, anonymous: boolean, asked_at: string, status: Status, reason: string, revision: number }} Own
 * @typedef {{ session_id: string, open?: boolean, rows: Question[], own?: Own[], voted?: string[] }} Snapshot
 * @typedef {import("../live/feed.js").Frame} Frame
 */

/**
 * `hopes` are votes pressed and not yet on record. What is gone stays among the questions, hidden, so that an older
 * event does not bring it back.
 * @typedef {object} State
 * @property {string} sessionId
 * @property {boolean} open - whether questions are taken
 * @property {ReadonlyMap<string, Question>} questions
 * @property {ReadonlyMap<string, Own>} own
 * @property {ReadonlySet<string>} voted
 * @property {ReadonlyMap<string, boolean>} hopes
 */

/** @typedef {"top" | "newest" | "answered"} Sort */

const SHOWN = new Set(["live", "answering", "answered"]);

/** @type {Record<string, number>} */
const PLACE = { answering: 0, answered: 2 };

/**
 * @param {Snapshot} snapshot
 * @param {ReadonlyMap<string, boolean>} hopes
 * @returns {State}
 */
export function begin({ session_id, open = true, rows, own = [], voted = [] }, hopes = new Map()) {
  return {
    sessionId: session_id,
    open,
    questions: new Map(rows.map((question) => [question.id, question])),
    own: new Map(own.map((question) => [question.id, question])),
    voted: new Set(voted),
    hopes,
  };
}

/**
 * @param {State} state
 * @param {readonly Frame[]} frames
 * @returns {State}
 */
export function reduce(state, frames) {
  const questions = new Map(state.questions);
  const own = new Map(state.own);
  let { open } = state;
  for (const frame of frames) {
    if (frame.type === "stage") open = frame.phase !== "ended"; // as server/questions/rules.py has it
    const id = frame.id ?? "";
    if (frame.type === "question") put(questions, /** @type {any} */ (frame));
    if (frame.type === "own_question" && frame.session_id === state.sessionId) put(own, /** @type {any} */ (frame));
    const known = questions.get(id);
    if (frame.type === "votes" && known) questions.set(id, { ...known, votes: frame.votes });
  }
  return { ...state, open, questions, own };
}

/**
 * The newest state of one question.
 * @template {{ id: string, revision: number }} Thing
 * @param {Map<string, Thing>} things
 * @param {Thing} thing
 */
function put(things, thing) {
  const known = things.get(thing.id);
  if (known === undefined || known.revision <= thing.revision) things.set(thing.id, thing);
}

/**
 * A vote was pressed.
 * @param {State} state
 * @param {string} id
 * @param {boolean} up
 * @returns {State}
 */
export function hope(state, id, up) {
  return { ...state, hopes: new Map(state.hopes).set(id, up) };
}

/**
 * The server's word on it: how many votes there are now, or nothing when it was refused.
 * @param {State} state
 * @param {string} id
 * @param {boolean} up
 * @param {number} [votes]
 * @returns {State}
 */
export function settled(state, id, up, votes) {
  const hopes = new Map(state.hopes);
  if (hopes.get(id) === up) hopes.delete(id);
  if (votes === undefined) return { ...state, hopes };
  const voted = new Set(state.voted);
  if (up) voted.add(id);
  else voted.delete(id);
  const known = state.questions.get(id);
  const questions = known ? new Map(state.questions).set(id, { ...known, votes }) : state.questions;
  return { ...state, questions, voted, hopes };
}

/**
 * @param {State} state
 * @param {string} id
 */
export function mine(state, id) {
  return state.hopes.get(id) ?? state.voted.has(id);
}

/**
 * The count with a vote that is on its way.
 * @param {State} state
 * @param {Question} question
 */
export function votes(state, { id, votes }) {
  const hoped = state.hopes.get(id);
  if (hoped === undefined || hoped === state.voted.has(id)) return votes;
  return Math.max(0, votes + (hoped ? 1 : -1));
}

const earlier = (/** @type {Question} */ one, /** @type {Question} */ other) =>
  Date.parse(one.asked_at) - Date.parse(other.asked_at) || (one.id < other.id ? -1 : 1);

/**
 * What the audience sees, in order; top is the server's own order.
 * @param {State} state
 * @param {Sort} sort
 * @returns {Question[]}
 */
export function listed(state, sort = "top") {
  const shown = [...state.questions.values()].filter(({ status }) => SHOWN.has(status));
  if (sort === "newest") return shown.sort((one, other) => earlier(other, one));
  const wanted = sort === "answered" ? shown.filter(({ status }) => status === "answered") : shown;
  return wanted.sort(
    (one, other) =>
      (PLACE[one.status] ?? 1) - (PLACE[other.status] ?? 1) ||
      votes(state, other) - votes(state, one) ||
      earlier(one, other),
  );
}

/**
 * One's own questions that are in no other list: waiting, or not taken.
 * @param {State} state
 * @returns {Own[]}
 */
export function ownListed(state) {
  return [...state.own.values()]
    .filter(({ status }) => status === "pending" || status === "dismissed")
    .sort((one, other) => Date.parse(other.asked_at) - Date.parse(one.asked_at));
}

/**
 * A desk's list: what waits in the order it came, the rest by votes.
 * @param {State} state
 * @param {Status} status
 * @returns {Question[]}
 */
export function withStatus(state, status) {
  const found = [...state.questions.values()].filter((question) => question.status === status);
  return status === "pending"
    ? found.sort(earlier)
    : found.sort((one, other) => other.votes - one.votes || earlier(one, other));
}

/**
 * The order to show, with one row left where it is: what somebody reads or is about to press must not jump away.
 * @param {readonly Question[]} wanted
 * @param {readonly string[]} shown - ids as they stand on the page
 * @param {string | undefined} held
 * @returns {Question[]}
 */
export function steady(wanted, shown, held) {
  const place = held === undefined ? -1 : shown.indexOf(held);
  const row = wanted.find(({ id }) => id === held);
  if (place < 0 || row === undefined) return [...wanted];
  const others = wanted.filter(({ id }) => id !== held);
  others.splice(Math.min(place, others.length), 0, row);
  return others;
}

/**
 * How many published questions one state has that the other had not.
 * @param {State} before
 * @param {State} after
 */
export function news(before, after) {
  const known = new Set(listed(before).map(({ id }) => id));
  return listed(after).filter(({ id }) => !known.has(id)).length;
}
