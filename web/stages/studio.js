import { live } from "../live/socket.js";
import { copy } from "../shell/copy.js";
import { toast } from "../shell/toast.js";
import { lanes, parts, ready, why } from "./checks.js";
import { camera, choices, explained, microphone, remember, remembered, screen } from "./devices.js";
import { makeToken } from "./encoder.js";
import { Levels } from "./levels.js";
import { clock, newer } from "./show.js";
import { Publication } from "./whip.js";

/** @typedef {import("./show.js").Stage} Stage */
/** @typedef {import("./whip.js").Measured} Measured */

/**
 * @typedef {object} Studio - what the server rendered
 * @property {{ topic: string, epoch: string | null, seq: number, stage: Stage, viewers: number }} shown
 * @property {string} token
 * @property {number} countdown_seconds
 */

const TICK_MS = 250;

/** A measurement older than this says nothing about now. */
const STALE_MS = 4_000;

/** What the server's refusals mean here. @type {Record<string, string>} */
const WHY = {
  "disclosure.missing": "The disclosure has not been entered yet. An officer has to do that first.",
  "session.wrong_step": "The session has just changed. Look again.",
  forbidden: "Your role does not include this any more.",
};

/**
 * `<speaker-studio>` takes over the studio that Jinja rendered: preview, devices, line, countdown, on air. It publishes
 * backstage as soon as there is a camera, so that the line is measured before anybody sees it.
 */
class SpeakerStudio extends HTMLElement {
  /** @type {Studio} */
  #studio = JSON.parse("null");
  /** @type {Publication} */
  #publication = new Publication("");
  #levels = new Levels();
  #stream = new MediaStream();
  /** @type {MediaStreamTrack | undefined} */
  #screen;
  /** @type {MediaStreamTrack | undefined} */
  #camera;
  #micOn = true;
  #camOn = true;
  #offsetMs = 0;
  /** @type {number | undefined} */
  #zeroAt;
  #going = false;
  /** @type {{ at: number, measured: Measured } | undefined} */
  #measured;
  #stop = new AbortController();

  connectedCallback() {
    this.#studio = JSON.parse(this.querySelector(":scope > script")?.textContent ?? "null");
    const { shown, token } = this.#studio;
    this.#offsetMs = shown.stage.at_ms - Date.now();
    this.#publication = new Publication(token, new URLSearchParams(location.search).get("codec"));
    this.#listen();
    this.#wire();
    setInterval(() => this.#tick(), TICK_MS);
    live.follow(shown.topic, { epoch: shown.epoch, seq: shown.seq });
    this.#update();
    void this.#permitted();
  }

  /** Whoever allowed it before is not asked again. */
  async #permitted() {
    if (this.#stage.phase === "ended") return;
    try {
      const states = await Promise.all(["camera", "microphone"].map((name) =>
        navigator.permissions.query({ name: /** @type {PermissionName} */ (name) })));
      if (states.every(({ state }) => state === "granted")) await this.#turnOn();
    } catch {
      // A browser that cannot be asked is asked by the button.
    }
  }

  get #stage() {
    return this.#studio.shown.stage;
  }

