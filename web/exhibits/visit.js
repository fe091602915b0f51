// What a visitor's page of a booth knows, and how frames change it. Pure.

/**
 * @typedef {{ id: string, called: string, line: string, free: boolean }} Colleague
 * @typedef {{ status: string, place: number, waiting: number, called: string, about: string }} Talk
 * @typedef {{ id: string, visit: string, called: string, text: string, said_ms: number }} Line
 * @typedef {{ staff: Colleague[], waiting: number }} Here
 * @typedef {{ booth: string, visit: string | null, here: Here, talk?: Talk, lines?: Line[] }} Visit
 */

/**
 * @param {Visit} visit
 * @param {any} frame - a state or an event of the booth's or the visit's topic
 * @returns {Visit} the same object when nothing changed
 */
export function reduce(visit, frame) {
  switch (frame.type) {
    case "booth":
      return frame.key === visit.booth ? { ...visit, here: frame } : visit;
    case "talk":
      return frame.key === visit.visit ? { ...visit, talk: frame } : visit;
    case "line":
      return frame.visit === visit.visit ? { ...visit, lines: withLine(visit.lines ?? [], frame) } : visit;
    default:
      return visit;
  }
}

/**
 * Lines in the order in which they were said, each once.
 * @param {Line[]} lines
 * @param {Line} line
 */
export function withLine(lines, line) {
  if (lines.some(({ id }) => id === line.id)) return lines;
  return [...lines, line].sort((a, b) => a.said_ms - b.said_ms || (a.id < b.id ? -1 : 1));
}
