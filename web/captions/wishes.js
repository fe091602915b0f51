// What a viewer wishes of captions, as this browser keeps it.

/**
 * @typedef {"small" | "medium" | "large"} Size
 * @typedef {{ on: boolean, size: Size, read: boolean, language: string }} Wishes
 */

const KEY = "captions";

/** @type {Wishes} */
const USUAL = { on: false, size: "medium", read: false, language: "" };

/** @returns {Wishes} */
export function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return {
      on: found.on === true,
      size: found.size === "small" || found.size === "large" ? found.size : USUAL.size,
      read: found.read === true,
      language: typeof found.language === "string" ? found.language : "",
    };
  } catch {
    return { ...USUAL }; // storage is refused, or holds something else
  }
}

/** @param {Wishes} wishes */
export function keep(wishes) {
  try {
    localStorage.setItem(KEY, JSON.stringify(wishes));
  } catch {
    // the choice holds on this page
  }
}
