// Publishing: a token, an offer, and again after every loss, until it is told to stop.
import { wait } from "../live/backoff.js";
import { offer } from "./offer.js";
import { No, asked, hangUp, no } from "./whep.js";

/** @typedef {"idle" | "joining" | "sending" | "lost" | "taken" | "elsewhere"} Uplink - `taken` by somebody else, `elsewhere` by oneself */

/** How often the line is measured. */
const LOOK_MS = 1_000;

/** The browser notices within five seconds that nobody answers; this is how long we give it to be wrong. */
const DISCONNECTED_MS = 2_000;

/** Somebody else is on the stage: ask again now and then. */
const TAKEN_ATTEMPT = 4;

/** Codecs the relay forwards, the one that also Apple's players decode in hardware first. */
const CODECS = ["video/h264", "video/vp8"];

/** The sizes that a camera's picture is sent in, the largest last: a viewer's thin line gets a smaller one. */
const SIZES = [
  { rid: "l", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "m", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "h", scaleResolutionDownBy: 1, maxBitrate: 2_000_000 },
];

/**
 * @typedef {object} Measured - of the last second
 * @property {number} kbit - sent
 * @property {number} roundTripMs
 * @property {number} lostPercent
 * @property {number} width
 * @property {number} height
 * @property {number} frames - a second
 * @property {string} codec
 * @property {number[]} sizes - heights of the pictures that are sent at once, the largest first
 */

/** @typedef {{ kind?: string, rid?: string, frameWidth?: number, frameHeight?: number, framesEncoded?: number, codecId?: string }} Outbound - of the browser's figures */

/**
 * The codecs of an offer, wished ones first. Pure.
 * @template {{ mimeType: string }} T
 * @param {readonly T[]} known - what the browser can encode
 * @param {string | null} wish - `vp8` or `h264`: that alone
 */
export function ordered(known, wish) {
  const of = (/** @type {string} */ type) => known.filter(({ mimeType }) => mimeType.toLowerCase() === type);
  const wished = wish === null ? CODECS : CODECS.filter((type) => type.endsWith(`/${wish.toLowerCase()}`));
  const chosen = wished.flatMap(of);
  return chosen.length > 0 ? [...chosen, ...of("video/rtx")] : [...known];
}

/**
 * In which sizes to send a picture: small print of a screen is unreadable in any but its own. Pure.
 * @param {{ kind: string, contentHint: string } | undefined} track
 */
export function sizes(track) {
  return track?.kind === "video" && track.contentHint !== "detail" ? SIZES.map((each) => ({ ...each })) : [];
}

/**
 * What is sent of the picture, of the sizes that had new frames. Pure.
 * @param {readonly Outbound[]} streams - of video
 * @param {ReadonlyMap<string, number>} before - frames of each by then
 */
export function pictured(streams, before) {
  const flowing = streams
    .map((each) => ({ ...each, frames: (each.framesEncoded ?? 0) - (before.get(each.rid ?? "") ?? 0) }))
    .filter(({ frames, frameHeight }) => frames > 0 && frameHeight)
    .sort((one, other) => (other.frameHeight ?? 0) - (one.frameHeight ?? 0));
  const [largest] = flowing;
  return {
    width: largest?.frameWidth ?? 0,
    height: largest?.frameHeight ?? 0,
    frames: largest?.frames ?? 0,
    codecId: largest?.codecId ?? "",
    sizes: flowing.map(({ frameHeight }) => frameHeight ?? 0),
  };
}

/**
 * One speaker's connection. Dispatches `uplink` (detail: an `Uplink`) and `measured` (detail: `Measured`).
 */
export class Publication extends EventTarget {
  #token;
  #wish;
  /** @type {MediaStream | undefined} */
  #stream;
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
  /** @type {{ token: string, url: string } | undefined} the same one as long as it holds: it says that it is us */
  #permission;
  #takeOver = false;
  #attempt = 0;
  #bytes = 0;
  /** @type {Map<string, number>} - encoded, by the size's name */
  #frames = new Map();
  #lookedAt = 0;
  /** @type {Uplink} */
  #uplink = "idle";

  /**
   * @param {string} token - where tokens are asked for
   * @param {string | null} wish - one codec alone, for tests
   */
  constructor(token, wish = null) {
    super();
    this.#token = token;
    this.#wish = wish;
  }

  get uplink() {
    return this.#uplink;
  }

