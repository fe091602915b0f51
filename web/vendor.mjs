// `npm install && node vendor.mjs`, in web/: the only step that needs npm, taken by a maintainer when a library is bumped
// or an icon is added. What it writes is committed: in vendor/ one file per library under a stable name, its licence, and
// vendor.json with versions and hashes, which a test recomputes; shell/icons.svg with the icons named below; and the
// accessibility checker of the browser tests, which is not shipped. It knows no template and no element.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import fs from "node:fs";

const OUT = "vendor";
const LIT = `export * from "lit";
export { guard } from "lit/directives/guard.js";
export { live } from "lit/directives/live.js";
export { repeat } from "lit/directives/repeat.js";`;
const LIBRARIES = { lit: { from: "lit", source: LIT } };
/** Taken as they are published, but for the name of a map that is not shipped. */
const COPIED = { hls: { from: "hls.js", file: "dist/hls.light.min.mjs" } };

const ICONS = [
  "activity", "archive", "arrow-down", "arrow-left", "arrow-right", "arrow-up", "award", "badge-check", "bell", "bookmark",
  "book-open", "building-2", "calendar", "calendar-plus", "captions", "chart-column", "check", "chevron-down",
  "chevron-left", "chevron-right", "chevron-up", "circle-alert", "circle-check", "circle-help", "circle-x", "clock", "coffee",
  "copy", "door-open", "download", "ellipsis", "external-link", "eye", "eye-off", "file-check", "file-text", "fingerprint",
  "funnel", "globe", "hand", "headphones", "heart", "hourglass", "house", "id-card", "inbox", "info", "languages", "laptop",
  "layout-panel-left", "link", "list", "list-checks", "lock", "log-in", "log-out", "mail", "maximize", "menu", "merge",
  "message-square", "mic", "mic-off", "minus", "monitor", "monitor-up", "moon", "pause", "pencil", "phone", "phone-off",
  "picture-in-picture-2", "pin", "play", "plug-zap", "plus", "presentation", "printer", "qr-code", "radio", "refresh-cw",
  "rotate-ccw", "scan-line", "search", "send", "server-crash", "settings", "shield", "shield-check", "sliders-horizontal",
  "smartphone", "square", "star", "stethoscope", "store", "sun", "sun-moon", "thumbs-up", "ticket", "trash-2",
  "triangle-alert", "trophy", "undo-2", "upload", "user", "user-check", "user-plus", "users", "video", "video-off",
  "volume-2", "volume-x", "vote", "wifi", "wifi-off", "x", "zap",
];

const hash = (/** @type {string} */ path) => createHash("sha384").update(fs.readFileSync(path)).digest("base64");
const described = (/** @type {string} */ from) => {
  const { version, license } = JSON.parse(fs.readFileSync(`node_modules/${from}/package.json`, "utf8"));
  return { from, version, license };
};
const copyLicence = (/** @type {string} */ from, /** @type {string} */ to) => {
  const text = fs.readdirSync(`node_modules/${from}`).find((name) => /^licen[sc]e(\.\w+)?$/i.test(name));
  if (!text) throw new Error(`${from} has no licence text`);
  fs.copyFileSync(`node_modules/${from}/${text}`, to);
};

/** One symbol per icon: the drawing of lucide's file without its svg element. */
function symbol(/** @type {string} */ name) {
  const svg = fs.readFileSync(`node_modules/lucide-static/icons/${name}.svg`, "utf8");
  const drawing = svg.replace(/<!--.*?-->/s, "").replace(/^[\s\S]*?<svg[^>]*>|<\/svg>\s*$/g, "");
  return `<symbol id="${name}" viewBox="0 0 24 24">${drawing.trim().replace(/\s*\n\s*/g, "")}</symbol>`;
}

fs.mkdirSync(OUT, { recursive: true });
/** @type {Record<string, object>} */
const manifest = {};
for (const [name, { from, source }] of Object.entries(LIBRARIES)) {
  const file = `${OUT}/${name}.js`;
  await build({
    stdin: { contents: source, resolveDir: "." }, outfile: file, logLevel: "error",
    bundle: true, format: "esm", minify: true, target: "es2022", legalComments: "none",
  });
  copyLicence(from, `${OUT}/${name}.LICENSE.txt`);
  manifest[`vendor/${name}.js`] = { ...described(from), sha384: hash(file) };
}

for (const [name, { from, file }] of Object.entries(COPIED)) {
  const to = `${OUT}/${name}.js`;
  const text = fs.readFileSync(`node_modules/${from}/${file}`, "utf8");
  fs.writeFileSync(to, text.replace(/\n?\/\/# sourceMappingURL=.*\n?$/, "\n"));
  copyLicence(from, `${OUT}/${name}.LICENSE.txt`);
  manifest[to] = { ...described(from), sha384: hash(to) };
}

const sprite = "shell/icons.svg";
fs.writeFileSync(sprite, `<svg xmlns="http://www.w3.org/2000/svg">\n${ICONS.map(symbol).join("\n")}\n</svg>\n`);
copyLicence("lucide-static", `${OUT}/icons.LICENSE.txt`);
manifest[sprite] = { ...described("lucide-static"), sha384: hash(sprite) };

const axe = "../tests/browser/axe.min.js";
fs.copyFileSync("node_modules/axe-core/axe.min.js", axe);
copyLicence("axe-core", "../tests/browser/axe.LICENSE.txt");
fs.copyFileSync("node_modules/axe-core/LICENSE-3RD-PARTY.txt", "../tests/browser/axe.LICENSE-3RD-PARTY.txt");
manifest["../tests/browser/axe.min.js"] = { ...described("axe-core"), sha384: hash(axe) };

for (const font of fs.readdirSync("fonts").filter((name) => name.endsWith(".woff2"))) {
  manifest[`fonts/${font}`] = { license: "OFL-1.1", sha384: hash(`fonts/${font}`) };
}
fs.writeFileSync(`${OUT}/vendor.json`, `${JSON.stringify(manifest, null, 2)}\n`);
console.log(Object.keys(manifest).map((file) => `${file} ${fs.statSync(file).size}`).join("\n"));
