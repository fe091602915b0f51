// The token for OBS or another encoder: made without leaving the page, since that would stop the camera.
import { toast } from "../shell/toast.js";

/**
 * @param {HTMLFormElement} form - the one that makes a token
 * @param {HTMLElement | null} place - where address and token are shown
 */
export async function makeToken(form, place) {
  const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" } });
  if (!answer.ok) return toast("A token could not be made. Please try again.");
  const { url, token } = await answer.json();
  if (!place) return;
  place.hidden = false;
  for (const [name, text] of [["url", url], ["token", token]]) {
    const field = /** @type {HTMLInputElement | null} */ (place.querySelector(`[name="${name}"]`));
    if (field) field.value = text;
  }
  /** @type {HTMLInputElement | null} */ (place.querySelector("[name='token']"))?.select();
}
