import { LitElement, html, nothing, repeat } from "../vendor/lit.js";
import { live } from "../live/socket.js";
import { avatar, icon } from "../shell/parts.js";
import { toast } from "../shell/toast.js";
import { fetched, follow, stay } from "./follow.js";
import { Reading } from "./reading.js";
import { reduce } from "./visit.js";

/** @typedef {import("./visit.js").Visit} Visit */

const MAX_ABOUT = 200, MAX_LINE = 500;

/** A visitor at a booth: who is there, the queue, the thread with the staff. */
class BoothVisit extends LitElement {
  static properties = { visit: { state: true }, busy: { state: true } };
  #stop = new AbortController();
  #reading = new Reading(fetched, reduce);
  #name = "";

  constructor() {
    super();
    /** @type {Visit} - assigned here: a class field would hide the accessor that Lit listens with */
    this.visit = { booth: "", visit: null, here: { staff: [], waiting: 0 } };
    this.busy = false;
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    const { positions, ...visit } = JSON.parse(this.querySelector("script")?.textContent ?? "{}");
    this.visit = visit;
    this.#name = document.querySelector("h1")?.textContent ?? "";
    this.replaceChildren();
    const { signal } = this.#stop;
    follow(positions, ["booth", "talk", "line"], (frame) => this.#take(frame), () => this.#reload(), signal);
    if (visit.visit) stay(visit.booth, signal);
    super.connectedCallback();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#stop.abort();
  }

  /** @param {any} frame */
  #take(frame) {
    this.#reading.took(frame);
    const before = this.visit.talk?.status;
    this.visit = reduce(this.visit, frame);
    const { status, called } = this.visit.talk ?? {};
    if (status === "talking" && before !== "talking") toast(`${called} is with you`);
  }

  async #reload() {
    const visit = await this.#reading.read(`/booths/${this.visit.booth}/now`);
    if (visit) this.visit = visit;
  }

  /**
   * @param {Event} event
   * @param {string} type
   * @param {Record<string, unknown>} fields
   */
  async #send(event, type, fields = {}) {
    event.preventDefault();
    if (this.busy) return;
    this.busy = true;
    try {
      await live.send(type, { booth_id: this.visit.booth, ...fields });
      if (event.target instanceof HTMLFormElement) event.target.reset();
    } catch {
      toast("That did not go through. Please try again.");
    }
    this.busy = false;
  }

  /** @param {SubmitEvent} event */
  #say(event) {
    const text = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("text") ?? "").trim();
    if (text) this.#send(event, "booth.say", { text });
    else event.preventDefault();
  }

  /** @param {SubmitEvent} event */
  #ask(event) {
    const about = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("about") ?? "");
    this.#send(event, "booth.ask", { about });
  }

  updated() {
    const lines = this.querySelector("ol.talk");
    if (lines) lines.scrollTop = lines.scrollHeight;
  }

  #here() {
    const { staff } = this.visit.here;
    return html`<section class="card pad" aria-labelledby="here">
      <h2 class="sec" id="here">At the booth</h2>
      ${staff.length
        ? html`<ul>${repeat(staff, ({ id }) => id, ({ called, line, free }) => html`<li class="visitor">${avatar(called, 40)}
            <div><b>${called}</b>${line ? html`<small>${line}</small>` : nothing}</div>
            <span class="online ${free ? "" : "off"}">${free ? "Free" : "In a talk"}</span></li>`)}</ul>`
        : html`<p class="muted">Nobody right now. Leave a message: the answer waits here for you.</p>`}</section>`;
  }

  #talk() {
    const { status = "", place = 0, waiting = 0, called = "" } = this.visit.talk ?? {};
    const leave = (/** @type {string} */ text) => html`<button class="btn quiet" type="button" ?disabled=${this.busy}
      @click=${(/** @type {Event} */ event) => this.#send(event, "booth.leave_queue")}>${icon("log-out")}${text}</button>`;
    return html`<section class="card pad gap" id="talk" aria-labelledby="talk-h">
      <h2 class="sec" id="talk-h">Talk to someone</h2>
      <div role="status">${status === "waiting"
        ? html`<p><b class="num">You are number ${place}</b> of ${waiting} waiting. You keep your place for a minute if your connection drops.</p>`
        : status === "talking" ? html`<p><b>${called} is with you.</b> Write below.</p>` : nothing}</div>
      ${status === "waiting" ? html`<p>${leave("Leave the queue")}</p>`
        : status === "talking" ? html`<p>${leave("End the talk")}</p>`
        : html`<form class="gap" @submit=${this.#ask}>
            <div class="field"><label for="about-text">What about <span class="hint">optional</span></label>
              <input class="input" id="about-text" name="about" maxlength=${MAX_ABOUT} autocomplete="off" aria-describedby="about-hint">
              <p class="hint" id="about-hint">This line is all they see of you.</p></div>
            <button class="btn primary wide" ?disabled=${this.busy}>${icon("message-square")}${this.visit.here.waiting ? "Join the queue" : "Talk to someone"}</button>
          </form>`}</section>`;
  }

  #chat() {
    const lines = this.visit.lines ?? [];
    return html`<section class="card boothchat" aria-labelledby="chat-h">
      <h2 class="sec pad" id="chat-h">Messages</h2>
      <ol class="talk" tabindex="0" aria-labelledby="chat-h" aria-live="polite">${lines.length
        ? repeat(lines, ({ id }) => id, ({ called, text }) => html`<li class=${called ? nothing : "own"}>${avatar(called || "You", 32)}
            <span class="by"><b>${called || "You"}</b></span><p>${text}</p></li>`)
        : html`<li class="none"><p class="muted">Only you and ${this.#name} read this. They see “a visitor”.</p></li>`}</ol>
      <form class="say" @submit=${this.#say}>
        <input name="text" maxlength=${MAX_LINE} required autocomplete="off" placeholder="Write to ${this.#name}" aria-label="Write to ${this.#name}">
        <button class="iconbtn" ?disabled=${this.busy}>${icon("send", "Send")}</button></form></section>`;
  }

  render() {
    return this.visit.visit ? [this.#here(), this.#talk(), this.#chat()] : this.#here();
  }
}

customElements.define("booth-visit", BoothVisit);
