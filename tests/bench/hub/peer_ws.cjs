// A room on Node's `ws`: everybody hears what somebody says.
"use strict";

const { WebSocketServer, WebSocket } = require(process.argv[2]);

const PAD = "How does the schedule change when renal function falls during treatment? " + "x".repeat(48);

const server = new WebSocketServer({ port: 0, host: "0.0.0.0", backlog: 4096, perMessageDeflate: false }, () =>
  console.log(server.address().port));

server.on("connection", (peer) => {
  peer.on("error", () => undefined);
  peer.on("message", (data) => {
    const at = /"at":(\d{19})/.exec(data.toString());
    if (!at) return peer.send('{"type":"resync","topic":"crowd"}');
    const told = `{"topic":"crowd","seq":1,"type":"said","at":${at[1]},"text":"${PAD}"}`;
    for (const each of server.clients) if (each.readyState === WebSocket.OPEN) each.send(told);
  });
});
