import { LitElement, html, nothing } from "../vendor/lit.js";
import { live } from "../live/socket.js";
import { icon } from "../shell/parts.js";
import { toast } from "../shell/toast.js";

/**
 * `<disclosure-panel session="…" sha256="…" acknowledged>`: what must be read before the picture. It stands in the
 * place that `data-disclosure="due"` or `"read"` marks, and tells the document with `disclosure`
 * (detail: `{ entered, acknowledged }`) whenever that changes. A changed text has to be read anew.
 */
class DisclosurePanel extends LitElement {
  static properties = {
    text: { state: true },
    sha256: { type: String },
    acknowledged: { type: Boolean },
    sending: { state: true },
  };
  #stop = new AbortController();

  constructor() {
    super();
    this.text = "";
    this.sha256 = "";
    this.acknowledged = false;
    this.sending = false;
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    if (this.firstElementChild && !this.text) {
      const told = this.querySelector(".disclosure > div");
      const paragraphs = [...(told?.childNodes ?? [])]
        .filter((node) => node.nodeName !== "H2")
        .map((node) => (node.textContent ?? "").trim());
      this.text = this.sha256 ? paragraphs.filter(Boolean).join("\n") : "";
      this.replaceChildren();
    }
    super.connectedCallback();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    live.addEventListener("disclosure", (event) => this.#changed(/** @type {CustomEvent} */ (event).detail), { signal });
    document.addEventListener("disclosure-due", () => this.#reread(), { signal });
  }

  disconnectedCallback() {
    this.#stop.abort();
    super.disconnectedCallback();
  }

  /** @param {{ session_id: string, sha256: string, text: string }} state */
  #changed({ session_id, sha256, text }) {
    if (session_id !== this.getAttribute("session") || sha256 === this.sha256) return;
    this.sha256 = sha256;
    this.text = text;
    this.acknowledged = false;
    this.#tell();
  }

  /** The server says that it is due, though this page took it for read: another text is in force. */
  async #reread() {
    const answer = await fetch(`/sessions/${this.getAttribute("session")}/state`);
    if (!answer.ok) return;
    const { disclosure } = await answer.json();
    if (!disclosure) return;
    this.sha256 = disclosure.sha256;
    this.text = disclosure.text;
    this.acknowledged = disclosure.acknowledged;
    this.#tell();
  }

  /** @param {SubmitEvent} event */
  async #read(event) {
    event.preventDefault();
    this.sending = true;
    const address = /** @type {HTMLFormElement} */ (event.target).action;
    try {
      const body = new URLSearchParams({ sha256: this.sha256 });
      const answer = await fetch(address, { method: "POST", body, headers: { Accept: "application/json" } });
      if (answer.ok) this.acknowledged = true;
      else if (answer.status === 409) await this.#reread();
      else toast("This could not be recorded. Please try again.");
    } catch {
      toast("The server cannot be reached. Please try again.");
    }
    this.sending = false;
    this.#tell();
  }

  #tell() {
    const place = document.querySelector(`[data-disclosure="${this.acknowledged ? "read" : "due"}"]`);
    if (place && place !== this.parentElement) place.append(this);
    const detail = { entered: Boolean(this.sha256), acknowledged: this.acknowledged };
    document.dispatchEvent(new CustomEvent("disclosure", { detail }));
  }

  render() {
    const [first, ...others] = this.text.split("\n");
    return html`<aside class="disclosure" aria-labelledby="disclosure-title">
      ${icon("shield-check")}
      ${this.sha256
        ? html`<div><h2 id="disclosure-title">Disclosures.</h2> ${first}${others.map((each) => html`<p>${each}</p>`)}</div>`
        : html`<div><h2 id="disclosure-title">Disclosures.</h2> Nothing has been entered for this session yet.
            The picture starts only after it is.</div>`}
      ${this.sha256 && !this.acknowledged
        ? html`<form method="post" action="/sessions/${this.getAttribute("session")}/disclosure/shown"
            @submit=${(/** @type {SubmitEvent} */ event) => this.#read(event)}>
            <button class="btn primary sm" ?disabled=${this.sending}>I have read this</button></form>`
        : nothing}
    </aside>`;
  }
}

customElements.define("disclosure-panel", DisclosurePanel);
