/**
 * `<tab-panels label="Take part">` over sections with `data-tab="Name"`: one below the other without scripts, tabs with
 * them. A section says that something goes on in it by `data-live`, and how much by `data-count`; both may change.
 */
class TabPanels extends HTMLElement {
  /** @type {{ tab: HTMLButtonElement, section: HTMLElement }[]} */
  #pairs = [];
  /** @type {MutationObserver | undefined} */
  #observer;

  connectedCallback() {
    if (this.#pairs.length > 0) return;
    const list = document.createElement("div");
    list.className = "tabs";
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", this.getAttribute("label") ?? "");
    for (const section of this.querySelectorAll(":scope > [data-tab]")) {
      this.#pairs.push(this.#pair(list, /** @type {HTMLElement} */ (section), this.#pairs.length));
    }
    list.addEventListener("keydown", (event) => this.#key(event));
    this.prepend(list);
    this.#observer = new MutationObserver(() => this.#label());
    for (const { section } of this.#pairs) {
      this.#observer.observe(section, { attributes: true, subtree: true, attributeFilter: ["data-live", "data-count"] });
    }
    this.#label();
    this.#choose(0);
  }

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} section
   * @param {number} position
   */
  #pair(list, section, position) {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.className = "tab";
    tab.id = `tab-${position}`;
    tab.setAttribute("role", "tab");
    section.id ||= `tabpanel-${position}`;
    tab.setAttribute("aria-controls", section.id);
    section.setAttribute("role", "tabpanel");
    section.removeAttribute("aria-label");
    section.setAttribute("aria-labelledby", tab.id);
    tab.addEventListener("click", () => this.#choose(position));
    list.append(tab);
    return { tab, section };
  }

  #label() {
    for (const { tab, section } of this.#pairs) {
      const said = (/** @type {string} */ name) =>
        section.getAttribute(name) ?? section.querySelector(`[${name}]`)?.getAttribute(name);
      const count = said("data-count");
      const parts = [document.createTextNode(section.dataset.tab ?? "")];
      if (count && count !== "0") parts.push(/** @type {any} */ (badge("n num", count)));
      if (said("data-live") === "true") {
        const dot = badge("livedot", "");
        dot.setAttribute("role", "img");
        dot.setAttribute("aria-label", "one is live");
        parts.push(/** @type {any} */ (dot));
      }
      tab.replaceChildren(...parts);
    }
  }

  /** @param {number} chosen */
  #choose(chosen) {
    this.#pairs.forEach(({ tab, section }, position) => {
      const on = position === chosen;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      section.hidden = !on;
    });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const at = this.#pairs.findIndex(({ tab }) => tab === document.activeElement);
    const last = this.#pairs.length - 1;
    /** @type {Record<string, number>} */
    const goes = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last };
    const next = goes[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    this.#choose(next);
    this.#pairs[next]?.tab.focus();
  }
}

/**
 * @param {string} name - its classes
 * @param {string} text
 */
function badge(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}

customElements.define("tab-panels", TabPanels);
