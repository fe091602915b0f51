"""Reports of attendance as rows: what a file said, who was meant, and who confirmed it.

What a file said is never changed; who was meant is, until somebody confirms the report. Then its
time becomes sealed evidence, and the report is done.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server import clock
from server.attendance import importer
from server.credit.imports import rules
from server.credit.imports.rules import Known, Pairing, Placing, Reported
from server.db import Base, Word, insert, insert_once
from server.errors import NotFound
from server.ids import new_id
from server.people.store import Person, RoleGrant


class Report(Base):
    """A file, once for each session it was brought in for."""

    __tablename__ = "attendance_report"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "session_id"], ["session.conference_id", "session.id"]
        ),
        Index("uq_attendance_report_sha256", "conference_id", "session_id", "sha256", unique=True),
    )

    conference_id: Mapped[UUID] = mapped_column(
        ForeignKey("conference.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[UUID]
    sha256: Mapped[str]
    file: Mapped[str]
    topic: Mapped[str]
    starts_ms: Mapped[int | None]
    ends_ms: Mapped[int | None]
    uploaded_by: Mapped[UUID | None]  # null: from the operator's console
    uploaded_at: Mapped[datetime] = mapped_column(default=clock.now)
    placing: Mapped[Placing | None] = mapped_column(Word(Placing))
    confirmed_by: Mapped[UUID | None]
    confirmed_at: Mapped[datetime | None]


class ReportLine(Base):
    """One line of a file; once it is confirmed, its id is a connection of sealed evidence."""

    __tablename__ = "attendance_line"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "report_id"],
            ["attendance_report.conference_id", "attendance_report.id"],
            ondelete="CASCADE",
        ),
        Index("ix_attendance_line_report_id", "conference_id", "report_id", "number"),
    )  # fmt: skip

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    report_id: Mapped[UUID]
    number: Mapped[int]
    name: Mapped[str]
    original: Mapped[str]
    mail: Mapped[str]
    least_ms: Mapped[int]
    from_ms: Mapped[int | None]
    to_ms: Mapped[int | None]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id", ondelete="SET NULL"))


class ReportPair(Base):
    """Two lines that look like one person, and what somebody decided about them."""

    __tablename__ = "attendance_pair"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conference_id", "report_id"],
            ["attendance_report.conference_id", "attendance_report.id"],
            ondelete="CASCADE",
        ),
    )  # fmt: skip

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    report_id: Mapped[UUID] = mapped_column(primary_key=True)
    first: Mapped[UUID] = mapped_column(primary_key=True)
    second: Mapped[UUID] = mapped_column(primary_key=True)
    pairing: Mapped[Pairing] = mapped_column(Word(Pairing), default=Pairing.OPEN)
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A report in the list."""

    id: UUID
    session_id: UUID
    sha256: str
    file: str
    topic: str
    starts_ms: int | None
    ends_ms: int | None
    uploaded_at: datetime
    placing: Placing | None
    confirmed_by: UUID | None
    confirmed_at: datetime | None


async def find(db: AsyncSession, conference_id: UUID, session_id: UUID, sha256: str) -> UUID | None:
    """The report that this very file made for this session before."""
    found: UUID | None = await db.scalar(
        select(Report.id).where(
            Report.conference_id == conference_id,
            Report.session_id == session_id,
            Report.sha256 == sha256,
        )
    )
    return found


async def add(
    db: AsyncSession,
    conference_id: UUID,
    session_id: UUID,
    *,
    report: importer.Report,
    lines: Sequence[Reported],
    pairs: Iterable[rules.Pair],
    sha256: str,
    file: str,
    uploaded_by: UUID | None,
) -> UUID:
    """Keep what a file said; the same file for the same session again is the same report."""
    report_id = new_id()
    new = await insert_once(
        db, Report, conference_id=conference_id, id=report_id, session_id=session_id,
        sha256=sha256, file=file, topic=report.topic, starts_ms=report.starts_ms,
        ends_ms=report.ends_ms, uploaded_by=uploaded_by, uploaded_at=clock.now(),
    )  # fmt: skip
    if not new:
        known = await find(db, conference_id, session_id, sha256)
        assert known is not None, "an insert that did nothing met a row"
        return known
    await db.execute(
        insert(db, ReportLine),
        [
            {
                "conference_id": conference_id, "id": line.id, "report_id": report_id,
                "number": line.number, "name": line.name, "original": line.original,
                "mail": line.mail, "least_ms": line.least_ms, "from_ms": line.from_ms,
                "to_ms": line.to_ms, "person_id": line.person_id,
            }
            for line in lines
        ],
    )  # fmt: skip
    for pair in pairs:
        db.add(
            ReportPair(
                conference_id=conference_id, report_id=report_id, first=pair.first,
                second=pair.second,
            )
        )  # fmt: skip
    await db.flush()
    return report_id


