// Writes lines while they are typed: one command under way at a time, so that what is written last is what stands. Pure
// but for what it is given.

/**
 * @typedef {object} Given
 * @property {(type: string, fields: Record<string, unknown>) => Promise<{ id?: string }>} send
 * @property {() => number} now - milliseconds
 * @property {(run: () => void, ms: number) => void} later
 * @property {(refusal: unknown, text: string) => void} refused - this line did not come through as it is
 */

/** @typedef {{ language: string, text: string, final: boolean, id: string, told: string, toldFinal: boolean, at: number }} Draft */

/** A line that grows is told so often at most: nobody reads single letters. */
const GROW_MS = 400;

export class Pen {
  #given;
  /** @type {Draft[]} the last one may still grow, those before wait for their answer */
  #drafts = [];
  #busy = false;
  #due = false;

  /** @param {Given} given */
  constructor(given) {
    this.#given = given;
  }

  /**
   * What stands in the field now, of a line that goes on; nothing: it is given up.
   * @param {string} text
   * @param {string} language
   */
  write(text, language) {
    this.#put(text.trim(), language, text.trim() === "");
  }

  /**
   * The line is whole.
   * @param {string} text
   * @param {string} language
   */
  end(text, language) {
    this.#put(text.trim(), language, true);
  }

  /**
   * @param {string} text
   * @param {string} language
   * @param {boolean} final
   */
  #put(text, language, final) {
    let draft = this.#drafts.at(-1);
    if (!draft || draft.final) {
      if (text === "") return;
      draft = { language, text, final, id: "", told: "", toldFinal: false, at: this.#given.now() };
      this.#drafts.push(draft);
    }
    draft.text = text;
    draft.final = final;
    void this.#go();
  }

  async #go() {
    if (this.#busy) return;
    this.#busy = true;
    for (let draft = this.#drafts[0]; draft; draft = this.#drafts[0]) {
      const news = draft.text !== draft.told || draft.final !== draft.toldFinal;
      const early = draft.at + GROW_MS - this.#given.now();
      if (news && (draft.final || early <= 0)) await this.#tell(draft);
      else if (draft.final) this.#drafts.shift();
      else {
        if (news) this.#again(early);
        break;
      }
    }
    this.#busy = false;
  }

  /** @param {number} ms */
  #again(ms) {
    if (this.#due) return;
    this.#due = true;
    this.#given.later(() => {
      this.#due = false;
      void this.#go();
    }, ms);
  }

  /** @param {Draft} draft */
  async #tell(draft) {
    const { id, text, language, final } = draft;
    draft.told = text;
    draft.toldFinal = final;
    draft.at = this.#given.now();
    if (!id && text === "") return; // given up before anybody heard of it
    try {
      if (id) await this.#given.send("caption.change", { line_id: id, text, final });
      else draft.id = (await this.#given.send("caption.say", { text, language, final })).id ?? "";
    } catch (refusal) {
      this.#drafts = this.#drafts.filter((each) => each !== draft);
      this.#given.refused(refusal, draft.text);
    }
  }
}
