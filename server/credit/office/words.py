"""What officers and learners read for the closed lists, and how forms are read. Pure."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData

from server import clock
from server.agenda import rules as agenda
from server.credit.corrections.rules import Adjustment, Cause, Effect, State, Why
from server.credit.exclusions.rules import What
from server.credit.showing import spoken
from server.errors import Invalid

WHY = {
    Why.GAP: "Was there, and the record has a gap",
    Why.ELSEWHERE: "Followed in a satellite room or on another screen",
    Why.ACCESS: "Assistive technology or another barrier",
    Why.OUR_FAULT: "A fault of ours that hit this person alone",
    Why.SHARED_LOGIN: "Somebody else used the login",
    Why.ABSENT: "Was not there",
    Why.MISTAKE: "Corrects an earlier adjustment",
    Why.OTHER: "Another reason",
}
CAUSE = {
    Cause.SERVER: "The server stopped",
    Cause.MEDIA: "Picture or sound failed",
    Cause.NETWORK: "Our network or power failed",
    Cause.OTHER: "Another cause",
}
WHAT = {
    What.BREAK: "Break",
    What.WELCOME: "Welcome, or housekeeping",
    What.PROMOTION: "A sponsor's part",
    What.PAUSE: "Nothing was shown",
    What.OTHER: "Something else that is no education",
}
STATE = {
    State.IN_FORCE: ("In force", "ok"),
    State.WAITING: ("Waits for a second officer", "notice-c"),
    State.DECLINED: ("Declined", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An adjustment as pages show it."""

    id: UUID
    person_id: UUID
    person: str
    session: str
    adds: bool
    day: datetime
    times: str
    minutes: str
    why: str
    text: str
    evidence: str
    units: str
    by: str
    by_id: UUID
    at: datetime
    state: str
    state_kind: str
    waiting: bool
    decided: str
    note: str


def shown(
    one: Adjustment, titles: dict[UUID, str], names: dict[UUID, str], zone: ZoneInfo
) -> Shown:
    starts, ends = (clock.moment(ms).astimezone(zone) for ms in (one.from_ms, one.to_ms))
    state, kind = STATE[one.state]
    return Shown(
        id=one.id, person_id=one.person_id, person=names.get(one.person_id, "–"),
        session=titles.get(one.session_id, "–"), adds=one.effect is Effect.ADD, day=starts,
        times=f"{starts:%H:%M:%S}–{ends:%H:%M:%S}", minutes=spoken(one.to_ms - one.from_ms),
        why=WHY[one.why], text=one.text, evidence=one.evidence, units=one.units,
        by=names.get(one.made_by, "–"), by_id=one.made_by, at=one.made_at.astimezone(zone),
        state=state, state_kind=kind, waiting=one.state is State.WAITING,
        decided=names.get(one.decided_by, "–") if one.decided_by else "", note=one.note,
    )  # fmt: skip


def text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def identifier(form: FormData, name: str, message: str) -> UUID:
    try:
        return UUID(text(form, name))
    except ValueError:
        raise Invalid(message, where=name) from None


def command_id(form: FormData) -> UUID:
    return identifier(form, "command_id", "Reload the page and try again.")


def moment_ms(form: FormData, name: str, zone: str) -> int:
    """A wall-clock time of the conference's zone, with or without seconds."""
    return clock.milliseconds(agenda.local(text(form, name), zone, name))


def whole_minutes(form: FormData, name: str) -> int | None:
    """Milliseconds of a number of minutes; None for an empty field."""
    written = text(form, name)
    if not written:
        return None
    if not written.isascii() or not written.isdigit() or not 0 < int(written) <= 720:  # noqa: PLR2004
        raise Invalid("Whole minutes, from 1 to 720.", where=name)
    return int(written) * 60_000
