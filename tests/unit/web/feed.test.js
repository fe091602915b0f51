import assert from "node:assert/strict";
import { test } from "node:test";
import { Feed } from "../../../web/live/feed.js";

class Socket extends EventTarget {
  followed = new Map();
  follow(topic, position) {
    this.followed.set(topic, position);
  }
  unfollow(topic) {
    this.followed.delete(topic);
  }
  say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail: { type, ...detail } }));
  }
}

function fed(load = async () => "snapshot") {
  const socket = new Socket();
  const told = [];
  const due = [];
  const feed = new Feed({
    follows: [{ topic: "session/1", epoch: "e", seq: 4 }],
    types: ["question"],
    fragment: "/fragment",
    fold: (frames) => told.push(frames.map(({ id }) => id)),
    replace: (snapshot) => told.push(snapshot),
    socket,
    soon: (run) => due.push(run),
    load,
  });
  feed.open();
  return { feed, socket, told, tick: () => due.splice(0).forEach((run) => run()) };
}

test("it follows from where the snapshot stands, and folds once a frame", () => {
  const { socket, told, tick } = fed();
  assert.equal(socket.followed.get("session/1").seq, 4);
  socket.say("question", { topic: "session/1", id: "a" });
  socket.say("question", { topic: "session/1", id: "b" });
  socket.say("question", { topic: "session/2", id: "elsewhere" });
  assert.deepEqual(told, []);
  tick();
  assert.deepEqual(told, [["a", "b"]]);
});

test("after a hole it takes a fresh snapshot and what arrived meanwhile on top", async () => {
  let answer;
  const { socket, told, tick } = fed(() => new Promise((resolve) => (answer = resolve)));
  socket.say("resync", { topic: "session/1" });
  socket.say("question", { topic: "session/1", id: "young" });
  tick();
  answer("fresh");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(told, [["young"], "fresh", ["young"]]);
});

test("another topic's hole is not its own", async () => {
  const { socket, told } = fed();
  socket.say("resync", { topic: "session/2" });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(told, []);
});

test("a second hole while fetching makes it fetch again", async () => {
  const answers = [];
  const { socket, told } = fed(() => new Promise((resolve) => answers.push(resolve)));
  socket.say("resync", { topic: "session/1" });
  socket.say("resync", { topic: "session/1" });
  answers[0]("first");
  await new Promise((resolve) => setImmediate(resolve));
  answers[1]("second");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(told, ["first", "second"]);
});

test("closed, it follows nothing and folds nothing", () => {
  const { feed, socket, told, tick } = fed();
  socket.say("question", { topic: "session/1", id: "a" });
  feed.close();
  tick();
  socket.say("question", { topic: "session/1", id: "b" });
  tick();
  assert.deepEqual(told, []);
  assert.equal(socket.followed.size, 0);
});
