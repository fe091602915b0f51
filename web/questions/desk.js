import { LitElement, html, nothing, repeat } from "../vendor/lit.js";
import { Feed } from "../live/feed.js";
import { live } from "../live/socket.js";
import { avatar, empty, icon } from "../shell/parts.js";
import { toast } from "../shell/toast.js";
import { keyed, moved, undo } from "./keys.js";
import { begin, reduce, steady, withStatus } from "./reduce.js";
import { time, why } from "./words.js";

/** @typedef {import("./reduce.js").Question} Question */
/** @typedef {import("./reduce.js").State} State */
/** @typedef {import("./reduce.js").Status} Status */
/** @typedef {import("./keys.js").Done} Done */

/** @type {[Status, string, string][]} status, its tab, and what an empty one says */
const TABS = [
  ["pending", "Waiting", "What the audience asks arrives here first."],
  ["live", "Approved", "What you approve is shown to everybody."],
  ["answered", "Answered", "What the panel has answered is kept here."],
  ["dismissed", "Dismissed", "Nobody but the desk sees what is here."],
];

const REASONS = ["Off topic", "Asked before", "About a single patient", "Not a question"];
const KEYS_OFF = "desk-keys-off";
/** A moderator decides every few seconds: what was said makes room. */
const SAID_MS = 2_000;
/** As many steps as anybody remembers. */
const MOST_UNDONE = 20;

/**
 * `<question-desk>`: the queue of questions for those who run a session, by hand or by keyboard.
 */
class QuestionDesk extends LitElement {
  static properties = {
    state: { state: true },
    tab: { state: true },
    selected: { state: true },
    dismissing: { state: true },
    keys: { state: true },
    error: { state: true },
  };

  /** @type {Feed | undefined} */
  #feed;
  /** @type {Done[]} what this page did, last one last */
  #done = [];
  /** @type {Element | null} */
  #held = null;
  /** @type {string[]} ids as they stand on the page */
  #shown = [];
  #follow = false;
  #moderator = false;
  #zone = "UTC";

  constructor() {
    super();
    /** @type {State} */
    this.state = begin({ session_id: "", rows: [] });
    /** @type {Status} */
    this.tab = "pending";
    this.selected = "";
    this.dismissing = "";
    this.keys = localStorage.getItem(KEYS_OFF) === null;
    this.error = "";
  }

  createRenderRoot() {
    this.replaceChildren();
    return this;
  }

  connectedCallback() {
    if (!this.#feed) this.#read();
    super.connectedCallback();
    this.#feed?.open();
    document.addEventListener("keydown", this.#pressed);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    document.removeEventListener("keydown", this.#pressed);
    this.#feed?.close();
  }

  #read() {
    const snapshot = JSON.parse(this.querySelector(":scope > script[type='application/json']")?.textContent ?? "{}");
    this.state = begin(snapshot);
    this.#zone = snapshot.zone;
    this.#moderator = snapshot.moderator;
    if (!this.#moderator) this.tab = "live";
    this.#feed = new Feed({
      follows: snapshot.follows,
      types: ["question", "votes"],
      fragment: `/sessions/${snapshot.session_id}/questions/desk`,
      fold: (frames) => (this.state = reduce(this.state, frames)),
      replace: (next) => (this.state = begin(next)),
    });
  }

  willUpdate() {
    const active = document.activeElement;
    this.#held = this.contains(active) ? active : null;
    const wanted = withStatus(this.state, this.tab);
    const held = this.#held?.closest("[data-id]")?.getAttribute("data-id") ?? undefined;
    const before = this.#shown;
    this.#shown = steady(wanted, before, held).map(({ id }) => id);
    if (!this.#shown.includes(this.selected)) {
      // What was decided leaves the list: the next one takes its place, and the keys with it.
      this.#follow ||= Boolean(this.#held?.closest("[data-id]"));
      this.selected = this.#shown[Math.min(Math.max(0, before.indexOf(this.selected)), this.#shown.length - 1)] ?? "";
    }
  }

  updated() {
    if (this.#follow) {
      this.#follow = false;
      const row = this.querySelector(`[data-id="${this.selected}"]`);
      const place = row ?? this.querySelector("[role=tabpanel]");
      if (place instanceof HTMLElement) place.focus();
    } else if (this.#held instanceof HTMLElement && this.#held.isConnected && document.activeElement !== this.#held) {
      this.#held.focus({ preventScroll: true });
    }
    const why = this.querySelector(".why");
    if (why && !why.contains(document.activeElement)) why.querySelector("button")?.focus();
  }

