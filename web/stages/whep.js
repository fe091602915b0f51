// Watching: a ticket, an offer, the picture; and again after every loss, until it is told to stop.
import { wait } from "../live/backoff.js";
import { offer } from "./offer.js";

/** @typedef {import("./show.js").Line} Line */

/** No packet for so long while somebody is on air: the way to the relay is lost, whatever the browser says. */
const STALLED_MS = 4_000;

/** Answered, and not connected after so long: the network lets the media of such connections not through. */
const BLOCKED_MS = 5_000;

/** No packet of a picture for so long while sound comes: there is none at present. */
const PICTURELESS_MS = 4_000;

/** How often packets are counted. */
const LOOK_MS = 500;

/** Someone on the stage is expected soon: the news of it comes by the socket, this is for when it got lost. */
const SLOW_ATTEMPT = 4;

/**
 * One place where a session is watched. Dispatches `line` (detail: a `Line`), `stream` (detail: a `MediaStream`),
 * `refused` (detail: the server's code: `disclosure.required`, `session.not_live`, …) and `blocked`.
 */
export class Viewing extends EventTarget {
  #ticket;
  /** @type {RTCPeerConnection | undefined} */
  #connection;
  /** @type {{ location: string, bearer: string } | undefined} */
  #resource;
  /** @type {number | undefined} */
  #timer;
  /** @type {number | undefined} */
  #watch;
  /** @type {number | undefined} */
  #doubt;
  #attempt = 0;
  #wanted = false;
  #packets = 0;
  #changedAt = 0;
  #pictures = 0;
  #picturesAt = 0;
  #turn = 0;
  #audioOnly = false;
  /** @type {{ connection: RTCPeerConnection, resource: { location: string, bearer: string } | undefined } | undefined} - heard until its successor is */
  #former;
  /** @type {Line} */
  #line = "idle";
  /** Whether somebody is on air, as the page knows it: silence is then a loss. */
  onAir = false;

  /** @param {string} ticket - where tickets are asked for */
  constructor(ticket) {
    super();
    this.#ticket = ticket;
  }

  get line() {
    return this.#line;
  }

  get audioOnly() {
    return this.#audioOnly;
  }

