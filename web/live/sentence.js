// What a page says while its socket is away. Pure.

/** @typedef {{ restarting: boolean, crowded: boolean }} Away - why: the server stops, or closed with 1013 */

/** @param {Away} away */
export function sentence({ restarting, crowded }) {
  const old = "What you see may be out of date.";
  if (crowded) return `The server cannot let this page in at the moment. Trying again… ${old}`;
  return `${restarting ? "The server is restarting. " : ""}Reconnecting… ${old}`;
}
