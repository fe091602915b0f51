// Types of vendor/lit.js, which vendor.mjs bundles from these modules.
export * from "lit";
export { guard } from "lit/directives/guard.js";
export { live } from "lit/directives/live.js";
export { repeat } from "lit/directives/repeat.js";
