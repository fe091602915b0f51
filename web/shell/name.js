// What a name looks like as a picture: the same two answers as the macros of the same names. No Lit here.

const TITLES = new Set(["Dr", "Dr.", "Prof", "Prof.", "Mr", "Ms", "Mrs"]);

/**
 * First letters of the first and the last name, without titles before them and degrees after the comma.
 * @param {string} name
 */
export function initials(name) {
  const words = (name.split(",")[0] ?? "").split(/\s+/).filter((word) => word && !TITLES.has(word));
  const first = (/** @type {string | undefined} */ word) => ([...(word ?? "")][0] ?? "").toUpperCase();
  return words.length > 1 ? first(words[0]) + first(words.at(-1)) : first(words[0]);
}

/**
 * One of ten hues; the degrees after the comma change nothing.
 * @param {string} name
 */
export function hue(name) {
  let total = 0;
  for (const letter of (name.split(",")[0] ?? "").toLowerCase()) {
    total = (total * 31 + "abcdefghijklmnopqrstuvwxyz".indexOf(letter) + 2) % 9973;
  }
  return total % 10;
}
