// Keeps a panel's snapshot true: follows its topics, hands on what arrives once a frame, and fetches the snapshot again
// when the history has a hole. It knows no feature.
import { wait } from "./backoff.js";
import { live } from "./socket.js";

/** @typedef {{ type: string, topic?: string, id?: string } & Record<string, any>} Frame */
/** @typedef {{ topic: string, epoch: string | null, seq: number }} Followed */

/**
 * What a panel gives its feed; the last three are a test's own.
 * @typedef {object} Wishes
 * @property {Followed[]} follows - the topics, from where the snapshot stands
 * @property {string[]} types - of the events and states the panel folds
 * @property {string} fragment - where the snapshot is fetched as JSON
 * @property {(frames: Frame[]) => void} fold
 * @property {(snapshot: any) => void} replace
 * @property {EventTarget & { follow: (topic: string, position: Followed) => void, unfollow: (topic: string) => void }} [socket]
 * @property {(run: () => void) => void} [soon]
 * @property {(url: string) => Promise<any>} [load]
 */

export class Feed {
  #wishes;
  #socket;
  #soon;
  #load;
  #topics;
  /** @type {Frame[]} arrived, and not folded yet */
  #waiting = [];
  /** @type {Frame[] | undefined} what arrived while a snapshot is fetched: it may be younger than that */
  #since;
  #again = false;
  #attempt = 0;
  #open = false;

  /** @param {Wishes} wishes */
  constructor(wishes) {
    this.#wishes = wishes;
    this.#socket = wishes.socket ?? live;
    this.#soon = wishes.soon ?? soon;
    this.#load = wishes.load ?? load;
    this.#topics = new Set(wishes.follows.map(({ topic }) => topic));
  }

  open() {
    this.#open = true;
    for (const type of this.#wishes.types) this.#socket.addEventListener(type, this.#arrived);
    this.#socket.addEventListener("resync", this.#lost);
    for (const followed of this.#wishes.follows) this.#socket.follow(followed.topic, followed);
  }

  close() {
    this.#open = false;
    for (const type of this.#wishes.types) this.#socket.removeEventListener(type, this.#arrived);
    this.#socket.removeEventListener("resync", this.#lost);
    for (const topic of this.#topics) this.#socket.unfollow(topic);
  }

  /** @param {Event} event */
  #arrived = (event) => {
    const frame = /** @type {CustomEvent<Frame>} */ (event).detail;
    if (!this.#topics.has(frame.topic ?? "")) return;
    this.#since?.push(frame);
    if (this.#waiting.push(frame) === 1) this.#soon(this.#fold);
  };

  #fold = () => {
    const frames = this.#waiting;
    this.#waiting = [];
    if (frames.length && this.#open) this.#wishes.fold(frames);
  };

  /** @param {Event} event */
  #lost = (event) => {
    const { topic } = /** @type {CustomEvent<Frame>} */ (event).detail;
    if (!this.#topics.has(topic ?? "")) return;
    if (this.#since === undefined) this.#refetch();
    else this.#again = true;
  };

  async #refetch() {
    this.#since = [];
    this.#again = false;
    try {
      const snapshot = await this.#load(this.#wishes.fragment);
      if (!this.#open) return;
      this.#attempt = 0;
      this.#wishes.replace(snapshot);
      if (this.#since.length) this.#wishes.fold(this.#since);
    } catch {
      this.#again = true; // away for a moment: the page stands as it was until the next attempt
      await new Promise((resolve) => setTimeout(resolve, wait(this.#attempt++)));
    } finally {
      this.#since = undefined;
    }
    if (this.#again && this.#open) await this.#refetch();
  }
}

/** Before the next picture; a page that nobody looks at gets none, and must not pile up what arrives.
 * @param {() => void} run */
function soon(run) {
  if (document.hidden) setTimeout(run, 250);
  else requestAnimationFrame(run);
}

/** @param {string} url */
async function load(url) {
  const response = await fetch(url, { headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
}
