// When to try again after a socket was lost. Pure: chance comes from outside.

/** The first wait is at most this long, and every further one at most twice as long as the last. */
export const FIRST_MS = 500;

/** No wait is longer: a learner's lease is 45 s. */
export const LONGEST_MS = 8_000;

/**
 * Full jitter: anything between nothing and the longest wait of this attempt, so that the pages that
 * lost their sockets together do not come back together.
 * @param {number} attempt - 0 for the first
 * @param {() => number} random
 */
export function wait(attempt, random = Math.random) {
  return Math.round(random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt));
}

/**
 * A time within what a `goodbye` asked for; nonsense is bounded.
 * @param {readonly number[]} range
 * @param {() => number} random
 */
export function within([soonest = 0, latest = LONGEST_MS], random = Math.random) {
  const from = Math.min(Math.max(0, soonest), LONGEST_MS);
  const to = Math.min(Math.max(from, latest), 2 * LONGEST_MS);
  return Math.round(from + random() * (to - from));
}
