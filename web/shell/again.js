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
    const buttons = this.querySelector("[hidden]");
    if (status === null || buttons === null) return;
    status.textContent = "It tries again by itself every few seconds.";
    buttons.removeAttribute("hidden");
    this.querySelector("button")?.addEventListener("click", () => {
      clearTimeout(this.#timer);
      buttons.setAttribute("hidden", "");
      status.textContent = "It has stopped trying. Reload the page to go on.";
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
