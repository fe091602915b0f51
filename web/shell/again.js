import { wait } from "../live/backoff.js";

/** As a page that was turned away often: the first wait is up to four seconds, all others up to eight. */
const PATIENT_ATTEMPTS = 3;

/**
 * `<try-again>`: a page that could not be served yet asks for itself again, and says so. How often it
 * has done so is kept with its entry in the history, which a reload leaves as it is.
 */
class TryAgain extends HTMLElement {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  connectedCallback() {
    const tried = Number(history.state?.tried) || 0;
    const status = this.querySelector("[role=status]");
    const button = this.querySelector("button");
    if (status === null || button === null) return;
    status.textContent = "This page tries again by itself every few seconds.";
    this.querySelector("[hidden]")?.removeAttribute("hidden");
    button.addEventListener("click", () => {
      if (this.#timer === undefined) return location.reload();
      clearTimeout(this.#timer);
      this.#timer = undefined;
      status.textContent = "It has stopped trying.";
      button.textContent = "Try again";
    });
    this.#timer = setTimeout(() => {
      history.replaceState({ tried: tried + 1 }, "");
      location.reload();
    }, wait(tried + PATIENT_ATTEMPTS));
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }
}

customElements.define("try-again", TryAgain);
