// Copies what is shown once: a token, an address.
import { toast } from "./toast.js";

/**
 * A button that names a field in `data-copies` copies it, or selects it where that is not allowed.
 * @param {Event} event
 */
export function copy({ target }) {
  const button = target instanceof Element ? target.closest("[data-copies]") : null;
  const field = button && document.getElementById(button.getAttribute("data-copies") ?? "");
  if (!(field instanceof HTMLInputElement)) return;
  if (!navigator.clipboard) return field.select();
  void navigator.clipboard.writeText(field.value).then(() => toast("Copied."), () => field.select());
}
