/** What the card beside a session says. Pure, so that `node --test` can read it. */

/**
 * A piece of the strip; `style` is its class in credit.css.
 * @typedef {{ starts: string, ends: string, style: string, icon: string, words: string, percent: number,
 *   minutes: string, counts: boolean }} Stretch
 */

/**
 * @typedef {object} Ring
 * @property {string} session_id
 * @property {boolean} accredited
 * @property {boolean} faculty
 * @property {boolean} live
 * @property {boolean} over
 * @property {number} percent
 * @property {number} minutes
 * @property {number} of_minutes
 * @property {string} units
 * @property {string} units_if_staying
 * @property {string} designated_units
 * @property {number | null} ends_ms
 * @property {string} next_units
 * @property {number | null} next_at_ms
 * @property {number | null} recorded_until_ms
 * @property {boolean} stopped
 * @property {string} zone
 * @property {string} rule
 * @property {number} checks_done
 * @property {number} checks_asked
 * @property {{ id: string, left_ms: number, closes_ms: number, extended: boolean } | null} check
 * @property {number} short_ms - missing to the session's minimum
 * @property {Stretch[]} strip
 */

/** @param {string} units - "0.50" reads "0.5", "1.00" reads "1" */
export function plain(units) {
  return String(Number(units));
}

/**
 * @param {number} ms
 * @param {string} zone
 * @param {boolean} seconds
 */
export function clock(ms, zone, seconds = false) {
  return new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}),
  }).format(ms);
}

/** @param {Ring} ring */
export function sum(ring) {
  return `${ring.minutes} of ${ring.of_minutes} min · ${plain(ring.units)} credit so far`;
}

/** @param {Ring} ring */
export function outlook(ring) {
  if (ring.over) return ring.units === "0" || Number(ring.units) === 0
    ? "The session is over."
    : "The session is over. Claim it under “My credit”.";
  if (!ring.live) return ring.minutes > 0
    ? "Paused. Counting goes on when the session does."
    : "Counting starts when the session goes live.";
  const full = Number(ring.units_if_staying);
  if (ring.ends_ms && full > Number(ring.units)) {
    return `Stay to ${clock(ring.ends_ms, ring.zone)} for the full ${plain(ring.units_if_staying)}.`;
  }
  if (ring.next_at_ms && ring.next_units) {
    return `${plain(ring.next_units)} at ${clock(ring.next_at_ms, ring.zone)}.`;
  }
  return "All that this session can bring is on record.";
}

/** @param {Ring} ring */
export function checkIns(ring) {
  return ring.checks_asked ? `${ring.checks_done} of ${ring.checks_asked} check-ins done` : "";
}

/**
 * The time that is left, in words, and coarse: nobody is hurried by a number that runs.
 * @param {number} ms
 */
export function left(ms) {
  if (ms <= 0) return "The time is nearly over.";
  if (ms <= 30_000) return "Less than half a minute left.";
  if (ms <= 60_000) return "Less than a minute left.";
  const minutes = Math.ceil(ms / 60_000);
  return `Up to ${minutes} minutes left.`;
}

/**
 * @param {Ring} ring
 * @param {boolean} silent - the server has not confirmed anything for 30 s
 * @returns {{ text: string, due: boolean } | undefined}
 */
export function record(ring, silent) {
  if (!ring.live) return undefined;
  const until = ring.recorded_until_ms ? clock(ring.recorded_until_ms, ring.zone, true) : "";
  if (silent) {
    const kept = until ? `. On record until ${until}` : "";
    return { text: `Your attendance is not being recorded${kept}`, due: true };
  }
  if (!until) return { text: "Play the session to be on record", due: true };
  return ring.stopped
    ? { text: `Stopped. On record until ${until}`, due: true }
    : { text: `On record until ${until}`, due: false };
}

/** Where no minimum is set a session still asks for some time at all: that is no minimum to speak of. */
const ANY_TIME_MS = 1;

/**
 * What is missing, and until when it can be mended.
 * @param {Ring} ring
 */
export function missing(ring) {
  const said = [];
  if (ring.check) said.push(`Check-in open until ${clock(ring.check.closes_ms, ring.zone, true)}.`);
  if (ring.live && ring.short_ms > ANY_TIME_MS) said.push(short(ring));
  return said;
}

/** @param {Ring} ring */
function short(ring) {
  const minutes = `${Math.ceil(ring.short_ms / 60_000)} min missing to this session's minimum`;
  if (!ring.ends_ms) return `${minutes}. They can be made up while the session goes on.`;
  return Number(ring.units_if_staying) > 0
    ? `${minutes}. They can be made up until ${clock(ring.ends_ms, ring.zone)}.`
    : `${minutes}: more than is left until ${clock(ring.ends_ms, ring.zone)}.`;
}

/**
 * The strip in words, for those who do not see it.
 * @param {Stretch[]} strip
 */
export function spoken(strip) {
  return strip.map(({ starts, ends, words }) => `${starts} to ${ends}: ${words}.`).join(" ");
}

/**
 * Each kind of stretch once, in the order in which it came, for the legend.
 * @param {Stretch[]} strip
 */
export function kinds(strip) {
  return [...new Map(strip.map((piece) => [piece.words, piece])).values()];
}
