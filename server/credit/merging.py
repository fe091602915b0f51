"""Bringing in another tool's attendance: proposals first, and nothing counts until confirmed.

Device duplicates are proposed for merging and merged by a person. A confirmed line becomes a sealed
span of its own connection, in the ledger like any other; its source stays named.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from server import clock
from server.agenda import store as agenda
from server.agenda.importers.problems import printable
from server.attendance import ledger
from server.attendance import store as attendance
from server.attendance.chain import Entry, Kind
from server.attendance.importer import Report
from server.attendance.intervals import NOTHING, Intervals, length, union
from server.audit import store as audit
from server.call import Call
from server.credit.gathering import IMPORTED
from server.credit.imports import rules, store
from server.credit.imports.rules import Pairing, Placing, Reported
from server.db import Rows
from server.errors import Invalid, Refused
from server.ids import new_id


class Undecided(Refused):
    code = "attendance.undecided"


class Done(Refused):
    code = "attendance.confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What bringing a file in came to: `lines` say it to a terminal."""

    report_id: UUID | None
    lines: list[str]
    new: bool


async def bring_in(
    db: Rows,
    conference_id: UUID,
    session_id: UUID,
    *,
    report: Report,
    raw: bytes,
    file: str,
    person_id: UUID | None,
    dry_run: bool = False,
) -> Brought:
    """Keep a report for somebody to look through; the same file again changes nothing."""
    sha256 = hashlib.sha256(raw).hexdigest()
    known = await store.find(db, conference_id, session_id, sha256)
    if known is not None:
        return Brought(report_id=known, lines=["no changes"], new=False)
    people = await store.known(db, conference_id)
    lines = [
        Reported(
            id=new_id(), number=line.number, name=line.name, original=line.original,
            mail=line.mail, least_ms=line.least_ms, from_ms=line.from_ms, to_ms=line.to_ms,
        )
        for line in report.lines
    ]  # fmt: skip
    by_mail = {one.mail: one.id for one in people}
    owned = [_owned(line, by_mail) for line in lines]
    pairs = rules.pairs(owned)
    names = {one.id: one.name or one.mail for one in people}
    told = _told(report, owned, pairs, names)
    if dry_run:
        return Brought(report_id=None, lines=told, new=True)
    report_id = await store.add(
        db, conference_id, session_id,
        report=report, lines=owned, pairs=pairs, sha256=sha256, file=file, uploaded_by=person_id,
    )  # fmt: skip
    await audit.record(
        db, conference_id, person_id=person_id, act="attendance.upload", on=report_id,
        file=file, lines=len(owned), pairs=len(pairs),
    )  # fmt: skip
    return Brought(report_id=report_id, lines=told, new=True)


def _owned(line: Reported, by_mail: Mapping[str, UUID]) -> Reported:
    owner = by_mail.get(line.mail) if line.mail else None
    return Reported(
        id=line.id, number=line.number, name=line.name, original=line.original, mail=line.mail,
        least_ms=line.least_ms, from_ms=line.from_ms, to_ms=line.to_ms, person_id=owner,
    )  # fmt: skip


def _told(
    report: Report,
    lines: Sequence[Reported],
    pairs: Iterable[rules.Pair],
    names: Mapping[UUID, str],
) -> list[str]:
    told = [f"added: report of attendance: {report.topic or 'untitled'}, {len(lines)} lines"]
    for line in lines:
        whose = names[line.person_id] if line.person_id else "nobody yet"
        told.append(
            f"  line {line.number}: {line.shown}: at least {line.least_ms // 60_000} min: {whose}"
        )
    shown = {line.id: line for line in lines}
    for pair in pairs:
        one, other = shown[pair.first], shown[pair.second]
        told.append(
            f"proposed: lines {one.number} and {other.number} may be one person: "
            f"{one.shown} and {other.shown}"
        )
    told.append("nothing counts until an officer confirms the report in the office")
    return [printable(each) for each in told]


# Looking through a report.


async def pair(call: Call, report_id: UUID, *, first: UUID, second: UUID, pairing: Pairing) -> None:
    """Two lines are one person, or are not: somebody says so."""
    async with call.db.begin() as db:
        await _still_open(db, call, report_id)
        done = await store.pair(
            db, call.conference_id, report_id,
            first=first, second=second, pairing=pairing, person_id=call.person_id,
        )  # fmt: skip
        if not done:
            raise Invalid("Nobody proposed these two.", where="pair")
        if pairing is Pairing.MERGED:
            await _one_owner(db, call.conference_id, report_id)
        await audit.record(
            db, call.conference_id, person_id=call.person_id,
            act="attendance.merge" if pairing is Pairing.MERGED else "attendance.apart",
            on=report_id, first=str(first), second=str(second),
        )  # fmt: skip


async def _one_owner(db: Rows, conference_id: UUID, report_id: UUID) -> None:
    """Merged lines belong to whom one of them belongs to; two owners are told at confirming."""
    lines = await store.lines(db, conference_id, report_id)
    decided = await store.pairs(db, conference_id, report_id)
    for group in rules.groups(lines, decided):
        owners = {line.person_id for line in group if line.person_id}
        if len(owners) == 1:
            ids = [line.id for line in group if line.person_id is None]
            await store.assign(db, conference_id, ids, owners.pop())


