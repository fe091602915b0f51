import { LitElement, html, nothing, repeat } from "../vendor/lit.js";
import { Feed } from "../live/feed.js";
import { live } from "../live/socket.js";
import { icon } from "../shell/parts.js";
import { why } from "./names.js";
import { Pen } from "./pen.js";
import { begin, last, reduce, whole } from "./reduce.js";

/** @typedef {import("./reduce.js").Line} Line */
/** @typedef {import("./reduce.js").State} State */

/** As many as can be corrected. */
const SHOWN = 10;

/**
 * `<caption-desk>`: where captions are written. It renders the last lines and leaves the form where Jinja put it: what is
 * typed there goes out while it grows, and Enter ends the line.
 */
class CaptionDesk extends LitElement {
  static properties = { state: { state: true }, language: { state: true }, editing: { state: true }, error: { state: true } };

  /** @type {Feed | undefined} */
  #feed;
  #sessionId = "";
  #pen = new Pen({
    send: (type, fields) => live.send(type, { session_id: this.#sessionId, ...fields }),
    now: () => performance.now(),
    later: (run, ms) => setTimeout(run, ms),
    refused: (refusal, text) => this.#refused(refusal, text),
  });

  constructor() {
    super();
    /** @type {State} */
    this.state = new Map();
    this.language = "";
    this.editing = "";
    this.error = "";
  }

  createRenderRoot() {
    const list = /** @type {HTMLElement} */ (this.querySelector("[data-list]"));
    list.replaceChildren();
    return list;
  }

  connectedCallback() {
    if (!this.#feed) this.#take();
    super.connectedCallback();
    this.#feed?.open();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#feed?.close();
  }

  #take() {
    const snapshot = JSON.parse(this.querySelector(":scope > script[type='application/json']")?.textContent ?? "{}");
    this.state = begin(snapshot);
    this.#sessionId = snapshot.session_id;
    this.#feed = new Feed({
      follows: snapshot.follows,
      types: ["caption"],
      fragment: `/sessions/${snapshot.session_id}/captions/desk`,
      fold: (frames) => (this.state = reduce(this.state, frames)),
      replace: (next) => (this.state = begin(next)),
    });
    const { form, field, select } = this.#fields;
    this.language = select.value;
    field.lang = select.value;
    field.addEventListener("input", (event) => {
      this.error = "";
      if (!(/** @type {InputEvent} */ (event).isComposing)) this.#pen.write(field.value, select.value);
    });
    field.addEventListener("keydown", (event) => this.#again(event));
    this.querySelector("[data-keys]")?.removeAttribute("hidden");
    field.addEventListener("compositionend", () => this.#pen.write(field.value, select.value));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#pen.end(field.value, select.value);
      field.value = "";
    });
    select.addEventListener("change", () => {
      this.#pen.end(field.value, this.language);
      field.value = "";
      this.language = select.value;
      field.lang = select.value;
    });
  }

  get #fields() {
    return {
      form: /** @type {HTMLFormElement} */ (this.querySelector("form.write")),
      field: /** @type {HTMLInputElement} */ (this.querySelector("#caption-text")),
      select: /** @type {HTMLSelectElement} */ (this.querySelector("#caption-in")),
    };
  }

  /**
   * @param {unknown} refusal
   * @param {string} text - goes back to where it was written, unless more is written there by now
   */
  #refused(refusal, text) {
    this.error = why(refusal);
    const { field } = this.#fields;
    if (field.value === "") field.value = text;
  }

  /**
   * @param {SubmitEvent} event
   * @param {Line} line
   */
  async #correct(event, line) {
    event.preventDefault();
    const text = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("text"));
    this.error = "";
    try {
      await live.send("caption.change", { session_id: this.#sessionId, line_id: line.id, text });
      this.#leave();
    } catch (refusal) {
      this.error = why(refusal);
    }
  }

  /** Hands that type all day stay where they are. @param {KeyboardEvent} event */
  #again(event) {
    if (event.key !== "ArrowUp" || event.isComposing || this.#fields.field.value !== "") return;
    const line = whole(last(this.state, this.language, SHOWN)).at(-1);
    if (!line) return;
    event.preventDefault();
    void this.#edit(line.id);
  }

  /** In the field of a correction, which is as high as a line is long: Enter is done. @param {KeyboardEvent} event */
  #press(event) {
    if (event.key === "Escape") this.#leave();
    if (event.key !== "Enter" || event.isComposing || !(event.target instanceof HTMLTextAreaElement)) return;
    event.preventDefault();
    event.target.form?.requestSubmit();
  }

  #leave() {
    this.editing = "";
    this.#fields.field.focus();
  }

  /** @param {string} id */
  async #edit(id) {
    this.editing = id;
    await this.updateComplete;
    const field = this.querySelector("[data-list] textarea");
    if (!(field instanceof HTMLTextAreaElement)) return;
    field.setSelectionRange(field.value.length, field.value.length);
    field.focus();
  }

  /** @param {Map<string, unknown>} changed */
  updated(changed) {
    const list = this.querySelector("[data-list] ol");
    if (list && (changed.has("state") || changed.has("language"))) list.scrollTop = list.scrollHeight;
    const link = this.querySelector("a[data-transcript]");
    if (link instanceof HTMLAnchorElement) {
      link.href = `/sessions/${this.#sessionId}/captions.vtt?language=${encodeURIComponent(this.language)}`;
      link.hidden = last(this.state, this.language, 1).length === 0;
    }
  }

  render() {
    const lines = last(this.state, this.language, SHOWN);
    const done = new Set(whole(lines));
    return html`${lines.length
      ? html`<ol aria-label="Last lines" tabindex="0">${repeat(lines, ({ id }) => id, (line) => this.#row(line, done.has(line)))}</ol>`
      : html`<p class="hint">Nothing was written yet. What you type appears under the picture as you type it.</p>`}
      ${this.error ? html`<p class="error" role="alert">${this.error}</p>` : nothing}`;
  }

  /**
   * @param {Line} line
   * @param {boolean} done
   */
  #row(line, done) {
    if (line.id === this.editing) {
      return html`<li><form class="correct" @submit=${(/** @type {SubmitEvent} */ event) => this.#correct(event, line)}
        @keydown=${(/** @type {KeyboardEvent} */ event) => this.#press(event)}>
        <textarea class="input" name="text" rows="3" maxlength="300" lang=${line.language} dir="auto" .value=${line.text} aria-label="The line as it should be; empty takes it out"></textarea>
        <button class="btn primary sm">Save</button></form></li>`;
    }
    return html`<li class=${done ? "" : "grows"}><span lang=${line.language} dir="auto">${line.text}${done ? nothing : html`<i aria-label="goes on"> …</i>`}</span>${done
      ? html`<button class="iconbtn" type="button" aria-label="Correct: ${line.text}" @click=${() => this.#edit(line.id)}>${icon("pencil")}</button>`
      : nothing}</li>`;
  }
}

customElements.define("caption-desk", CaptionDesk);
