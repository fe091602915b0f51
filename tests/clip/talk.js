// The talk of the demo's clip, drawn: one frame is a pure function of the time, the timeline and the voice's level.
// It knows nothing of sound, encoding or files; tests/make_clip.py asks it for frames.

const PETROL = "#0c5c55", TEAL = "#0c7a6d", RED = "#a1483a", INK = "#15211f", GREY = "#5b6966", SOFT = "#e0f0ec", LINE = "#e6e9e8", SOFT_INK = "#2d4a46";
const SERIF = "Source Serif", SANS = "Hanken Grotesk";

const clamp = (x) => Math.max(0, Math.min(1, x));
const ease = (x) => 1 - (1 - clamp(x)) ** 3;
const since = (t, from, seconds) => ease((t - from) / seconds);

function text(x, y, words, { size = 20, weight = 400, fill = INK, anchor = "start", font = SANS, opacity = 1, more = "" } = {}) {
  return `<text x="${x}" y="${y}" font-family="${font}" font-size="${size}" font-weight="${weight}" fill="${fill}" text-anchor="${anchor}" opacity="${opacity}" ${more}>${words}</text>`;
}
const fade = (amount, inner, lift = 8) => amount <= 0 ? "" : `<g opacity="${amount.toFixed(3)}" transform="translate(0 ${((1 - amount) * lift).toFixed(2)})">${inner}</g>`;
const draw = (path, amount, colour, width = 3.4) => amount <= 0 ? "" :
  `<path d="${path}" pathLength="1000" stroke-dasharray="${(amount * 1000).toFixed(1)} 2000" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linejoin="round"/>`;
const pointer = (x, y, t) => `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${(11 + 2 * Math.sin(t * 5)).toFixed(1)}" fill="#d8402f" opacity=".2"/><circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="5.5" fill="#d8402f"/>`;

function heading(title, subtitle) {
  return text(48, 78, title, { size: 37, weight: 600, font: SERIF, more: 'letter-spacing="-.5"' }) + text(48, 113, subtitle, { size: 20, fill: GREY });
}

/** A staircase that ends at `last` of `top` per cent, the same at every run. */
function stairs(last, box, seed) {
  let state = seed, x = 0, path = `M${box.left} ${box.bottom}`;
  const random = () => (state = (state * 16807) % 2147483647) / 2147483647;
  const y = (share) => box.bottom - (box.bottom - box.top) * (last * (1 - Math.exp(-1.35 * share)) / (1 - Math.exp(-1.35))) / box.of;
  while (x < 1) {
    x = Math.min(1, x + 0.012 + random() * 0.02);
    path += `H${(box.left + x * (box.right - box.left)).toFixed(1)}V${y(x).toFixed(1)}`;
  }
  return { path, y };
}

function axes(box, { ticks, steps, x, y }) {
  let out = "";
  for (const tick of ticks) {
    const at = box.bottom - (box.bottom - box.top) * (tick - (box.from ?? 0)) / (box.of - (box.from ?? 0));
    out += `<path d="M${box.left} ${at}H${box.right}" stroke="${LINE}" stroke-width="1.4"/>` + text(box.left - 14, at + 6, tick, { size: 17, fill: GREY, anchor: "end" });
  }
  for (const step of steps) out += text(box.left + (box.right - box.left) * step / 36, box.bottom + 30, step, { size: 17, fill: GREY, anchor: "middle" });
  out += `<path d="M${box.left} ${box.bottom}H${box.right}" stroke="${INK}" stroke-width="1.6"/>`;
  out += text((box.left + box.right) / 2, box.bottom + 60, x, { size: 17, fill: GREY, anchor: "middle" });
  return out + text(0, 0, y, { size: 17, fill: GREY, anchor: "middle", more: `transform="translate(${box.left - 62} ${(box.top + box.bottom) / 2}) rotate(-90)"` });
}

