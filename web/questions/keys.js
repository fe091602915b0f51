// The desk's keys: what a key means, where the arrows lead, what an undo undoes. It sends nothing.

/** @typedef {import("./reduce.js").Status} Status */
/** @typedef {{ id: string, was: Status }} Done - a question, and where it stood before */
/** @typedef {"up" | "down" | "approve" | "dismiss" | "answer" | "undo"} Act */

/** @type {Record<string, Act>} */
const ACTS = { ArrowUp: "up", ArrowDown: "down", a: "approve", d: "dismiss", Enter: "answer", u: "undo" };

/** What takes keys itself; there a letter is a letter. */
const TYPING = "input, textarea, select, [contenteditable]";
const PRESSED = "button, a, summary, [role=tab]";

/**
 * @param {{ key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, repeat?: boolean, defaultPrevented?: boolean, target: any }} event
 * @param {{ contains: (node: any) => boolean }} desk - keys count inside it, and where nothing has the focus
 * @returns {Act | undefined}
 */
export function keyed(event, desk) {
  const { key, target } = event;
  const act = ACTS[key.length === 1 ? key.toLowerCase() : key];
  if (act === undefined || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return undefined;
  if (target?.matches?.(TYPING) || target?.closest?.("dialog")) return undefined;
  if (target?.matches?.(PRESSED) && key === "Enter") return undefined;
  const elsewhere = target?.localName !== "body" && target?.localName !== "main" && !desk.contains(target);
  if (elsewhere || (event.repeat && act !== "up" && act !== "down")) return undefined;
  return act;
}

/**
 * @param {readonly string[]} ids
 * @param {string} selected
 * @param {"up" | "down"} way
 */
export function moved(ids, selected, way) {
  const place = ids.indexOf(selected);
  const next = way === "down" ? Math.min(place + 1, ids.length - 1) : Math.max(place - 1, 0);
  return ids[next] ?? "";
}

/**
 * Back to where it was, as far as there is a way back: an answered question becomes an approved one.
 * @param {Status} was
 * @returns {"pending" | "live"}
 */
export function undo(was) {
  return was === "pending" ? "pending" : "live";
}
