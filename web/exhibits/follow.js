import { live } from "../live/socket.js";

/** How often an open page says so: a place in a queue outlives three that were lost. */
const STAY_MS = 15_000;

/**
 * A snapshot; undefined when the server is not reached, or says no. The socket's return asks again.
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function fetched(path, signal) {
  try {
    const answer = await fetch(path, { headers: { accept: "application/json" }, signal });
    return answer.ok ? await answer.json() : undefined;
  } catch (error) {
    if (error instanceof DOMException || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** @typedef {{ topic: string, epoch: string | null, seq: number }} At */

/**
 * Follow topics for an element: frames of the given types come one by one, and `reload` is called when
 * something may have been missed. States have no history, so that is after every follow.
 * @param {At[]} positions
 * @param {string[]} types
 * @param {(frame: any) => void} take
 * @param {() => void} reload
 * @param {AbortSignal} signal
 */
export function follow(positions, types, take, reload, signal) {
  const topics = new Set(positions.map(({ topic }) => topic));
  /** @param {string} type @param {(frame: any) => void} then */
  const on = (type, then) =>
    live.addEventListener(type, (event) => {
      const frame = /** @type {CustomEvent} */ (event).detail;
      if (topics.has(frame.topic)) then(frame);
    }, { signal });
  for (const type of types) on(type, take);
  /** @type {number | undefined} */
  let due;
  for (const type of ["followed", "resync"]) {
    on(type, () => {
      clearTimeout(due); // several topics are followed at once, one reading serves them all
      due = setTimeout(reload, 50);
    });
  }
  for (const { topic, epoch, seq } of positions) live.follow(topic, { epoch, seq });
  signal.addEventListener("abort", () => topics.forEach((topic) => live.unfollow(topic)));
}

/**
 * Say that a page of a booth is open, for as long as it is.
 * @param {string} booth
 * @param {AbortSignal} signal
 */
export function stay(booth, signal) {
  const say = (leaving = false) => live.say("booth.stay", { booth_id: booth, leaving });
  live.addEventListener("online", () => say(), { signal });
  addEventListener("pagehide", () => say(true), { signal });
  addEventListener("pageshow", () => say(), { signal });
  const timer = setInterval(() => say(), STAY_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}
