import { wait, within } from "./backoff.js";
import { Outbox, Refusal } from "./outbox.js";
import { Positions } from "./positions.js";

/** @typedef {import("./positions.js").Position} Position */
/** @typedef {import("./outbox.js").Done} Done */
/** @typedef {{ type: string, topic?: string, seq?: number } & Record<string, unknown>} Frame */

/**
 * What a page around the socket provides; a test brings its own.
 * @typedef {object} Surroundings
 * @property {() => WebSocket} open
 * @property {() => number} now - milliseconds
 * @property {() => number} random
 * @property {(run: () => void, ms: number) => number} later
 * @property {(timer: number) => void} cancel
 * @property {() => string} id - a new UUID
 */

const SIGN_IN = 4001, RIGHTS_CHANGED = 4003, OVERLOADED = 1013;

/** These ask for patience: too many sockets or frames, or a server at its limit. */
const PATIENCE = new Set([OVERLOADED, 4008, 4029]);

/** How many attempts a socket that was turned away counts as. */
const PATIENT_ATTEMPTS = 5;

/** An answer takes milliseconds; after this long the socket is taken for dead, which nobody tells. */
const ANSWER_MS = 10_000;

/** @type {Surroundings} */
const page = {
  open: () => new WebSocket(new URL("/ws", location.href.replace(/^http/, "ws"))),
  now: () => performance.now(),
  random: Math.random,
  later: (run, ms) => setTimeout(run, ms),
  cancel: (timer) => clearTimeout(timer),
  id: newId,
};

/** `crypto.randomUUID` is missing on a page that came over plain HTTP. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = [...bytes].map((byte, at) => {
    const fixed = at === 6 ? (byte & 0x0f) | 0x40 : at === 8 ? (byte & 0x3f) | 0x80 : byte;
    return fixed.toString(16).padStart(2, "0");
  });
  return [hex.slice(0, 4), hex.slice(4, 6), hex.slice(6, 8), hex.slice(8, 10), hex.slice(10)]
    .map((part) => part.join(""))
    .join("-");
}

/**
 * One socket per page. It reconnects by itself, resumes each topic where the page left off, and sends
 * unanswered commands again.
 *
 * Every frame that comes down is dispatched as a `CustomEvent` of its type with the frame as `detail`:
 * events and states (`question`, `tally`, …) with their `topic`, `welcome`, `kept`, and `resync`, upon
 * which a panel fetches its fragment again. Besides: `online`, `away` (detail: `{ restarting, crowded }`;
 * said again when a page that is away is turned away, and when it is no longer), `signed-out`, `rights-changed` and `refused` (a topic that may not be followed).
 */
export class LiveSocket extends EventTarget {
  #around;
  #positions = new Positions();
  #outbox = new Outbox();
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {number | undefined} */
  #retry;
  /** @type {number | undefined} */
  #watch;
  /** @type {number[] | undefined} */
  #goodbye;
  #attempt = 0;
  #crowded = false;
  /**
   * The welcome of the present socket, for an element that comes to the page after it.
   * @type {Frame | undefined}
   */
  welcomed;
  /** @type {"idle" | "connecting" | "online" | "away" | "signed-out"} */
  #state = "idle";

  /** @param {Surroundings} around */
  constructor(around = page) {
    super();
    this.#around = around;
  }

  get state() {
    return this.#state;
  }