  /** @param {KeyboardEvent} event */
  #pressed = (event) => {
    const act = this.keys ? keyed(event, this) : undefined;
    if (act === undefined) return;
    event.preventDefault();
    const question = this.state.questions.get(this.selected);
    if (act === "up" || act === "down") this.selected = moved(this.#shown, this.selected, act);
    if (act === "undo") this.#undo();
    if (!question) return;
    if (act === "approve" && question.status === "pending") this.#approve(question);
    if (act === "answer" && this.#answerable(question)) this.#answering(question);
    if (act === "dismiss" && this.#dismissible(question)) this.dismissing = question.id;
    else if (act !== "undo") this.#select(this.selected);
  };

  /** The focus goes with the selection, so that it is where the next key is meant.
   * @param {string} id */
  #select(id) {
    this.selected = id;
    this.dismissing = "";
    this.#follow = true;
    this.requestUpdate();
  }

  /** @param {Question} question */
  #dismissible({ status }) {
    return this.#moderator && (status === "pending" || status === "live");
  }

  /** @param {Question} question */
  #answerable({ status }) {
    return status === "live" || status === "answered" || (status === "pending" && this.#moderator);
  }

  /** @param {Question} question */
  #approve(question) {
    if (this.#moderator) this.#send("question.approve", question, "Approved");
  }

