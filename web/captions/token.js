// The page that shows a token for captions, once: what stands in its fields is copied.
import { copy } from "../shell/copy.js";

for (const button of document.querySelectorAll("[data-copies]")) button.removeAttribute("hidden");
document.addEventListener("click", copy);
