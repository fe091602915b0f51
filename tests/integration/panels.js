// Folds frames upon a snapshot by the pages' own reducers. A line in: { panel, snapshot, frames }; a line out: what the
// panel then shows. It knows which reducer a panel uses, and nothing of what is asked of them.
import { createInterface } from "node:readline";
import { reduce as atDesk } from "../../web/exhibits/desk-state.js";
import { reduce as atBooth } from "../../web/exhibits/visit.js";
import * as captions from "../../web/captions/reduce.js";
import * as polls from "../../web/polls/reduce.js";
import * as questions from "../../web/questions/reduce.js";
import { newer } from "../../web/stages/show.js";

const SORTS = ["top", "newest", "answered"];
const STATUSES = ["pending", "live", "answering", "answered", "dismissed"];

/** What was said of a thing, without how it came: an event and a row of a snapshot are then alike. */
const plain = ({ type, topic, seq, key, ...thing }) => thing;
const SHOWN = 3, CORRECTED = 10;

/** The last lines of each language, without those that were taken out. */
function lines(snapshot, frames, most) {
  const state = captions.reduce(captions.begin(snapshot), frames.filter(({ command }) => !command));
  return [...state].sort().map(([language, all]) => [language, all.slice(-most).filter(({ text }) => text).map(plain)]);
}
const at = ({ asked_at, ...thing }) => ({ ...plain(thing), asked_at: Date.parse(asked_at) });

/** The page's own commands have an answer, which it folds as well. */
function asked(state, { command, fields, answer }) {
  if (command === "question.upvote") return questions.settled(state, fields.question_id, true, answer.value);
  if (command === "question.unvote") return questions.settled(state, fields.question_id, false, answer.value);
  return state;
}

const panels = {
  questions(snapshot, frames) {
    let state = questions.begin(snapshot);
    for (const frame of frames) state = frame.command ? asked(state, frame) : questions.reduce(state, [frame]);
    const row = (question) => ({
      ...at(question), count: questions.votes(state, question), mine: questions.mine(state, question.id), own: state.own.has(question.id),
    });
    return {
      ...Object.fromEntries(SORTS.map((sort) => [sort, questions.listed(state, sort).map(row)])),
      own: questions.ownListed(state).map(at),
      open: state.open,
    };
  },

  question_desk(snapshot, frames) {
    const state = questions.reduce(questions.begin(snapshot), frames.filter(({ command }) => !command));
    return Object.fromEntries(STATUSES.map((status) => [status, questions.withStatus(state, status).map(at)]));
  },

  polls(snapshot, frames) {
    let state = polls.begin(snapshot);
    for (const frame of frames) {
      if (!frame.command) state = polls.reduce(state, [frame]);
      else if (frame.command === "poll.answer") state = polls.answered(state, frame.fields.poll_id, frame.answer.value);
    }
    return polls.listed(state).map((poll) => ({
      ...plain(poll), bars: polls.bars(state, poll), voters: polls.result(state, poll)?.voters, own: state.own.get(poll.id),
    }));
  },

  poll_desk(snapshot, frames) {
    const state = polls.reduce(polls.begin(snapshot), frames.filter(({ command }) => !command));
    return polls.listed(state).map((poll) => ({
      ...plain(poll),
      bars: polls.bars(state, poll, true).map((bar) => ({ ...bar, percent: bar.percent ?? 0 })),
      voters: polls.result(state, poll, true)?.voters ?? 0,
    }));
  },

  captions: (snapshot, frames) => lines(snapshot, frames, SHOWN),
  caption_desk: (snapshot, frames) => lines(snapshot, frames, CORRECTED),

  stage({ stage, viewers }, frames) {
    for (const frame of frames) {
      if (frame.type === "stage") stage = newer(stage, frame);
      if (frame.type === "viewers") viewers = frame.count;
    }
    const { at_ms, ...shown } = plain(stage);
    return { ...shown, viewers };
  },

  booth(snapshot, frames) {
    const { here, talk, lines } = frames.reduce(atBooth, snapshot);
    return { here: plain(here), talk: talk && plain(talk), lines: lines?.map(plain) };
  },

  booth_desk(snapshot, frames) {
    const { queue, threads, lines, leads, figures, me } = frames.reduce(atDesk, snapshot);
    return { queue: plain(queue), threads: threads.map(plain), lines: lines.map(plain), leads, figures, me };
  },

  hall({ booths }, frames) {
    const known = new Map([...booths, ...frames.filter(({ type }) => type === "booth")].map((booth) => [booth.key, booth]));
    const shown = [...known.values()].filter(({ staff, waiting }) => staff.length || waiting);
    return shown.map(({ key, staff, waiting }) => ({ key, called: staff.map(({ called }) => called), waiting }));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { panel, snapshot, frames } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(panels[panel](snapshot, frames))}\n`);
}
