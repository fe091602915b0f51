import { sentence } from "./sentence.js";
import { live } from "./socket.js";

/** How long a page is away before it says so: most reconnects take less, and worry nobody. */
const PATIENCE_MS = 1_500;

/** How long "back" stays to be read. */
const BACK_MS = 4_000;

/**
 * `<live-banner>`: says that the page is not up to date, and when it is again. Jinja renders it empty;
 * it is a status, so that a screen reader speaks it without taking the focus.
 */
class LiveBanner extends HTMLElement {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #shown = false;

  connectedCallback() {
    this.setAttribute("role", "status");
    live.addEventListener("away", this.#away);
    live.addEventListener("online", this.#online);
    live.addEventListener("signed-out", this.#signedOut);
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    live.removeEventListener("away", this.#away);
    live.removeEventListener("online", this.#online);
    live.removeEventListener("signed-out", this.#signedOut);
  }

  /** @param {Event} event */
  #away = (event) => {
    const { detail } = /** @type {CustomEvent<import("./sentence.js").Away>} */ (event);
    clearTimeout(this.#timer);
    const say = () => {
      this.#shown = true;
      this.#say("away", sentence(detail));
    };
    if (this.#shown) say();
    else this.#timer = setTimeout(say, PATIENCE_MS);
  };

  #online = () => {
    clearTimeout(this.#timer);
    if (!this.#shown) return;
    this.#shown = false;
    this.#say("back", "Back.");
    this.#timer = setTimeout(() => this.#say("", ""), BACK_MS);
  };

  #signedOut = () => {
    clearTimeout(this.#timer);
    this.#say("away", "You are signed out. ");
    const link = document.createElement("a");
    link.href = location.pathname;
    link.textContent = "Sign in again";
    this.append(link);
  };

  /**
   * @param {string} state
   * @param {string} text
   */
  #say(state, text) {
    this.dataset.state = state;
    this.textContent = text;
  }
}

customElements.define("live-banner", LiveBanner);
