import { LitElement, html, nothing, repeat } from "../vendor/lit.js";
import { avatar, empty, icon } from "../shell/parts.js";
import { toast } from "../shell/toast.js";
import { nameOf } from "./desk-state.js";
import { store } from "./desk-store.js";

/** @typedef {import("./desk-state.js").Lead} Lead */
/** @typedef {import("./desk-state.js").Present} Present */

const MAX_LINE = 500, MAX_NOTE = 500, MAX_NAME = 120, SHOWN = 60;
const INTEREST = ["–", "1 of 3", "2 of 3", "3 of 3"];

/** @param {number} ms */
const time = (ms) =>
  new Date(ms).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: store.desk.zone });

/** @param {Event} event */
const fields = (event) => {
  event.preventDefault();
  return new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
};

/** A part of the desk that shows what the store knows; the server's rows make room for it. */
class Part extends LitElement {
  #changed = () => this.requestUpdate();

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    this.replaceChildren();
    store.addEventListener("change", this.#changed);
    super.connectedCallback();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    store.removeEventListener("change", this.#changed);
  }
}

/** Who waits, who of the staff is there, and the threads. */
class DeskQueue extends Part {
  render() {
    return [this.#waiting(), this.#roster(), this.#threads()];
  }

  /** @param {string} talk @param {string} visit @param {string} [staff] */
  async #take(talk, visit, staff) {
    const done = await store.send("booth.take", { talk_id: talk, ...(staff ? { staff_id: staff } : {}) });
    if (done && !staff) await store.open(visit);
  }

  #waiting() {
    const { waiting, staff } = store.desk.queue;
    const others = staff.filter(({ id, here, available, busy }) => id !== store.desk.me && here && available && !busy);
    return html`<section class="card pad" aria-labelledby="waiting">
      <div class="headrow"><h2 class="sec" id="waiting">Waiting</h2><span class="chip num">${waiting.length || "Nobody"}</span></div>
      ${waiting.length
        ? html`<ol>${repeat(waiting, ({ id }) => id, ({ id, visit, about }, at) => html`<li class="visitor">
            <span class="anon num" aria-hidden="true">${at + 1}</span>
            <div><b>${nameOf(store.desk, visit)}</b><small>${about || "Shares nothing yet"}</small></div>
            <span class="btns ${at || !others.length ? "" : "many"}"><button class="btn sm ${at ? "quiet" : "primary"}" @click=${() => this.#take(id, visit)}>Take</button>
            ${at ? nothing : others.slice(0, 2).map((each) => html`<button class="btn quiet sm" @click=${() => this.#take(id, visit, each.id)}>To ${each.called.split(" ")[0]}</button>`)}</span></li>`)}</ol>`
        : html`<p class="muted">Nobody is waiting. Who asks for a talk appears here at once.</p>`}</section>`;
  }

  #roster() {
    const { staff } = store.desk.queue;
    const me = staff.find(({ id }) => id === store.desk.me);
    return html`<section class="card pad" aria-labelledby="roster">
      <div class="headrow"><h2 class="sec" id="roster">At the desk</h2>
        <button class="btn quiet sm end" @click=${() => store.send(me?.available ? "booth.away" : "booth.present")}>${me?.available ? "Step away" : "I am here"}</button></div>
      <ul>${repeat(staff, ({ id }) => id, ({ id, called, line, here, available, busy }) => html`<li class="visitor">${avatar(called, 40)}
        <div><b>${called}${id === store.desk.me ? ", you" : ""}</b>${line ? html`<small>${line}</small>` : nothing}</div>
        <span class="online ${here && available ? "" : "off"}">${busy ? "In a talk" : here && available ? "Free" : "Away"}</span></li>`)}</ul>
      ${me ? this.#calling(me) : nothing}</section>`;
  }

  /** @param {Present} me */
  #calling({ called, line }) {
    const save = async (/** @type {Event} */ event) => {
      const form = fields(event);
      if (await store.send("booth.present", { called: form.get("called"), line: form.get("line") })) toast("Saved");
    };
    return html`<details class="callme"><summary>How visitors see you</summary><form class="gap" @submit=${save}>
      <div class="field"><label for="called">Name</label><input class="input" id="called" name="called" value=${called} maxlength=${MAX_NAME} required></div>
      <div class="field"><label for="line">Ask me about <span class="hint">optional</span></label><input class="input" id="line" name="line" value=${line} maxlength=${MAX_NAME}></div>
      <button class="btn quiet sm">Save</button></form></details>`;
  }

  #threads() {
    const { threads, open } = store.desk;
    const pick = (/** @type {Event} */ event, /** @type {string} */ visit) => {
      event.preventDefault();
      store.open(visit);
    };
    return html`<section class="card pad" aria-labelledby="threads"><h2 class="sec" id="threads">Messages</h2>
      ${threads.length
        ? html`<ul>${repeat(threads, ({ visit }) => visit, ({ visit, called, text, said_ms }) => html`<li class="visitor thread">
            <span class="anon" aria-hidden="true">${icon("message-square")}</span>
            <div><a href="?visit=${visit}" aria-current=${visit === open ? "true" : nothing} @click=${(/** @type {Event} */ e) => pick(e, visit)}><b>${nameOf(store.desk, visit)}</b></a>
              <small>${called ? `${called}: ` : ""}${text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text}</small></div>
            <time class="num muted">${time(said_ms)}</time></li>`)}</ul>`
        : html`<p class="muted">No messages yet.</p>`}</section>`;
  }
}

/** The open thread, and the badge that was handed over last. */
class DeskTalk extends Part {
  #shown = 0;

