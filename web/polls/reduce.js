// The polls of a session as a page knows them. Pure.

/**
 * @typedef {"draft" | "open" | "closed" | "deleted"} Status
 * @typedef {{ id: string, text: string, kind: "single" | "multiple", options: string[], status: Status, revealed: boolean, opened_at: string | null, revision: number }} Poll
 * @typedef {{ counts: number[], voters: number }} Tally
 * @typedef {{ poll: Poll, choices: number[], counts: number[] | null, voters: number }} Card
 * @typedef {{ text: string, percent: number | undefined, mine: boolean, leads: boolean }} Bar
 * @typedef {import("../live/feed.js").Frame} Frame
 */

/** @type {Record<Status, number>} what is open leads, what is over comes last; server/polls/panel.py sorts alike */
const PLACE = { open: 0, draft: 1, closed: 2, deleted: 3 };

/**
 * Drafts newest first.
 * @typedef {object} State
 * @property {ReadonlyMap<string, Poll>} polls
 * @property {ReadonlyMap<string, Tally>} tallies
 * @property {ReadonlyMap<string, number[]>} own
 */

/**
 * @param {{ rows: Card[] }} snapshot
 * @returns {State}
 */
export function begin({ rows }) {
  return {
    polls: new Map(rows.map(({ poll }) => [poll.id, poll])),
    tallies: new Map(rows.flatMap(({ poll, counts, voters }) => (counts ? [[poll.id, { counts, voters }]] : []))),
    own: new Map(rows.flatMap(({ poll, choices }) => (choices.length ? [[poll.id, choices]] : []))),
  };
}

/**
 * @param {State} state
 * @param {readonly Frame[]} frames
 * @returns {State}
 */
export function reduce(state, frames) {
  let polls = new Map(state.polls);
  const tallies = new Map(state.tallies);
  for (const frame of frames) {
    const id = frame.id ?? "";
    const known = polls.get(id);
    if (frame.type === "tally" && frame.counts) tallies.set(id, { counts: frame.counts, voters: frame.voters });
    if (frame.type === "tally" && !frame.counts) tallies.delete(id);
    if (frame.type !== "poll" || (known && known.revision > frame.revision)) continue;
    const poll = /** @type {Poll} */ (/** @type {unknown} */ (frame));
    if (known) polls.set(id, poll);
    else polls = new Map([[id, poll], ...polls]);
  }
  return { ...state, polls, tallies };
}

/**
 * @param {State} state
 * @param {string} id
 * @param {number[]} choices
 * @returns {State}
 */
export function answered(state, id, choices) {
  return { ...state, own: new Map(state.own).set(id, choices) };
}

/** @param {Poll} poll - a draft was never opened, and drafts keep the order in which they came */
const openedMs = ({ opened_at: at }) => (at === null ? 0 : Date.parse(at));

/**
 * Of those that stand alike, the one that was opened last leads, whatever this page heard of first.
 * @param {State} state
 * @returns {Poll[]}
 */
export function listed(state) {
  const polls = [...state.polls.values()].filter(({ status }) => status !== "deleted");
  return polls.sort((one, other) => PLACE[one.status] - PLACE[other.status] || openedMs(other) - openedMs(one));
}

/**
 * The result, if it is to be seen: by the desk always, by everybody while it is revealed.
 * @param {State} state
 * @param {Poll} poll
 * @param {boolean} desk
 * @returns {Tally | undefined}
 */
export function result(state, poll, desk = false) {
  return desk || poll.revealed ? state.tallies.get(poll.id) : undefined;
}

/**
 * @param {State} state
 * @param {Poll} poll
 * @param {boolean} desk
 * @returns {Bar[]}
 */
export function bars(state, poll, desk = false) {
  const tally = result(state, poll, desk);
  const own = state.own.get(poll.id) ?? [];
  const most = Math.max(0, ...(tally?.counts ?? []));
  return poll.options.map((text, place) => {
    const count = tally?.counts[place] ?? 0;
    return {
      text,
      percent: tally && percent(count, tally.voters),
      mine: own.includes(place),
      leads: most > 0 && count === most,
    };
  });
}

/**
 * Whole percent of those who answered, half rounded up; server/polls/rules.py does the same.
 * @param {number} count
 * @param {number} voters
 */
export function percent(count, voters) {
  return voters ? Math.floor((200 * count + voters) / (2 * voters)) : 0;
}