function title(t) {
  const beat = (x) => `L${x} 560L${x + 22} 560Q${x + 31} 544 ${x + 40} 560L${x + 52} 560L${x + 58} 570L${x + 70} 478L${x + 82} 590L${x + 90} 560L${x + 106} 560Q${x + 122} 532 ${x + 138} 560`;
  const line = "M48 560" + [0, 1, 2, 3, 4].map((n) => beat(60 + n * 164)).join("") + "L888 560";
  return fade(since(t, -0.5, 0.8), text(48, 116, "Heart failure · state of the art", { size: 21, weight: 600, fill: PETROL })) +
    ["SGLT2 inhibition", "across the ejection-", "fraction spectrum"].map((words, n) => fade(since(t, -0.5 + n * 0.12, 0.8), text(48, 196 + n * 72, words, { size: 66, weight: 600, font: SERIF, more: 'letter-spacing="-1.4"' }))).join("") +
    fade(since(t, 0.6, 0.8), text(48, 412, "Amara Okafor, MD, PhD", { size: 24, weight: 600 }) + text(48, 444, "with Erik Lindqvist, MD, and Layla Haddad, PharmD", { size: 20, fill: GREY })) +
    draw(line, clamp((t - 0.8) / 5.2), TEAL, 3.6);
}

function gauge(x, y, share, t, from, colour) {
  const round = 2 * Math.PI * 62, shown = share * since(t, from, 1.4);
  return `<circle cx="${x}" cy="${y}" r="62" fill="none" stroke="${LINE}" stroke-width="15"/>` +
    `<circle cx="${x}" cy="${y}" r="62" fill="none" stroke="${colour}" stroke-width="15" stroke-linecap="round" stroke-dasharray="${(shown * round).toFixed(1)} ${round}" transform="rotate(-90 ${x} ${y})"/>` +
    text(x, y + 9, `${Math.round(shown * 100)}%`, { size: 35, weight: 600, font: SERIF, anchor: "middle" }) + text(x, y + 33, "LVEF", { size: 15, fill: GREY, anchor: "middle" });
}

function patients(t, steps) {
  const card = (x, from, share, colour, name, lines) => fade(since(t, -0.1, 0.5), `<rect x="${x}" y="156" width="404" height="440" rx="18" fill="#f6f8f7" stroke="${LINE}" stroke-width="1.5"/>` +
    gauge(x + 202, 264, share, t, from - 0.2, colour) + text(x + 202, 388, name, { size: 28, weight: 600, font: SERIF, anchor: "middle" }), 14) +
    lines.map((line, n) => fade(since(t, from + 0.5 + n * 0.35, 0.6), text(x + 202, 432 + n * 38, line, { size: 20, fill: n ? GREY : SOFT_INK, weight: n ? 400 : 600, anchor: "middle" }))).join("");
  return heading("Two patients, one question", "Same breathlessness, different ventricles") +
    card(48, steps[1], 0.28, RED, "Patient A, 62", ["A weak ventricle", "Old anterior infarct", "NYHA III, warm and dry", "eGFR 52 mL/min"]) +
    card(484, steps[2], 0.58, TEAL, "Patient B, 74", ["A stiff ventricle", "Hypertension, atrial fibrillation", "NYHA II, ankle swelling", "eGFR 41 mL/min"]);
}

