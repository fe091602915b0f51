// A short message that says what just happened and leaves by itself. Screen readers hear it politely.

const SHOWN_MS = 6000;
/** Old messages make room: four lines are what a phone can show above the thumb. */
const MOST = 4;

/**
 * @param {string} text
 * @param {number} [shownMs] - 0 keeps it until the next page
 */
export function toast(text, shownMs = SHOWN_MS) {
  const region = document.querySelector("[data-toasts]");
  if (!region) return;
  const message = document.createElement("p");
  message.className = "toast";
  message.textContent = text;
  region.append(message);
  while (region.childElementCount > MOST) region.firstElementChild?.remove();
  if (shownMs) setTimeout(() => message.remove(), shownMs);
}
