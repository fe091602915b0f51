"""Attendance of other tools in the office: upload, look through, merge, confirm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from server import clock
from server.access import guarded
from server.agenda import store as agenda
from server.agenda.importers.fields import MAX_BYTES
from server.agenda.importers.problems import Problem
from server.attendance.importer import read_attendance
from server.attendance.intervals import Intervals, intersection, union
from server.call import Call
from server.credit import merging
from server.credit.imports import rules, store
from server.credit.imports.rules import Known, Pairing, Placing, Reported
from server.credit.office import words
from server.credit.office.words import text
from server.credit.record import store as record
from server.credit.showing import spoken
from server.errors import Invalid, NotFound, Refused
from server.office import nav
from server.rendering import page, view
from server.rights import Act

REPORTS = "/conferences/{slug}/office/attendance"
ONE = REPORTS + "/{report_id:uuid}"

PLACINGS = (
    (Placing.AS_WRITTEN.value, "Where the report's own times put them"),
    (Placing.FROM_START.value, "From the session's start on: the report's times are wrong"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownGroup:
    """Lines that stand for one person."""

    key: str
    lines: list[Reported]
    least: str
    mail: str
    person: str
    proposals: list[Known]
    counts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPair:
    value: str
    one: Reported
    other: Reported
    decided: str


async def show_list(request: Request, call: Call) -> Response:
    return await _list(call, session=request.query_params.get("session", ""))


async def _list(
    call: Call,
    *,
    session: str = "",
    error: str = "",
    where: str = "",
    file: str = "",
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> Response:
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        reports = await store.reports(db, call.conference_id)
        sessions = await record.accredited(db, call.conference_id)
    titles = dict(sessions)
    return page(
        "credit/office_reports.html",
        view(call.who, conference, current="/office"),
        status,
        office_nav=nav(call.who, conference, "/attendance"),
        conference=conference,
        reports=[
            (one, titles.get(one.session_id, "–"), one.uploaded_at.astimezone(conference.tz))
            for one in reports
        ],
        sessions=[("", "Choose a session"), *((str(key), title) for key, title in sessions)],
        session=session,
        error=error,
        where=where,
        file=file,
        problems=problems,
        base=f"/conferences/{conference.slug}/office/attendance",
    )


async def upload(request: Request, call: Call) -> Response:
    async with request.form(max_files=1, max_part_size=2 * MAX_BYTES) as form:
        chosen = text(form, "session")
        try:
            session_id = words.identifier(form, "session", "Choose a session.")
            name, raw = await _file(form)
        except Invalid as error:
            return await _list(
                call, session=chosen, error=str(error), where=error.where, status=422
            )
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        await agenda.session(db, call.conference_id, session_id)
    reading = read_attendance(raw, conference.zone)
    if reading.value is None:
        return await _list(call, session=chosen, file=name, problems=reading.problems, status=422)
    async with call.db.begin() as db:
        brought = await merging.bring_in(
            db, call.conference_id, session_id,
            report=reading.value, raw=raw, file=name, person_id=call.person_id,
        )  # fmt: skip
    return _back(conference.slug, brought.report_id, "" if brought.new else "known")


async def _file(form: FormData) -> tuple[str, bytes]:
    file = form.get("file")
    raw = await file.read() if isinstance(file, UploadFile) else b""
    if not raw or not isinstance(file, UploadFile):
        raise Invalid("Choose a file.", where="file")
    return file.filename or "file", raw


async def show_one(request: Request, call: Call) -> Response:
    return await _one(
        call, request.path_params["report_id"], done=request.query_params.get("done", "")
    )


async def _one(
    call: Call,
    report_id: UUID,
    *,
    errors: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
    done: str = "",
) -> Response:
    async with call.db.read() as db:
        conference = await agenda.conference(db, call.conference_id)
        report = await store.report(db, call.conference_id, report_id)
        session = await agenda.session(db, call.conference_id, report.session_id)
        lines = await store.lines(db, call.conference_id, report_id)
        pairs = await store.pairs(db, call.conference_id, report_id)
        known = await store.known(db, call.conference_id)
        ids = (report.session_id,)
        found = (await agenda.live_intervals(db, call.conference_id, ids)).get(session.id, ())
    now_ms = clock.now_ms()
    live = union((start, now_ms if end is None else end) for start, end in found)
    meeting = merging.meeting_of(report)
    placing = report.placing or _placing((typed or {}).get("placing", ""))
    groups = [_group(group, known, live, meeting, placing) for group in rules.groups(lines, pairs)]
    tz = conference.tz
    return page(
        "credit/office_report.html",
        view(call.who, conference, current="/office"),
        status,
        office_nav=nav(call.who, conference, "/attendance"),
        conference=conference,
        report=report,
        meeting=tuple(clock.moment(ms).astimezone(tz) for ms in meeting[0]) if meeting else None,
        live=[tuple(clock.moment(ms).astimezone(tz) for ms in each) for each in live],
        session=session,
        apart=bool(meeting and live and not intersection(meeting, live)),
        groups=groups,
        pairs=_pairs(pairs, lines),
        undecided=sum(1 for each in pairs if each.pairing is Pairing.OPEN),
        people=sum(1 for each in groups if each.person),
        placings=PLACINGS,
        placing=placing.value,
        typed=typed or {},
        errors=errors or {},
        done=done,
        base=f"/conferences/{conference.slug}/office/attendance",
    )


def _placing(written: str) -> Placing:
    return Placing(written) if written in set(Placing) else Placing.AS_WRITTEN


def _group(
    group: list[Reported],
    known: Sequence[Known],
    live: Intervals,
    meeting: Intervals,
    placing: Placing,
) -> ShownGroup:
    owner = next((one for one in known for line in group if line.person_id == one.id), None)
    return ShownGroup(
        key=str(group[0].id),
        lines=group,
        least=spoken(max(line.least_ms for line in group)),
        mail=owner.mail if owner else "",
        person=(owner.name or owner.mail) if owner else "",
        proposals=[] if owner else rules.perhaps(group[0], known),
        counts=spoken(merging.worth_ms(group, live, meeting, placing)),
    )


def _pairs(pairs: Sequence[rules.Pair], lines: Sequence[Reported]) -> list[ShownPair]:
    by_id = {line.id: line for line in lines}
    said = {Pairing.OPEN: "", Pairing.MERGED: "One person", Pairing.APART: "Two people"}
    shown = [
        ShownPair(
            value=f"{pair.first} {pair.second}",
            one=by_id[pair.first],
            other=by_id[pair.second],
            decided=said[pair.pairing],
        )
        for pair in pairs
    ]
    return sorted(shown, key=lambda each: (each.one.number, each.other.number))


async def act(request: Request, call: Call) -> Response:
    """Merge or keep apart, say whose lines are, confirm: each a button of the same page."""
    report_id = request.path_params["report_id"]
    form = await request.form()
    wanted = text(form, "act")
    typed = {name: text(form, name) for name in form}
    mails = {
        UUID(name.removeprefix("mail-")): text(form, name)
        for name in form
        if name.startswith("mail-") and _is_id(name.removeprefix("mail-"))
    }
    done = wanted
    try:
        if wanted in {"merge", "apart"}:
            first, second = _two(text(form, "pair"))
            pairing = Pairing.MERGED if wanted == "merge" else Pairing.APART
            await merging.pair(call, report_id, first=first, second=second, pairing=pairing)
        elif wanted in {"save", "confirm"}:
            await merging.assign(call, report_id, mails)
            if wanted == "confirm":
                placing, on_air = _placing(text(form, "placing")), text(form, "on_air") == "yes"
                await merging.confirm(call, report_id, placing=placing, on_air=on_air)
        else:
            raise Invalid("Please choose one.", where="act")
    except NotFound:
        raise
    except Refused as error:
        told = {error.where or "act": str(error)}
        return await _one(call, report_id, errors=told, typed=typed, status=error.status)
    return _back(request.path_params["slug"], report_id, done)


def _is_id(written: str) -> bool:
    try:
        UUID(written)
    except ValueError:
        return False
    return True


def _two(written: str) -> tuple[UUID, UUID]:
    first, _, second = written.partition(" ")
    if not _is_id(first) or not _is_id(second):
        raise Invalid("Nobody proposed these two.", where="pair")
    return UUID(first), UUID(second)


def _back(slug: str, report_id: UUID | None, done: str) -> Response:
    query = f"?done={done}" if done else ""
    return RedirectResponse(f"/conferences/{slug}/office/attendance/{report_id}{query}", 303)


routes: list[BaseRoute] = [
    guarded(REPORTS, show_list, Act.EDIT_CREDIT),
    guarded(REPORTS, upload, Act.EDIT_CREDIT, methods=["POST"]),
    guarded(ONE, show_one, Act.EDIT_CREDIT),
    guarded(ONE, act, Act.EDIT_CREDIT, methods=["POST"]),
]