function pooled(t, steps) {
  const box = (x, y, width, big, small, colour, amount) => fade(amount, `<rect x="${x}" y="${y}" width="${width}" height="94" rx="14" fill="${colour}"/>` +
    text(x + width / 2, y + 45, big, { size: 31, weight: 600, font: SERIF, fill: "#fff", anchor: "middle" }) + text(x + width / 2, y + 73, small, { size: 18, fill: "#fff", anchor: "middle" }), 12);
  const heights = [5, 9, 15, 22, 27, 31, 33, 30, 34, 38, 36, 29, 22, 15, 9, 5];
  let bars = "";
  heights.forEach((height, n) => {
    const tall = height * 6.2 * since(t, 1.5 + n * 0.09, 0.7), right = n >= 8 && t > steps[1] + 1;
    bars += `<rect x="${(120 + n * 44).toFixed(1)}" y="${(580 - tall).toFixed(1)}" width="36" height="${tall.toFixed(1)}" rx="4" fill="${right ? TEAL : "#a9cfc8"}"/>`;
  });
  const labels = [15, 25, 35, 45, 55, 65, 75].map((value, n) => text(138 + n * 110, 608, value, { size: 17, fill: GREY, anchor: "middle" })).join("");
  const sweep = clamp((t - steps[1] - 0.8) / 3);
  return heading("What was pooled", "Four simulated trials, one protocol, individual records") +
    box(48, 148, 250, "12,251", "randomised 1 : 1", PETROL, since(t, 0.2, 0.6)) +
    fade(since(t, 0.8, 0.6), `<path d="M306 195H346" stroke="${GREY}" stroke-width="2.4"/><path d="m340 188 8 7-8 7" fill="none" stroke="${GREY}" stroke-width="2.4"/>`, 0) +
    box(356, 148, 258, "6,126", "SGLT2 inhibitor", TEAL, since(t, 1.0, 0.6)) + box(630, 148, 258, "6,125", "placebo", RED, since(t, 1.3, 0.6)) +
    text(48, 300, "Ejection fraction at entry, %", { size: 20, weight: 600, fill: SOFT_INK }) + bars + `<path d="M112 580H832" stroke="${INK}" stroke-width="1.6"/>` + labels +
    (sweep > 0 && sweep < 1 ? pointer(490 + sweep * 310, 356 + sweep * sweep * 176, t) : "");
}

function survival(t, steps, length) {
  const box = { left: 120, right: 740, top: 176, bottom: 540, of: 20 };
  const placebo = stairs(19.6, box, 7), treated = stairs(13.9, box, 11), amount = clamp((t - 0.6) / (length * 0.62));
  const x = box.left + amount * (box.right - box.left), end = since(t, 0.6 + length * 0.62, 0.5);
  const clip = `<clipPath id="drawn"><rect x="0" y="0" width="${x.toFixed(1)}" height="700"/></clipPath>`;
  const chip = fade(since(t, steps[2], 0.6), `<rect x="150" y="160" width="286" height="98" rx="14" fill="${SOFT}"/>` +
    text(172, 206, "HR 0.78", { size: 36, weight: 600, font: SERIF, fill: PETROL, more: 'letter-spacing="-.4"' }) + text(172, 238, "95% CI 0.72–0.85 · p &lt; 0.001", { size: 18, fill: SOFT_INK }), 10);
  return heading("Benefit holds across the range", "CV death or worsening heart failure · pooled analysis, n = 12,251") +
    axes(box, { ticks: [0, 5, 10, 15, 20], steps: [0, 6, 12, 18, 24, 30, 36], x: "Months since randomisation", y: "Cumulative incidence, %" }) + clip +
    `<g clip-path="url(#drawn)"><path d="${placebo.path}" fill="none" stroke="${RED}" stroke-width="3.6"/><path d="${treated.path}" fill="none" stroke="${TEAL}" stroke-width="3.6"/></g>` +
    fade(end, text(750, placebo.y(1) + 6, "Placebo", { size: 20, weight: 700, fill: "#8d3a2d" }) + text(750, treated.y(1) - 2, "SGLT2", { size: 20, weight: 700, fill: PETROL }) + text(750, treated.y(1) + 22, "inhibitor", { size: 20, weight: 700, fill: PETROL }), 0) + chip +
    (amount > 0 && amount < 1 ? `<circle cx="${x.toFixed(1)}" cy="${placebo.y(amount).toFixed(1)}" r="6" fill="${RED}"/><circle cx="${x.toFixed(1)}" cy="${treated.y(amount).toFixed(1)}" r="6" fill="${TEAL}"/>` : "");
}

