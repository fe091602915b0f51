// How a typed query finds sessions on the page, the same way the server does. Pure: it knows no document.

/** @param {string} query */
export const words = (query) => query.toLowerCase().split(/\s+/).filter(Boolean);

/**
 * Whether every word occurs somewhere in the text, which is in lower case already.
 * @param {string} text
 * @param {string[]} wanted
 */
export const matches = (text, wanted) => wanted.every((word) => text.includes(word));

/**
 * The row of five minutes that a moment falls into, or null outside the grid.
 * @param {number} startMs
 * @param {number} nowMs
 * @param {number} rows
 */
export function rowOf(startMs, nowMs, rows) {
  const row = Math.floor((nowMs - startMs) / 300_000);
  return row >= 0 && row < rows ? row : null;
}

/** So many rows below its line the time of an hour takes. */
const HOUR_ROWS = 4;

/**
 * Whether the time of now lies over that of an hour, which then makes way.
 * @param {number | null} now - row of now
 * @param {number} hour - row of the hour
 */
export function covers(now, hour) {
  return now !== null && now >= hour && now < hour + HOUR_ROWS;
}

/**
 * The weekday of a moment in another zone, if it is not the same date there; else nothing.
 * @param {Date} moment
 * @param {string} zone
 * @param {string} other
 */
export function otherDay(moment, zone, other) {
  const date = (/** @type {string} */ name) => moment.toLocaleDateString("sv-SE", { timeZone: name });
  return date(zone) === date(other) ? "" : moment.toLocaleDateString("en-GB", { weekday: "short", timeZone: other });
}
