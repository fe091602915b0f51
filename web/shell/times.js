// Times in the conference's zone, or in the viewer's when they ask. The server writes the former; this rewrites them.
// It knows <time data-shape> and <time-zone>, nothing else.

const KEY = "times";
const DEVICE_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const HOUR_MS = 3_600_000;

/** @type {Record<string, Intl.DateTimeFormatOptions>} */
const SHAPES = {
  time: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  zoned: { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" },
  day: { weekday: "short", day: "numeric", month: "long" },
  full: { weekday: "short", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" },
};

/**
 * The moment as the server would have written it, in another zone.
 * @param {Date} moment
 * @param {string} shape
 * @param {string} zone
 */
export function written(moment, shape, zone) {
  const options = SHAPES[shape] ?? SHAPES.time;
  const parts = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone }).formatToParts(moment);
  const part = (/** @type {string} */ type) => parts.find((each) => each.type === type)?.value ?? "";
  const day = `${part("weekday")} ${part("day")} ${part("month")}`;
  const clock = `${part("hour")}:${part("minute")}`;
  if (shape === "day") return day;
  if (shape === "full") return `${day}, ${clock} ${part("timeZoneName")}`;
  return shape === "zoned" ? `${clock} ${part("timeZoneName")}` : clock;
}

/**
 * How many hours the second zone is ahead of the first at that moment.
 * @param {Date} moment
 * @param {string} zone
 * @param {string} other
 */
export function hoursAhead(moment, zone, other) {
  const wall = (/** @type {string} */ name) => Date.parse(`${moment.toLocaleString("sv-SE", { timeZone: name }).replace(" ", "T")}Z`);
  return (wall(other) - wall(zone)) / HOUR_MS;
}

const city = (/** @type {string} */ zone) => (zone.split("/").at(-1) ?? zone).replaceAll("_", " ");

/** "Conference time, CET. Your device is in Lima, 6 hours behind." and the button that shows the other one. */
class TimeZone extends (globalThis.HTMLElement ?? Object) {
  connectedCallback() {
    const zone = this.getAttribute("zone") ?? "UTC";
    const ahead = hoursAhead(new Date(), zone, DEVICE_ZONE);
    if (ahead === 0) return; // both clocks agree: the server's line says all there is to say
    this.#offer(zone, ahead);
  }

  /**
   * @param {string} zone
   * @param {number} ahead
   */
  #offer(zone, ahead) {
    const line = document.createElement("span");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "linkbtn";
    const distance = `${Math.abs(ahead)} ${Math.abs(ahead) === 1 ? "hour" : "hours"} ${ahead < 0 ? "behind" : "ahead"}`;
    const show = () => {
      const local = localStorage.getItem(KEY) === "local";
      line.textContent = local ? `Your time, ${city(DEVICE_ZONE)}. ` : ` Your device is in ${city(DEVICE_ZONE)}, ${distance}. `;
      button.textContent = local ? "Show conference time" : `Show ${city(DEVICE_ZONE)} time`;
      for (const own of this.querySelectorAll("[data-conference-time]")) /** @type {HTMLElement} */ (own).hidden = local;
      rewrite(local ? DEVICE_ZONE : zone);
    };
    button.addEventListener("click", () => {
      localStorage.setItem(KEY, localStorage.getItem(KEY) === "local" ? "conference" : "local");
      show();
    });
    this.append(line, button);
    show();
  }
}

/** @param {string} zone */
function rewrite(zone) {
  for (const element of document.querySelectorAll("time[data-shape]")) {
    const time = /** @type {HTMLTimeElement} */ (element);
    time.textContent = written(new Date(time.dateTime), time.dataset.shape ?? "time", zone);
  }
}

globalThis.customElements?.define("time-zone", TimeZone);
