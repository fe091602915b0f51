// The captions of a session as a page knows them, and when they are due beside a picture that is late. Pure.

/**
 * @typedef {{ id: string, language: string, text: string, final: boolean, said_ms: number, ended_ms: number, revision: number }} Line
 * @typedef {import("../live/feed.js").Frame} Frame
 */

/** Of each language; what was taken out counts, so that it is not told of again. */
const KEPT = 12;

/** Further ahead of the picture than this nothing waits: clocks differ, or nobody has played for long. */
const MOST_AHEAD_MS = 30_000;

/** More would wait only for a picture that stands still. */
const MOST_WAITING = 500;

/**
 * In the order in which they began.
 * @typedef {ReadonlyMap<string, readonly Line[]>} State - by language
 */

/**
 * @param {{ rows: Line[] }} snapshot
 * @returns {State}
 */
export function begin({ rows }) {
  return reduce(new Map(), rows.map((line) => ({ type: "caption", ...line })));
}

/**
 * @param {State} state
 * @param {readonly Frame[]} frames
 * @returns {State}
 */
export function reduce(state, frames) {
  const next = new Map(state);
  for (const frame of frames) {
    if (frame.type !== "caption") continue;
    const line = /** @type {Line} */ (/** @type {unknown} */ (frame));
    const lines = next.get(line.language) ?? [];
    const known = lines.find(({ id }) => id === line.id);
    if (known && known.revision > line.revision) continue;
    const others = lines.filter(({ id }) => id !== line.id);
    next.set(line.language, [...others, line].sort(before).slice(-KEPT));
  }
  return next;
}

/**
 * @param {Line} one
 * @param {Line} other
 */
function before(one, other) {
  return one.said_ms - other.said_ms || (one.id < other.id ? -1 : 1);
}

/**
 * The last lines of a language that have a text.
 * @param {State} state
 * @param {string} language
 * @param {number} most
 */
export function last(state, language, most) {
  return (state.get(language) ?? []).filter(({ text }) => text !== "").slice(-most);
}

/**
 * Those whose text will hardly change: all but the last, and that one if its writer is done with it.
 * @param {readonly Line[]} lines
 */
export function whole(lines) {
  return lines.filter(({ final }, at) => final || at < lines.length - 1);
}

/**
 * Languages that something was said in.
 * @param {State} state
 */
export function languages(state) {
  return [...state.keys()].filter((language) => last(state, language, 1).length > 0).sort();
}

/**
 * Which language is shown: the one that was chosen, or the first wish there is, in its own kind or another, or the
 * session's, or any.
 * @param {readonly string[]} there
 * @param {string | undefined} chosen
 * @param {readonly string[]} wishes - tags, the dearest first
 * @param {string} own - the session's
 */
export function pick(there, chosen, wishes, own) {
  if (chosen && there.includes(chosen)) return chosen;
  const primary = (/** @type {string} */ tag) => tag.split("-")[0]?.toLowerCase();
  for (const wish of wishes) {
    const found = there.find((tag) => tag === wish) ?? there.find((tag) => primary(tag) === primary(wish));
    if (found) return found;
  }
  return there.includes(own) ? own : (there[0] ?? own);
}

/** Holds what was said after the picture that is shown, in the order in which it came. */
export class Delayed {
  /** @type {{ frame: Frame, dueMs: number }[]} */
  #waiting = [];

  /** @param {readonly Frame[]} frames */
  add(frames) {
    for (const frame of frames) {
      const dueMs = Math.max(this.#waiting.at(-1)?.dueMs ?? 0, Number(frame.ended_ms));
      this.#waiting.push({ frame, dueMs });
    }
  }

  /**
   * @param {number | undefined} playingMs - the time of day of the picture that is shown; undefined: it is not late
   * @returns {Frame[]} what belongs to it, or came before
   */
  take(playingMs) {
    const due = [];
    while (this.#waiting.length > 0) {
      const { frame, dueMs } = /** @type {{ frame: Frame, dueMs: number }} */ (this.#waiting[0]);
      const early = playingMs !== undefined && dueMs > playingMs && dueMs < playingMs + MOST_AHEAD_MS;
      if (early && this.#waiting.length <= MOST_WAITING) break;
      this.#waiting.shift();
      due.push(frame);
    }
    return due;
  }

  get waits() {
    return this.#waiting.length > 0;
  }

  clear() {
    this.#waiting = [];
  }
}