  /** Without pictures: they are not asked for, so none are sent. What plays goes on until the other connection is up. */
  set audioOnly(only) {
    if (only === this.#audioOnly) return;
    this.#audioOnly = only;
    if (!this.#connection) return;
    if (this.#line === "playing" || this.#line === "audio") void this.#replace();
    else this.#later(0);
  }

  /** The browser's figures, or nothing while there is no connection. */
  async figures() {
    return this.#connection?.getStats();
  }

  /**
   * Watch from now on.
   * @param {number} [withinMs] - begin at a random time within this: not everybody at once
   */
  start(withinMs = 0) {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#attempt = 0;
    this.#later(Math.random() * withinMs);
  }

  stop() {
    this.#wanted = false;
    this.#turn++;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#close();
    this.#say("idle");
  }

  /** There is news (somebody went on air, the socket is back): try now, if nothing plays. */
  hurry() {
    if (!this.#wanted || this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#later(Math.random() * 500);
  }

  /** @param {number} ms */
  #later(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#try();
    }, ms);
  }

  async #try() {
    this.#close();
    if (this.#line !== "lost") this.#say("joining");
    await this.#begin();
  }

  async #replace() {
    const connection = /** @type {RTCPeerConnection} */ (this.#connection);
    clearInterval(this.#watch);
    this.#dropFormer();
    this.#former = { connection, resource: this.#resource };
    this.#connection = undefined;
    this.#resource = undefined;
    await this.#begin();
  }

  async #begin() {
    const turn = ++this.#turn;
    try {
      await this.#join(turn);
    } catch (error) {
      if (turn === this.#turn) this.#failed(error instanceof No ? error : new No("network", 0));
    }
  }

  /** @param {number} turn - another one began, or none is wanted any more: then this one is over */
  async #join(turn) {
    const { ticket, url } = await asked(this.#ticket);
    if (turn !== this.#turn) return;
    const connection = new RTCPeerConnection();
    this.#connection = connection;
    const stream = new MediaStream();
    if (!this.#audioOnly) connection.addTransceiver("video", { direction: "recvonly" });
    connection.addTransceiver("audio", { direction: "recvonly" });
    connection.addEventListener("track", ({ track }) => stream.addTrack(track));
    connection.addEventListener("connectionstatechange", () => this.#changed(connection, stream));
    const sdp = await offer(connection);
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${ticket}` },
      body: sdp,
    });
    if (answer.status !== 201) throw await no(answer);
    const resource = { location: answer.headers.get("Location") ?? "", bearer: ticket };
    if (connection !== this.#connection) return hangUp(resource);
    this.#resource = resource;
    await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    for (const { transport } of connection.getReceivers()) {
      // The relay's goodbye arrives here at once; the connection's own state follows seconds later.
      transport?.addEventListener("statechange", () => {
        if (transport.state === "closed" && connection === this.#connection) this.#lose();
      });
    }
    this.#packets = this.#pictures = 0;
    this.#changedAt = this.#picturesAt = performance.now();
    clearTimeout(this.#doubt);
    this.#doubt = setTimeout(() => this.#block(connection), BLOCKED_MS);
    this.#watch = setInterval(() => void this.#look(connection), LOOK_MS);
    if (!this.#former) this.#dispatch("stream", stream);
  }

  /**
   * @param {RTCPeerConnection} connection
   * @param {MediaStream} stream
   */
  #changed(connection, stream) {
    if (connection !== this.#connection) return;
    const { connectionState } = connection;
    if (connectionState === "connected") {
      clearTimeout(this.#doubt);
      this.#doubt = undefined;
      if (!this.#former) return;
      this.#dispatch("stream", stream);
      this.#dropFormer();
    } else if (connectionState === "failed") {
      if (this.#doubt === undefined) this.#lose();
      else this.#block(connection);
    }
  }

  /** @param {RTCPeerConnection} connection */
  #block(connection) {
    if (connection !== this.#connection) return;
    this.#lose();
    this.#dispatch("blocked", undefined);
  }

  /** @param {RTCPeerConnection} connection */
  async #look(connection) {
    let packets = 0;
    let pictures = 0;
    let frames = 0;
    let video = false;
    for (const each of (await connection.getStats()).values()) {
      if (each.type !== "inbound-rtp") continue;
      packets += each.packetsReceived ?? 0;
      if (each.kind === "video") video = true;
      pictures += each.kind === "video" ? (each.packetsReceived ?? 0) : 0;
      frames += each.kind === "video" ? (each.framesDecoded ?? 0) : 0;
    }
    if (connection !== this.#connection) return;
    const now = performance.now();
    if (pictures > this.#pictures) {
      this.#pictures = pictures;
      this.#picturesAt = now;
    }
    if (packets > this.#packets) {
      this.#packets = packets;
      this.#changedAt = now;
      const pictureless = video && now - this.#picturesAt > PICTURELESS_MS;
      if (frames > 0 || !video || pictureless) {
        this.#attempt = 0;
        this.#say(pictureless ? "audio" : "playing");
      }
    } else if (this.#doubt === undefined && now - this.#changedAt > STALLED_MS) {
      if (this.onAir) this.#lose();
      else this.#say("stalled");
    }
  }

  #lose() {
    this.#close();
    this.#say("lost");
    if (this.#wanted) this.#later(wait(this.#attempt++));
  }

  /** @param {No} refusal */
  #failed({ code, status }) {
    this.#close();
    this.#dispatch("refused", code);
    if (code === "stage.off_air") {
      if (this.#line !== "lost") this.#say("joining");
      this.#attempt = Math.max(this.#attempt, SLOW_ATTEMPT);
    } else if (status === 429) {
      this.#attempt = Math.max(this.#attempt, SLOW_ATTEMPT);
    } else if (code === "relay.away" || code === "network") {
      this.#say("lost");
    }
    if (this.#wanted) this.#later(wait(this.#attempt++));
  }

  #close() {
    clearInterval(this.#watch);
    clearTimeout(this.#doubt);
    this.#doubt = undefined;
    this.#dropFormer();
    this.#connection?.close();
    this.#connection = undefined;
    if (this.#resource) void hangUp(this.#resource);
    this.#resource = undefined;
  }

  #dropFormer() {
    this.#former?.connection.close();
    if (this.#former?.resource) void hangUp(this.#former.resource);
    this.#former = undefined;
  }

  /** @param {Line} line */
  #say(line) {
    if (line === this.#line) return;
    this.#line = line;
    this.#dispatch("line", line);
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** A refusal of ours, by its code. */
export class No extends Error {
  /**
   * @param {string} code
   * @param {number} status
   */
  constructor(code, status) {
    super(code);
    this.code = code;
    this.status = status;
  }
}

/** @param {Response} answer */
export async function no(answer) {
  try {
    const { code } = await answer.json();
    return new No(String(code), answer.status);
  } catch {
    return new No("http", answer.status);
  }
}

/**
 * A permission: a ticket or a token, and where to use it.
 * @param {string} address
 * @returns {Promise<{ ticket: string, token: string, url: string, hls: string }>}
 */
export async function asked(address) {
  const answer = await fetch(address, { method: "POST", headers: { Accept: "application/json" } });
  if (!answer.ok) throw await no(answer);
  return answer.json();
}

/** @param {{ location: string, bearer: string }} resource */
export async function hangUp({ location, bearer }) {
  if (!location) return;
  try {
    await fetch(location, { method: "DELETE", headers: { Authorization: `Bearer ${bearer}` }, keepalive: true });
  } catch {
    // The relay notices by itself when nobody answers any more.
  }
}