function forest(t, steps) {
  const at = (ratio) => 330 + (Math.log(ratio) - Math.log(0.6)) / (Math.log(1.15) - Math.log(0.6)) * 350;
  const rows = [["≤ 40 %", 0.76, 0.67, 0.86, 13], ["41–49 %", 0.77, 0.64, 0.92, 10], ["50–59 %", 0.79, 0.67, 0.93, 11], ["≥ 60 %", 0.82, 0.68, 0.99, 9]];
  let out = heading("No interaction with ejection fraction", "Hazard ratio and 95% confidence interval, by stratum") +
    text(48, 178, "LVEF at entry", { size: 18, weight: 600, fill: GREY }) + text(888, 178, "HR (95% CI)", { size: 18, weight: 600, fill: GREY, anchor: "end" }) +
    `<path d="M${at(1)} 196V556" stroke="${INK}" stroke-width="1.6"/><path d="M${at(0.78).toFixed(1)} 196V556" stroke="${TEAL}" stroke-width="1.6" stroke-dasharray="5 6"/>`;
  rows.forEach(([name, ratio, low, high, size], n) => {
    const y = 232 + n * 68, amount = since(t, steps[1] - 0.6 + n * 0.55, 0.8), reach = (edge) => at(ratio) + (at(edge) - at(ratio)) * amount;
    out += `<path d="M48 ${y + 34}H888" stroke="${LINE}" stroke-width="1.4"/>` + text(48, y + 7, name, { size: 22 }) + fade(amount, `<path d="M${reach(low).toFixed(1)} ${y}H${reach(high).toFixed(1)}" stroke="${TEAL}" stroke-width="3"/>` +
      `<rect x="${(at(ratio) - size).toFixed(1)}" y="${y - size}" width="${size * 2}" height="${size * 2}" rx="3" fill="${PETROL}"/>` + text(888, y + 7, `${ratio.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`, { size: 20, anchor: "end" }), 0);
  });
  const all = since(t, steps[2] - 0.2, 0.7);
  out += fade(all, text(48, 519, "Overall", { size: 22, weight: 700 }) + `<path d="M${at(0.72)} 512L${at(0.78)} 497L${at(0.85)} 512L${at(0.78)} 527Z" fill="${RED}"/>` +
    text(888, 519, "0.78 (0.72–0.85)", { size: 20, weight: 700, anchor: "end" }) + `<rect x="48" y="582" width="238" height="48" rx="12" fill="${SOFT}"/>` + text(64, 613, "p for interaction 0.71", { size: 20, weight: 600, fill: PETROL }), 6);
  return out + [0.6, 0.8, 1.0].map((tick) => text(at(tick), 580, tick.toFixed(1), { size: 17, fill: GREY, anchor: "middle" })).join("") + text(888, 613, "← favours SGLT2 inhibitor", { size: 17, fill: GREY, anchor: "end" });
}

