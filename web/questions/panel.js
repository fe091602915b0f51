import { LitElement, html, nothing, repeat } from "../vendor/lit.js";
import { Feed } from "../live/feed.js";
import { live } from "../live/socket.js";
import { empty, icon } from "../shell/parts.js";
import { toast } from "../shell/toast.js";
import { begin, hope, listed, mine, news, ownListed, reduce, settled, steady, votes } from "./reduce.js";
import { amount, time, why } from "./words.js";

/** @typedef {import("./reduce.js").Question} Question */
/** @typedef {import("./reduce.js").Own} Own */
/** @typedef {import("./reduce.js").State} State */
/** @typedef {import("./reduce.js").Sort} Sort */
/** @typedef {import("../live/feed.js").Frame} Frame */

/** @type {[Sort, string][]} */
const SORTS = [["top", "Top"], ["newest", "Newest"], ["answered", "Answered"]];

/** New questions are announced together, not each by itself. */
const SAY_MS = 3_000;

/** From here on the form says how much room is left. */
const NEAR_FULL = 80;

/**
 * `<question-panel>`: the questions of a session for those who attend. It renders the list and leaves the form where
 * Jinja put it, so that nothing typed is lost.
 */
class QuestionPanel extends LitElement {
  static properties = { state: { state: true }, sort: { state: true }, error: { state: true } };

  /** @type {Feed | undefined} */
  #feed;
  /** @type {string[]} ids as they stand on the page */
  #shown = [];
  /** @type {Element | null} */
  #held = null;
  #unsaid = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #saying;
  #zone = "UTC";
  #moderated = true;

  constructor() {
    super();
    /** @type {State} */
    this.state = begin({ session_id: "", rows: [] });
    /** @type {Sort} */
    this.sort = "top";
    this.error = "";
  }

  createRenderRoot() {
    const list = /** @type {HTMLElement} */ (this.querySelector("[data-list]"));
    list.replaceChildren();
    return list;
  }

