// A room on Socket.IO: everybody hears what somebody says.
"use strict";

const { createServer } = require("node:http");
const { Server } = require(process.argv[2]);

const PAD = "How does the schedule change when renal function falls during treatment? " + "x".repeat(48);

const http = createServer();
const io = new Server(http, {
  transports: ["websocket"], perMessageDeflate: false, serveClient: false, pingInterval: 300_000, pingTimeout: 300_000,
});

io.on("connection", (peer) => {
  peer.join("crowd");
  peer.on("said", (text) => {
    const at = /"at":(\d{19})/.exec(text);
    if (!at) return peer.emit("said", '{"type":"resync","topic":"crowd"}');
    io.to("crowd").emit("said", `{"topic":"crowd","seq":1,"type":"said","at":${at[1]},"text":"${PAD}"}`);
  });
});

http.listen({ port: 0, host: "0.0.0.0", backlog: 4096 }, () => console.log(http.address().port));
