"""Questions over the socket: who may say what about which question, and who is told.

The desk's topic has every question, the session's only what is published, the author's their own.
Told is what was committed; forms call the same functions.
"""

from typing import Literal
from uuid import UUID

from realtime.wire import Command, State
from server import clock, topics
from server.access import Table, check
from server.audit import store as audit
from server.call import Call
from server.db import Rows
from server.errors import NotFound
from server.questions import events, rules, store
from server.questions.rules import Question, Status, Verb
from server.rights import Act
from server.sanitise import plain_text

commands = Table()


class Ask(Command, frozen=True, tag="question.ask"):
    session_id: UUID
    text: str
    anonymous: bool = False


class Withdraw(Command, frozen=True, tag="question.withdraw"):
    session_id: UUID
    question_id: UUID


class Upvote(Command, frozen=True, tag="question.upvote"):
    session_id: UUID
    question_id: UUID


class Unvote(Command, frozen=True, tag="question.unvote"):
    session_id: UUID
    question_id: UUID


class Approve(Command, frozen=True, tag="question.approve"):
    session_id: UUID
    question_id: UUID


class Dismiss(Command, frozen=True, tag="question.dismiss"):
    """Not to be answered; its author is told why."""

    session_id: UUID
    question_id: UUID
    reason: str = ""


class Answering(Command, frozen=True, tag="question.answering"):
    """It is being answered now; the one before it counts as answered."""

    session_id: UUID
    question_id: UUID


class Answered(Command, frozen=True, tag="question.answered"):
    session_id: UUID
    question_id: UUID


class Restore(Command, frozen=True, tag="question.restore"):
    """Undo: back to waiting, or back among the published."""

    session_id: UUID
    question_id: UUID
    status: Literal["pending", "live"] = "pending"


@commands.may(Act.ATTEND)
async def ask(command: Ask, call: Call) -> UUID:
    """The same command makes one question, however often it is sent."""
    place = (call.conference_id, command.session_id)
    text = plain_text(command.text)
    async with call.db.begin() as db:
        recent = await store.recent(db, call.person_id, clock.now() - rules.MINUTE)
        made = await store.asked(db, call.person_id, command.command_id)
        if made is not None:
            return made
        floor = await store.floor(db, *place)
        draft = rules.ask(text, floor, recent=recent, anonymous=command.anonymous)
        made = await store.add(
            db, *place, author_id=call.person_id, command_id=command.command_id, draft=draft
        )
        assert made is not None, "the author's row is held: nobody else can have made it"
        question = await store.question(db, *place, made)

    await _tell(call, question)
    return question.id


@commands.may(Act.ATTEND)
async def withdraw(command: Withdraw, call: Call) -> None:
    async with call.db.begin() as db:
        question = await _load(db, call, command.session_id, command.question_id)
        if question.author_id != call.person_id:
            raise NotFound("There is no such question.")
        status = rules.withdraw(question.status)
        if status is None:
            return
        after = await _save(db, call, question, status)

    await _tell(call, after)


@commands.may(Act.ATTEND, often=True)
async def upvote(command: Upvote, call: Call) -> int:
    """Returns how many votes the question has now."""
    return await _vote(call, command.session_id, command.question_id, up=True)


@commands.may(Act.ATTEND, often=True)
async def unvote(command: Unvote, call: Call) -> int:
    return await _vote(call, command.session_id, command.question_id, up=False)


@commands.may(Act.MODERATE)
async def approve(command: Approve, call: Call) -> None:
    await _decide(call, command.session_id, command.question_id, Verb.APPROVE)


@commands.may(Act.MODERATE)
async def dismiss(command: Dismiss, call: Call) -> None:
    reason = rules.reason(plain_text(command.reason))
    await _decide(call, command.session_id, command.question_id, Verb.DISMISS, reason)


@commands.may(Act.RUN_DESK)
async def answered(command: Answered, call: Call) -> None:
    await _decide(call, command.session_id, command.question_id, Verb.ANSWERED)