function kidney(t, steps, length) {
  const box = { left: 120, right: 740, top: 176, bottom: 540, from: 48, of: 62 };
  const x = (month) => box.left + (box.right - box.left) * month / 36, y = (value) => box.bottom - (box.bottom - box.top) * (value - 48) / 14;
  const placebo = (month) => 60 - 0.235 * month, treated = (month) => 60 - 3.2 * (1 - Math.exp(-month * 1.1)) - 0.057 * month;
  const line = (curve) => "M" + Array.from({ length: 73 }, (_, n) => `${x(n / 2).toFixed(1)} ${y(curve(n / 2)).toFixed(1)}`).join("L");
  const amount = clamp((t - 0.5) / (length * 0.72)), month = amount * 36;
  const clip = `<clipPath id="drawn"><rect x="0" y="0" width="${x(month).toFixed(1)}" height="700"/></clipPath>`;
  return heading("An early dip, then a slower decline", "Estimated GFR, mL/min per 1.73 m², by arm") + clip +
    axes(box, { ticks: [48, 52, 56, 60], steps: [0, 6, 12, 18, 24, 30, 36], x: "Months since randomisation", y: "eGFR, mean" }) +
    fade(since(t, steps[1] - 0.4, 0.6), `<rect x="${x(0)}" y="176" width="${x(3) - x(0)}" height="364" fill="#f6ead2" opacity=".75"/>` + text(x(3) + 12, 204, "Expected: not a reason to stop", { size: 19, weight: 600, fill: "#6b4500" }), 0) +
    `<g clip-path="url(#drawn)" fill="none" stroke-width="3.6"><path d="${line(placebo)}" stroke="${RED}"/><path d="${line(treated)}" stroke="${TEAL}"/></g>` +
    fade(since(t, 0.5 + length * 0.72, 0.5), text(750, y(placebo(36)) + 6, "Placebo", { size: 20, weight: 700, fill: "#8d3a2d" }) + text(750, y(treated(36)) - 8, "SGLT2", { size: 20, weight: 700, fill: PETROL }) + text(750, y(treated(36)) + 16, "inhibitor", { size: 20, weight: 700, fill: PETROL }), 0) +
    fade(since(t, steps[2] + 0.6, 0.6), `<circle cx="${x(17.9)}" cy="${y(55.79)}" r="16" fill="none" stroke="${PETROL}" stroke-width="3"/>` + text(x(18) + 26, y(55.8) - 16, "Lines cross", { size: 19, weight: 600, fill: PETROL }), 0) +
    (amount > 0 && amount < 1 ? pointer(x(month), y(treated(month)), t) : "");
}

function practice(t, steps, length) {
  const stops = [["Day 0", ["Volume status", "eGFR and potassium", "Ketosis risk"]], ["Week 2", ["Symptoms, pressure", "Weight at home", "Accept the dip"]], ["Month 3", ["Review the diuretic", "eGFR trend", "Sick-day advice"]]];
  const starts = [steps[0] + 0.8, steps[1], steps[2]], reach = clamp((t - starts[0]) / (starts[2] - starts[0] + 0.6));
  let out = heading("Starting in practice", "Three visits, three short lists") + `<path d="M170 226H766" stroke="${LINE}" stroke-width="6" stroke-linecap="round"/><path d="M170 226H${(170 + 596 * reach).toFixed(1)}" stroke="${TEAL}" stroke-width="6" stroke-linecap="round"/>`;
  stops.forEach(([name, lines], n) => {
    const x = 170 + n * 298, on = since(t, starts[n], 0.5);
    out += `<circle cx="${x}" cy="226" r="26" fill="${on > 0.5 ? PETROL : "#fff"}" stroke="${on > 0.5 ? PETROL : "#cfd8d5"}" stroke-width="4"/>` + text(x, 234, n + 1, { size: 24, weight: 600, font: SERIF, fill: on > 0.5 ? "#fff" : GREY, anchor: "middle" });
    out += fade(on, `<rect x="${x - 134}" y="288" width="268" height="280" rx="18" fill="${n === 1 ? SOFT : "#f6f8f7"}"/>` + text(x - 108, 344, name, { size: 30, weight: 600, font: SERIF, fill: PETROL }) +
      lines.map((line, k) => fade(since(t, starts[n] + 0.4 + k * 0.35, 0.5), `<circle cx="${x - 102}" cy="${394 + k * 52}" r="5" fill="${TEAL}"/>` + text(x - 86, 401 + k * 52, line, { size: 21 }))).join(""), 14);
  });
  return out;
}

