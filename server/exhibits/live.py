"""Exhibits over the socket: the queue, threads, presence and badges of a booth."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from realtime.limits import MAX_CHAT_CHARS
from realtime.wire import Command, Message
from server.access import Table
from server.call import Call
from server.exhibits import handing, talking
from server.exhibits.rules import MAX_ABOUT, MAX_INTEREST, MAX_LINE, MAX_NOTE
from server.rights import Act

MAX_WORD = 40

Word = Annotated[str, Meta(max_length=MAX_WORD)]
Short = Annotated[str, Meta(max_length=MAX_LINE)]

commands = Table()


class Ask(Command, frozen=True, tag="booth.ask"):
    """Join a booth's queue; `about` is all that its staff learn."""

    booth_id: UUID
    about: Annotated[str, Meta(max_length=MAX_ABOUT)] = ""


class LeaveQueue(Command, frozen=True, tag="booth.leave_queue"):
    """Leave the queue, or the talk."""

    booth_id: UUID


class Take(Command, frozen=True, tag="booth.take"):
    """Begin a talk with a waiting visitor, oneself or by a colleague (`staff_id`)."""

    booth_id: UUID
    talk_id: UUID
    staff_id: UUID | None = None


class End(Command, frozen=True, tag="booth.end"):
    booth_id: UUID
    talk_id: UUID


class Say(Command, frozen=True, tag="booth.say"):
    """A line: a visitor's own, or the staff's in the thread `visit_id`."""

    booth_id: UUID
    text: Annotated[str, Meta(max_length=MAX_CHAT_CHARS)]
    visit_id: UUID | None = None


class Present(Command, frozen=True, tag="booth.present"):
    """Be there for visitors, under a name and with a line of one's own choice."""

    booth_id: UUID
    called: Short | None = None
    line: Short | None = None


class Away(Command, frozen=True, tag="booth.away"):
    booth_id: UUID


class Stay(Message, frozen=True, tag="booth.stay"):
    """A page of the booth is open, every 15 s; nothing answers it."""

    booth_id: UUID
    leaving: bool = False


class HandOver(Command, frozen=True, tag="badge.hand_over"):
    booth_id: UUID
    fields: Annotated[tuple[Word, ...], Meta(max_length=8)]
    purpose: Word
    months: int
    text_version: Word


class Withdraw(Command, frozen=True, tag="badge.withdraw"):
    booth_id: UUID
    receipt_id: UUID


class Note(Command, frozen=True, tag="lead.note"):
    booth_id: UUID
    receipt_id: UUID
    interest: Annotated[int, Meta(ge=0, le=MAX_INTEREST)] = 0
    note: Annotated[str, Meta(max_length=MAX_NOTE)] = ""


@commands.may(Act.VISIT_HALL)
async def ask(command: Ask, call: Call) -> UUID:
    return await talking.ask(call, command.about, command.command_id)


@commands.may(Act.VISIT_HALL)
async def leave_queue(command: LeaveQueue, call: Call) -> None:  # noqa: ARG001 - its place is all
    await talking.leave(call)


@commands.may(Act.STAFF_BOOTH)
async def take(command: Take, call: Call) -> UUID:
    return await talking.take(call, command.talk_id, command.staff_id)


@commands.may(Act.STAFF_BOOTH)
async def end(command: End, call: Call) -> None:
    await talking.end(call, command.talk_id)


@commands.may(Act.VISIT_HALL)
async def say(command: Say, call: Call) -> UUID:
    return await talking.say(call, command.text, command.visit_id, command.command_id)


@commands.may(Act.STAFF_BOOTH)
async def present(command: Present, call: Call) -> None:
    await talking.present(call, command.called, command.line)


@commands.may(Act.STAFF_BOOTH)
async def away(command: Away, call: Call) -> None:  # noqa: ARG001 - its place is all
    await talking.away(call)


@commands.may(Act.VISIT_HALL, often=True)
async def stay(command: Stay, call: Call) -> None:
    await talking.stay(call, leaving=command.leaving)


@commands.may(Act.VISIT_HALL)
async def hand_over(command: HandOver, call: Call) -> UUID:
    return await handing.hand_over(
        call,
        fields=command.fields,
        purpose=command.purpose,
        months=command.months,
        text_version=command.text_version,
        command_id=command.command_id,
    )


@commands.may(Act.VISIT_HALL)
async def withdraw(command: Withdraw, call: Call) -> None:
    await handing.withdraw(call, command.receipt_id)


@commands.may(Act.STAFF_BOOTH)
async def note(command: Note, call: Call) -> None:
    await handing.note(call, command.receipt_id, interest=command.interest, text=command.note)
