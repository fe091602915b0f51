"""What visitors and staff do at a booth: queue, talk, write. The same for sockets and forms."""

from uuid import UUID

from realtime.limits import MAX_CHAT_CHARS
from server import access, topics
from server.call import Call
from server.db import Rows
from server.errors import Forbidden, Invalid, NotFound
from server.exhibits import rules, states
from server.exhibits.rules import MAX_ABOUT, MAX_LINE
from server.exhibits.talks import store
from server.rights import Act, may
from server.sanitise import plain_lines, plain_text


def booth_of(call: Call) -> UUID:
    assert call.place.booth_id is not None, "its place is a booth"
    return call.place.booth_id


def is_staff(call: Call) -> bool:
    return may(call.who, Act.STAFF_BOOTH, call.place)


async def ask(call: Call, about: str, command_id: UUID) -> UUID:
    """Join the queue; who is in it already keeps their place."""
    about = plain_text(about)
    if len(about) > MAX_ABOUT:
        raise Invalid(f"At most {MAX_ABOUT} characters.", where="about")
    _visitor_only(call)
    booth_id = booth_of(call)
    async with call.db.begin() as db:
        visit_id = await store.enter(db, call.conference_id, booth_id, call.person_id)
        talk_id = await store.ask(
            db, call.conference_id, booth_id, visit_id, about=about, command_id=command_id
        )
    await states.show(call.services, call.conference_id, booth_id, visit_id)
    return talk_id


async def leave(call: Call) -> None:
    """Leave the queue or the talk, at any time."""
    booth_id = booth_of(call)
    async with call.db.begin() as db:
        visit_id = await store.visit_of(db, call.conference_id, booth_id, call.person_id)
        left = visit_id is not None and await store.leave(db, call.conference_id, visit_id)
    if left:
        await states.show(call.services, call.conference_id, booth_id, visit_id)


async def take(call: Call, talk_id: UUID, colleague: UUID | None = None) -> UUID:
    """Take a visitor out of the queue, or send them to a colleague; returns their visit."""
    booth_id = booth_of(call)
    async with call.db.begin() as db:
        person_id = call.person_id
        if colleague is not None:
            staff = (await store.staff(db, call.conference_id, booth_id)).get(booth_id, [])
            person_id = _person_of(staff, colleague)
        visit_id = await store.take(db, call.conference_id, booth_id, talk_id, person_id)
    await states.show(call.services, call.conference_id, booth_id, visit_id)
    return visit_id


async def end(call: Call, talk_id: UUID) -> None:
    booth_id = booth_of(call)
    async with call.db.begin() as db:
        visit_id = await store.end(db, call.conference_id, booth_id, talk_id)
    await states.show(call.services, call.conference_id, booth_id, visit_id)


async def say(call: Call, text: str, visit_id: UUID | None, command_id: UUID) -> UUID:
    """Write a line: staff name the thread, a visitor has one with each booth."""
    text = plain_lines(text)
    if not text:
        raise Invalid("Write something first.", where="text")
    if len(text) > MAX_CHAT_CHARS:
        raise Invalid(f"At most {MAX_CHAT_CHARS} characters.", where="text")
    booth_id = booth_of(call)
    if visit_id is None:
        _visitor_only(call)
    else:
        access.check(call.who, Act.STAFF_BOOTH, call.place)
    async with call.db.begin() as db:
        staff_id, returned = None, False
        if visit_id is None:
            visit_id = await store.enter(db, call.conference_id, booth_id, call.person_id)
        else:
            await store.check_visit(db, call.conference_id, booth_id, visit_id)
            returned = not await _here(call, db)
            await man(call, db)
            staff_id = call.person_id
        line_id, new = await store.say(
            db,
            call.conference_id,
            visit_id,
            staff_id=staff_id,
            text=text,
            command_id=command_id,
        )
        said = await store.line(db, call.conference_id, line_id)
    if new:
        event = states.line(said)
        await call.publish(topics.booth_desk(booth_id), event)
        await call.publish(topics.visit(visit_id), event)
    if returned:
        await states.show(call.services, call.conference_id, booth_id)
    return line_id


async def man(call: Call, db: Rows) -> None:
    """One of the staff is at the desk, as they called themselves last."""
    called = rules.first_name(call.who.name) or "Staff"
    await store.man(db, call.conference_id, booth_of(call), call.person_id, called)


async def present(call: Call, called: str | None = None, line: str | None = None) -> None:
    """Be there for visitors; with a name and a line to be shown under."""
    values: dict[str, str] = {}
    if called is not None:
        values["called"] = _line(called, "called")
        if not values["called"]:
            raise Invalid("Visitors need something to call you by.", where="called")
    if line is not None:
        values["line"] = _line(line, "line")
    async with call.db.begin() as db:
        await man(call, db)
        await store.set_staff(
            db, call.conference_id, booth_of(call), call.person_id, available=True, **values
        )
    await states.show(call.services, call.conference_id, booth_of(call))


async def away(call: Call) -> None:
    """Step away; the desk stays open, visitors see nobody."""
    async with call.db.begin() as db:
        await man(call, db)
        await store.set_staff(
            db, call.conference_id, booth_of(call), call.person_id, available=False
        )
    await states.show(call.services, call.conference_id, booth_of(call))


async def stay(call: Call, *, leaving: bool) -> None:
    """A page of the booth is still open, or closes: staff are gone at once, a place is kept."""
    booth_id = booth_of(call)
    if not is_staff(call):
        async with call.db.begin() as db:
            visit_id = await store.visit_of(db, call.conference_id, booth_id, call.person_id)
            if visit_id is not None and not leaving:
                await store.stay(db, call.conference_id, visit_id)
        return
    async with call.db.begin() as db:
        before = await _here(call, db)
        if leaving:
            await store.set_staff(db, call.conference_id, booth_id, call.person_id, seen_at=None)
        else:
            await man(call, db)
    if before is leaving:
        await states.show(call.services, call.conference_id, booth_id)


async def _here(call: Call, db: Rows) -> bool:
    staff = (await store.staff(db, call.conference_id, booth_of(call))).get(booth_of(call), [])
    return any(each.person_id == call.person_id and each.here for each in staff)


def _person_of(staff: list[rules.Staff], colleague: UUID) -> UUID:
    for each in staff:
        if each.id == colleague:
            return each.person_id
    raise NotFound("There is no such colleague at this booth.")


def _visitor_only(call: Call) -> None:
    if is_staff(call):
        raise Forbidden("This is your own booth: your place is its desk.")


def _line(text: str, where: str) -> str:
    text = plain_text(text)
    if len(text) > MAX_LINE:
        raise Invalid(f"At most {MAX_LINE} characters.", where=where)
    return text
