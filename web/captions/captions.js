import { Feed } from "../live/feed.js";
import { Delayed, begin, languages, last, pick, reduce, whole } from "./reduce.js";
import { called } from "./names.js";
import { keep, kept } from "./wishes.js";

/** @typedef {import("./reduce.js").State} State */
/** @typedef {import("./wishes.js").Wishes} Wishes */
/** @typedef {import("../live/feed.js").Frame} Frame */

/** Of one language on the screen: what is said, and what it goes on from. */
const SHOWN = 2;

/** There is room for so many lines of the page (captions.css): what would not fit beside the newest makes way for it. */
const ROOM = 3;

/** How long the last line stands when nothing comes after it. */
const QUIET_MS = 15_000;

/** How often it is looked whether the picture has come to what waits for it. */
const LOOK_MS = 100;

/**
 * `<live-captions>`: what is said, in words, under the picture. It is off until somebody turns it on (CC, or the key C)
 * and follows its topic only then. The button that turns it is elsewhere on the stage: `data-captions="toggle"`.
 * Where the picture is late (`<stage-player>.playingMs`), so are the words.
 */
class LiveCaptions extends HTMLElement {
  /** @type {Feed | undefined} */
  #feed;
  /** @type {State} */
  #state = new Map();
  #own = "";
  #wishes = kept();
  #late = new Delayed();
  /** @type {Set<string>} lines that were read aloud, or were there before somebody wished it */
  #read = new Set();
  #following = false;
  /** @type {number | undefined} */
  #looking;
  /** @type {number | undefined} */
  #quiet;
  #stop = new AbortController();

  connectedCallback() {
    const snapshot = JSON.parse(this.querySelector("script[type='application/json']")?.textContent ?? "{}");
    this.#state = begin(snapshot);
    this.#own = snapshot.language;
    this.#feed = new Feed({
      follows: snapshot.follows,
      types: ["caption"],
      fragment: `/sessions/${snapshot.session_id}/captions/fragment`,
      fold: (frames) => this.#told(frames),
      replace: (next) => {
        this.#late.clear();
        this.#become(begin(next));
      },
    });
    const { signal } = this.#stop;
    this.#button?.addEventListener("click", () => this.#wish({ on: !this.#wishes.on }), { signal });
    this.querySelector("form")?.addEventListener("change", (event) => this.#chosen(event), { signal });
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#wish({});
  }

  disconnectedCallback() {
    this.#stop.abort();
    if (this.#following) this.#feed?.close();
    clearTimeout(this.#looking);
    clearTimeout(this.#quiet);
  }

  /** @returns {HTMLElement | null} */
  get #button() {
    return this.closest(".stage")?.querySelector("[data-captions='toggle']") ?? null;
  }

  /** @param {Partial<Wishes>} wish */
  #wish(wish) {
    this.#wishes = { ...this.#wishes, ...wish };
    if (Object.keys(wish).length > 0) keep(this.#wishes);
    const { on, size, read } = this.#wishes;
    this.hidden = !on;
    this.dataset.size = size;
    const button = this.#button;
    if (button) {
      button.hidden = false;
      button.setAttribute("aria-pressed", String(on));
    }
    for (const each of this.querySelectorAll("input")) {
      each.checked = each.name === "size" ? each.value === size : read;
    }
    this.#aloud(on && read);
    if (on !== this.#following) {
      this.#following = on;
      if (on) this.#feed?.open();
      else this.#feed?.close();
    }
    this.#show();
  }

  /** @param {boolean} aloud - what stands there now was not said since */
  #aloud(aloud) {
    const region = this.#part("aloud");
    const was = region.getAttribute("aria-live") === "polite";
    region.setAttribute("aria-live", aloud ? "polite" : "off");
    if (aloud && !was) {
      for (const lines of this.#state.values()) for (const { id } of lines) this.#read.add(id);
    }
    if (!aloud) region.replaceChildren();
  }

  /** @param {Event} event */
  #chosen({ target }) {
    if (target instanceof HTMLSelectElement) this.#wish({ language: target.value });
    if (!(target instanceof HTMLInputElement)) return;
    if (target.name === "size") this.#wish({ size: /** @type {Wishes["size"]} */ (target.value) });
    else this.#wish({ read: target.checked });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { target, key } = event;
    if (key.toLowerCase() !== "c" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"))) return;
    event.preventDefault();
    this.#wish({ on: !this.#wishes.on });
  }

  get #playingMs() {
    const player = /** @type {{ playingMs?: number } | null} */ (this.closest("stage-player"));
    return player?.playingMs;
  }

  /** @param {readonly Frame[]} frames */
  #told(frames) {
    this.#late.add(frames);
    this.#look();
  }

  #look() {
    clearTimeout(this.#looking);
    const due = this.#late.take(this.#playingMs);
    if (due.length > 0) this.#become(reduce(this.#state, due));
    if (this.#late.waits) this.#looking = setTimeout(() => this.#look(), LOOK_MS);
  }

  /** @param {State} next */
  #become(next) {
    this.#state = next;
    clearTimeout(this.#quiet);
    this.#show();
  }

  /** @param {string} name */
  #part(name) {
    return /** @type {HTMLElement} */ (this.querySelector(`[data-captions="${name}"]`));
  }

  #show() {
    if (!this.#wishes.on) return;
    const there = languages(this.#state);
    const language = pick(there, this.#wishes.language, navigator.languages, this.#own);
    this.#offer(there, language);
    const lines = last(this.#state, language, SHOWN);
    const newest = lines.at(-1)?.text ?? "";
    this.#write(language, lines.at(-2)?.text ?? "", newest);
    if (this.#crowded) this.#write(language, "", newest);
    this.#readOut(language);
    this.#part("none").hidden = there.length > 0;
    clearTimeout(this.#quiet);
    if (newest) this.#quiet = setTimeout(() => this.#write(language, "", ""), QUIET_MS);
  }

  /**
   * @param {string} language
   * @param {string} older
   * @param {string} newest
   */
  #write(language, older, newest) {
    const words = this.#part("words");
    words.lang = language;
    for (const [name, text] of [["older", older], ["newest", newest]]) {
      const part = this.#part(String(name));
      if (part.textContent !== text) part.textContent = text ?? "";
    }
  }

  /** Whether more stands there than there is room for, at the size and the width of this moment. */
  get #crowded() {
    const words = this.#part("words");
    return words.clientHeight > (ROOM + 0.5) * parseFloat(getComputedStyle(words).lineHeight);
  }

  /** Whole lines only, and each once: a screen reader would stumble over one that grows. @param {string} language */
  #readOut(language) {
    if (!this.#wishes.read) return;
    const region = this.#part("aloud");
    for (const { id, text } of whole(last(this.#state, language, SHOWN + 1))) {
      if (this.#read.has(id)) continue;
      this.#read.add(id);
      const line = document.createElement("p");
      line.lang = language;
      line.textContent = text;
      region.append(line);
      while (region.childElementCount > SHOWN) region.firstElementChild?.remove();
    }
  }

  /**
   * @param {string[]} there
   * @param {string} language
   */
  #offer(there, language) {
    const select = this.querySelector("select");
    if (!select) return;
    /** @type {HTMLElement} */ (select.parentElement).hidden = there.length < 2;
    const offered = [...select.options].map(({ value }) => value).join();
    if (offered !== there.join()) {
      select.replaceChildren(...there.map((tag) => {
        const option = new Option(called(tag), tag);
        option.lang = tag;
        return option;
      }));
    }
    select.value = language;
  }
}

customElements.define("live-captions", LiveCaptions);
