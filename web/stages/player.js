import { live } from "../live/socket.js";
import { clock, newer, progress, until, view, wanted } from "./show.js";
import { Watching } from "./watching.js";

/** @typedef {import("./show.js").Stage} Stage */
/** @typedef {import("./show.js").View} View */

/**
 * @typedef {object} Shown - what the server rendered beside the player
 * @property {string} topic
 * @property {string | null} epoch
 * @property {number} seq
 * @property {Stage} stage
 * @property {{ sha256: string, acknowledged: boolean } | null} disclosure
 * @property {number} viewers
 * @property {string} ticket
 */

/** When a session goes live everybody comes; this spreads them. */
const SPREAD_MS = 1_500;

const TICK_MS = 1_000;

/** Whether this browser's viewer does without pictures. */
const AUDIO_ONLY = "audio-only";

/**
 * `<stage-player>` takes over the stage that Jinja rendered: it watches, shows what stands in for the picture when
 * there is none, and has the controls. With `backstage` it is the desk's view: muted, and before the session too.
 * It tells the document with `playing` (detail: whether the picture runs) and `stage` (detail: the stage).
 */
class StagePlayer extends HTMLElement {
  /** @type {Shown} */
  #shown = JSON.parse("null");
  /** @type {Watching} */
  #viewing = /** @type {any} */ (undefined);
  #entered = false;
  #acknowledged = false;
  #paused = false;
  #playing = false;
  #offsetMs = 0;
  #viewers = 0;
  /** @type {number | undefined} */
  #timer;
  #stop = new AbortController();

