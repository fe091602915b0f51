import { live } from "../live/socket.js";
import { Pulse } from "./pulse.js";

/** How often the page looks whether a beat is due. Hidden tabs are slowed to about once a minute. */
const LOOK_MS = 1_000;

/**
 * Gives evidence that this page is open: `<attendance-beat session="…">` or `booth="…"`. Dispatches
 * `recording` (detail: `{ silent, creditedMs }`) on the document when what it knows changes.
 */
class AttendanceBeat extends HTMLElement {
  #pulse = new Pulse();
  #playing = false;
  /** @type {number | undefined} */
  #timer;
  #silent = false;
  #stop = new AbortController();

  connectedCallback() {
    this.#pulse.begin(Date.now());
    const { signal } = this.#stop;
    live.addEventListener("welcome", (event) => {
      this.#welcome(/** @type {CustomEvent} */ (event).detail);
    }, { signal });
    live.addEventListener("away", () => this.#pulse.gone(), { signal });
    live.addEventListener("kept", (event) => {
      const kept = /** @type {CustomEvent} */ (event).detail;
      this.#pulse.kept(kept, Date.now());
      this.#tell(kept.credited_ms);
    }, { signal });
    live.addEventListener("refused", (event) => {
      // Nothing came for longer than the lease, as from a throttled tab: a new socket begins a new thread.
      if (/** @type {CustomEvent} */ (event).detail.code === "beat.echo") live.suspect();
    }, { signal });
    document.addEventListener("playing", (event) => {
      this.#playing = Boolean(/** @type {CustomEvent} */ (event).detail);
      this.#look();
    }, { signal });
    document.addEventListener("visibilitychange", () => this.#look(), { signal });
    addEventListener("pagehide", () => this.#look(true), { signal });
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    if (live.welcomed) this.#welcome(/** @type {any} */ (live.welcomed));
  }

  /** @param {{ echo?: string, beat_ms?: number }} welcome */
  #welcome({ echo = "", beat_ms = 15_000 }) {
    this.#pulse.beatMs = beat_ms;
    this.#pulse.welcome(echo, Date.now());
    this.#look();
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    this.#stop.abort();
  }

  #look(leaving = false) {
    const now = Date.now();
    const presence = { visible: document.visibilityState === "visible", playing: this.#playing };
    const due = this.#pulse.next(now, presence, leaving);
    if (due) live.say(...this.#frame(due));
    if (this.#pulse.silent(now) !== this.#silent) this.#tell(undefined);
  }

  /**
   * @param {{ n: number, echo: string, visible: boolean, playing: boolean }} due
   * @returns {[string, Record<string, unknown>]}
   */
  #frame({ playing, ...due }) {
    const device = matchMedia("(pointer: coarse)").matches ? "phone" : "laptop";
    const session = this.getAttribute("session");
    return session
      ? ["beat", { session_id: session, playing, device, ...due }]
      : ["beat.booth", { booth_id: this.getAttribute("booth"), device, ...due }];
  }

  /** @param {number | undefined} creditedMs */
  #tell(creditedMs) {
    this.#silent = this.#pulse.silent(Date.now());
    const detail = { silent: this.#silent, creditedMs };
    document.dispatchEvent(new CustomEvent("recording", { detail }));
  }
}

customElements.define("attendance-beat", AttendanceBeat);