function hundred(t, steps) {
  const events = [3, 8, 14, 17, 22, 26, 31, 35, 40, 47, 52, 58, 61, 66, 70, 75, 79, 84, 90, 96], avoided = [8, 26, 40, 58, 75, 90];
  let dots = "", done = 0;
  for (let n = 0; n < 100; n += 1) {
    const saved = avoided.indexOf(n), x = 80 + (n % 10) * 46, y = 176 + Math.floor(n / 10) * 46;
    const turned = saved >= 0 ? since(t, steps[1] + saved * 0.4, 0.4) : 0;
    if (turned > 0.5) done += 1;
    const red = events.includes(n) && turned <= 0.5 && t > 0.6 + events.indexOf(n) * 0.09;
    dots += `<circle cx="${x}" cy="${y}" r="${(15 + (turned > 0 && turned < 1 ? 5 * Math.sin(turned * Math.PI) : 0)).toFixed(1)}" fill="${turned > 0.5 ? TEAL : red ? RED : "#dfe7e4"}"/>`;
  }
  const row = (y, colour, big, small) => `<circle cx="588" cy="${y - 11}" r="13" fill="${colour}"/>` + text(616, y, big, { size: 34, weight: 600, font: SERIF }) + text(616, y + 30, small, { size: 19, fill: GREY });
  return heading("One hundred people, three years", "Cardiovascular death or worsening heart failure") + dots + fade(since(t, 1, 0.6), row(216, RED, 20 - done, "have an event")) +
    fade(since(t, steps[1], 0.6), row(316, TEAL, done, "avoid one on treatment")) + fade(since(t, steps[1] + 0.4, 0.6), row(416, "#dfe7e4", 80, "have none either way")) +
    fade(since(t, steps[1] + 2.2, 0.7), `<rect x="572" y="504" width="316" height="104" rx="16" fill="${SOFT}"/>` + text(594, 552, "Treat 17", { size: 36, weight: 600, font: SERIF, fill: PETROL }) + text(594, 584, "to avoid one event", { size: 20, fill: SOFT_INK }), 10);
}

function home(t, steps) {
  const points = [["Do not wait for the number", "The ratio is the same from 25 to 65 %"], ["Start early", "The curves part within weeks"], ["Expect the dip", "Check at two weeks, and carry on"]];
  const starts = [steps[0], steps[1], steps[1] + 1.1];
  return heading("To take home", "Three things for Monday morning") + points.map(([big, small], n) => fade(since(t, starts[n], 0.6),
    `<circle cx="80" cy="${196 + n * 108}" r="31" fill="${PETROL}"/>` + text(80, 207 + n * 108, n + 1, { size: 31, weight: 600, font: SERIF, fill: "#fff", anchor: "middle" }) +
    text(136, 194 + n * 108, big, { size: 31, weight: 600, font: SERIF }) + text(136, 226 + n * 108, small, { size: 21, fill: GREY }), 14)).join("") +
    fade(since(t, steps[2], 0.7), `<rect x="48" y="482" width="840" height="126" rx="20" fill="${SOFT}"/>` + text(80, 542, "Your questions, please", { size: 38, weight: 600, font: SERIF, fill: PETROL }) + text(80, 578, "Ask, and vote for the ones you want answered first.", { size: 21, fill: SOFT_INK }), 14);
}

const SLIDES = [title, patients, pooled, survival, forest, kidney, practice, hundred, home];

