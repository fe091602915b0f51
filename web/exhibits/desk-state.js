// What an exhibitor's desk knows, and how frames change it. Pure. Visitors have no names here but in leads that hold.

import { withLine } from "./visit.js";

/**
 * @typedef {import("./visit.js").Line} Line
 * @typedef {{ id: string, visit: string, about: string, staff: string | null, since_ms: number }} Asking
 * @typedef {{ id: string, called: string, line: string, available: boolean, here: boolean, busy: boolean }} Present
 * @typedef {{ waiting: Asking[], talking: Asking[], staff: Present[] }} Queue
 * @typedef {{ id: string, visit: string, number: string, holds: boolean, gone: string, who: string, mail: string,
 *   about: string, gave: string, purpose: string, until: string, given: string, new: boolean, interest: number,
 *   note: string }} Lead
 * @typedef {{ booth: string, me: string | null, zone: string, queue: Queue, threads: Line[], open: string | null,
 *   lines: Line[], leads: Lead[],
 *   figures: Record<string, string> }} Desk
 */

/**
 * @param {Desk} desk
 * @param {any} frame
 * @returns {Desk} the same object when nothing changed
 */
export function reduce(desk, frame) {
  switch (frame.type) {
    case "queue":
      return { ...desk, queue: frame };
    case "line": {
      const threads = [frame, ...desk.threads.filter(({ visit }) => visit !== frame.visit)];
      const lines = frame.visit === desk.open ? withLine(desk.lines, frame) : desk.lines;
      return { ...desk, threads, lines };
    }
    case "lead":
      // Until the leads are read again, one that was withdrawn shows nothing.
      return frame.holds ? desk : { ...desk, leads: desk.leads.filter(({ id }) => id !== frame.id) };
    default:
      return desk;
  }
}

/**
 * @param {Desk} desk
 * @param {string} visit
 */
export function nameOf({ leads }, visit) {
  return leads.find((lead) => lead.holds && lead.visit === visit)?.who || "A visitor";
}
