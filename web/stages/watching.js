// Which way the picture comes: directly, which is fast; or over HTTPS, where the network lets nothing else through.
import { Segments } from "./hls.js";
import { Viewing } from "./whep.js";

/** @typedef {"direct" | "https" | "none"} Way - `none` while the speaker's pictures cannot come over HTTPS either */

/**
 * What a player watches by. The direct way is tried first; when it is blocked, the other one takes over by itself, and
 * stays until `again` is called. Dispatches what a `Viewing` does, and `way` (detail: a `Way`).
 */
export class Watching extends EventTarget {
  #direct;
  #https;
  /** @type {Viewing | Segments} */
  #used;
  /** @type {Way} */
  #way = "direct";
  #wanted = false;
  #onAir = false;

  /**
   * @param {string} ticket - where tickets are asked for
   * @param {HTMLVideoElement} video
   */
  constructor(ticket, video) {
    super();
    this.#direct = new Viewing(ticket);
    this.#https = new Segments(ticket, video);
    this.#used = this.#direct;
    for (const each of [this.#direct, this.#https]) {
      for (const type of ["line", "stream", "refused"]) {
        each.addEventListener(type, (event) => this.#pass(each, /** @type {CustomEvent} */ (event)));
      }
    }
    this.#direct.addEventListener("blocked", () => this.#take(this.#https));
    this.#https.addEventListener("refused", (event) => {
      if (/** @type {CustomEvent} */ (event).detail === "stage.format") this.#take(this.#direct, "none");
    });
  }

  get line() {
    return this.#used.line;
  }

  /** The time of day of the picture that is shown; over the direct way it is as good as now, and undefined. */
  get playingMs() {
    return this.#used === this.#https ? this.#https.playingMs : undefined;
  }

  get way() {
    return this.#way;
  }

  /** Without pictures; over HTTPS they come with the sound, whatever is wished. */
  get audioOnly() {
    return this.#used === this.#direct && this.#direct.audioOnly;
  }

  set audioOnly(only) {
    this.#direct.audioOnly = only;
  }

  /** @param {boolean} known - whether somebody is on air, as the page knows it */
  set onAir(known) {
    this.#onAir = known;
    this.#used.onAir = known;
  }

  /** @param {number} [withinMs] */
  start(withinMs = 0) {
    this.#wanted = true;
    this.#used.start(withinMs);
  }

  stop() {
    this.#wanted = false;
    this.#used.stop();
  }

  hurry() {
    this.#used.hurry();
  }

  /** Try the direct way once more: the network may be another one. */
  again() {
    this.#take(this.#direct);
  }

  /**
   * @param {Viewing | Segments} next
   * @param {Way} [way]
   */
  #take(next, way = next === this.#direct ? "direct" : "https") {
    const before = this.#used;
    this.#used = next;
    if (next !== before) before.stop();
    if (this.#way === "none" && next === this.#https) way = "none";
    this.#say(way);
    next.onAir = this.#onAir;
    if (this.#wanted) next.start();
    this.dispatchEvent(new CustomEvent("line", { detail: next.line }));
  }

  /**
   * @param {Viewing | Segments} from
   * @param {CustomEvent} event
   */
  #pass(from, { type, detail }) {
    if (from !== this.#used) return;
    if (type === "line" && detail === "playing") this.#say(from === this.#direct ? "direct" : "https");
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** @param {Way} way */
  #say(way) {
    if (way === this.#way) return;
    this.#way = way;
    this.dispatchEvent(new CustomEvent("way", { detail: way }));
  }
}
