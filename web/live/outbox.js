// Commands that were not answered yet. Pure: it neither sends nor waits.

/**
 * A command on its way. Sent again after a reconnect it is the same text, with the same `command_id`,
 * so that the server carries it out once.
 * @typedef {{ ref: number, text: string, at: number, resolve: (done: Done) => void, reject: (refusal: Refusal) => void }} Pending
 * @typedef {{ type: "done", ref: number, id?: string, value?: unknown }} Done
 */

/** Nobody clicks more often without an answer; a page that comes back sends all of it at once. */
export const LIMIT = 20;

/** Why a command was not carried out: the server's code, and the path of the field at fault. */
export class Refusal extends Error {
  /**
   * @param {string} code
   * @param {string} where
   */
  constructor(code, where = "") {
    super(code);
    this.name = "Refusal";
    this.code = code;
    this.where = where;
  }
}

export class Outbox {
  /** @type {Map<number, Pending>} by ref, in the order in which they were given */
  #pending = new Map();
  #ref = 0;

  /** A number for a frame that is answered but not kept. */
  nextRef() {
    return ++this.#ref;
  }

  /**
   * Keep a command until it is answered; returns the text to send.
   * @param {string} type
   * @param {Record<string, unknown>} fields
   * @param {string} commandId
   * @param {number} at - milliseconds
   * @param {(done: Done) => void} resolve
   * @param {(refusal: Refusal) => void} reject
   * @returns {string | undefined} nothing when too many wait; the command is then refused
   */
  add(type, fields, commandId, at, resolve, reject) {
    if (this.#pending.size >= LIMIT) {
      reject(new Refusal("busy"));
      return undefined;
    }
    const ref = this.nextRef();
    const text = JSON.stringify({ type, ref, command_id: commandId, ...fields });
    this.#pending.set(ref, { ref, text, at, resolve, reject });
    return text;
  }

  /** @param {Done} done */
  done(done) {
    this.#take(done.ref)?.resolve(done);
  }

  /**
   * @param {{ ref: number, code: string, where?: string }} error
   * @returns {boolean} whether a command of this outbox was refused
   */
  refused({ ref, code, where = "" }) {
    const pending = this.#take(ref);
    pending?.reject(new Refusal(code, where));
    return pending !== undefined;
  }

  /** Everything unanswered, oldest first, to be sent again. */
  texts() {
    return [...this.#pending.values()].map(({ text }) => text);
  }

  /** How long the oldest command has waited, in milliseconds; 0 when none does.
   * @param {number} now */
  waited(now) {
    const oldest = this.#pending.values().next().value;
    return oldest === undefined ? 0 : now - oldest.at;
  }

  /** A new socket: waiting starts anew.
   * @param {number} now */
  restart(now) {
    for (const pending of this.#pending.values()) pending.at = now;
  }

  /** Nobody will answer any more.
   * @param {string} code */
  refuseAll(code) {
    for (const { ref } of [...this.#pending.values()]) this.refused({ ref, code });
  }

  /** @param {number} ref */
  #take(ref) {
    const pending = this.#pending.get(ref);
    this.#pending.delete(ref);
    return pending;
  }
}
