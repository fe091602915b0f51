// The day of a programme comes alive: typing finds at once, the line of now moves, chosen tracks are remembered.
// Everything here also works without it, by links and forms.
import { covers, matches, otherDay, rowOf, words } from "./find.js";

const TICK_MS = 30_000;

class ProgrammeDay extends HTMLElement {
  #timer = 0;
  #field = /** @type {HTMLInputElement | null} */ (null);
  #onInput = () => this.#find();

  #onClick = (/** @type {Event} */ event) => {
    if (event.target instanceof Element && event.target.closest("time-zone button")) this.#days();
  };

  connectedCallback() {
    this.#field = document.querySelector("[data-find-form] input[name=q]");
    this.#field?.addEventListener("input", this.#onInput);
    this.#timer = window.setInterval(() => this.#tick(), TICK_MS);
    document.addEventListener("click", this.#onClick); // after the button's own: the choice is made by then
    if (this.#field?.value) this.#find();
    this.#days();
  }

  disconnectedCallback() {
    this.#field?.removeEventListener("input", this.#onInput);
    document.removeEventListener("click", this.#onClick);
    window.clearInterval(this.#timer);
  }

  /** In the viewer's zone a session may fall on another day than the page's: its time then says which. */
  #days() {
    const local = localStorage.getItem("times") === "local";
    const zone = this.getAttribute("zone") ?? "UTC";
    const device = Intl.DateTimeFormat().resolvedOptions().timeZone;
    for (const element of this.querySelectorAll(".slot .t")) {
      const at = element.querySelector("time")?.dateTime;
      const day = local && at ? otherDay(new Date(at), zone, device) : "";
      if (day) element.setAttribute("data-day", day);
      else element.removeAttribute("data-day");
    }
  }

  #find() {
    const wanted = words(this.#field?.value ?? "");
    let shown = 0;
    for (const element of this.querySelectorAll(".slot")) {
      const slot = /** @type {HTMLElement} */ (element);
      slot.hidden = !matches(slot.dataset.find ?? "", wanted);
      if (!slot.hidden) shown += 1;
    }
    const earlier = this.querySelector("details.earlier");
    if (earlier && wanted.length) earlier.toggleAttribute("open", Boolean(earlier.querySelector(".slot:not([hidden])")));
    const none = this.querySelector("[data-none]");
    if (none instanceof HTMLElement) none.hidden = shown > 0 || wanted.length === 0;
  }

  #tick() {
    const line = this.querySelector(".nowline");
    const grid = this.querySelector(".prog[data-start]");
    if (!(line instanceof HTMLElement) || !(grid instanceof HTMLElement)) return;
    const row = rowOf(Date.parse(grid.dataset.start ?? ""), Date.now(), Number(grid.dataset.rows));
    line.hidden = row === null;
    for (const hour of /** @type {NodeListOf<HTMLElement>} */ (grid.querySelectorAll(".hr"))) {
      hour.toggleAttribute("data-covered", covers(row, Number(hour.dataset.row)));
    }
    if (row === null) return;
    line.dataset.row = String(row);
    const time = line.querySelector("time");
    if (!time) return;
    const before = new Date(time.dateTime);
    const now = new Date();
    // The zone that is shown is the text's own: whole minutes are added to it, whichever it is.
    const [hour = 0, minute = 0] = (time.textContent ?? "").split(":").map(Number);
    const minutes = (hour * 60 + minute + Math.floor(now.getTime() / 60_000) - Math.floor(before.getTime() / 60_000)) % 1440;
    time.textContent = `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
    time.dateTime = now.toISOString();
  }
}

/** Keeps the chosen tracks: on the next visit they are ticked already, and one press shows them. */
class TrackFilter extends HTMLElement {
  connectedCallback() {
    const key = `tracks:${this.getAttribute("conference")}`;
    const form = this.querySelector("form");
    const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (this.querySelectorAll("input[name=track]"));
    const kept = JSON.parse(localStorage.getItem(key) ?? "[]");
    if (![...boxes].some((box) => box.checked)) for (const box of boxes) box.checked = kept.includes(box.value);
    this.querySelector("[data-all-tracks]")?.addEventListener("click", () => localStorage.removeItem(key));
    form?.addEventListener("submit", () => {
      const chosen = new FormData(form).getAll("track").map(String);
      if (chosen.length) localStorage.setItem(key, JSON.stringify(chosen));
      else localStorage.removeItem(key);
    });
  }
}

customElements.define("programme-day", ProgrammeDay);
customElements.define("track-filter", TrackFilter);