  connectedCallback() {
    if (!this.#feed) this.#read();
    super.connectedCallback();
    this.#feed?.open();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.#saying);
    this.#feed?.close();
  }

  #read() {
    const snapshot = JSON.parse(this.querySelector(":scope > script[type='application/json']")?.textContent ?? "{}");
    this.state = begin(snapshot);
    this.#zone = snapshot.zone;
    this.#moderated = snapshot.moderated;
    this.#feed = new Feed({
      follows: snapshot.follows,
      types: ["question", "votes", "own_question", "stage"],
      fragment: `/sessions/${snapshot.session_id}/questions/fragment`,
      fold: (frames) => this.#fold(frames),
      replace: (next) => (this.state = begin(next, this.state.hopes)),
    });
    this.#takeForm();
  }

  /** @param {Frame[]} frames */
  #fold(frames) {
    const before = this.state;
    this.state = reduce(before, frames);
    this.#unsaid += news(before, this.state);
    if (this.#unsaid && this.#saying === undefined) this.#saying = setTimeout(() => this.#say(), SAY_MS);
  }

  #say() {
    this.#saying = undefined;
    const region = this.querySelector("[data-said]");
    if (region) region.textContent = amount(this.#unsaid, "new question", "new questions");
    this.#unsaid = 0;
  }

  willUpdate() {
    const active = document.activeElement;
    this.#held = this.renderRoot?.contains(active) ? active : null;
  }

  updated() {
    // Rows that changed places may have taken the focus from one that did not.
    if (this.#held instanceof HTMLElement && this.#held.isConnected) {
      if (document.activeElement !== this.#held) this.#held.focus({ preventScroll: true });
    }
    this.dataset.count = String(listed(this.state).length);
    this.querySelector("form.ask")?.toggleAttribute("hidden", !this.state.open);
    this.querySelector("[data-closed]")?.toggleAttribute("hidden", this.state.open);
  }

  #takeForm() {
    const form = this.querySelector("form.ask");
    if (!(form instanceof HTMLFormElement)) return;
    const text = /** @type {HTMLTextAreaElement} */ (form.elements.namedItem("text"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#ask(form, text);
    });
    text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    const note = form.querySelector("[data-note]");
    const usual = note?.textContent ?? "";
    form.addEventListener("input", () => {
      const left = text.maxLength - text.value.length;
      if (note) note.textContent = left <= NEAR_FULL ? `${left} left` : usual;
    });
    form.addEventListener("reset", () => {
      if (note) note.textContent = usual;
    });
  }

  /**
   * @param {HTMLFormElement} form
   * @param {HTMLTextAreaElement} text
   */
  async #ask(form, text) {
    const anonymous = /** @type {HTMLInputElement} */ (form.elements.namedItem("anonymous")).checked;
    const button = form.querySelector("button");
    const fields = { session_id: this.state.sessionId, text: text.value, anonymous };
    this.#complain(form, "");
    button?.setAttribute("aria-disabled", "true");
    if (text.readOnly) return; // it is on its way
    text.readOnly = true;
    try {
      await live.send("question.ask", fields);
      form.reset();
      toast(this.#moderated ? "Sent. A moderator reads it first." : "Your question is published.");
    } catch (refusal) {
      this.#complain(form, why(refusal));
    } finally {
      text.readOnly = false;
      button?.removeAttribute("aria-disabled");
      text.focus();
    }
  }

  /**
   * @param {HTMLFormElement} form
   * @param {string} text
   */
  #complain(form, text) {
    const line = form.querySelector("[data-error]");
    if (!(line instanceof HTMLElement)) return;
    line.setAttribute("role", "alert");
    line.hidden = text === "";
    line.textContent = text;
    form.querySelector("textarea")?.toggleAttribute("aria-invalid", text !== "");
  }

  /** @param {Question} question */
  async #vote({ id }) {
    const up = !mine(this.state, id);
    this.error = "";
    this.state = hope(this.state, id, up);
    try {
      const fields = { session_id: this.state.sessionId, question_id: id };
      const done = await live.send(up ? "question.upvote" : "question.unvote", fields);
      this.state = settled(this.state, id, up, Number(done.value));
    } catch (refusal) {
      this.state = settled(this.state, id, up);
      this.error = why(refusal);
    }
  }

  /** @param {Own} question */
  async #withdraw({ id }) {
    try {
      await live.send("question.withdraw", { session_id: this.state.sessionId, question_id: id });
    } catch (refusal) {
      this.error = why(refusal);
    }
  }

  render() {
    const held = this.#held?.closest("[data-id]")?.getAttribute("data-id") ?? undefined;
    const questions = steady(listed(this.state, this.sort), this.#shown, held);
    this.#shown = questions.map(({ id }) => id);
    const own = ownListed(this.state);
    return html`
      ${own.length ? html`<ol class="own" aria-label="Your questions">${repeat(own, ({ id }) => id, (each) => this.#own(each))}</ol>` : nothing}
      <div class="sort" role="group" aria-label="Sort questions">${SORTS.map(
        ([sort, label]) =>
          html`<button type="button" aria-pressed=${this.sort === sort} @click=${() => (this.sort = sort)}>${label}</button>`,
      )}</div>
      ${this.error ? html`<p class="error" role="alert">${this.error}</p>` : nothing}
      ${questions.length
        ? html`<ol aria-label="Questions">${repeat(questions, ({ id }) => id, (each) => this.#row(each))}</ol>`
        : this.#empty()}`;
  }

  #empty() {
    return this.sort === "answered"
      ? empty("Nothing answered yet", "What the panel has answered is kept here.", "message-square")
      : empty("No questions yet", "Ask the first one.", "message-square");
  }

  /** @param {Question} question */
  #row(question) {
    const count = votes(this.state, question);
    const { id, status } = question;
    return html`<li class="q ${status === "answering" ? "now" : ""}" data-id=${id}>
      <button class="vote num" type="button" aria-pressed=${mine(this.state, id)} ?disabled=${status === "answered"}
        aria-label="Upvote, ${amount(count, "vote", "votes")}" @click=${() => this.#vote(question)}>${icon("chevron-up")}${count}</button>
      <div><p>${question.text}</p><small>${this.#status(question)}<span>${question.author ?? "Anonymous"}${this.state.own.has(id) ? " (you)" : ""} · <time
        class="num" datetime=${question.asked_at} .textContent=${time(question.asked_at, this.#zone)}></time></span></small></div></li>`;
  }

  /** @param {Question} question */
  #status({ status }) {
    if (status === "answering") return html`<span class="state">${icon("radio")}Answering now</span>`;
    return status === "answered" ? html`<span class="state">${icon("check")}Answered</span>` : nothing;
  }

  /** @param {Own} question */
  #own(question) {
    const waits = question.status === "pending";
    return html`<li class="q" data-status=${question.status}>
      <span class="mark">${icon(waits ? "hourglass" : "circle-x")}</span>
      <div><p>${question.text}</p>
        <small><span class="state wait">${waits ? "Waiting for a moderator" : "Not taken"}</span><span>${
          question.reason || (question.anonymous ? "Asked anonymously" : "Your question")} · <time
          class="num" datetime=${question.asked_at} .textContent=${time(question.asked_at, this.#zone)}></time></span></small>
        ${waits ? html`<button class="linkbtn" type="button" @click=${() => this.#withdraw(question)}>Withdraw</button>` : nothing}</div></li>`;
  }
}

customElements.define("question-panel", QuestionPanel);
