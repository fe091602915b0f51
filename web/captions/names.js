// What languages and refusals are called. Pure.

/**
 * A language as its speakers call it: server/captions/rules.py has the same names for the most common ones.
 * @param {string} tag
 */
export function called(tag) {
  try {
    const name = new Intl.DisplayNames([tag], { type: "language" }).of(tag) ?? tag;
    return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
  } catch {
    return tag; // the browser knows no such language
  }
}

/** @type {Record<string, string>} */
const WORDS = {
  "session.not_live": "Captions can be written while the session is live.",
  "caption.too_late": "Too much was said since this line.",
  busy: "The server is busy. This line was not sent.",
  unavailable: "The server is busy. This line was not sent.",
  forbidden: "Your role does not include this.",
  signed_out: "You are signed out. Please sign in again.",
};

/** @type {Record<string, string>} */
const FIELDS = {
  text: "A line has 1 to 300 characters.",
  language: "A session has captions in at most 8 languages.",
};

/** @param {unknown} refusal - has a code, or is an accident */
export function why(refusal) {
  if (!(refusal instanceof Error) || !("code" in refusal)) return "That did not work. Please try again.";
  const { code, where } = /** @type {{ code: string, where?: string }} */ (/** @type {unknown} */ (refusal));
  return (code === "invalid" && FIELDS[where ?? ""]) || (WORDS[code] ?? "That did not work. Please try again.");
}
