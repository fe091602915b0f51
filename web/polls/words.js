// What refusals mean for somebody at a poll. Pure.

/** @type {Record<string, string>} */
const WORDS = {
  "poll.closed": "This poll is closed. Your answer was not counted.",
  "poll.wrong_step": "Somebody was faster: this poll has moved on.",
  busy: "The server is busy. Nothing was sent; please try again.",
  unavailable: "The server is busy. Nothing was sent; please try again.",
  forbidden: "Your role does not include this.",
  signed_out: "You are signed out. Please sign in again.",
};

/** @type {Record<string, string>} */
const FIELDS = {
  choices: "Please choose an answer.",
  text: "Please write what the poll asks, in at most 300 characters.",
  options: "Please give 2 to 12 different answers, one a line, each at most 120 characters.",
};

/** @param {unknown} refusal - has a code, or is an accident */
export function why(refusal) {
  if (!(refusal instanceof Error) || !("code" in refusal)) return "That did not work. Please try again.";
  const { code, where } = /** @type {{ code: string, where?: string }} */ (/** @type {unknown} */ (refusal));
  return (code === "invalid" && FIELDS[where ?? ""]) || (WORDS[code] ?? "That did not work. Please try again.");
}

/** @param {number} voters */
export const answers = (voters) => `${voters} ${voters === 1 ? "answer" : "answers"}`;
