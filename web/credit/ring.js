import { LitElement, html } from "../vendor/lit.js";
import { icon, ring as mark } from "../shell/parts.js";
import { live } from "../live/socket.js";
import { outlook, plain, record, sum } from "./sentences.js";

/** @typedef {import("./sentences.js").Ring} Ring */

/** After an acknowledged beat the card is at most this old. */
const LEAST_MS = 3_000;

/** The card with the ring: follows acknowledged beats, and says so when there are none. */
class CreditRing extends LitElement {
  static properties = { ring: { state: true }, silent: { state: true } };
  #readAt = -Infinity;
  /** @type {number | undefined} */
  #later;
  #stop = new AbortController();

  constructor() {
    super();
    /** @type {Ring | undefined} */
    this.ring = undefined;
    this.silent = false;
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    const state = this.querySelector("script[type='application/json']");
    const ring = /** @type {Ring} */ (JSON.parse(state?.textContent ?? "{}"));
    if (!ring.accredited || ring.faculty) return; // the words that the server wrote stay true
    this.ring = ring;
    this.replaceChildren();
    super.connectedCallback();
    const { signal } = this.#stop;
    document.addEventListener("recording", (event) => {
      const { silent, creditedMs } = /** @type {CustomEvent} */ (event).detail;
      this.silent = silent;
      if (creditedMs !== undefined) this.#read();
    }, { signal });
    live.addEventListener("stage", () => this.#read(), { signal });
  }

  disconnectedCallback() {
    this.#stop.abort();
    clearTimeout(this.#later);
    super.disconnectedCallback();
  }

  /** Ask how things stand: now, or as soon as it is due, so that the last answer shows the last beat. */
  #read() {
    if (!this.ring || this.#later !== undefined) return;
    const wait = Math.max(0, this.#readAt + LEAST_MS - performance.now());
    this.#later = setTimeout(() => this.#ask(), wait);
  }

  async #ask() {
    this.#later = undefined;
    this.#readAt = performance.now();
    const answer = await fetch(`/sessions/${this.ring?.session_id}/standing`).catch(() => undefined);
    if (answer?.ok) this.ring = /** @type {Ring} */ (await answer.json());
  }

  render() {
    const ring = this.ring;
    if (!ring) return html``;
    const said = record(ring, this.silent);
    this.classList.toggle("stopped", this.silent && ring.live);
    return html`
      ${mark(ring.percent, String(ring.minutes), "min")}
      <div>
        <h2 data-units=${plain(ring.units)}>${sum(ring)}</h2>
        <p>${outlook(ring)}</p>
        ${said ? html`<p class="next ${said.due ? "due" : ""}" role=${said.due ? "status" : "presentation"}>${icon(said.due ? "circle-alert" : "circle-check")}<span>${said.text}</span></p>` : ""}
      </div>`;
  }
}

customElements.define("credit-ring", CreditRing);
