import { live } from "../live/socket.js";
import { toast } from "../shell/toast.js";
import { clock, newer, progress } from "./show.js";

/** @typedef {import("./show.js").Stage} Stage */

const TICK_MS = 1_000;

/** How long the relay's figures say something about now: it measures every few seconds. */
const STALE_MS = 15_000;

/** What the server's refusals mean here. @type {Record<string, string>} */
const WHY = {
  "disclosure.missing": "The disclosure has not been entered yet. An officer has to do that first.",
  "session.wrong_step": "The session has just changed. Look again.",
  forbidden: "Your role does not include this any more.",
};

/** `<stage-desk>`: the clock and the phases, and what stands about them elsewhere on the desk (`data-in`, `data-part`). */
class StageDesk extends HTMLElement {
  /** @type {{ shown: { topic: string, stage: Stage, viewers: number }, line_topic: string, line_epoch: string | null, line_seq: number }} */
  #desk = JSON.parse("null");
  #offsetMs = 0;
  #lineAt = -Infinity;
  #stop = new AbortController();

  connectedCallback() {
    this.#desk = JSON.parse(this.querySelector("script[type='application/json']")?.textContent ?? "null");
    const { stage } = this.#desk.shown;
    this.#offsetMs = stage.at_ms - Date.now();
    const { signal } = this.#stop;
    const on = (/** @type {EventTarget} */ target, /** @type {string} */ type, /** @type {(detail: any) => void} */ run) =>
      target.addEventListener(type, (event) => run(/** @type {CustomEvent} */ (event).detail), { signal });
    on(document, "stage", (told) => this.#told(told));
    on(document, "viewers", (count) => this.#write("viewers", count.toLocaleString("en")));
    on(live, "line", (line) => line.topic === this.#desk.line_topic && this.#lined(line));
    document.addEventListener("submit", (event) => void this.#submit(event), { signal });
    live.follow(this.#desk.line_topic, { epoch: this.#desk.line_epoch, seq: this.#desk.line_seq });
    const timer = setInterval(() => this.#tick(), TICK_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
    this.#told(stage);
  }

  disconnectedCallback() {
    this.#stop.abort();
    live.unfollow(this.#desk.line_topic);
  }

  /** @param {Stage} stage */
  #told(stage) {
    if (stage.session_id !== this.#desk.shown.stage.session_id) return;
    this.#desk.shown.stage = newer(this.#desk.shown.stage, stage);
    const { phase, on_air: onAir } = this.#desk.shown.stage;
    for (const element of document.querySelectorAll("[data-in]")) {
      /** @type {HTMLElement} */ (element).hidden = !(element.getAttribute("data-in") ?? "").split(" ").includes(phase);
    }
    this.#write("air", onAir ? (phase === "live" ? "on air" : "backstage") : "no picture");
    this.#tick();
  }

  /** @param {{ kbit_per_second: number, lost_percent: number }} line */
  #lined({ kbit_per_second: kbit, lost_percent: lost }) {
    this.#lineAt = performance.now();
    this.#write("line", `${(kbit / 1000).toFixed(1)} Mbit/s, ${lost.toFixed(1)}% lost`);
    this.#tick();
  }

  #tick() {
    const { stage } = this.#desk.shown;
    const now = Date.now() + this.#offsetMs;
    const going = stage.phase === "live" || stage.phase === "paused";
    const left = (going ? stage.ends_ms : stage.starts_ms) - now;
    const says = stage.phase === "ended" ? "over"
      : going ? (left >= 0 ? "left" : "over time")
      : left >= 0 ? "until the start" : "past the start";
    this.#write("time", stage.phase === "ended" ? clock(stage.ends_ms - stage.starts_ms) : clock(Math.abs(left)));
    this.#write("time-says", says);
    this.querySelector(".t")?.classList.toggle("over", left < 0 && stage.phase !== "ended");
    const used = this.querySelector("[data-part='used']");
    if (used instanceof HTMLProgressElement) used.value = going ? progress(stage, now) : stage.phase === "ended" ? 100 : 0;
    const line = document.querySelector("[data-part='line-stat']");
    if (line instanceof HTMLElement) line.hidden = !stage.on_air || performance.now() - this.#lineAt > STALE_MS;
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.matches("[data-phases]")) return;
    event.preventDefault();
    form.closest("dialog")?.close();
    const act = /** @type {HTMLButtonElement | null} */ (event.submitter)?.value ?? "";
    try {
      await live.send(act, { session_id: this.#desk.shown.stage.session_id });
    } catch (error) {
      const { code } = /** @type {{ code: string }} */ (/** @type {unknown} */ (error));
      toast(WHY[code] ?? "This did not work. Please try again.");
    }
  }

  /**
   * @param {string} part
   * @param {string} text
   */
  #write(part, text) {
    for (const element of document.querySelectorAll(`[data-part="${part}"]`)) {
      if (!element.closest("stage-player") || part === "air") element.textContent = text;
    }
  }
}

customElements.define("stage-desk", StageDesk);