async def reports(db: AsyncSession, conference_id: UUID) -> list[Heading]:
    rows = await db.scalars(
        select(Report).where(Report.conference_id == conference_id).order_by(Report.id.desc())
    )
    return [_heading(row) for row in rows]


async def report(db: AsyncSession, conference_id: UUID, report_id: UUID) -> Heading:
    """Raises NotFound. In a writing transaction it is held until the end."""
    row = await db.scalar(
        select(Report)
        .where(Report.conference_id == conference_id, Report.id == report_id)
        .with_for_update()
    )
    if row is None:
        raise NotFound("There is no such report.")
    return _heading(row)


async def lines(db: AsyncSession, conference_id: UUID, report_id: UUID) -> list[Reported]:
    rows = await db.scalars(
        select(ReportLine)
        .where(ReportLine.conference_id == conference_id, ReportLine.report_id == report_id)
        .order_by(ReportLine.number, ReportLine.id)
    )
    return [
        Reported(
            id=row.id, number=row.number, name=row.name, original=row.original, mail=row.mail,
            least_ms=row.least_ms, from_ms=row.from_ms, to_ms=row.to_ms, person_id=row.person_id,
        )
        for row in rows
    ]  # fmt: skip


async def pairs(db: AsyncSession, conference_id: UUID, report_id: UUID) -> list[rules.Pair]:
    rows = await db.scalars(
        select(ReportPair)
        .where(ReportPair.conference_id == conference_id, ReportPair.report_id == report_id)
        .order_by(ReportPair.first, ReportPair.second)
    )
    return [rules.Pair(first=row.first, second=row.second, pairing=row.pairing) for row in rows]


async def pair(
    db: AsyncSession,
    conference_id: UUID,
    report_id: UUID,
    *,
    first: UUID,
    second: UUID,
    pairing: Pairing,
    person_id: UUID,
) -> bool:
    """Decide about two lines; False when nobody proposed them."""
    changed = await db.execute(
        update(ReportPair)
        .where(
            ReportPair.conference_id == conference_id,
            ReportPair.report_id == report_id,
            ReportPair.first == first,
            ReportPair.second == second,
        )
        .values(pairing=pairing, decided_by=person_id, decided_at=clock.now())
        .returning(ReportPair.first)
    )
    return bool(changed.all())


async def assign(
    db: AsyncSession, conference_id: UUID, line_ids: Collection[UUID], person_id: UUID | None
) -> None:
    await db.execute(
        update(ReportLine)
        .where(ReportLine.conference_id == conference_id, ReportLine.id.in_(line_ids))
        .values(person_id=person_id)
    )


async def confirm(
    db: AsyncSession, conference_id: UUID, report_id: UUID, *, placing: Placing, person_id: UUID
) -> bool:
    """False when it was confirmed before."""
    changed = await db.execute(
        update(Report)
        .where(
            Report.conference_id == conference_id,
            Report.id == report_id,
            Report.confirmed_at.is_(None),
        )
        .values(placing=placing, confirmed_by=person_id, confirmed_at=clock.now())
        .returning(Report.id)
    )
    return bool(changed.all())


async def sources(
    db: AsyncSession, conference_id: UUID, connections: Collection[UUID]
) -> dict[UUID, str]:
    """`FILE, line 7` of each imported connection."""
    rows = await db.execute(
        select(ReportLine.id, Report.file, ReportLine.number)
        .join(
            Report,
            (Report.conference_id == ReportLine.conference_id)
            & (Report.id == ReportLine.report_id),
        )
        .where(ReportLine.conference_id == conference_id, ReportLine.id.in_(connections))
    )
    return {line_id: f"{file}, line {number}" for line_id, file, number in rows}


async def known(db: AsyncSession, conference_id: UUID) -> list[Known]:
    """Everybody of a conference, by name."""
    rows = await db.execute(
        select(Person.id, Person.name, Person.mail)
        .where(
            Person.id.in_(
                select(RoleGrant.person_id).where(RoleGrant.conference_id == conference_id)
            )
        )
        .order_by(Person.name, Person.mail)
    )
    return [Known(id=row.id, name=row.name, mail=row.mail) for row in rows]


def _heading(row: Report) -> Heading:
    return Heading(
        id=row.id, session_id=row.session_id, sha256=row.sha256,
        file=row.file, topic=row.topic,
        starts_ms=row.starts_ms, ends_ms=row.ends_ms, uploaded_at=row.uploaded_at,
        placing=row.placing, confirmed_by=row.confirmed_by, confirmed_at=row.confirmed_at,
    )  # fmt: skip
