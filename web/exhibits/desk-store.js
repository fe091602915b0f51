import { live } from "../live/socket.js";
import { toast } from "../shell/toast.js";
import { reduce } from "./desk-state.js";
import { fetched, follow, stay } from "./follow.js";
import { Reading } from "./reading.js";

/** @typedef {import("./desk-state.js").Desk} Desk */

/** One desk for all parts of the page; dispatches `change`. */
class DeskStore extends EventTarget {
  #stop = new AbortController();
  #reading = new Reading(fetched, reduce);
  /** @type {string | null} the thread that is opened, or is about to be */
  #open;
  /** @type {number | undefined} */
  #due;
  busy = false;

  constructor() {
    super();
    const text = document.querySelector("script[data-desk]")?.textContent ?? "{}";
    const { positions, ...desk } = JSON.parse(text);
    /** @type {Desk} */
    this.desk = desk;
    this.#open = desk.open;
    const { signal } = this.#stop;
    follow(positions, ["queue", "line", "lead"], (frame) => this.#take(frame), () => this.reload(), signal);
    stay(desk.booth, signal);
  }

  /** @param {any} frame */
  #take(frame) {
    this.#reading.took(frame);
    this.#set(reduce(this.desk, frame));
    if (frame.type === "lead" || frame.type === "queue") this.#reloadSoon();
    if (frame.type === "line" && !frame.called && frame.visit !== this.desk.open) toast("A visitor has written");
  }

  /** Leads and figures are read again; a burst of frames asks once. */
  #reloadSoon() {
    clearTimeout(this.#due);
    this.#due = setTimeout(() => this.reload(), 100);
  }

  async reload() {
    const desk = await this.#reading.read(`/booths/${this.desk.booth}/desk/now${this.#open ? `?visit=${this.#open}` : ""}`);
    if (!desk) return;
    this.#open = desk.open;
    this.#set(desk);
  }

  /** @param {string} visit */
  async open(visit) {
    history.replaceState(null, "", `?visit=${visit}`);
    this.#open = visit;
    await this.reload();
  }

  /**
   * @param {string} type
   * @param {Record<string, unknown>} fields
   * @returns {Promise<boolean>} whether it was done
   */
  async send(type, fields = {}) {
    if (this.busy) return false;
    this.busy = true;
    let done = true;
    try {
      await live.send(type, { booth_id: this.desk.booth, ...fields });
    } catch (error) {
      done = false;
      const { code } = /** @type {{ code?: string }} */ (error);
      toast(code === "talk.taken" ? "A colleague was faster." : code === "talk.ended" ? "The visitor has left." : "That did not go through. Please try again.");
    }
    this.busy = false;
    return done;
  }

  /** @param {Desk} desk */
  #set(desk) {
    this.desk = desk;
    this.dispatchEvent(new Event("change"));
  }
}

export const store = new DeskStore();