  /** @param {Question} question */
  #answering(question) {
    this.#send("question.answering", question, "Answering now");
  }

  /**
   * @param {Question} question
   * @param {string} reason
   */
  #dismiss(question, reason) {
    this.#select(question.id);
    this.#send("question.dismiss", question, "Dismissed", { reason });
  }

  /**
   * @param {string} type
   * @param {Question} question
   * @param {string} said
   * @param {Record<string, string>} [fields]
   */
  async #send(type, { id, status }, said, fields = {}) {
    this.error = "";
    try {
      await live.send(type, { session_id: this.state.sessionId, question_id: id, ...fields });
      if (type !== "question.restore") this.#done = [...this.#done, { id, was: status }].slice(-MOST_UNDONE);
      toast(said, SAID_MS);
    } catch (refusal) {
      this.error = why(refusal);
    }
  }

  #undo() {
    const last = this.#done.at(-1);
    const question = last && this.state.questions.get(last.id);
    this.#done = this.#done.slice(0, -1);
    if (last && question) this.#send("question.restore", question, "Undone", { status: undo(last.was) });
    else toast("Nothing to undo", SAID_MS);
  }

  #turnKeys() {
    this.keys = !this.keys;
    if (this.keys) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "yes");
  }

  render() {
    const [current] = withStatus(this.state, "answering");
    const questions = this.#shown.map((id) => /** @type {Question} */ (this.state.questions.get(id)));
    const [, label, nothingHere] = TABS.find(([status]) => status === this.tab) ?? ["", "", ""];
    return html`<div class="tabs" role="tablist" aria-label="Lists of questions" @keydown=${this.#turnTabs}>${TABS.map((tab) => this.#tab(tab))}</div>
      ${current ? this.#current(current) : nothing}
      <div class="scroll" role="tabpanel" tabindex="-1" aria-label="${label} questions">
        ${this.error ? html`<p class="error" role="alert">${this.error}</p>` : nothing}
        ${questions.length
          ? html`<ol aria-label="${label} questions">${repeat(questions, ({ id }) => id, (each) => this.#row(each))}</ol>`
          : empty(`Nothing ${label.toLowerCase()}`, nothingHere, "message-square")}</div>
      <p class="keys"><span><kbd>↑</kbd> <kbd>↓</kbd> move</span><span><kbd>Enter</kbd> answering now</span><span><kbd>U</kbd> undo</span>
        <button class="linkbtn" type="button" aria-pressed=${!this.keys} @click=${this.#turnKeys}>Keys ${this.keys ? "on" : "off"}</button>
        <span class="end">Attendees see only approved ones</span></p>`;
  }

  /** @param {[Status, string, string]} tab */
  #tab([status, label]) {
    const chosen = this.tab === status;
    return html`<button class="tab" type="button" role="tab" aria-selected=${chosen} tabindex=${chosen ? 0 : -1} data-tab=${status}
      @click=${() => this.#choose(status)}>${label} <span class="n num">${withStatus(this.state, status).length}</span></button>`;
  }

  /** @param {Status} status */
  #choose(status) {
    this.tab = status;
    this.selected = this.dismissing = "";
    this.#shown = [];
  }

  /** @param {KeyboardEvent} event */
  #turnTabs = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    const place = TABS.findIndex(([status]) => status === this.tab);
    const [status] = /** @type {[Status, string, string]} */ (TABS.at((place + step) % TABS.length));
    this.#choose(status);
    this.updateComplete.then(() => /** @type {HTMLElement | null} */ (this.querySelector(`[data-tab="${status}"]`))?.focus());
  };

  /** @param {Question} question */
  #current(question) {
    return html`<div class="answering"><span class="state">${icon("radio")}Answering now <span>${question.author ?? "Anonymous"}</span></span>
      <p>${question.text}</p>
      <button class="btn primary" type="button" @click=${() => this.#send("question.answered", question, "Answered")}>Done</button></div>`;
  }

  /** @param {Question} question */
  #row(question) {
    const { id, author, asked_at, reason, status } = question;
    const chosen = id === this.selected;
    const counted = status === "live" || status === "answered";
    return html`<li class="wq ${chosen ? "sel" : ""}" data-id=${id} tabindex=${chosen ? 0 : -1} aria-current=${chosen ? "true" : nothing}
      @focusin=${() => (this.selected = id)}>
      ${counted
        ? html`<span class="v num">${question.votes}<small>${question.votes === 1 ? "vote" : "votes"}</small></span>`
        : html`<span class="v">${author ? avatar(author, 36) : icon("eye-off")}</span>`}
      <div><p>${question.text}</p><span class="by"><span>${author ?? "Anonymous"} · <time class="num" datetime=${asked_at}
        .textContent=${time(asked_at, this.#zone)}></time></span>${reason ? html`<b>${reason}</b>` : nothing}</span></div>
      <div class="do">${this.dismissing === id ? this.#why(question) : this.#acts(question, chosen)}</div></li>`;
  }

  /**
   * @param {Question} question
   * @param {boolean} chosen
   */
  #acts(question, chosen) {
    const { status } = question;
    const kbd = (/** @type {string} */ key) => (chosen && this.keys ? html` <kbd aria-hidden="true">${key}</kbd>` : nothing);
    const restore = (/** @type {string} */ to) => () => this.#send("question.restore", question, "Moved back", { status: to });
    return html`
      ${status === "pending" && this.#moderator
        ? html`<button class="btn ${chosen ? "good" : "quiet"} sm" type="button" @click=${() => this.#approve(question)}>${icon("check")}Approve${kbd("A")}</button>`
        : nothing}
      ${status !== "answered" && this.#answerable(question)
        ? html`<button class="btn quiet sm" type="button" @click=${() => this.#answering(question)}>${icon("radio")}Answer now</button>`
        : nothing}
      ${this.#dismissible(question)
        ? html`<button class="btn quiet sm" type="button" @click=${() => (this.dismissing = question.id)}>Dismiss${kbd("D")}</button>`
        : nothing}
      ${status === "answered" ? html`<button class="btn quiet sm" type="button" @click=${restore("live")}>${icon("undo-2")}Back to approved</button>` : nothing}
      ${status === "dismissed" && this.#moderator
        ? html`<button class="btn quiet sm" type="button" @click=${restore("pending")}>${icon("undo-2")}Back to waiting</button>`
        : nothing}`;
  }

  /** @param {Question} question */
  #why(question) {
    const keep = () => this.#select(question.id);
    return html`<div class="why" role="group" aria-label="Dismiss: the author is told why"
      @keydown=${(/** @type {KeyboardEvent} */ { key }) => key === "Escape" && keep()}>
      ${REASONS.map((reason) => html`<button class="btn quiet sm" type="button" @click=${() => this.#dismiss(question, reason)}>${reason}</button>`)}
      <button class="btn quiet sm" type="button" @click=${() => this.#dismiss(question, "")}>No reason</button>
      <button class="linkbtn" type="button" @click=${keep}>Keep it</button></div>`;
  }
}

customElements.define("question-desk", QuestionDesk);
