// A page that follows and reads at the same time: what arrives while a snapshot is under way may be younger than it.

/**
 * @template State
 * @typedef {(path: string, signal: AbortSignal) => Promise<State | undefined>} Fetch
 */

/**
 * Reads snapshots for one panel. The newest reading counts, an older one is given up; the frames that came
 * meanwhile are put upon what was read.
 * @template State
 */
export class Reading {
  /** @type {{ stop: AbortController, frames: any[] } | undefined} */
  #asked;
  #fetch;
  #reduce;

  /**
   * @param {Fetch<State>} fetch - undefined when the server is not reached, or says no
   * @param {(state: State, frame: any) => State} reduce - a frame put upon a state twice changes it once
   */
  constructor(fetch, reduce) {
    this.#fetch = fetch;
    this.#reduce = reduce;
  }

  /** @param {any} frame - one that the panel has just shown */
  took(frame) {
    this.#asked?.frames.push(frame);
  }

  /**
   * @param {string} path
   * @returns {Promise<State | undefined>} undefined when nothing was read, or a newer reading is under way
   */
  async read(path) {
    this.#asked?.stop.abort();
    const asked = (this.#asked = { stop: new AbortController(), frames: /** @type {any[]} */ ([]) });
    const read = await this.#fetch(path, asked.stop.signal);
    if (asked !== this.#asked) return undefined;
    this.#asked = undefined;
    return read && asked.frames.reduce(this.#reduce, read);
  }
}
