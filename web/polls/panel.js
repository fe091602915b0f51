import { LitElement, html, nothing, repeat } from "../vendor/lit.js";
import { Feed } from "../live/feed.js";
import { live } from "../live/socket.js";
import { bar, empty, icon } from "../shell/parts.js";
import { answered, bars, begin, listed, reduce, result } from "./reduce.js";
import { answers, why } from "./words.js";

/** @typedef {import("./reduce.js").Poll} Poll */
/** @typedef {import("./reduce.js").State} State */

/** @param {number | undefined} percent */
const share = (percent) => (percent === undefined ? nothing : html`<b class="num">${percent}%</b>`);

/**
 * `<poll-panel>`: the polls of a session for those who attend: choose, change, and see the result once it is shown.
 * With `only="open"` it shows those that are open and says nothing aloud: it stands beside one that does.
 */
class PollPanel extends LitElement {
  static properties = { state: { state: true }, errors: { state: true }, said: { state: true } };

  /** @type {Feed | undefined} */
  #feed;
  #sessionId = "";

  constructor() {
    super();
    /** @type {State} */
    this.state = begin({ rows: [] });
    /** @type {ReadonlyMap<string, string>} why an answer was refused, by poll */
    this.errors = new Map();
    this.said = "";
  }

  createRenderRoot() {
    this.replaceChildren();
    return this;
  }

  connectedCallback() {
    if (!this.#feed) this.#read();
    super.connectedCallback();
    this.#feed?.open();
    live.addEventListener("answered", this.#answered);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#feed?.close();
    live.removeEventListener("answered", this.#answered);
  }

  #read() {
    const snapshot = JSON.parse(this.querySelector(":scope > script[type='application/json']")?.textContent ?? "{}");
    this.state = begin(snapshot);
    this.#sessionId = snapshot.session_id;
    this.#feed = new Feed({
      follows: snapshot.follows,
      types: ["poll", "tally"],
      fragment: `/sessions/${snapshot.session_id}/polls/fragment`,
      fold: (frames) => this.#become(reduce(this.state, frames)),
      replace: (next) => this.#become(begin(next)),
    });
  }

  /** @param {State} next */
  #become(next) {
    const open = new Set(this.#open(this.state));
    const opened = this.#open(next).find((poll) => ![...open].some(({ id }) => id === poll.id));
    if (opened) this.said = `New poll: ${opened.text}`;
    this.state = next;
  }

  /** @param {State} state */
  #open(state) {
    return listed(state).filter(({ status }) => status === "open");
  }

  updated() {
    if (!this.#short) this.dataset.live = String(this.#open(this.state).length > 0);
  }

  get #short() {
    return this.getAttribute("only") === "open";
  }

  /** @param {Event} event - from any panel of this page, this one too */
  #answered = (event) => {
    const { id, choices } = /** @type {CustomEvent<{ id: string, choices: number[] }>} */ (event).detail;
    this.state = answered(this.state, id, choices);
  };

  /**
   * @param {SubmitEvent} event
   * @param {Poll} poll
   */
  async #answer(event, poll) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const choices = new FormData(form).getAll("choices").map(Number);
    this.errors = new Map(this.errors).set(poll.id, "");
    try {
      const done = await live.send("poll.answer", { session_id: this.#sessionId, poll_id: poll.id, choices });
      live.dispatchEvent(new CustomEvent("answered", { detail: { id: poll.id, choices: done.value } }));
      form.closest("details")?.removeAttribute("open");
      this.said = "Your answer is counted.";
    } catch (refusal) {
      this.errors = new Map(this.errors).set(poll.id, why(refusal));
    }
  }

  render() {
    const polls = this.#short ? this.#open(this.state) : listed(this.state);
    return html`${repeat(polls, ({ id }) => id, (poll) => this.#card(poll))}
      ${polls.length || this.#short ? nothing : empty("No polls yet", "When the panel opens one, you answer it here.", "vote")}
      ${this.#short ? nothing : html`<p class="sr" role="status" aria-live="polite">${this.said}</p>`}`;
  }

  /** @param {Poll} poll */
  #card(poll) {
    const open = poll.status === "open";
    const tally = result(this.state, poll);
    const own = this.state.own.get(poll.id);
    const error = this.errors.get(poll.id);
    return html`<section class="poll ${open ? "" : "done"}" aria-label=${open ? "Live poll" : "Closed poll"}>
      <header>${icon(open ? "radio" : "vote")}${open ? "Live poll" : "Poll, closed"}${tally ? html`<span class="num">${answers(tally.voters)}</span>` : nothing}</header>
      <h3>${poll.text}</h3>
      ${own || !open ? this.#bars(poll) : nothing}
      ${open && own
        ? html`<details class="change"><summary class="linkbtn">Change my answer</summary>${this.#form(poll, own)}</details>`
        : nothing}
      ${open && !own ? this.#form(poll, []) : nothing}
      ${!open && !tally ? html`<p class="hint">The result is not shown.</p>` : nothing}
      ${error ? html`<p class="error" role="alert">${error}</p>` : nothing}</section>`;
  }

  /** @param {Poll} poll */
  #bars(poll) {
    return html`<ul>${bars(this.state, poll).map(({ text, percent, mine }) =>
      bar(text, percent ?? 0, percent === undefined ? "" : `${percent}%`, mine ? "mine" : ""))}</ul>`;
  }

  /**
   * @param {Poll} poll
   * @param {number[]} own
   */
  #form(poll, own) {
    const single = poll.kind === "single";
    const shares = own.length ? [] : bars(this.state, poll); // who changes an answer has the bars above
    return html`<form @submit=${(/** @type {SubmitEvent} */ event) => this.#answer(event, poll)}>
      <fieldset class="options"><legend class="sr">${poll.text}</legend>${poll.options.map(
        (text, place) => html`<label class="option" data-percent=${shares[place]?.percent ?? 0}><input type=${single ? "radio" : "checkbox"}
          name="choices" value=${place} ?checked=${own.includes(place)} ?required=${single}><span>${text}</span>${share(shares[place]?.percent)}</label>`,
      )}</fieldset>
      <button class="btn primary sm">${own.length ? "Change my answer" : "Answer"}</button></form>`;
  }
}

customElements.define("poll-panel", PollPanel);