async def assign(call: Call, report_id: UUID, mails: Mapping[UUID, str]) -> None:
    """Say whose lines are, by the address of somebody here; empty leaves a line out."""
    async with call.db.begin() as db:
        await _still_open(db, call, report_id)
        lines = await store.lines(db, call.conference_id, report_id)
        decided = await store.pairs(db, call.conference_id, report_id)
        people = {one.mail: one.id for one in await store.known(db, call.conference_id)}
        for group in rules.groups(lines, decided):
            if group[0].id not in mails:
                continue
            mail = mails[group[0].id].strip().casefold()
            if mail and mail not in people:
                raise Invalid("Nobody here has this address.", where=str(group[0].id))
            owner = people[mail] if mail else None
            if any(line.person_id != owner for line in group):
                await store.assign(db, call.conference_id, [line.id for line in group], owner)


async def confirm(call: Call, report_id: UUID, *, placing: Placing, on_air: bool = False) -> int:
    """Make evidence of a report, once; returns for how many people.

    `on_air` says that the session ran in the other tool: its meeting's times become the session's
    live time, where it has none.
    """
    async with call.db.begin() as db:
        report = await _still_open(db, call, report_id)
        lines = await store.lines(db, call.conference_id, report_id)
        decided = await store.pairs(db, call.conference_id, report_id)
        waiting = sum(1 for each in decided if each.pairing is Pairing.OPEN)
        if waiting:
            raise Undecided(f"First decide about the {waiting} lines that may be one person.")
        if not any(line.person_id for line in lines):
            raise Undecided("No line belongs to anybody here yet.")
        live = await _live(db, call, report, on_air=on_air)
        evidence = _evidence(call.conference_id, report, lines, live, placing)
        await store.confirm(
            db, call.conference_id, report_id, placing=placing, person_id=call.person_id
        )
        persons = {span["person_id"] for span in evidence}
        await audit.record(
            db, call.conference_id, person_id=call.person_id, act="attendance.confirm",
            on=report_id, people=len(persons), placing=placing.value,
        )  # fmt: skip
        await attendance.keep(db, evidence)
        await _enter(db, call, report, lines, decided)
    return len(persons)


async def _enter(
    db: Rows,
    call: Call,
    report: store.Heading,
    lines: Sequence[Reported],
    decided: Iterable[rules.Pair],
) -> None:
    """The ledger names the file by its digest, and who vouched for whose the lines are."""
    officer = await ledger.pseudonym(db, call.person_id)
    body = {
        "by": officer.subject.hex,
        "lines": sum(1 for line in lines if line.person_id is not None),
        "merged": sum(1 for pair in decided if pair.pairing is Pairing.MERGED),
        "report": report.id.hex,
        "session": report.session_id.hex,
        "sha256": report.sha256,
    }
    await ledger.append(db, call.conference_id, [Entry(kind=Kind.IMPORT, body=body)])


async def _still_open(db: Rows, call: Call, report_id: UUID) -> store.Heading:
    report = await store.report(db, call.conference_id, report_id)
    if report.confirmed_at is not None:
        raise Done("This report was confirmed; it is evidence now and is not changed.")
    return report


async def _live(db: Rows, call: Call, report: store.Heading, *, on_air: bool) -> Intervals:
    ids = (report.session_id,)
    found = (await agenda.live_intervals(db, call.conference_id, ids)).get(report.session_id, ())
    if not found and on_air and report.starts_ms is not None and report.ends_ms is not None:
        for live, at_ms in ((True, report.starts_ms), (False, report.ends_ms)):
            await attendance.turn_live(
                db, call.conference_id, report.session_id, live=live, at_ms=at_ms
            )
        return meeting_of(report)
    now_ms = clock.now_ms()
    return union((start, now_ms if end is None else end) for start, end in found)


def meeting_of(report: store.Heading) -> Intervals:
    if report.starts_ms is None or report.ends_ms is None:
        return NOTHING
    return union(((report.starts_ms, report.ends_ms),))


def _evidence(
    conference_id: UUID,
    report: store.Heading,
    lines: Iterable[Reported],
    live: Intervals,
    placing: Placing,
) -> list[dict[str, object]]:
    """One span for every stretch of every line that belongs to somebody.

    The last of a line's spans ends in a leave, so that nothing is bridged to other evidence.
    """
    meeting = meeting_of(report)
    spans: list[dict[str, object]] = []
    for line in lines:
        if line.person_id is None:
            continue
        stretches = rules.placed(line, live, meeting, placing)
        for at, (first_ms, last_ms) in enumerate(stretches, 1):
            spans.append(
                {
                    "conference_id": conference_id, "id": new_id(), "person_id": line.person_id,
                    "space_id": report.session_id, "booth": False, "connection": line.id,
                    "device": IMPORTED, "visible": True, "playing": True, "first_ms": first_ms,
                    "last_ms": last_ms, "beats": 0, "max_gap_ms": 0,
                    "left": at == len(stretches),
                }
            )  # fmt: skip
    return spans


def worth_ms(
    lines: Iterable[Reported], live: Intervals, meeting: Intervals, placing: Placing
) -> int:
    """What lines of one person would come to, each minute once."""
    return length(union(*(rules.placed(line, live, meeting, placing) for line in lines)))