  /**
   * Listen to a topic. Several panels may follow the same one.
   * @param {string} topic
   * @param {Position} position - that of the snapshot the page was rendered with; epoch null when unknown
   */
  follow(topic, position) {
    if (this.#positions.follow(topic, position)) this.#follow(topic, position);
    this.#connect();
  }

  /** @param {string} topic */
  unfollow(topic) {
    if (this.#positions.unfollow(topic)) {
      this.#write(JSON.stringify({ type: "topic.unfollow", ref: this.#outbox.nextRef(), topic }));
    }
  }

  /**
   * Send a command; it is sent again after a reconnect until it is answered.
   * @param {string} type - noun.verb
   * @param {Record<string, unknown>} fields
   * @returns {Promise<Done>} rejected with a `Refusal`: `code`, and `where` for a field
   */
  send(type, fields = {}) {
    if (this.#state === "signed-out") return Promise.reject(new Refusal("signed_out"));
    const { id, now } = this.#around;
    return new Promise((resolve, reject) => {
      const text = this.#outbox.add(type, fields, id(), now(), resolve, reject);
      if (text !== undefined) this.#write(text);
      this.#connect();
      this.#watchAnswers();
    });
  }

  /**
   * Say something that is only worth saying now, such as a beat; it is neither kept nor repeated.
   * @param {string} type
   * @param {Record<string, unknown>} fields
   * @returns {boolean} whether it was sent
   */
  say(type, fields = {}) {
    this.#connect();
    return this.#write(JSON.stringify({ type, ...fields }));
  }

  /** The page has a reason to think that the socket is dead: come back on another one. */
  suspect() {
    if (this.#socket === undefined) this.#hurry();
    else this.#lost(this.#socket, 1006);
  }

  /** The network is back, or the page is looked at again: do not wait any longer. */
  wake() {
    if (this.#state === "away") this.#hurry();
  }

  #hurry() {
    if (this.#retry !== undefined) this.#around.cancel(this.#retry);
    this.#retry = undefined;
    this.#connect();
  }

  #connect() {
    if (this.#socket !== undefined || this.#retry !== undefined || this.#state === "signed-out") return;
    if (this.#state === "idle") this.#state = "connecting";
    const socket = this.#around.open();
    this.#socket = socket;
    socket.addEventListener("open", () => this.#opened(socket));
    socket.addEventListener("message", ({ data }) => this.#heard(socket, data));
    socket.addEventListener("close", ({ code }) => this.#lost(socket, code));
  }

  /** @param {WebSocket} socket */
  #opened(socket) {
    if (socket !== this.#socket) return;
    for (const [topic, position] of this.#positions.all()) this.#follow(topic, position);
    for (const text of this.#outbox.texts()) this.#write(text);
    this.#outbox.restart(this.#around.now());
    this.#watchAnswers();
  }

  /**
   * @param {WebSocket} socket
   * @param {number} code
   */
  #lost(socket, code) {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.welcomed = undefined;
    socket.close();
    if (code === SIGN_IN) {
      this.#state = "signed-out";
      this.#outbox.refuseAll("signed_out");
      this.#dispatch("signed-out", {});
      return;
    }
    if (code === RIGHTS_CHANGED) this.#dispatch("rights-changed", {});
    if (PATIENCE.has(code)) this.#attempt = Math.max(this.#attempt, PATIENT_ATTEMPTS);
    const restarting = this.#goodbye !== undefined;
    const { random, later } = this.#around;
    const ms = this.#goodbye ? within(this.#goodbye, random) : wait(this.#attempt, random);
    this.#goodbye = undefined;
    this.#attempt += 1;
    this.#retry = later(() => this.#hurry(), ms);
    const crowded = code === OVERLOADED;
    if (this.#state !== "away" || crowded !== this.#crowded) {
      this.#state = "away";
      this.#crowded = crowded;
      this.#dispatch("away", { restarting, crowded });
    }
  }

  /**
   * @param {WebSocket} socket
   * @param {string} text
   */
  #heard(socket, text) {
    if (socket !== this.#socket) return;
    const frame = parsed(text);
    if (frame === undefined) return;
    if (frame.topic !== undefined && frame.seq !== undefined && !this.#placed(frame)) return;
    switch (frame.type) {
      case "done":
        return this.#outbox.done(/** @type {Done} */ (frame));
      case "error":
        return this.#refused(/** @type {any} */ (frame));
      case "goodbye":
        this.#goodbye = /** @type {number[]} */ (frame.after_ms);
        return;
      case "welcome":
        this.welcomed = frame;
        this.#attempt = 0;
        this.#state = "online";
        this.#dispatch("online", {});
    }
    this.#dispatch(frame.type, frame);
  }

  /**
   * Keep a topic's position; false when the page has the event already, or must ask for what is missing.
   * @param {Frame} frame
   */
  #placed({ type, topic = "", seq = 0, epoch }) {
    if (type === "followed" || type === "resync") {
      this.#positions.set(topic, { epoch: /** @type {string | null} */ (epoch ?? null), seq });
      return true;
    }
    const place = this.#positions.arrived(topic, seq);
    const position = this.#positions.of(topic);
    if (place === "gap" && position !== undefined) this.#follow(topic, position);
    return place === "news";
  }

  /** @param {{ type: "error", ref: number, code: string, where?: string }} error */
  #refused(error) {
    if (!this.#outbox.refused(error)) this.#dispatch("refused", error);
  }

  /** Once for all commands: whether the oldest is waiting for too long. */
  #watchAnswers() {
    if (this.#watch !== undefined) return;
    const { later, now } = this.#around;
    this.#watch = later(() => {
      this.#watch = undefined;
      const waited = this.#outbox.waited(now());
      if (waited === 0 || this.#state === "signed-out") return;
      if (waited >= ANSWER_MS && this.#state === "online") this.suspect();
      this.#watchAnswers();
    }, ANSWER_MS / 4);
  }

  /**
   * @param {string} topic
   * @param {Position} position
   */
  #follow(topic, { epoch, seq }) {
    this.#write(
      JSON.stringify({ type: "topic.follow", ref: this.#outbox.nextRef(), topic, epoch, seq }),
    );
  }

  /** @param {string} text */
  #write(text) {
    if (this.#socket?.readyState !== 1) return false; // not open: what must be said is said on opening
    this.#socket.send(text);
    return true;
  }

  /**
   * @param {string} type
   * @param {Record<string, unknown>} detail
   */
  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * @param {string} text
 * @returns {Frame | undefined}
 */
function parsed(text) {
  try {
    const frame = JSON.parse(text);
    return typeof frame?.type === "string" ? frame : undefined;
  } catch {
    return undefined; // one odd frame must not stop the page
  }
}

/** The page's socket; it opens when something is first followed or sent. */
export const live = new LiveSocket();

if (typeof document !== "undefined") {
  addEventListener("online", () => live.wake());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") live.wake();
  });
}
