"""Founds the demo congress once: people, programme, disclosures, booths. Later starts find it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from server import clock
from server.agenda import store as agenda
from server.agenda.editing import store as editing
from server.agenda.rules import FacultyRole, Phase
from server.attendance import store as attendance
from server.db import Rows
from server.demo import cast, content
from server.disclosures import store as disclosures
from server.exhibits import store as exhibits
from server.exhibits.rules import Tier
from server.ids import new_id
from server.people import store as people
from server.rights import Role

SLUG = "cardioforum"
TITLE = "CardioForum"
ZONES = (
    "America/New_York", "Europe/Paris", "Asia/Kolkata", "Asia/Tokyo", "Pacific/Auckland",
    "America/Los_Angeles", "Pacific/Honolulu", "America/Sao_Paulo", "Asia/Dubai",
)  # fmt: skip
"""The congress is where it is about half past one: a live day has a morning and an afternoon."""

NOON_AND_A_HALF = 13 * 60 + 30

PROVIDER = "CardioForum Society"

BEGAN = timedelta(minutes=12)
"""How long the session on air has been live when the congress is founded."""

LENGTH = timedelta(minutes=60)
SLOT = timedelta(minutes=75)
LEAST_LEFT = timedelta(minutes=10)
"""A demo started again in the morning is still on air: its live sessions are prolonged."""

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Congress:
    """What the running demo needs to know of it."""

    conference_id: UUID
    live_session: UUID
    open_session: UUID
    persons: dict[str, UUID]
    booths: dict[str, UUID]


async def found(db: Rows) -> Congress:
    """The congress, founded if need be."""
    if await agenda.place_of_conference(db, SLUG) is None:
        await _found(db)
    return await _find(db)


async def _found(db: Rows) -> None:
    now = clock.now()
    begins = _five_minutes(now - BEGAN)
    zone = min(ZONES, key=lambda name: abs(_minutes(now, name) - NOON_AND_A_HALF))
    conference_id = await agenda.add_conference(
        db,
        slug=SLUG,
        title=f"{TITLE} {begins.year}",
        zone=zone,
        starts_on=begins.astimezone(ZoneInfo(zone)).date(),
        ends_on=(begins + timedelta(days=2)).astimezone(ZoneInfo(zone)).date(),
    )
    await editing.save_conference(
        db,
        conference_id,
        provider=PROVIDER,
        accreditation=(
            f"This is a demonstration: {PROVIDER} is invented and accredited by nobody."
        ),
    )
    persons = await _people(db, conference_id)
    await _programme(db, conference_id, persons, begins)
    await _hall(db, conference_id, persons)


def _minutes(at: datetime, zone: str) -> int:
    local = at.astimezone(ZoneInfo(zone))
    return local.hour * 60 + local.minute


def _five_minutes(at: datetime) -> datetime:
    return at.replace(minute=at.minute - at.minute % 5, second=0, microsecond=0)


async def _people(db: Rows, conference_id: UUID) -> dict[str, UUID]:
    everybody = (
        cast.LEARNER, cast.LEARNER2, cast.FACULTY, cast.MODERATOR, cast.PANELLIST, cast.EXHIBITOR,
        cast.OFFICER, cast.ORGANISER, *cast.SPEAKERS, *cast.CROWD,
        *(person for _, person in cast.STAFF),
    )  # fmt: skip
    persons: dict[str, UUID] = {}
    for person in everybody:
        profile = await people.ensure_person(db, person.mail, person.name)
        await people.save_profile(
            db,
            profile.id,
            degree=person.degree,
            profession=person.profession,
            affiliation=person.affiliation,
        )
        persons[person.key] = profile.id
    roles = {
        Role.LEARNER: (cast.LEARNER, cast.LEARNER2, *cast.CROWD),
        Role.MODERATOR: (cast.MODERATOR,),
        Role.OFFICER: (cast.OFFICER,),
        Role.ORGANISER: (cast.ORGANISER,),
    }
    for role, named in roles.items():
        for person in named:
            await people.give(db, conference_id, person_id=persons[person.key], role=role)
    return persons


async def _programme(
    db: Rows, conference_id: UUID, persons: dict[str, UUID], begins: datetime
) -> None:
    tracks = []
    for position, name in enumerate(content.TRACKS):
        track = agenda.Track(conference_id=conference_id, id=new_id(), name=name, position=position)
        db.add(track)
        tracks.append(track.id)
    await db.flush()
    rows = (*content.MORNING, content.NOW, *content.AFTERNOON)
    for day in range(3):
        for place, titles in enumerate(rows):
            starts_at = begins + timedelta(days=day) + SLOT * (place - len(content.MORNING))
            for hall, title in enumerate(titles):
                known = titles is content.NOW and day > 0
                await _session(
                    db,
                    conference_id,
                    persons,
                    title=f"{title}, continued" if known else title,
                    starts_at=starts_at,
                    hall=hall,
                    track_id=tracks[hall],
                    speaker=(day * 7 + place * 4 + hall) % len(cast.SPEAKERS),
                    live=titles is content.NOW and day == 0 and title in LIVE,
                    over=day == 0 and place < len(content.MORNING),
                )


LIVE = frozenset({content.LIVE_TITLE, content.OPEN_TITLE})


async def _session(
    db: Rows,
    conference_id: UUID,
    persons: dict[str, UUID],
    *,
    title: str,
    starts_at: datetime,
    hall: int,
    track_id: UUID,
    speaker: int,
    live: bool,
    over: bool,
) -> None:
    session_id = new_id()
    ends_at = starts_at + LENGTH
    phase = Phase.LIVE if live else Phase.ENDED if over else Phase.SCHEDULED
    db.add(
        agenda.Session(
            conference_id=conference_id,
            id=session_id,
            title=title,
            abstract=content.LIVE_ABSTRACT if title == content.LIVE_TITLE else content.ABSTRACT,
            track_id=track_id,
            hall=content.HALLS[hall],
            language="en",
            starts_at=starts_at,
            ends_at=ends_at,
            designated_ms=int(LENGTH / timedelta(milliseconds=1)),
            phase=phase,
        )
    )
    await db.flush()
    if live or over:
        began = clock.milliseconds(starts_at)
        until = None if live else clock.milliseconds(ends_at)
        db.add(
            agenda.LiveInterval(
                conference_id=conference_id, session_id=session_id, from_ms=began, to_ms=until
            )
        )
        await attendance.note_live(db, conference_id, session_id, live=True, at_ms=began)
        if until is not None:
            await attendance.note_live(db, conference_id, session_id, live=False, at_ms=until)
    members = _faculty(title, speaker)
    for position, (person, role) in enumerate(members):
        db.add(
            agenda.Faculty(
                conference_id=conference_id,
                session_id=session_id,
                id=new_id(),
                person_id=persons[person.key],
                name=person.name,
                degree=person.degree,
                affiliation=person.affiliation,
                role=role,
                position=position,
            )
        )
        await people.give(
            db,
            conference_id,
            person_id=persons[person.key],
            role=Role.FACULTY,
            session_id=session_id,
        )
    text = content.DISCLOSURE if title in LIVE else content.NOTHING
    await disclosures.enter(
        db, conference_id, session_id, text=text, person_id=persons[cast.OFFICER.key]
    )


def _faculty(title: str, speaker: int) -> tuple[tuple[cast.Person, FacultyRole], ...]:
    if title in LIVE:
        return (
            (cast.FACULTY, FacultyRole.SPEAKER),
            (cast.MODERATOR, FacultyRole.MODERATOR),
            (cast.PANELLIST, FacultyRole.PANEL),
        )
    first, second = cast.SPEAKERS[speaker], cast.SPEAKERS[speaker - 3]
    return (first, FacultyRole.SPEAKER), (second, FacultyRole.MODERATOR)


async def _hall(db: Rows, conference_id: UUID, persons: dict[str, UUID]) -> None:
    booths: dict[str, UUID] = {}
    for position, booth in enumerate(content.BOOTHS):
        booths[booth.name] = new_id()
        db.add(
            exhibits.Booth(
                conference_id=conference_id,
                id=booths[booth.name],
                name=booth.name,
                tagline=booth.tagline,
                category=booth.category,
                tier=Tier(booth.tier),
                description=booth.description,
                website=booth.website,
                position=position,
            )
        )
    await db.flush()
    staff = (("Cardivue", cast.EXHIBITOR), *cast.STAFF)
    for name, person in staff:
        await people.give(
            db,
            conference_id,
            person_id=persons[person.key],
            role=Role.EXHIBITOR,
            booth_id=booths[name],
        )


async def _find(db: Rows) -> Congress:
    place = await agenda.place_of_conference(db, SLUG)
    assert place is not None, "it was founded just now, or before"
    sessions = await agenda.sessions(db, place.conference_id)
    titled = {session.title: session for session in sessions}
    for title in LIVE:
        await _keep_live(db, titled[title].conference_id, titled[title].id)
    persons = {
        person.mail.partition("@")[0]: person.id
        for person in await people.granted(db, place.conference_id, limit=1000)
    }
    booths = {booth.name: booth.id for booth in await exhibits.booths(db, place.conference_id)}
    return Congress(
        conference_id=place.conference_id,
        live_session=titled[content.LIVE_TITLE].id,
        open_session=titled[content.OPEN_TITLE].id,
        persons=persons,
        booths=booths,
    )


async def _keep_live(db: Rows, conference_id: UUID, session_id: UUID) -> None:
    """A session that a visitor ended, or that ended overnight, is live again at the next start."""
    row = await db.get(agenda.Session, (conference_id, session_id))
    assert row is not None, "it was found just now"
    now = clock.now()
    if row.phase is not Phase.LIVE:
        row.phase = Phase.LIVE
        await attendance.turn_live(db, conference_id, session_id, live=True, at_ms=clock.now_ms())
    if row.ends_at < now + LEAST_LEFT:
        row.ends_at = _five_minutes(now + LENGTH)