function face({ skin, shade, hair, body, behind = "", open, blink, grey = false, brow, glasses = "" }) {
  const eye = blink ? 0.5 : 3.4, mouth = open < 0.12 ? '<path d="M-10 18q10 8 20 0" stroke="#7a3b34" stroke-width="3" fill="none" stroke-linecap="round"/>' :
    `<path d="M-11 17Q0 ${(15 - open * 2).toFixed(1)} 11 17Q${(9 - open).toFixed(1)} ${(20 + open * 15).toFixed(1)} 0 ${(20 + open * 15).toFixed(1)}Q${(-9 + open).toFixed(1)} ${(20 + open * 15).toFixed(1)} -11 17Z" fill="#5a221f"/><path d="M-8 17.4Q0 ${(16.4 - open).toFixed(1)} 8 17.4L7 ${(18.6 + open).toFixed(1)}H-7Z" fill="#fff" opacity=".85"/>`;
  return `${behind}<path d="M-15 24h30v30q-15 14 -30 0z" fill="${shade}"/>${body}<path d="M-34 -22C-35 -58 35 -58 34 -22C34 4 28 22 14 31Q0 39 -14 31C-28 22 -34 4 -34 -22Z" fill="${skin}"/>` +
    `<g opacity="${grey ? 0.62 : 0.72}"><ellipse cx="-14" cy="-8" rx="3.1" ry="${eye}" fill="#241a17"/><ellipse cx="14" cy="-8" rx="3.1" ry="${eye}" fill="#241a17"/><path d="M-21 -18q7 -4 14 -1M7 -19q7 -3 14 1" stroke="${brow}" stroke-width="3" fill="none" stroke-linecap="round"/><path d="M0 -5q4 9 -1 12" stroke="${shade}" stroke-width="2.4" fill="none" stroke-linecap="round"/></g><g opacity=".85">${mouth}</g>${glasses}${hair}`;
}
const coat = (shirt) => `<path d="M-104 132C-100 72 -60 60 -26 52L0 84L26 52C60 60 100 72 104 132Z" fill="#eef1ef"/><path d="M-26 52L-40 62L-22 104L0 84ZM26 52L40 62L22 104L0 84Z" fill="#d7dedb"/><path d="M-17 54L0 84L17 54L17 40L-17 40Z" fill="${shirt}"/>`;
const PEOPLE = [
  { name: "Amara Okafor", width: 115, wall: ["#3e6b66", "#1d3533"], skin: "#8a593b", shade: "#6b462e", brow: "#171110", body: coat("#0f766e"), hair: '<circle cx="4" cy="-74" r="19" fill="#181211"/><path d="M-36 -10C-44 -56 -20 -68 0 -68C24 -68 44 -52 36 -10C34 -28 24 -38 8 -42C-10 -42 -32 -30 -36 -10Z" fill="#1d1614"/>' },
  { name: "Erik Lindqvist", width: 110, wall: ["#6f7f8f", "#37424f"], skin: "#e9c2a3", shade: "#b4977f", brow: "#949695", grey: true, body: '<path d="M-104 132C-100 72 -60 60 -26 50C-14 62 14 62 26 50C60 60 100 72 104 132Z" fill="#31506f"/><path d="M-26 50C-14 66 14 66 26 50L31 54C16 76 -16 76 -31 54Z" fill="#263e56"/>', hair: '<path d="M-37 -22C-40 -60 -16 -70 4 -68C30 -68 41 -50 37 -20C34 -34 28 -40 22 -44C4 -38 -18 -40 -28 -42C-33 -36 -35 -30 -37 -22Z" fill="#b9bcbb"/>', glasses: '<g fill="none" stroke="#20282a" stroke-width="2.6" opacity=".85"><rect x="-27" y="-16" width="22" height="17" rx="7"/><rect x="5" y="-16" width="22" height="17" rx="7"/><path d="M-5 -9h10"/></g>' },
  { name: "Layla Haddad", width: 110, wall: ["#8a7a63", "#4a4034"], skin: "#d3a07a", shade: "#a47e60", brow: "#2a211d", body: coat("#6b5876"), hair: '<path d="M-44 40C-56 -20 -44 -72 0 -74C44 -72 56 -20 44 40C40 62 22 74 0 74C-22 74 -40 62 -44 40ZM-28 4C-26 30 -12 40 0 40C12 40 26 30 28 4C30 -28 20 -46 0 -46C-20 -46 -30 -28 -28 4Z" fill="#31435a" fill-rule="evenodd"/>' },
];

