// How far each followed topic has come on this page. Pure.

/** @typedef {{ epoch: string | null, seq: number }} Position - epoch null: not known */

export class Positions {
  /** @type {Map<string, { position: Position, followers: number }>} */
  #topics = new Map();

  /**
   * A panel wants a topic, from the position of the snapshot that it shows.
   * @param {string} topic
   * @param {Position} position
   * @returns {boolean} whether the server must be asked to send from there
   */
  follow(topic, position) {
    const known = this.#topics.get(topic);
    if (known === undefined) {
      this.#topics.set(topic, { position, followers: 1 });
      return true;
    }
    known.followers += 1;
    const { epoch, seq } = known.position;
    // A panel that knows less makes the others see some events twice, which changes nothing.
    if (epoch !== null && epoch === position.epoch && position.seq >= seq) return false;
    known.position = position;
    return true;
  }

  /**
   * @param {string} topic
   * @returns {boolean} whether nobody on this page wants it any more
   */
  unfollow(topic) {
    const known = this.#topics.get(topic);
    if (known === undefined || --known.followers > 0) return false;
    return this.#topics.delete(topic);
  }

  /** @param {string} topic */
  of(topic) {
    return this.#topics.get(topic)?.position;
  }

  /** @returns {[string, Position][]} */
  all() {
    return [...this.#topics].map(([topic, { position }]) => [topic, position]);
  }

  /**
   * The server says where a topic stands: `followed` or `resync`.
   * @param {string} topic
   * @param {Position} position
   */
  set(topic, position) {
    const known = this.#topics.get(topic);
    if (known !== undefined) known.position = position;
  }

  /**
   * An event arrived.
   * @param {string} topic
   * @param {number} seq
   * @returns {"news" | "seen" | "gap"} after a gap the topic must be followed again from its position
   */
  arrived(topic, seq) {
    const known = this.#topics.get(topic);
    if (known === undefined) return "seen";
    const { epoch, seq: last } = known.position;
    if (epoch !== null && seq <= last) return "seen";
    if (epoch !== null && seq > last + 1) return "gap";
    known.position = { epoch, seq };
    return "news";
  }
}
