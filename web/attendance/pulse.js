/** When to beat: pure, so that `node --test` can try it without a browser. */

/** @typedef {{ visible: boolean, playing: boolean }} Presence */

/**
 * The beats of one socket: numbered, each returning the echo of the last answer. A new socket starts anew.
 */
export class Pulse {
  #n = 0;
  #echo = "";
  /** @type {number | undefined} */
  #keptAt;
  #sentAt = -Infinity;
  /** @type {Presence | undefined} */
  #sent;
  #waiting = false;

  /**
   * @param {number} beatMs - how often
   * @param {number} giveUpMs - without an answer for so long, nothing is being recorded
   */
  constructor(beatMs = 15_000, giveUpMs = 30_000) {
    this.beatMs = beatMs;
    this.giveUpMs = giveUpMs;
  }

  /**
   * A socket opened and was welcomed.
   * @param {string} echo
   * @param {number} now
   */
  welcome(echo, now) {
    this.#n = 0;
    this.#echo = echo;
    this.#sent = undefined;
    this.#sentAt = -Infinity;
    this.#waiting = false;
    this.#keptAt ??= now;
  }

  /**
   * The page is there: from now on, not only from the first welcome, silence is told.
   * @param {number} now
   */
  begin(now) {
    this.#keptAt ??= now;
  }

  /** The socket is gone: nothing can be sent until the next welcome. */
  gone() {
    this.#echo = "";
    this.#waiting = false;
  }

  /**
   * What to send now, if anything: on time, or at once when something changed.
   * @param {number} now
   * @param {Presence} presence
   * @param {boolean} leaving
   */
  next(now, presence, leaving = false) {
    if (!this.#echo) return undefined;
    if (this.#waiting && now - this.#sentAt < this.beatMs / 2 && !leaving) return undefined;
    const changed = this.#sent !== undefined
      && (this.#sent.visible !== presence.visible || this.#sent.playing !== presence.playing);
    if (!leaving && !changed && now - this.#sentAt < this.beatMs) return undefined;
    if (!this.#waiting) this.#n += 1;
    this.#sent = { ...presence };
    this.#sentAt = now;
    this.#waiting = true;
    return { n: this.#n, echo: this.#echo, ...presence, ...(leaving ? { leaving: true } : {}) };
  }

  /**
   * @param {{ n: number, echo: string }} answer
   * @param {number} now
   */
  kept({ n, echo }, now) {
    if (n !== this.#n) return;
    this.#echo = echo;
    this.#waiting = false;
    this.#keptAt = now;
  }

  /**
   * Whether the page must say that attendance is not being recorded.
   * @param {number} now
   */
  silent(now) {
    return this.#keptAt !== undefined && now - this.#keptAt > this.giveUpMs;
  }
}
