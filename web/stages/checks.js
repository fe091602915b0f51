// What the studio shows of itself, from what is known. Pure: no DOM, no clock, no network.

/** @typedef {import("./show.js").Stage} Stage */
/** @typedef {import("./whip.js").Uplink} Uplink */
/** @typedef {import("./whip.js").Measured} Measured */

/** From here on loss can be heard. */
const LOSSY_PERCENT = 2;

/**
 * @typedef {object} Known
 * @property {Stage} stage
 * @property {Uplink} uplink
 * @property {Measured | undefined} measured - of the last seconds
 * @property {boolean} counting - down to the air
 * @property {string | undefined} camera - its name, while there is one
 * @property {string | undefined} microphone
 * @property {boolean} shared - whether the screen is sent instead of the camera
 * @property {boolean} micOn
 * @property {boolean} camOn
 */

/** @typedef {{ name: string, state: "ok" | "due" | "failed", title: string, line: string }} Lane */

/**
 * Whether the session may go on air from here.
 * @param {Known} known
 */
export function ready({ stage, uplink }) {
  return stage.disclosure !== null && (stage.on_air || uplink === "sending");
}

/**
 * What stands under the button that goes on air.
 * @param {Known} known
 */
export function why(known) {
  if (ready(known)) return "Counts down from five. You can step back until zero.";
  if (known.stage.disclosure === null) return "The disclosure is missing: no session goes on air without.";
  return "Turn on camera and microphone, or start your encoder, first.";
}

/**
 * Which parts of the studio are seen.
 * @param {Known} known
 * @returns {Record<string, boolean>}
 */
export function parts({ stage, uplink, counting, camera, microphone, shared, camOn }) {
  const { phase } = stage;
  const before = phase === "scheduled" || phase === "ended";
  const nothing = camera === undefined && microphone === undefined;
  return {
    "card-go": before && !counting,
    "card-count": counting,
    "card-live": phase === "live" && !counting,
    "card-paused": phase === "paused" && !counting,
    "tip-backstage": phase === "scheduled",
    "tip-live": phase === "live",
    "tip-paused": phase === "paused",
    "tip-ended": phase === "ended",
    "chip-backstage": before,
    "chip-live": phase === "live",
    "chip-paused": phase === "paused",
    "checks-before": before,
    "checks-now": !before,
    "tip-reconnecting": uplink === "lost",
    "tip-elsewhere": uplink === "taken" || uplink === "elsewhere",
    "take-over": uplink === "elsewhere",
    "no-camera": nothing && !shared && phase !== "ended",
    "cam-off": !nothing && !shared && (camera === undefined || !camOn),
  };
}

/**
 * The checklist: what is known, and nothing else.
 * @param {Known} known
 * @returns {Lane[]}
 */
export function lanes(known) {
  const { stage, camera, microphone, micOn } = known;
  const entered = stage.disclosure !== null;
  return [
    { name: "line", ...line(known) },
    {
      name: "disclosure",
      state: entered ? "ok" : "failed",
      title: entered ? "Disclosure is entered" : "Disclosure is missing",
      line: entered ? "Learners read it before the picture." : "An officer enters it; until then nobody can go on air.",
    },
    {
      name: "camera",
      state: camera === undefined ? "due" : "ok",
      title: camera === undefined ? "Camera is off" : "Camera is on",
      line: camera ?? "You can speak without one.",
    },
    {
      name: "microphone",
      state: microphone !== undefined && micOn ? "ok" : "due",
      title: microphone === undefined ? "Microphone is off" : micOn ? "Microphone is on" : "Microphone is muted",
      line: microphone ?? "Nobody hears you yet.",
    },
  ];
}

/**
 * What a format costs: only H.264 can go out over HTTPS as well.
 * @param {string} codec - a MIME type, or the name of a codec
 */
function narrow(codec) {
  return /vp8$/i.test(codec) ? ". In VP8: who sits behind a network without UDP sees no picture." : "";
}

/**
 * In which sizes the picture is sent, where there are several to choose from.
 * @param {number[]} heights
 */
function several(heights) {
  if (heights.length < 2) return "";
  const names = heights.map((height) => `${height}p`);
  return `, sent as ${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/**
 * @param {Known} known
 * @returns {Omit<Lane, "name">}
 */
function line({ stage, uplink, measured }) {
  switch (uplink) {
    case "sending": {
      if (measured === undefined) return { state: "due", title: "Measuring the line", line: "This takes a second." };
      const steady = measured.lostPercent < LOSSY_PERCENT;
      const { kbit, roundTripMs, lostPercent } = measured;
      return {
        state: steady ? "ok" : "due",
        title: steady ? "Line is steady" : "Line loses packets",
        line: `${(kbit / 1000).toFixed(1)} Mbit/s up, ${roundTripMs} ms, ${lostPercent.toFixed(1)}% lost${several(measured.sizes)}${narrow(measured.codec)}`,
      };
    }
    case "joining":
      return { state: "due", title: "Connecting", line: "This takes a second." };
    case "lost":
      return { state: "failed", title: "Line is lost, reconnecting", line: "It goes on by itself." };
    case "taken":
      return { state: "failed", title: "Somebody else is sending", line: "Two people cannot send on one stage." };
    case "elsewhere":
      return { state: "ok", title: "Another device of yours is sending", line: "An encoder, or another page of the studio." };
    default:
      return stage.on_air
        ? { state: "ok", title: "Your encoder is sending", line: `The picture comes from OBS or another encoder.${narrow(stage.media.video ?? "").slice(1)}` }
        : { state: "due", title: "Line not measured yet", line: "It is measured as soon as the camera is on." };
  }
}
