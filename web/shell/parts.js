// The macros' twins for Lit elements: the same markup from the same names, so that a list looks alike before and after
// its element has taken over.
import { html, nothing, svg } from "../vendor/lit.js";
import { hue, initials } from "./name.js";

const SPRITE = new URL("icons.svg", import.meta.url).pathname;

/**
 * @param {string} name - one of those in icons.svg
 * @param {string} [label] - spoken; silent without
 */
export function icon(name, label) {
  return html`<svg class="icon" viewBox="0 0 24 24" role=${label ? "img" : nothing} aria-label=${label ?? nothing}
    aria-hidden=${label ? nothing : "true"}>${svg`<use href="${SPRITE}#${name}"></use>`}</svg>`;
}

/**
 * @param {string} name
 * @param {number} [size] - in pixels
 */
export function avatar(name, size = 40) {
  return html`<svg class="avatar" data-hue=${hue(name)} width=${size} height=${size} viewBox="0 0 40 40" aria-hidden="true">
    <rect width="40" height="40"></rect><circle cx="32" cy="37" r="17"></circle><circle cx="5" cy="5" r="9"></circle>
    <text x="20" y="25.4">${initials(name)}</text></svg>`;
}

/**
 * @param {string} text
 * @param {number} percent - whole
 * @param {string} figure
 * @param {"" | "mine" | "lead"} [mark]
 */
export function bar(text, percent, figure, mark = "") {
  return html`<li class="bar ${mark}" data-percent=${percent}>
    <span>${mark === "mine" ? icon("check", "Your answer:") : nothing}${text}</span><b class="num">${figure}</b></li>`;
}

/**
 * @param {number} percent - whole
 * @param {string} big
 * @param {string} small
 */
export function ring(percent, big, small) {
  return html`<div class="ring"><svg viewBox="0 0 84 84" aria-hidden="true">
    <circle class="trk" cx="42" cy="42" r="37"></circle>
    <circle class="val" cx="42" cy="42" r="37" pathLength="100" data-percent=${percent} stroke-dasharray="${percent} 100"></circle>
    </svg><strong class="num"><span>${big}</span><small>${small}</small></strong></div>`;
}

/**
 * @param {string} title
 * @param {string} [text]
 * @param {string} [iconName]
 */
export function empty(title, text = "", iconName = "inbox") {
  return html`<div class="empty">${icon(iconName)}<b>${title}</b>${text ? html`<p>${text}</p>` : nothing}</div>`;
}