  /**
   * @template {HTMLElement} T
   * @param {string} name
   */
  #part(name) {
    return /** @type {T | null} */ (this.querySelector(`[data-part="${name}"]`));
  }

  #listen() {
    const { signal } = this.#stop;
    const on = (/** @type {EventTarget} */ target, /** @type {string} */ type, /** @type {(detail: any) => void} */ run) =>
      target.addEventListener(type, (event) => run(/** @type {CustomEvent} */ (event).detail), { signal });
    on(live, "stage", (stage) => this.#told(stage));
    on(live, "viewers", ({ topic, count }) => {
      if (topic !== this.#studio.shown.topic) return;
      this.#studio.shown.viewers = count;
      this.#tick();
    });
    on(live, "resync", ({ topic }) => topic === this.#studio.shown.topic && this.#reread());
    on(live, "disclosure", () => this.#reread());
    on(this.#publication, "uplink", () => this.#update());
    on(this.#publication, "measured", (measured) => {
      this.#measured = { at: performance.now(), measured };
      this.#tick();
    });
    on(this.#levels, "level", (level) => this.#level(level));
    addEventListener("pagehide", () => this.#leave(), { signal });
    addEventListener("keydown", ({ key }) => key === "Escape" && this.#zeroAt !== undefined && this.#stepBack(), { signal });
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.#list(), { signal });
  }

  #wire() {
    const { signal } = this.#stop;
    const press = (/** @type {string} */ name, /** @type {() => unknown} */ run) => {
      for (const button of this.querySelectorAll(`[data-do="${name}"]`)) button.addEventListener("click", run, { signal });
    };
    press("turn-on", () => this.#turnOn());
    press("mic", () => this.#turnMic(!this.#micOn));
    press("cam", () => this.#turnCam(!this.#camOn));
    press("screen", () => this.#share());
    press("take-over", () => this.#publication.takeOver());
    press("step-back", () => this.#stepBack());
    this.addEventListener("submit", (event) => void this.#submit(event), { signal });
    this.#part("microphones")?.addEventListener("change", ({ target }) => {
      remember({ microphone: /** @type {HTMLSelectElement} */ (target).value });
      void this.#start();
    }, { signal });
    this.#part("cameras")?.addEventListener("change", ({ target }) => {
      remember({ camera: /** @type {HTMLSelectElement} */ (target).value });
      void this.#start();
    }, { signal });
    for (const element of this.querySelectorAll("[data-scripted]")) /** @type {HTMLElement} */ (element).hidden = false;
    if (!navigator.mediaDevices?.getDisplayMedia) this.querySelector("[data-do='screen']")?.remove();
  }

  /** @param {Stage} stage */
  #told(stage) {
    if (stage.session_id !== this.#stage.session_id) return;
    const before = this.#stage.phase;
    this.#studio.shown.stage = newer(this.#stage, stage);
    if (before !== this.#stage.phase) this.#phased();
    this.#update();
  }

  async #reread() {
    const answer = await fetch(`/sessions/${this.#stage.session_id}/state`);
    if (answer.ok) this.#told((await answer.json()).stage);
  }

  /** In a break nobody is seen or heard, and after the end there is nothing to send. */
  #phased() {
    this.#going = false;
    this.#zeroAt = undefined;
    this.#enable();
    if (this.#stage.phase === "ended") {
      this.#publication.stop();
      for (const track of this.#stream.getTracks()) track.stop();
      this.#screen?.stop();
      this.#levels.stop();
    }
  }

  // Devices.

  async #turnOn() {
    await this.#start();
    await this.#list();
  }

  async #start() {
    const chosen = remembered();
    const tracks = [];
    const problems = [];
    for (const track of this.#stream.getTracks()) track.stop(); // some cameras open once only
    try {
      this.#camera = await camera(chosen.camera);
      tracks.push(this.#camera);
    } catch (error) {
      this.#camera = undefined;
      problems.push(explained(error, "camera"));
    }
    try {
      const track = await microphone(chosen.microphone);
      this.#levels.listen(track);
      tracks.push(track);
    } catch (error) {
      problems.push(explained(error, "microphone"));
    }
    this.#problem([...new Set(problems)].join(" "));
    this.#stream = new MediaStream(tracks);
    this.#enable();
    await this.#sent();
    this.#update();
  }

  /** Send what there is: the screen, while it is shared, instead of the camera. */
  async #sent() {
    const audio = this.#stream.getAudioTracks();
    const video = this.#screen ?? this.#camera;
    const stream = new MediaStream([...(video ? [video] : []), ...audio]);
    const preview = this.querySelector("video");
    if (preview) {
      preview.srcObject = stream.getVideoTracks().length > 0 ? stream : null;
      preview.classList.toggle("mirrored", this.#screen === undefined);
    }
    if (stream.getTracks().length > 0 && this.#stage.phase !== "ended") await this.#publication.send(stream);
    else this.#publication.stop();
  }

  async #share() {
    if (this.#screen) {
      this.#screen.stop();
      this.#screen = undefined;
    } else {
      try {
        this.#screen = await screen();
        this.#screen.addEventListener("ended", () => this.#screen && void this.#share());
      } catch (error) {
        if (!(error instanceof DOMException && error.name === "NotAllowedError")) toast(explained(error, "screen"));
        return;
      }
    }
    this.#enable();
    await this.#sent();
    this.#update();
  }

  async #list() {
    for (const [part, kind, current] of /** @type {const} */ ([
      ["microphones", "audioinput", this.#stream.getAudioTracks()[0]],
      ["cameras", "videoinput", this.#camera],
    ])) {
      const select = /** @type {HTMLSelectElement | null} */ (this.#part(part));
      if (!select) continue;
      const found = await choices(kind);
      select.replaceChildren(...found.map(({ deviceId, label }, at) => new Option(label || `Device ${at + 1}`, deviceId)));
      select.disabled = found.length === 0;
      const used = current?.getSettings().deviceId;
      if (used) select.value = used;
    }
  }

  /** @param {boolean} on */
  #turnMic(on) {
    this.#micOn = on;
    this.#enable();
    this.#update();
  }

  /** @param {boolean} on */
  #turnCam(on) {
    this.#camOn = on;
    this.#enable();
    this.#update();
  }

  #enable() {
    const shown = this.#stage.phase !== "paused" && this.#stage.phase !== "ended";
    for (const track of this.#stream.getAudioTracks()) track.enabled = this.#micOn && shown;
    if (this.#camera) this.#camera.enabled = this.#camOn && shown;
    if (this.#screen) this.#screen.enabled = shown;
  }

  /** @param {string} text */
  #problem(text) {
    const place = this.#part("problem");
    if (!place) return;
    place.hidden = text === "";
    const words = place.querySelector("[data-part='words']");
    if (words) words.textContent = text;
  }

  /** @param {number} level */
  #level(level) {
    const meter = /** @type {HTMLMeterElement | null} */ (this.#part("meter"));
    if (meter) meter.value = level;
    this.querySelectorAll(".lvl i").forEach((bar, at, { length }) => {
      const lit = level > (100 * at) / length;
      bar.classList.toggle("o", !lit);
      bar.setAttribute("data-percent", String(lit ? 100 : 30));
    });
    const said = this.#part("level");
    if (!said) return;
    const text = this.#stage.phase === "paused" ? "Off during the break." : !this.#micOn ? "Muted." : level < 15 ? "Very quiet." : level > 92 ? "Too loud: move back a little." : "Good level.";
    if (said.textContent !== text) said.textContent = text;
  }

  // On air.

  /** @param {SubmitEvent} event */
  async #submit(event) {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (form.matches("[data-encoder]")) {
      event.preventDefault();
      return makeToken(form, this.#part("encoder"));
    }
    if (!form.matches("[data-phases]")) return;
    event.preventDefault();
    const act = /** @type {HTMLButtonElement | null} */ (event.submitter)?.value ?? "";
    if (act === "stage.go_live") this.#countDown();
    else await this.#step(act);
    form.closest("dialog")?.close();
  }

  #countDown() {
    if (this.#zeroAt !== undefined) return;
    this.#zeroAt = performance.now() + 1000 * this.#studio.countdown_seconds;
    this.#update();
    /** @type {HTMLElement | null} */ (this.querySelector("[data-do='step-back']"))?.focus();
  }

  #stepBack() {
    if (this.#going) return;
    this.#zeroAt = undefined;
    this.#update();
    /** @type {HTMLElement | null} */ (this.querySelector("[data-part='go']"))?.focus();
  }

  /** @param {string} act */
  async #step(act) {
    try {
      await live.send(act, { session_id: this.#stage.session_id });
    } catch (error) {
      const { code } = /** @type {{ code: string }} */ (/** @type {unknown} */ (error));
      toast(WHY[code] ?? "This did not work. Please try again.");
      this.#going = false;
      this.#zeroAt = undefined;
      await this.#reread();
    }
    this.#update();
  }

  #leave() {
    for (const track of this.#stream.getTracks()) track.enabled = false;
    this.#publication.stop();
  }

  // Showing it.

  get #known() {
    const fresh = this.#measured && performance.now() - this.#measured.at < STALE_MS;
    return {
      stage: this.#stage,
      uplink: this.#publication.uplink,
      measured: fresh ? this.#measured?.measured : undefined,
      counting: this.#zeroAt !== undefined,
      camera: this.#camera?.label,
      microphone: this.#stream.getAudioTracks()[0]?.label,
      shared: this.#screen !== undefined,
      micOn: this.#micOn,
      camOn: this.#camOn,
    };
  }

  #update() {
    const known = this.#known;
    for (const [part, shown] of Object.entries(parts(known))) {
      // The header stands outside of this element.
      for (const element of document.querySelectorAll(`[data-part="${part}"]`)) /** @type {HTMLElement} */ (element).hidden = !shown;
    }
    this.#toggle("mic", this.#micOn, known.microphone !== undefined, "microphone");
    this.#toggle("cam", this.#camOn, known.camera !== undefined, "camera");
    this.querySelector("[data-do='screen']")?.setAttribute("aria-pressed", String(known.shared));
    const go = /** @type {HTMLButtonElement | null} */ (this.#part("go"));
    if (go) go.disabled = !ready(known);
    this.#write("why", why(known));
    this.#tick();
  }

  /**
   * @param {string} name
   * @param {boolean} on
   * @param {boolean} there
   * @param {string} what
   */
  #toggle(name, on, there, what) {
    for (const each of this.querySelectorAll(`[data-do="${name}"]`)) {
      const button = /** @type {HTMLButtonElement} */ (each);
      button.disabled = !there;
      button.setAttribute("aria-pressed", String(on && there));
      button.setAttribute("aria-label", `Turn ${what} ${on ? "off" : "on"}`);
      button.toggleAttribute("data-on", !on || !there);
    }
  }

  #check() {
    const known = this.#known;
    for (const { name, state, title, line } of lanes(known)) {
      const lane = this.querySelector(`[data-lane="${name}"]`);
      lane?.classList.toggle("due", state === "due");
      lane?.classList.toggle("failed", state === "failed");
      for (const [part, text] of [["b", title], ["small", line]]) {
        const said = lane?.querySelector(/** @type {string} */ (part));
        if (said && said.textContent !== text) said.textContent = /** @type {string} */ (text);
      }
    }
    const { measured } = known;
    this.#write("figures", measured?.width ? `${measured.height}p · ${measured.frames} fps` : "");
  }

  #tick() {
    const stage = this.#stage;
    const now = Date.now() + this.#offsetMs;
    const left = stage.starts_ms - now;
    this.#write("starts", left >= 0 ? "You start in" : "Your time has begun");
    this.#write("start-clock", left >= 0 ? clock(left) : clock(-left));
    const { viewers } = this.#studio.shown;
    const people = `${viewers.toLocaleString("en")} ${viewers === 1 ? "person" : "people"}`;
    this.#write("waiting", viewers === 1 ? `${people} is waiting` : `${people} are waiting`);
    this.#write("watching", `${people} here`);
    this.#write("seen-by", `${people} will see and hear you.`);
    this.#write("elapsed", clock(now - (stage.started_ms ?? stage.starts_ms)));
    const rest = stage.ends_ms - now;
    this.#write("left", rest >= 0 ? `${clock(rest)} left` : `${clock(-rest)} over time`);
    this.#check();
    if (this.#zeroAt !== undefined) this.#count(this.#zeroAt - performance.now());
  }

  /** @param {number} leftMs */
  #count(leftMs) {
    const seconds = Math.max(0, Math.ceil(leftMs / 1000));
    this.#write("count", String(seconds));
    const share = Math.round((100 * Math.max(0, leftMs)) / (1000 * this.#studio.countdown_seconds));
    this.#part("dial")?.setAttribute("stroke-dasharray", `${share} 100`);
    const back = /** @type {HTMLButtonElement | null} */ (this.querySelector("[data-do='step-back']"));
    if (back) back.disabled = this.#going;
    if (leftMs <= 0 && !this.#going) {
      this.#going = true;
      void this.#step("stage.go_live");
    }
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
}

customElements.define("speaker-studio", SpeakerStudio);

document.addEventListener("click", copy);
