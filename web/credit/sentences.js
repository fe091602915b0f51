/** What the card beside a session says. Pure, so that `node --test` can read it. */

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
 * @property {{ id: string, left_ms: number, extended: boolean } | null} check
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
  if (silent) return { text: "Your attendance is not being recorded", due: true };
  if (!ring.recorded_until_ms) return { text: "Play the session to be on record", due: true };
  const until = clock(ring.recorded_until_ms, ring.zone, true);
  return ring.stopped
    ? { text: `Stopped. On record until ${until}`, due: true }
    : { text: `On record until ${until}`, due: false };
}
