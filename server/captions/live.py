"""Captions over the socket: whoever runs a session, or writes for it, says what is said.

Told is what was committed. Of a line that grows each state is told; the page that writes it has one
command under way at a time, since those under way together are carried out in any order.
"""

from uuid import UUID, uuid5

from realtime.limits import CAPTIONS_CORRECTED
from realtime.wire import Command
from server import clock, topics
from server.access import Table
from server.agenda import store as agenda
from server.call import Call
from server.captions import events, rules, store
from server.captions.rules import Line
from server.rights import Act
from server.sanitise import plain_text

commands = Table()


class Say(Command, frozen=True, kw_only=True, tag="caption.say"):
    """A new line; one that is not `final` is still growing."""

    session_id: UUID
    text: str
    language: str = ""
    final: bool = True


class Change(Command, frozen=True, kw_only=True, tag="caption.change"):
    """The whole text of a line as it is now: grown, finished, or corrected; empty, it is out."""

    session_id: UUID
    line_id: UUID
    text: str
    final: bool = True


@commands.may(Act.RUN_DESK)
async def say(command: Say, call: Call) -> UUID:
    """The line's id comes from the command's, so that the same command makes one line."""
    text = plain_text(command.text)
    line_id = uuid5(call.person_id, command.command_id.hex)
    place = (call.conference_id, command.session_id)
    async with call.db.begin() as db:
        if await store.find(db, *place, line_id):
            return line_id
        session = await agenda.session(db, *place)
        language = rules.usual(session.language)
        if command.language:
            language = rules.language(command.language)
        counts = await store.counts(db, *place)
        rules.say(text, language, session.phase, counts, sum(counts.values()))
        # Two within a millisecond keep their order.
        now_ms = max(clock.now_ms(), await store.last_ms(db, *place) + 1)
        line = Line(
            id=line_id,
            session_id=command.session_id,
            language=language,
            text=text,
            final=command.final,
            said_ms=now_ms,
            ended_ms=now_ms,
            revision=0,
        )
        new = await store.add(db, call.conference_id, line, said_by=call.person_id)

    if new:
        await call.publish(topics.captions(line.session_id), events.caption(line))
    return line_id


@commands.may(Act.RUN_DESK)
async def change(command: Change, call: Call) -> None:
    """Whoever may write lines may correct anybody's: captioners take turns."""
    text = plain_text(command.text)
    place = (call.conference_id, command.session_id)
    async with call.db.begin() as db:
        line = await store.line(db, *place, command.line_id, lock=True)
        newer = await store.newer(db, call.conference_id, line, most=CAPTIONS_CORRECTED)
        after = rules.change(line, newer, text, final=command.final, now_ms=clock.now_ms())
        if after is None:
            return
        await store.write(db, call.conference_id, after)

    await call.publish(topics.captions(after.session_id), events.caption(after))
