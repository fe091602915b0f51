import { html, render } from "../vendor/lit.js";
import { live } from "../live/socket.js";
import { avatar } from "../shell/parts.js";
import { fetched } from "./follow.js";
import { Reading } from "./reading.js";

/**
 * @typedef {{ id: string, called: string, line: string, free: boolean }} Colleague
 * @typedef {{ key: string, staff: Colleague[], waiting: number }} Booth
 * @typedef {{ topic: string, epoch: string | null, seq: number }} At
 */

/** @param {Booth} booth */
const foot = ({ staff, waiting }) =>
  staff.length
    ? html`<span class="stack">${staff.slice(0, 3).map(({ called }) => avatar(called, 32))}</span>
        <span class="online">${staff.length} at booth, ${waiting ? `${waiting} waiting` : "no wait"}</span>`
    : html`<span class="online off">Leave a message</span>`;

/** @typedef {{ booths: Booth[] }} Hall */

/** @param {Hall} hall @param {Booth} booth @returns {Hall} */
const changed = ({ booths }, booth) => ({ booths: [...booths.filter(({ key }) => key !== booth.key), booth] });

/** Keeps who is at each booth true, and filters without a new page. The cards are the server's. */
class ExhibitHall extends HTMLElement {
  #stop = new AbortController();
  /** @type {Reading<Hall>} */
  #reading = new Reading(fetched, changed);
  #now = "";
  #category = "";
  /** @type {Set<string>} booths with somebody there */
  #open = new Set();

  connectedCallback() {
    const { signal } = this.#stop;
    const text = this.querySelector("script")?.textContent ?? "{}";
    const { positions, now } = /** @type {{ positions: At[], now: string }} */ (JSON.parse(text));
    this.#now = now;
    for (const card of this.#cards()) {
      if (card.querySelector(".online:not(.off)")) this.#open.add(card.dataset.booth ?? "");
    }
    this.#category = new URL(location.href).searchParams.get("category") ?? "";
    const search = this.querySelector("input[type='search']");
    search?.addEventListener("input", () => this.#filter(), { signal });
    this.querySelector("form")?.addEventListener("submit", (event) => event.preventDefault(), { signal });
    this.addEventListener("click", (event) => this.#pick(event), { signal });
    live.addEventListener("booth", (event) => {
      const booth = /** @type {CustomEvent} */ (event).detail;
      if (!positions.some(({ topic }) => topic === booth.topic)) return;
      this.#reading.took(booth);
      this.#show(booth);
    }, { signal });
    for (const type of ["followed", "resync"]) {
      live.addEventListener(type, (event) => {
        const { topic } = /** @type {CustomEvent} */ (event).detail;
        if (positions.some((at) => at.topic === topic)) this.#reload();
      }, { signal });
    }
    for (const { topic, epoch, seq } of positions) live.follow(topic, { epoch, seq });
  }

  disconnectedCallback() {
    this.#stop.abort();
  }

  /** @returns {NodeListOf<HTMLElement>} */
  #cards() {
    return this.querySelectorAll("[data-booth]");
  }

  /** What changed between the page and the socket, or while it was away. */
  async #reload() {
    const hall = await this.#reading.read(this.#now);
    if (!hall) return;
    const known = new Map(hall.booths.map((booth) => [booth.key, booth]));
    for (const { dataset } of this.#cards()) {
      const key = dataset.booth ?? "";
      this.#show(known.get(key) ?? { key, staff: [], waiting: 0 });
    }
  }

  /** @param {Booth} booth */
  #show(booth) {
    const who = this.querySelector(`[data-booth="${CSS.escape(booth.key)}"] .who`);
    if (!(who instanceof HTMLElement)) return;
    if (!who.dataset.live) {
      who.dataset.live = "yes";
      who.replaceChildren();
    }
    render(foot(booth), who);
    if (booth.staff.length) this.#open.add(booth.key);
    else this.#open.delete(booth.key);
    const open = this.querySelector("[data-open]");
    if (open) open.textContent = String(this.#open.size);
  }

  /** @param {Event} event */
  #pick(event) {
    const link = event.target instanceof Element ? event.target.closest("[data-filter]") : null;
    const { ctrlKey, metaKey, shiftKey } = /** @type {MouseEvent} */ (event);
    if (!(link instanceof HTMLAnchorElement) || ctrlKey || metaKey || shiftKey) return;
    event.preventDefault();
    this.#category = link.dataset.filter ?? "";
    for (const each of this.querySelectorAll("[data-filter]")) {
      if (each === link) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    }
    history.replaceState(null, "", link.href);
    this.#filter();
  }

  #filter() {
    const search = this.querySelector("input[type='search']");
    const wanted = search instanceof HTMLInputElement ? search.value.toLowerCase().split(/\s+/) : [];
    let found = 0;
    for (const card of this.#cards()) {
      const { words = "", category } = card.dataset;
      const fits = (!this.#category || category === this.#category) && wanted.every((word) => words.includes(word));
      card.hidden = !fits;
      found += Number(fits);
    }
    this.querySelector("[data-nothing]")?.toggleAttribute("hidden", found > 0);
    const told = this.querySelector("[data-found]");
    if (told) told.textContent = found === 1 ? "One exhibitor" : `${found} exhibitors`;
  }
}

customElements.define("exhibit-hall", ExhibitHall);