  /**
   * Send these tracks from now on; while connected, tracks of the same kinds are exchanged without a new connection.
   * @param {MediaStream} stream
   */
  async send(stream) {
    const running = this.#stream !== undefined;
    this.#stream = stream;
    if (!running) return this.#again(0);
    for (const transceiver of this.#connection?.getTransceivers() ?? []) {
      const kind = transceiver.receiver.track.kind;
      const track = stream.getTracks().find((each) => each.kind === kind) ?? null;
      await transceiver.sender.replaceTrack(track).catch(() => this.#lose());
    }
  }

  /** Send from here, though another device of the same speaker does. */
  takeOver() {
    this.#takeOver = true;
    this.#attempt = 0;
    if (this.#stream !== undefined) this.#again(0);
  }

  /** Stop sending and say goodbye, even from a page that is being left. */
  stop() {
    this.#stream = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#close();
    this.#say("idle");
  }

  /** @param {number} ms */
  #again(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#try();
    }, ms);
  }

  async #try() {
    this.#close();
    if (this.#uplink === "idle") this.#say("joining");
    try {
      await this.#join();
    } catch (error) {
      if (this.#stream === undefined) return;
      const refusal = error instanceof No ? error : new No("network", 0);
      if (refusal.code === "signed_out" || refusal.code === "forbidden") location.reload();
      if (refusal.code === "token.unknown") this.#permission = undefined;
      const taken = { "stage.taken": "taken", "stage.elsewhere": "elsewhere" }[refusal.code];
      if (taken) this.#attempt = Math.max(this.#attempt, TAKEN_ATTEMPT);
      this.#lose(/** @type {Uplink} */ (taken ?? "lost"));
    }
  }

  async #join() {
    this.#permission ??= await asked(this.#token);
    const { token, url } = this.#permission;
    const stream = this.#stream;
    if (stream === undefined) return;
    const connection = new RTCPeerConnection();
    this.#connection = connection;
    for (const kind of ["video", "audio"]) {
      const track = stream.getTracks().find((each) => each.kind === kind);
      const transceiver = transceiverFor(connection, track, kind, stream);
      if (kind === "video") {
        transceiver.setCodecPreferences(ordered(RTCRtpSender.getCapabilities("video")?.codecs ?? [], this.#wish));
      }
    }
    connection.addEventListener("connectionstatechange", () => this.#changed(connection));
    const sdp = await offer(connection);
    const answer = await fetch(this.#takeOver ? `${url}?take_over=yes` : url, {
      method: "POST",
      headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` },
      body: sdp,
    });
    if (answer.status !== 201) throw await no(answer);
    const resource = { location: answer.headers.get("Location") ?? "", bearer: token };
    if (connection !== this.#connection) return hangUp(resource);
    this.#resource = resource;
    this.#takeOver = false;
    await connection.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    for (const { transport } of connection.getSenders()) {
      transport?.addEventListener("statechange", () => {
        if (transport.state === "closed" && connection === this.#connection) this.#lose();
      });
    }
    this.#bytes = 0;
    this.#frames = new Map();
    this.#lookedAt = performance.now();
    this.#watch = setInterval(() => void this.#look(connection), LOOK_MS);
  }

  /** @param {RTCPeerConnection} connection */
  #changed(connection) {
    if (connection !== this.#connection) return;
    clearTimeout(this.#doubt);
    const { connectionState } = connection;
    if (connectionState === "connected") {
      this.#attempt = 0;
      this.#say("sending");
    } else if (connectionState === "failed") {
      this.#lose();
    } else if (connectionState === "disconnected") {
      this.#doubt = setTimeout(() => this.#lose(), DISCONNECTED_MS);
    }
  }

  /** @param {RTCPeerConnection} connection */
  async #look(connection) {
    /** @type {Measured} */
    const measured = { kbit: 0, roundTripMs: 0, lostPercent: 0, width: 0, height: 0, frames: 0, codec: "", sizes: [] };
    const stats = await connection.getStats();
    if (connection !== this.#connection) return;
    const now = performance.now();
    const seconds = Math.max(0.001, (now - this.#lookedAt) / 1000);
    let bytes = 0;
    const pictures = [];
    for (const each of stats.values()) {
      if (each.type === "outbound-rtp") {
        bytes += each.bytesSent ?? 0;
        if (each.kind === "video") pictures.push(/** @type {Outbound} */ (each));
      } else if (each.type === "remote-inbound-rtp") {
        measured.roundTripMs = Math.max(measured.roundTripMs, Math.round(1000 * (each.roundTripTime ?? 0)));
        measured.lostPercent = Math.max(measured.lostPercent, 100 * (each.fractionLost ?? 0));
      }
    }
    const { codecId, frames, ...picture } = pictured(pictures, this.#frames);
    Object.assign(measured, picture, { frames: Math.round(frames / seconds), codec: stats.get(codecId)?.mimeType ?? "" });
    this.#frames = new Map(pictures.map(({ rid, framesEncoded }) => [rid ?? "", framesEncoded ?? 0]));
    measured.kbit = Math.round(((bytes - this.#bytes) * 8) / seconds / 1000);
    this.#bytes = bytes;
    this.#lookedAt = now;
    if (connection.connectionState === "connected") this.dispatchEvent(new CustomEvent("measured", { detail: measured }));
  }

  /** @param {Uplink} why */
  #lose(why = "lost") {
    this.#close();
    this.#say(why);
    if (this.#stream !== undefined) this.#again(wait(this.#attempt++));
  }

  #close() {
    clearInterval(this.#watch);
    clearTimeout(this.#doubt);
    this.#connection?.close();
    this.#connection = undefined;
    if (this.#resource) void hangUp(this.#resource);
    this.#resource = undefined;
  }

  /** @param {Uplink} uplink */
  #say(uplink) {
    if (uplink === this.#uplink) return;
    this.#uplink = uplink;
    this.dispatchEvent(new CustomEvent("uplink", { detail: uplink }));
  }
}

/**
 * A browser that cannot send several sizes sends one.
 * @param {RTCPeerConnection} connection
 * @param {MediaStreamTrack | undefined} track
 * @param {string} kind
 * @param {MediaStream} stream
 */
function transceiverFor(connection, track, kind, stream) {
  /** @type {RTCRtpTransceiverInit} */
  const how = { direction: "sendonly", streams: [stream] };
  const sendEncodings = sizes(track);
  if (sendEncodings.length === 0) return connection.addTransceiver(track ?? kind, how);
  try {
    return connection.addTransceiver(track ?? kind, { ...how, sendEncodings });
  } catch {
    return connection.addTransceiver(track ?? kind, how);
  }
}
