// What refusals mean for somebody at the page, and the time of a question. Pure.

/** @type {Record<string, string>} */
const WORDS = {
  "questions.closed": "This session takes no questions now.",
  "question.voting_over": "This question was answered meanwhile.",
  "question.wrong_step": "Somebody was faster: this question has moved on.",
  too_many: "At most 3 questions a minute. Please wait a little; your text stays here.",
  invalid: "Please write your question, in at most 500 characters.",
  busy: "The server is busy. Nothing was sent; please try again.",
  unavailable: "The server is busy. Nothing was sent; please try again.",
  forbidden: "Your role does not include this.",
  signed_out: "You are signed out. Your text stays here; please sign in again.",
};

/** @param {unknown} refusal - has a code, or is an accident */
export function why(refusal) {
  const code = refusal instanceof Error && "code" in refusal ? String(refusal.code) : "";
  return WORDS[code] ?? "That did not work. Please try again.";
}

/**
 * `13:26` in the conference's zone, or in the viewer's when they asked for that (shell/times.js).
 * @param {string} moment
 * @param {string} zone
 */
export function time(moment, zone) {
  const local = globalThis.localStorage?.getItem("times") === "local";
  return new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZone: local ? undefined : zone,
  }).format(new Date(moment));
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} many
 */
export const amount = (count, one, many) => `${count} ${count === 1 ? one : many}`;