function tile(person, n, t, level) {
  const y = 12 + n * 236, speaking = n === 0, books = [26, 34, 29, 0, 20, 31, 34, 0, 22, 29, 26, 0, 33, 24, 30, 0, 27, 34, 21, 31];
  const shelf = books.map((tall, k) => tall ? `<rect x="${10 + k * 15}" y="${66 - tall}" width="10" height="${tall}" fill="${["#7aa39a", "#d8c49a", "#000", "#fff"][(k + n) % 4]}"/>` : "").join("");
  const lights = [[44, 150, 20], [266, 60, 26], [250, 160, 15], [90, 30, 13], [20, 90, 26]].map(([cx, cy, r]) => `<circle cx="${cx}" cy="${cy}" r="${r}" fill="#fff" opacity=".05"/>`).join("");
  const sway = speaking ? Math.sin(t * 1.1) * 1.6 : 0, nod = speaking ? level * 2.2 : Math.sin(t * 0.35 + n) > 0.96 ? 2 : 0;
  const blink = (t + n * 1.3) % (3.7 + n * 0.8) < 0.12, wide = person.width + (speaking ? 50 : 24);
  const bars = speaking ? [0.6, 1, 0.75].map((share, k) => { const tall = 4 + 14 * level * share; return `<rect x="${22 + k * 7}" y="${(197 - tall / 2).toFixed(1)}" width="4" height="${tall.toFixed(1)}" rx="2" fill="#5fd3c4"/>`; }).join("") : "";
  return `<g transform="translate(960 ${y})"><clipPath id="tile${n}"><rect width="308" height="224" rx="14"/></clipPath><linearGradient id="wall${n}" x2="1" y2="1"><stop stop-color="${person.wall[0]}"/><stop offset="1" stop-color="${person.wall[1]}"/></linearGradient>` +
    `<g clip-path="url(#tile${n})"><rect width="308" height="224" fill="url(#wall${n})"/><g opacity=".22"><rect y="66" width="308" height="3" fill="#000"/>${shelf}</g>${lights}` +
    `<g transform="translate(${(154 + sway).toFixed(2)} ${(116 + nod).toFixed(2)}) rotate(${(sway * 0.5).toFixed(2)}) scale(1.12)">${face({ ...person, open: speaking ? level : 0, blink })}</g>` +
    `<rect width="308" height="224" fill="url(#dim)"/></g><rect x="12" y="181" width="${wide}" height="32" rx="9" fill="#0a100f" opacity=".72"/>${bars}` + text(speaking ? 50 : 24, 203, person.name, { size: 18, weight: 600, fill: "#f1f5f4" }) +
    (speaking ? `<rect x="1.5" y="1.5" width="305" height="221" rx="13" fill="none" stroke="#5fd3c4" stroke-width="${(2.4 + level * 2.6).toFixed(1)}" opacity="${(0.6 + level * 0.4).toFixed(2)}"/>` : "") + "</g>";
}

/** One frame: `timeline` has each slide's start, its end and the starts of its sentences, in seconds. */
window.show = (timeline, t, level) => {
  const n = Math.max(0, timeline.findLastIndex((slide) => slide.start <= t)), { start, end, sentences } = timeline[n];
  const whole = timeline[timeline.length - 1].end;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1280 720" width="1280" height="720"><defs><radialGradient id="dim" cx=".5" cy=".35" r=".9"><stop offset=".5" stop-opacity="0"/><stop offset="1" stop-opacity=".38"/></radialGradient><clipPath id="slide"><rect width="936" height="696" rx="12"/></clipPath></defs>` +
    `<rect width="1280" height="720" fill="#0a100f"/><g transform="translate(12 12)" clip-path="url(#slide)"><rect width="936" height="696" fill="#fdfdfb"/><rect width="936" height="7" fill="${PETROL}"/>` +
    SLIDES[n](t - start, sentences.map((at) => at - start), end - start) +
    text(48, 664, "Illustrative data for demonstration only", { size: 16, fill: GREY }) + text(888, 664, `${n + 1} / ${SLIDES.length}`, { size: 16, fill: GREY, anchor: "end" }) +
    `<rect y="691" width="${(936 * t / whole).toFixed(1)}" height="5" fill="#8fd0c5"/></g>` + PEOPLE.map((person, k) => tile(person, k, t, level)).join("") + "</svg>";
  document.body.replaceChildren(new DOMParser().parseFromString(svg, "image/svg+xml").documentElement);
};