  updated() {
    const lines = this.querySelector("ol.talk");
    if (lines && store.desk.lines.length !== this.#shown) lines.scrollTop = lines.scrollHeight;
    this.#shown = store.desk.lines.length;
  }

  render() {
    const lead = store.desk.leads.find((each) => each.new && each.holds);
    return [this.#thread(), html`<div role="status" aria-label="New consent receipt">${lead ? this.#receipt(lead) : nothing}</div>`];
  }

  #thread() {
    const { open, lines, queue } = store.desk;
    if (!open) {
      return html`<section class="card"><h2 class="sr">Talk</h2>${empty("Ready for a visitor", "Take whoever waits, or open a message.", "message-square")}</section>`;
    }
    const who = nameOf(store.desk, open);
    const talk = queue.talking.find(({ visit }) => visit === open);
    const say = async (/** @type {Event} */ event) => {
      const form = /** @type {HTMLFormElement} */ (event.currentTarget);
      const text = String(fields(event).get("text") ?? "").trim();
      if (text && (await store.send("booth.say", { text, visit_id: open }))) form.reset();
    };
    return html`<section class="card boothchat" aria-labelledby="talk-h">
      <header class="talkhead"><h2 class="sec" id="talk-h">${who}</h2>
        ${talk ? html`<button class="btn quiet sm end" @click=${() => store.send("booth.end", { talk_id: talk.id })}>${icon("log-out")}End the talk</button>` : nothing}
        ${talk?.about ? html`<p class="hint">Asks: ${talk.about}</p>` : nothing}</header>
      <ol class="talk" tabindex="0" aria-labelledby="talk-h" aria-live="polite">${lines.length
        ? repeat(lines, ({ id }) => id, ({ called, text, said_ms }) => html`<li class=${called ? "own" : nothing}>${avatar(called || who, 32)}
            <span class="by"><b>${called || who}</b><time class="num">${time(said_ms)}</time></span><p>${text}</p></li>`)
        : html`<li class="none"><p class="muted">Nothing written yet. Say hello.</p></li>`}</ol>
      <form class="say" @submit=${say}><input name="text" maxlength=${MAX_LINE} required autocomplete="off" placeholder="Write to this visitor" aria-label="Write to this visitor">
        <button class="iconbtn">${icon("send", "Send")}</button></form></section>`;
  }

  /** @param {Lead} lead */
  #receipt({ who, about, gave, purpose, until, number, given }) {
    return html`<section class="receipt"><header>${icon("badge-check")}A visitor has handed you their badge<time class="num">${given}</time></header>
      <p class="nm">${who}</p>${about ? html`<p class="small muted">${about}</p>` : nothing}
      <dl><dt>You receive</dt><dd>${gave}</dd><dt>For</dt><dd>${purpose}</dd><dt>Until</dt><dd class="num">${until}, or sooner if withdrawn</dd>
        <dt>Receipt</dt><dd><code>${number}</code>, they keep the same copy</dd></dl></section>`;
  }
}

/** Everybody who handed over a badge, and what they agreed to. */
class DeskLeads extends Part {
  render() {
    const { leads, booth } = store.desk;
    const held = leads.filter(({ holds }) => holds).length;
    return html`<div class="pad headrow"><h2 class="sec" id="leads-h">Leads</h2>
      <span class="small muted num">${held} with a receipt, ${leads.length - held} gone</span>
      <a class="btn quiet sm end" href="/booths/${booth}/desk/leads.csv" download>${icon("download")}Export</a></div>
      ${leads.length
        ? html`<div class="tablewrap" tabindex="0" role="group" aria-label="Leads table, scrolls sideways"><table class="table leads">
            <thead><tr>${["Who", "Gave you", "For", "Until", "Receipt", "Interest and note"].map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
            <tbody>${repeat(leads, ({ id }) => id, (lead) => (lead.holds ? this.#row(lead) : this.#gone(lead)))}</tbody></table></div>`
        : empty("No leads yet", "Whoever hands you their badge is listed here, with what they agreed to.", "badge-check")}`;
  }

  /** @param {Lead} lead */
  #row(lead) {
    const save = async (/** @type {Event} */ event) => {
      const form = fields(event);
      const noted = { receipt_id: lead.id, interest: Number(form.get("interest")), note: form.get("note") };
      if (await store.send("lead.note", noted)) toast("Noted");
    };
    return html`<tr class=${lead.new ? "new" : nothing}>
      <td><b>${lead.who}</b>${lead.about ? html`<small>${lead.about}</small>` : nothing}${lead.mail ? html`<small><a href="mailto:${lead.mail}">${lead.mail}</a></small>` : nothing}</td>
      <td>${lead.gave}</td><td>${lead.purpose}</td><td class="num">${lead.until}</td><td><code>${lead.number}</code></td>
      <td><form class="noting" @submit=${save}><select class="select" name="interest" aria-label="Interest of ${lead.who}">
        ${INTEREST.map((text, n) => html`<option value=${n} ?selected=${n === lead.interest}>${text}</option>`)}</select>
        <input class="input" name="note" value=${lead.note} maxlength=${MAX_NOTE} placeholder="Note" aria-label="Note on ${lead.who}">
        <button class="btn quiet sm">Save</button></form></td></tr>`;
  }

  /** @param {Lead} lead */
  #gone({ gone, number }) {
    return html`<tr class="gone"><td><b>${gone}</b><small>Details removed</small></td><td>Nothing any more</td><td></td><td></td><td><code>${number}</code></td><td>–</td></tr>`;
  }
}

/** Numbers that grow while the desk is open; groups of visitors are counted when the page is. */
store.addEventListener("change", () => {
  for (const [name, text] of Object.entries(store.desk.figures)) {
    const figure = document.querySelector(`[data-figure="${name}"]`);
    if (figure) figure.textContent = text;
  }
});

customElements.define("desk-queue", DeskQueue);
customElements.define("desk-talk", DeskTalk);
customElements.define("desk-leads", DeskLeads);
