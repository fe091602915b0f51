// Camera, microphone and screen: asking for them, choosing among them, and saying what went wrong.

const KEY = "devices";

/** @typedef {{ camera?: string, microphone?: string }} Choice */

/** What the last page chose; storage may be forbidden, then the browser's own default it is. */
export function remembered() {
  try {
    return /** @type {Choice} */ (JSON.parse(localStorage.getItem(KEY) ?? "{}"));
  } catch {
    return /** @type {Choice} */ ({});
  }
}

/** @param {Choice} choice */
export function remember(choice) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...remembered(), ...choice }));
  } catch {
    // It holds as long as the page.
  }
}

/**
 * A refusal by the browser, in words that say what to do.
 * @param {unknown} error
 * @param {string} device - "camera", "microphone", "screen"
 */
export function explained(error, device) {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return `The browser does not let this page use your ${device}. Allow it in the address bar, then try again.`;
  if (name === "NotFoundError" || name === "OverconstrainedError") return `No ${device} was found. Plug one in, then try again.`;
  if (name === "NotReadableError") return `Your ${device} is used by another program. Close that, then try again.`;
  if (navigator.mediaDevices === undefined) return "Camera and microphone need a secure page (https).";
  return `Your ${device} could not be started. Try again, or choose another one.`;
}

/**
 * @param {string | undefined} id
 * @returns {Promise<MediaStreamTrack>}
 */
export async function camera(id) {
  const wish = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
  return first(await media({ video: { ...wish, ...(id ? { deviceId: { ideal: id } } : {}) } }));
}

/**
 * @param {string | undefined} id
 * @returns {Promise<MediaStreamTrack>}
 */
export async function microphone(id) {
  const wish = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  return first(await media({ audio: { ...wish, ...(id ? { deviceId: { ideal: id } } : {}) } }));
}

/** @returns {Promise<MediaStreamTrack>} */
export async function screen() {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } }, audio: false });
  const track = first(stream);
  track.contentHint = "detail"; // small print matters more than motion
  return track;
}

/** @param {MediaDeviceKind} kind */
export async function choices(kind) {
  const all = await navigator.mediaDevices.enumerateDevices();
  return all.filter((each) => each.kind === kind && each.deviceId !== "");
}

/** @param {MediaStreamConstraints} wish */
function media(wish) {
  return navigator.mediaDevices.getUserMedia(wish);
}

/** @param {MediaStream} stream */
function first(stream) {
  const [track] = stream.getTracks();
  if (track === undefined) throw new DOMException("", "NotFoundError");
  return track;
}
