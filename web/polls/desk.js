import { LitElement, html, nothing, repeat } from "../vendor/lit.js";
import { Feed } from "../live/feed.js";
import { live } from "../live/socket.js";
import { bar, empty, icon } from "../shell/parts.js";
import { toast } from "../shell/toast.js";
import { bars, begin, listed, reduce } from "./reduce.js";
import { answers, why } from "./words.js";

/** @typedef {import("./reduce.js").Poll} Poll */
/** @typedef {import("./reduce.js").State} State */

/**
 * `<poll-desk>`: the polls of a session for those who run it. It renders the list and leaves the form for a new poll
 * where Jinja put it.
 */
class PollDesk extends LitElement {
  static properties = { state: { state: true }, error: { state: true } };

  /** @type {Feed | undefined} */
  #feed;
  #sessionId = "";

  constructor() {
    super();
    /** @type {State} */
    this.state = begin({ rows: [] });
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
    this.#feed?.close();
  }

  #read() {
    const snapshot = JSON.parse(this.querySelector(":scope > script[type='application/json']")?.textContent ?? "{}");
    this.state = begin(snapshot);
    this.#sessionId = snapshot.session_id;
    this.#feed = new Feed({
      follows: snapshot.follows,
      types: ["poll", "tally"],
      fragment: `/sessions/${snapshot.session_id}/polls/desk`,
      fold: (frames) => (this.state = reduce(this.state, frames)),
      replace: (next) => (this.state = begin(next)),
    });
    const form = this.querySelector(".newpoll form");
    if (form instanceof HTMLFormElement) {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.#create(form);
      });
    }
  }

  /** @param {HTMLFormElement} form */
  async #create(form) {
    const fields = new FormData(form);
    const line = /** @type {HTMLElement} */ (form.querySelector("[data-error]"));
    line.hidden = true;
    try {
      await live.send("poll.create", {
        session_id: this.#sessionId,
        text: String(fields.get("text")),
        kind: String(fields.get("kind")),
        options: String(fields.get("options")).split("\n"),
      });
      form.reset();
      form.closest("details")?.removeAttribute("open");
      toast("Draft saved. Nobody but the desk sees it yet.");
    } catch (refusal) {
      line.hidden = false;
      line.textContent = why(refusal);
    }
  }

  /**
   * @param {string} verb
   * @param {Poll} poll
   */
  async #send(verb, poll) {
    this.error = "";
    try {
      await live.send(`poll.${verb}`, { session_id: this.#sessionId, poll_id: poll.id });
    } catch (refusal) {
      this.error = why(refusal);
    }
  }

  render() {
    const polls = listed(this.state);
    return html`${this.error ? html`<p class="error" role="alert">${this.error}</p>` : nothing}
      ${polls.length
        ? repeat(polls, ({ id }) => id, (poll) => this.#card(poll))
        : empty("No polls yet", "Write one below and open it when the moment comes.", "vote")}`;
  }

  /** @param {Poll} poll */
  #card(poll) {
    const { status, text } = poll;
    const voters = this.state.tallies.get(poll.id)?.voters ?? 0;
    const title = { draft: "Draft", open: "Poll is open", closed: "Poll is closed", deleted: "" }[status];
    const figure = (/** @type {number | undefined} */ percent) => (status === "draft" ? "" : `${percent ?? 0}%`);
    return html`<section class="pollcard ${{ draft: "draft", open: "", closed: "done", deleted: "" }[status]}" aria-label="Poll: ${text}">
      <header>${icon(status === "open" ? "radio" : "vote")}${title}<span class="num">${
        status === "draft" ? nothing : answers(voters)}${poll.revealed ? " · shown" : nothing}</span></header>
      <h3>${text}</h3>
      <ul>${bars(this.state, poll, true).map((each) => bar(each.text, each.percent ?? 0, figure(each.percent), each.leads ? "lead" : ""))}</ul>
      <div class="acts">${this.#acts(poll)}</div></section>`;
  }

  /** @param {Poll} poll */
  #acts(poll) {
    const button = (/** @type {string} */ verb, /** @type {string} */ text, kind = "quiet") =>
      html`<button class="btn ${kind} sm wide" type="button" @click=${() => this.#send(verb, poll)}>${text}</button>`;
    if (poll.status === "draft") return html`${button("open", "Open poll", "primary")}${button("delete", "Delete")}`;
    return html`${poll.status === "open" ? button("close", "Close poll", "primary") : button("open", "Open again")}
      ${poll.revealed ? button("hide", "Hide result") : button("reveal", "Show result")}`;
  }
}

customElements.define("poll-desk", PollDesk);
