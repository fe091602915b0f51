// The theme: what the system says, or light or dark for ever. A classic script that blocks, so that the choice is set
// before the first paint. It knows no page.
{
  const CHOICES = ["system", "light", "dark"];
  const KEY = "theme";
  const root = document.documentElement;

  /** Storage may be forbidden; then the choice lasts as long as the page. */
  const remembered = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  };
  const remember = (/** @type {string} */ choice) => {
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // The page still changes; the next one asks again.
    }
  };

  let choice = remembered() ?? root.dataset.theme ?? "system";
  if (!CHOICES.includes(choice)) choice = "system";

  const apply = () => {
    if (choice === "system") delete root.dataset.theme;
    else root.dataset.theme = choice;
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      const element = /** @type {HTMLButtonElement} */ (button);
      element.hidden = false;
      element.dataset.choice = choice;
      element.setAttribute("aria-label", `Theme: ${choice}. Change`);
      element.title = `Theme: ${choice}`;
    }
  };

  apply();
  document.addEventListener("DOMContentLoaded", apply);
  document.addEventListener("click", ({ target }) => {
    if (!(target instanceof Element) || !target.closest("[data-theme-switch]")) return;
    choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length] ?? "system";
    remember(choice);
    apply();
  });
}