  get #backstage() {
    return this.hasAttribute("backstage");
  }

  /** @returns {HTMLVideoElement} */
  get #video() {
    return /** @type {HTMLVideoElement} */ (this.querySelector("video"));
  }

  /** The time of day of the picture that is shown, where it comes late; undefined where it is as good as now. */
  get playingMs() {
    return this.#viewing.playingMs;
  }

  connectedCallback() {
    this.#shown = JSON.parse(this.querySelector(":scope > script")?.textContent ?? "null");
    this.#offsetMs = this.#shown.stage.at_ms - Date.now();
    this.#entered = this.#shown.disclosure !== null;
    this.#acknowledged = this.#shown.disclosure?.acknowledged ?? false;
    this.#viewers = this.#shown.viewers;
    this.#viewing = new Watching(this.#shown.ticket, this.#video);
    this.#viewing.audioOnly = !this.#backstage && audioOnlyKept();
    this.querySelector("[data-veil='script']")?.remove();
    this.#listen();
    this.#wire();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    live.follow(this.#shown.topic, { epoch: this.#shown.epoch, seq: this.#shown.seq });
    if (live.state === "online") this.#followed();
    this.#update();
  }

  disconnectedCallback() {
    this.#stop.abort();
    clearInterval(this.#timer);
    this.#viewing.stop();
    live.unfollow(this.#shown.topic);
  }

  #listen() {
    const { signal } = this.#stop;
    const on = (/** @type {EventTarget} */ target, /** @type {string} */ type, /** @type {(detail: any) => void} */ run) =>
      target.addEventListener(type, (event) => run(/** @type {CustomEvent} */ (event).detail), { signal });
    on(live, "stage", (stage) => this.#told(stage));
    on(live, "viewers", ({ topic, count }) => topic === this.#shown.topic && this.#counted(count));
    on(live, "followed", ({ topic }) => topic === this.#shown.topic && this.#followed());
    on(live, "resync", ({ topic }) => {
      if (topic !== this.#shown.topic) return;
      this.#followed();
      void this.#reread();
    });
    on(document, "disclosure", ({ entered, acknowledged }) => {
      this.#entered = entered;
      this.#acknowledged = acknowledged;
      this.#update();
    });
    on(this.#viewing, "line", () => this.#update());
    on(this.#viewing, "way", (way) => this.#came(way));
    on(this.#viewing, "stream", (stream) => this.#play(stream));
    on(this.#viewing, "refused", (code) => {
      if (code === "disclosure.required" || code === "disclosure.missing") document.dispatchEvent(new CustomEvent("disclosure-due"));
      if (code === "signed_out") location.reload();
    });
    addEventListener("pagehide", () => this.#viewing.stop(), { signal });
    addEventListener("pageshow", ({ persisted }) => persisted && this.#update(), { signal });
  }

  /** From here on the count of people is heard, so this is the time to be counted. */
  #followed() {
    if (!this.#backstage) {
      void live.send("session.enter", { session_id: this.#shown.stage.session_id }).catch(() => undefined);
    }
    this.#viewing.hurry();
  }

  /** @param {Stage} stage */
  #told(stage) {
    if (stage.session_id !== this.#shown.stage.session_id) return;
    const aired = stage.on_air && !this.#shown.stage.on_air;
    this.#shown.stage = newer(this.#shown.stage, stage);
    if (aired) this.#viewing.hurry();
    this.#update();
  }

  /** @param {number} count */
  #counted(count) {
    this.#viewers = count;
    document.dispatchEvent(new CustomEvent("viewers", { detail: count }));
    this.#tick();
  }

  async #reread() {
    const answer = await fetch(`/sessions/${this.#shown.stage.session_id}/state`);
    if (!answer.ok) return;
    /** @type {Shown} */
    const shown = await answer.json();
    this.#viewers = shown.viewers;
    if (shown.disclosure?.sha256 !== this.#shown.disclosure?.sha256) document.dispatchEvent(new CustomEvent("disclosure-due"));
    this.#shown.disclosure = shown.disclosure;
    this.#told(shown.stage);
  }

  get #known() {
    return {
      stage: this.#shown.stage,
      entered: this.#entered,
      acknowledged: this.#acknowledged,
      backstage: this.#backstage,
      line: this.#viewing.line,
      audioOnly: this.#viewing.audioOnly,
    };
  }

  #update() {
    const known = this.#known;
    this.#viewing.onAir = known.stage.on_air;
    if (wanted(known)) this.#viewing.start(known.stage.started_ms && Date.now() + this.#offsetMs - known.stage.started_ms < 10_000 ? SPREAD_MS : 0);
    else this.#viewing.stop();
    const what = view(known);
    this.#reveal(what);
    const playing = heard(what) && !this.#paused;
    if (playing !== this.#playing) {
      this.#playing = playing;
      document.dispatchEvent(new CustomEvent("playing", { detail: playing }));
    }
    document.dispatchEvent(new CustomEvent("stage", { detail: known.stage }));
    this.#tick();
  }

  get #shownView() {
    return /** @type {View} */ (this.dataset.view);
  }

  /** @param {View} what */
  #reveal(what) {
    for (const veil of this.querySelectorAll("[data-veil]")) {
      /** @type {HTMLElement} */ (veil).hidden = veil.getAttribute("data-veil") !== what;
    }
    this.dataset.view = what;
    const { phase } = this.#shown.stage;
    for (const chip of this.querySelectorAll("[data-phase]")) {
      /** @type {HTMLElement} */ (chip).hidden = chip.getAttribute("data-phase") !== phase;
    }
    for (const control of this.querySelectorAll("[data-needs]")) {
      const needs = control.getAttribute("data-needs");
      /** @type {HTMLElement} */ (control).hidden = needs === "line" ? !wanted(this.#known) || this.#viewing.way === "https" : needs === "sound" ? !heard(what) : what !== "picture";
    }
    for (const button of this.querySelectorAll("[data-do='audio-only']")) {
      button.setAttribute("aria-pressed", String(this.#viewing.audioOnly));
    }
    this.#sounded();
  }

  #tick() {
    const { stage } = this.#shown;
    const now = Date.now() + this.#offsetMs;
    const going = stage.phase === "live" || stage.phase === "paused";
    this.#write("count", until(stage.starts_ms - now));
    this.#write("elapsed", going ? clock(now - (stage.started_ms ?? stage.starts_ms)) : "");
    this.#write("total", going ? ` / ${clock(stage.ends_ms - stage.starts_ms)}` : "");
    const here = this.#viewers.toLocaleString("en");
    this.#write("viewers", stage.phase === "ended" ? "" : `${here} ${stage.phase === "scheduled" ? "waiting" : "watching"}`);
    const line = this.querySelector("[data-part='progress']");
    if (line instanceof HTMLElement) {
      line.hidden = !going;
      line.dataset.percent = String(progress(stage, now));
    }
    const late = this.querySelector("[data-part='late']");
    if (late instanceof HTMLElement) late.hidden = stage.starts_ms > now;
    const soon = this.querySelector("[data-part='count']");
    if (soon instanceof HTMLElement) soon.hidden = stage.starts_ms <= now;
  }

  /**
   * @param {string} part
   * @param {string} text
   */
  #write(part, text) {
    for (const element of this.querySelectorAll(`[data-part="${part}"]`)) {
      if (element.textContent !== text) element.textContent = text;
    }
  }

  // The picture and its controls.

  #wire() {
    const press = (/** @type {string} */ name, /** @type {() => void} */ run) => {
      for (const button of this.querySelectorAll(`[data-do="${name}"]`)) {
        button.addEventListener("click", run, { signal: this.#stop.signal });
      }
    };
    const { signal } = this.#stop;
    press("pause", () => this.#pauseOrPlay());
    press("sound", () => this.#mute(!this.#video.muted));
    press("way", () => this.#viewing.again());
    press("audio-only", () => this.#choose(!this.#viewing.audioOnly));
    press("full", () => this.#full());
    press("pip", () => void this.#pictureInPicture());
    this.querySelector("input[type='range']")?.addEventListener("input", ({ target }) => {
      const wish = Number(/** @type {HTMLInputElement} */ (target).value);
      this.#video.volume = wish / 100;
      this.#mute(wish === 0);
    }, { signal });
    this.#video.addEventListener("volumechange", () => this.#sounded(), { signal });
    if (!document.pictureInPictureEnabled) this.querySelector("[data-do='pip']")?.remove();
    if (!document.fullscreenEnabled) this.querySelector("[data-do='full']")?.remove();
    if (!this.#backstage) document.addEventListener("keydown", (event) => this.#key(event), { signal });
  }

  /** @param {import("./watching.js").Way} way */
  #came(way) {
    const notice = this.querySelector("[data-part='way']");
    if (!(notice instanceof HTMLElement)) return;
    notice.hidden = way === "direct";
    for (const words of notice.querySelectorAll("[data-way]")) {
      /** @type {HTMLElement} */ (words).hidden = words.getAttribute("data-way") !== way;
    }
  }

  /** @param {MediaStream | undefined} stream - none when the element has it already */
  async #play(stream) {
    const video = this.#video;
    if (stream) video.srcObject = stream;
    if (this.#paused) return;
    try {
      await video.play();
    } catch {
      video.muted = true; // without a gesture on this page only a silent picture may start
      await video.play().catch(() => undefined);
    }
    this.#sounded();
  }

  /** @param {boolean} audioOnly */
  #choose(audioOnly) {
    this.#viewing.audioOnly = audioOnly;
    keepAudioOnly(audioOnly);
    this.#update();
  }

  #pauseOrPlay() {
    this.#paused = !this.#paused;
    if (this.#paused) this.#video.pause();
    else void this.#video.play().catch(() => undefined);
    for (const button of this.querySelectorAll("[data-do='pause']")) {
      name(button, this.#paused ? "Play" : "Pause", "K");
      button.toggleAttribute("data-on", this.#paused);
    }
    this.#update();
  }

  /** @param {boolean} muted */
  #mute(muted) {
    if (!muted && this.#video.volume === 0) this.#video.volume = 1;
    this.#video.muted = muted;
    this.#sounded();
  }

  #sounded() {
    const { muted, volume } = this.#video;
    for (const button of this.querySelectorAll("[data-do='sound']")) {
      name(button, muted ? "Turn on sound" : "Mute", "M");
      button.toggleAttribute("data-on", muted);
    }
    const offer = this.querySelector("[data-part='silent']");
    if (offer instanceof HTMLElement) offer.hidden = this.#backstage || !muted || !heard(this.#shownView);
    const range = this.querySelector("input[type='range']");
    if (range instanceof HTMLInputElement) range.value = String(muted ? 0 : Math.round(volume * 100));
  }

  #full() {
    const stage = this.querySelector(".stage");
    if (document.fullscreenElement) void document.exitFullscreen();
    else void stage?.requestFullscreen();
  }

  async #pictureInPicture() {
    try {
      if (document.pictureInPictureElement) await document.exitPictureInPicture();
      else await this.#video.requestPictureInPicture();
    } catch {
      // The browser may refuse before the first picture; the button works once there is one.
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"))) return;
    const runs = { k: () => this.#pauseOrPlay(), m: () => this.#mute(!this.#video.muted), f: () => this.#full() };
    const letter = /** @type {"k" | "m" | "f"} */ (key.toLowerCase());
    const run = runs[letter];
    if (!run || !heard(this.#shownView) || (letter === "f" && this.#shownView !== "picture")) return;
    event.preventDefault();
    run();
  }
}

/**
 * What a button does now, said aloud and to whoever rests on it, with the key that does the same.
 * @param {Element} button
 * @param {string} does
 * @param {string} key
 */
function name(button, does, key) {
  button.setAttribute("aria-label", does);
  button.setAttribute("title", `${does} (${key})`);
}

/** @param {View} what */
function heard(what) {
  return what === "picture" || what === "audio" || what === "pictureless";
}

function audioOnlyKept() {
  try {
    return localStorage.getItem(AUDIO_ONLY) === "yes";
  } catch {
    return false; // storage is refused: the choice holds on this page
  }
}

/** @param {boolean} audioOnly */
function keepAudioOnly(audioOnly) {
  try {
    if (audioOnly) localStorage.setItem(AUDIO_ONLY, "yes");
    else localStorage.removeItem(AUDIO_ONLY);
  } catch {
    // as above
  }
}

customElements.define("stage-player", StagePlayer);