@commands.may(Act.RUN_DESK)
async def answering(command: Answering, call: Call) -> None:
    before: Question | None = None
    async with call.db.begin() as db:
        await store.hold_desk(db, call.conference_id, command.session_id, command.question_id)
        question = await _load(db, call, command.session_id, command.question_id)
        if question.status is Status.PENDING:  # this publishes it besides
            check(call.who, Act.MODERATE, call.place)
        status = rules.step(question.status, Verb.ANSWERING)
        if status is None:
            return
        before = await store.answering(db, call.conference_id, command.session_id)
        if before is not None:
            before = await _save(db, call, before, Status.ANSWERED)
        await _note(db, call, "answering", question, was=question.status)
        after = await _save(db, call, question, status)

    if before is not None:
        await _tell(call, before)
    await _tell(call, after)


@commands.may(Act.RUN_DESK)
async def restore(command: Restore, call: Call) -> None:
    wanted = Status(command.status)
    async with call.db.begin() as db:
        question = await _load(db, call, command.session_id, command.question_id)
        if question.status is Status.DISMISSED or wanted is Status.PENDING:
            check(call.who, Act.MODERATE, call.place)
        status = rules.restore(question.status, wanted)
        if status is None:
            return
        await _note(db, call, "restore", question, was=question.status)
        after = await _save(db, call, question, status)

    await _tell(call, after, was_visible=question.visible)


async def _decide(
    call: Call, session_id: UUID, question_id: UUID, verb: Verb, reason: str = ""
) -> None:
    async with call.db.begin() as db:
        question = await _load(db, call, session_id, question_id)
        status = rules.step(question.status, verb)
        if status is None:
            return
        await _note(db, call, verb.value, question, was=question.status)
        after = await _save(db, call, question, status, reason)

    await _tell(call, after, was_visible=question.visible)


async def _vote(call: Call, session_id: UUID, question_id: UUID, *, up: bool) -> int:
    votes = await call.services.writer.submit(
        store.write_votes,
        store.Voting(
            conference_id=call.conference_id,
            session_id=session_id,
            question_id=question_id,
            person_id=call.person_id,
            up=up,
        ),
    )
    _show_votes(call, session_id, question_id)
    return votes


async def _load(db: Rows, call: Call, session_id: UUID, question_id: UUID) -> Question:
    return await store.question(db, call.conference_id, session_id, question_id, lock=True)


async def _save(
    db: Rows, call: Call, question: Question, status: Status, reason: str = ""
) -> Question:
    """Returns the question as it stands now."""
    place = (call.conference_id, question.session_id)
    await store.set_status(db, call.conference_id, question.id, status, reason=reason)
    return await store.question(db, *place, question.id)


async def _note(db: Rows, call: Call, act: str, question: Question, *, was: Status) -> None:
    await audit.record(
        db,
        call.conference_id,
        person_id=call.person_id,
        act=f"question.{act}",
        on=question.id,
        was=was.value,
    )


async def _tell(call: Call, question: Question, *, was_visible: bool = False) -> None:
    """The desk first, which waits for it; the audience only what is or was theirs."""
    session_id = question.session_id
    await call.publish(topics.desk(session_id), events.for_desk(question))
    if question.visible or was_visible:
        await call.publish(topics.session(session_id), events.for_audience(question))
    await call.publish(topics.person(question.author_id), events.for_author(question))
    if question.visible:
        # Votes may have come in between the transaction and the telling.
        _show_votes(call, session_id, question.id)


def _show_votes(call: Call, session_id: UUID, question_id: UUID) -> None:
    key = f"votes/{question_id}"

    async def read() -> State:
        async with call.db.read() as db:
            count = await store.votes(db, call.conference_id, question_id)
        return events.Votes(key=key, id=question_id, votes=count)

    for topic in (topics.session(session_id), topics.desk(session_id)):
        call.show(topic, key, read)
