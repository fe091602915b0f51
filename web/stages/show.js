// What the stage shows, from what is known of it. Pure: no DOM, no clock, no network.

/**
 * @typedef {object} Stage - the server's event `stage`
 * @property {string} session_id
 * @property {number} at_ms
 * @property {"scheduled" | "live" | "paused" | "ended"} phase
 * @property {number} starts_ms
 * @property {number} ends_ms
 * @property {number | null} started_ms
 * @property {string | null} disclosure
 * @property {boolean} on_air
 * @property {Record<string, string>} media
 */

/** @typedef {"idle" | "joining" | "playing" | "audio" | "stalled" | "lost"} Line - `audio`: sound comes, and no picture */

/**
 * @typedef {object} Known
 * @property {Stage} stage
 * @property {boolean} entered - whether there is a disclosure
 * @property {boolean} acknowledged
 * @property {boolean} backstage - whether the picture may be seen before and between
 * @property {Line} line - how the connection to the relay is
 * @property {boolean} audioOnly - whether the viewer does without pictures
 */

/** @typedef {"missing" | "due" | "upcoming" | "paused" | "ended" | "waiting" | "joining" | "reconnecting" | "picture" | "audio" | "pictureless"} View */

/**
 * The newer of two states: events of two processes may arrive in either order.
 * @param {Stage} known
 * @param {Stage} told
 */
export function newer(known, told) {
  return told.at_ms >= known.at_ms ? told : known;
}

/**
 * What stands on the stage.
 * @param {Known} known
 * @returns {View}
 */
export function view({ stage, entered, acknowledged, backstage, line, audioOnly }) {
  if (!backstage) {
    if (stage.phase === "ended") return "ended";
    if (!entered) return "missing";
    if (!acknowledged) return "due";
    if (stage.phase === "scheduled") return "upcoming";
    if (stage.phase === "paused") return "paused";
  }
  if (line === "playing") return audioOnly ? "audio" : "picture";
  if (line === "audio") return audioOnly ? "audio" : "pictureless";
  if (!stage.on_air) return "waiting";
  return line === "lost" || line === "stalled" ? "reconnecting" : "joining";
}

/**
 * Whether a connection to the relay is wanted at all.
 * @param {Known} known
 */
export function wanted({ stage, entered, acknowledged, backstage }) {
  return backstage || (stage.phase === "live" && entered && acknowledged);
}

/**
 * `1:02:03`, `12:04`; never below nothing.
 * @param {number} ms
 */
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

const DAY_MS = 86_400_000;

/**
 * How long until a session starts, as one says it from afar, and as a clock in its last day.
 * @param {number} ms
 */
export function until(ms) {
  if (ms < 2 * DAY_MS) return clock(ms);
  return `${Math.floor(ms / DAY_MS)} days`;
}

/**
 * How far a session is, in whole percent of its planned time.
 * @param {Stage} stage
 * @param {number} nowMs
 */
export function progress({ starts_ms, ends_ms, started_ms }, nowMs) {
  const from = started_ms ?? starts_ms;
  const share = (nowMs - from) / Math.max(1, ends_ms - starts_ms);
  return Math.round(100 * Math.min(1, Math.max(0, share)));
}
