// Watching over HTTPS, where nothing else comes through: a ticket, a pass, segments; and again after every loss.
import { wait } from "../live/backoff.js";
import { No, asked, no } from "./whep.js";

/** @typedef {import("./show.js").Line} Line */
/** @typedef {import("../vendor/hls.js").default} Hls */

/** Nothing new for so long while somebody is on air: the way is lost. A segment may take three seconds. */
const STALLED_MS = 8_000;

/** How often it is looked whether the picture goes on. */
const LOOK_MS = 500;

/** Someone on the stage is expected soon, or the server has enough to do. */
const SLOW_ATTEMPT = 4;

/** Further behind than this, as after a pause, it goes on where the others are. */
const LATE_SECONDS = 10;

const TYPE = "application/vnd.apple.mpegurl";

/** The same with captions beside it: what such a player shows full screen lies over ours. */
const WITH_CAPTIONS = "stage.m3u8";

/** Its worker would be a blob, which our policy refuses; there is little to do for it, as nothing is remuxed. */
const OPTIONS = {
  enableWorker: false,
  lowLatencyMode: true,
  backBufferLength: 6,
  maxBufferLength: 12,
  maxLiveSyncPlaybackRate: 1.08,
};

/**
 * The same as a `Viewing`, by segments. Dispatches `line`, `stream` (without a detail: the element has the picture
 * already and has to be played) and `refused`.
 */
export class Segments extends EventTarget {
  #ticket;
  #video;
  /** @type {Hls | undefined} */
  #hls;
  /** @type {number | undefined} */
  #timer;
  /** @type {number | undefined} */
  #watch;
  #place = "";
  #attempt = 0;
  #wanted = false;
  #at = 0;
  #end = 0;
  #changedAt = 0;
  #mended = false;
  #turn = 0;
  /** @type {Line} */
  #line = "idle";
  onAir = false;

  /**
   * @param {string} ticket - where tickets are asked for
   * @param {HTMLVideoElement} video
   */
  constructor(ticket, video) {
    super();
    this.#ticket = ticket;
    this.#video = video;
  }

  get line() {
    return this.#line;
  }

  /** When the picture that is shown came to the server (EXT-X-PROGRAM-DATE-TIME); undefined before the first. */
  get playingMs() {
    if (this.#hls) return this.#hls.playingDate?.getTime();
    const video = /** @type {HTMLVideoElement & { getStartDate?: () => Date }} */ (this.#video);
    const began = video.getStartDate?.().getTime() ?? NaN; // of browsers that play a playlist by themselves
    return Number.isNaN(began) ? undefined : began + video.currentTime * 1000;
  }

  /** @param {number} [withinMs] - begin at a random time within this */
  start(withinMs = 0) {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#attempt = 0;
    this.#later(Math.random() * withinMs);
  }

  stop() {
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#close();
    this.#leave();
    this.#say("idle");
  }

  hurry() {
    if (!this.#wanted || this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#later(Math.random() * 500);
  }

  /** @param {number} ms */
  #later(ms) {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#try();
    }, ms);
  }

  async #try() {
    this.#close();
    if (this.#line !== "lost") this.#say("joining");
    const turn = this.#turn;
    try {
      await this.#join(turn);
    } catch (error) {
      if (this.#wanted && turn === this.#turn) this.#failed(error instanceof No ? error : new No("network", 0));
    }
  }

  /** @param {number} turn - another one began, or none is wanted any more: then this one is over */
  async #join(turn) {
    const { ticket, hls } = await asked(this.#ticket);
    const answer = await fetch(hls, { method: "POST", headers: { Accept: "application/json", Authorization: `Bearer ${ticket}` } });
    if (answer.status !== 201) throw await no(answer);
    this.#place = hls;
    const playlist = answer.headers.get("Location") ?? "";
    const player = await this.#player();
    if (turn !== this.#turn || !this.#wanted) return player?.destroy();
    const video = this.#video;
    video.srcObject = null;
    if (player) {
      this.#hls = player;
      player.loadSource(playlist);
      player.attachMedia(video);
    } else {
      video.src = playlist.replace(/[^/]+$/, WITH_CAPTIONS);
    }
    this.#mended = false;
    this.#at = video.currentTime;
    this.#end = 0;
    this.#changedAt = performance.now();
    this.#watch = setInterval(() => this.#look(), LOOK_MS);
    this.dispatchEvent(new CustomEvent("stream", { detail: undefined }));
  }

  /** Browsers that take segments from a script do it with less delay; the others play a playlist by themselves. */
  async #player() {
    const scripted = "MediaSource" in window || "ManagedMediaSource" in window;
    if (!scripted && this.#video.canPlayType(TYPE) !== "") return undefined;
    const { default: Player } = await import("../vendor/hls.js");
    if (!Player.isSupported()) throw new No("stage.format", 0);
    const player = new Player(OPTIONS);
    player.on("hlsError", (_, { fatal, type }) => {
      if (!fatal || player !== this.#hls) return;
      if (type === "mediaError" && !this.#mended) {
        this.#mended = true;
        player.recoverMediaError();
      } else {
        this.#lose();
      }
    });
    return player;
  }

  #look() {
    const { buffered, currentTime, paused, readyState } = this.#video;
    const now = performance.now();
    const end = buffered.length > 0 ? buffered.end(buffered.length - 1) : 0;
    const plays = currentTime !== this.#at && readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    const grows = end > this.#end;
    this.#at = currentTime;
    this.#end = end;
    const { latency = 0, liveSyncPosition } = this.#hls ?? {};
    if (!paused && latency > LATE_SECONDS && liveSyncPosition) this.#video.currentTime = liveSyncPosition;
    if (plays || grows || paused) this.#changedAt = now;
    if (plays || (paused && readyState >= HTMLMediaElement.HAVE_CURRENT_DATA)) {
      this.#attempt = 0;
      this.#say("playing");
    } else if (now - this.#changedAt > STALLED_MS) {
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
    if (code === "stage.off_air" || code === "stage.full" || status === 429) {
      this.#attempt = Math.max(this.#attempt, SLOW_ATTEMPT);
    } else if (code === "relay.away" || code === "network") {
      this.#say("lost");
    }
    if (this.#wanted) this.#later(wait(this.#attempt++));
    this.dispatchEvent(new CustomEvent("refused", { detail: code }));
  }

  #close() {
    this.#turn += 1;
    clearInterval(this.#watch);
    if (this.#hls) this.#hls.destroy();
    else if (this.#video.hasAttribute("src")) this.#video.removeAttribute("src");
    this.#hls = undefined;
  }

  /** The pass is given back; without that it ends with the session. */
  #leave() {
    if (!this.#place) return;
    void fetch(this.#place, { method: "DELETE", keepalive: true }).catch(() => undefined);
    this.#place = "";
  }

  /** @param {Line} line */
  #say(line) {
    if (line === this.#line) return;
    this.#line = line;
    this.dispatchEvent(new CustomEvent("line", { detail: line }));
  }
}
