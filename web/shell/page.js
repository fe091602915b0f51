// What every page does: menus close, "/" finds, and buttons that name a dialog open it. It knows no feature.
import "./times.js";

const typing = (/** @type {EventTarget | null} */ target) =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));

/** @param {Element | null} except - the menu that holds the click, if any */
function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except) menu.removeAttribute("open");
  }
}

/** @param {Element} control - has data-opens="id of a dialog", or data-closes inside one */
function turnDialog(control) {
  const named = control.getAttribute("data-opens");
  const dialog = named ? document.getElementById(named) : control.closest("dialog");
  if (!(dialog instanceof HTMLDialogElement)) return;
  if (named) dialog.showModal();
  else dialog.close();
}

document.addEventListener("click", ({ target }) => {
  if (!(target instanceof Element)) return;
  closeMenus(target.closest("details.menu"));
  const control = target.closest("[data-opens], [data-closes]");
  if (control) turnDialog(control);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const open = document.querySelector("details.menu[open]");
    const summary = open?.querySelector("summary");
    closeMenus(null);
    if (open?.contains(document.activeElement)) summary?.focus();
  }
  if (event.key === "/" && !typing(event.target) && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const field = document.querySelector("[data-search]");
    if (!(field instanceof HTMLElement)) return;
    event.preventDefault();
    field.focus();
  }
});
