import { LitElement, html } from "../vendor/lit.js";
import { icon, ring as mark } from "../shell/parts.js";
import { live } from "../live/socket.js";
import { checkIns, kinds, left, missing, outlook, plain, record, spoken, sum } from "./sentences.js";

/** @typedef {import("./sentences.js").Ring} Ring */

/** After an acknowledged beat the card is at most this old. */
const LEAST_MS = 3_000;

/** The card with the ring: follows acknowledged beats, and says so when there are none. */
class CreditRing extends LitElement {
  static properties = {
    ring: { state: true }, silent: { state: true }, now: { state: true }, failed: { state: true },
  };
  #readFor = 0;
  /** @type {number | undefined} */
  #ticking;
  #announced = "";
  #readAt = -Infinity;
  /** @type {number | undefined} */
  #later;
  #stop = new AbortController();

  constructor() {
    super();
    /** @type {Ring | undefined} */
    this.ring = undefined;
    this.silent = false;
    this.now = performance.now();
    this.failed = false;
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
    live.addEventListener("check", (event) => {
      const { session_id: session } = /** @type {CustomEvent} */ (event).detail;
      if (session === this.ring?.session_id) void this.#ask(); // an old event is told again after a reconnect
    }, { signal });
    this.#readFor = performance.now();
  }

  disconnectedCallback() {
    this.#stop.abort();
    clearTimeout(this.#later);
    clearInterval(this.#ticking);
    super.disconnectedCallback();
  }

  /** Ask how things stand: now, or as soon as it is due, so that the last answer shows the last beat. */
  #read() {
    if (!this.ring || this.#later !== undefined) return;
    const wait = Math.max(0, this.#readAt + LEAST_MS - performance.now());
    this.#later = setTimeout(() => this.#ask(), wait);
  }

  async #ask() {
    clearTimeout(this.#later);
    this.#later = undefined;
    this.#readAt = performance.now();
    const answer = await fetch(`/sessions/${this.ring?.session_id}/standing`).catch(() => undefined);
    if (!answer?.ok) return;
    this.ring = /** @type {Ring} */ (await answer.json());
    this.#readFor = performance.now();
  }

  /** The clock of an open check: it moves the words every few seconds and is silent. */
  updated() {
    const open = this.ring?.check;
    if (open && this.#ticking === undefined) {
      this.#ticking = setInterval(() => this.#tick(), 5_000);
    } else if (!open && this.#ticking !== undefined) {
      clearInterval(this.#ticking);
      this.#ticking = undefined;
    }
    const said = this.querySelector("[data-part='announce']");
    if (open && said && this.#announced !== open.id) {
      this.#announced = open.id;
      // After the region is there: what is put into it then is read out, once, and focus stays.
      setTimeout(() => { said.textContent = "Still with us? Press “I am here” in the credit card, within two minutes."; }, 100);
    }
    if (!open && said) said.textContent = "";
  }

  #tick() {
    this.now = performance.now();
    if ((this.ring?.check?.left_ms ?? 0) - (this.now - this.#readFor) < -8_000) this.#read();
  }

  /**
   * @param {SubmitEvent} event
   * @param {"check.answer" | "check.extend"} type
   */
  async #answer(event, type) {
    event.preventDefault();
    const { ring } = this;
    if (!ring?.check) return;
    this.failed = false;
    const had = this.contains(document.activeElement);
    try {
      await live.send(type, { session_id: ring.session_id, check_id: ring.check.id });
    } catch {
      this.failed = true;
    }
    await this.#ask();
    await this.updateComplete;
    if (had && !this.contains(document.activeElement)) this.querySelector("h2")?.focus();
  }

  /** @param {Ring} ring */
  #still(ring) {
    if (!ring.check) return "";
    const ms = ring.check.left_ms - (Math.max(this.now, this.#readFor) - this.#readFor);
    return html`<section class="stillhere" aria-labelledby="stillhere">
      <p id="stillhere"><b>Still with us?</b> One press keeps the time since the last check-in. ${left(ms)}</p>
      ${this.failed ? html`<p class="error" role="alert">${icon("circle-alert")}That did not go through. Please try again.</p>` : ""}
      <div class="answers"><form @submit=${(/** @type {SubmitEvent} */ event) => this.#answer(event, "check.answer")}><button class="btn good">${icon("check")}I am here</button></form>
      ${ring.check.extended ? "" : html`<form @submit=${(/** @type {SubmitEvent} */ event) => this.#answer(event, "check.extend")}><button class="btn quiet">I need more time</button></form>`}</div>
    </section>`;
  }

  /** The band of credit/_strip.html, and what its colours stand for. @param {Ring} ring */
  #strip({ strip }) {
    const [first, last] = [strip[0], strip.at(-1)];
    if (!first || !last) return "";
    return html`<div class="ownstrip">
      <div class="strip" role="img" aria-label=${spoken(strip)}>${strip.map((piece) => html`<span class="k ${piece.style}" data-percent=${piece.percent}>${piece.percent > 9 ? icon(piece.icon) : ""}</span>`)}</div>
      <div class="axis num"><span>${first.starts}</span><span>${last.ends}</span></div>
      <ul class="legend">${kinds(strip).map((kind) => html`<li><span class="k ${kind.style}"></span>${icon(kind.icon)}${kind.words}</li>`)}</ul>
    </div>`;
  }

  render() {
    const ring = this.ring;
    if (!ring) return html``;
    const said = record(ring, this.silent);
    this.classList.toggle("stopped", this.silent && ring.live);
    return html`
      ${mark(ring.percent, String(ring.minutes), "min")}
      <div>
        <h2 tabindex="-1" data-units=${plain(ring.units)}>${sum(ring)}</h2>
        <p>${outlook(ring)}</p>
        ${said ? html`<p class="next ${said.due ? "due" : ""}" role=${said.due ? "status" : "presentation"}>${icon(said.due ? "circle-alert" : "circle-check")}<span>${said.text}</span></p>` : ""}
        ${checkIns(ring) ? html`<p class="next">${icon("circle-check")}<span>${checkIns(ring)}</span></p>` : ""}
        ${missing(ring).map((text) => html`<p class="next due">${icon("clock")}<span>${text}</span></p>`)}
        <details class="ruleinforce"><summary>${icon("file-text")}The rule in force</summary><p>${ring.rule}</p></details>
      </div>
      ${this.#strip(ring)}
      <p class="sr" aria-live="assertive" data-part="announce"></p>
      ${this.#still(ring)}`;
  }
}

customElements.define("credit-ring", CreditRing);
