"""Captions as rows: every line that was said, in order, for screens and for the transcript."""

from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from server.captions import rules
from server.db import Base, insert_once, of_session
from server.errors import NotFound

LONGEST_MS = 120_000
"""Nobody goes on with one line for longer: so far back is looked for what still stands."""

LATELY = 200
"""Lines among which the last ones of each language are looked for, however long a session is."""


class CaptionLine(Base):
    """`text` is empty once the line was taken out; `said_by` is who wrote it, not who spoke."""

    __tablename__ = "caption_line"
    __table_args__ = (
        of_session(),
        Index("ix_caption_line_session_id", "conference_id", "session_id", "said_ms", "id"),
    )

    conference_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID]
    language: Mapped[str]
    text: Mapped[str]
    final: Mapped[bool]
    said_ms: Mapped[int]
    ended_ms: Mapped[int]
    said_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    revision: Mapped[int] = mapped_column(default=0)


async def add(db: AsyncSession, conference_id: UUID, line: rules.Line, *, said_by: UUID) -> bool:
    """False when there is a line with this id already: its command came twice."""
    return await insert_once(
        db,
        CaptionLine,
        conference_id=conference_id,
        id=line.id,
        session_id=line.session_id,
        language=line.language,
        text=line.text,
        final=line.final,
        said_ms=line.said_ms,
        ended_ms=line.ended_ms,
        said_by=said_by,
        revision=line.revision,
    )


async def write(db: AsyncSession, conference_id: UUID, line: rules.Line) -> None:
    await db.execute(
        update(CaptionLine)
        .where(CaptionLine.conference_id == conference_id, CaptionLine.id == line.id)
        .values(text=line.text, final=line.final, ended_ms=line.ended_ms, revision=line.revision)
    )


async def find(
    db: AsyncSession, conference_id: UUID, session_id: UUID, line_id: UUID, *, lock: bool = False
) -> rules.Line | None:
    """With `lock` nobody else changes it until the transaction ends."""
    wanted = select(CaptionLine).where(
        CaptionLine.conference_id == conference_id,
        CaptionLine.session_id == session_id,
        CaptionLine.id == line_id,
    )
    if lock:
        wanted = wanted.with_for_update()
    row = await db.scalar(wanted.execution_options(populate_existing=True))
    return None if row is None else _line(row)


async def line(
    db: AsyncSession, conference_id: UUID, session_id: UUID, line_id: UUID, *, lock: bool = False
) -> rules.Line:
    """Raises NotFound."""
    found = await find(db, conference_id, session_id, line_id, lock=lock)
    if found is None:
        raise NotFound("There is no such line.")
    return found


async def newer(db: AsyncSession, conference_id: UUID, line: rules.Line, *, most: int) -> int:
    """How many lines began after this one in its language; `most` of them are counted."""
    row = CaptionLine
    later = or_(row.said_ms > line.said_ms, and_(row.said_ms == line.said_ms, row.id > line.id))
    after = (
        select(row.id)
        .where(
            row.conference_id == conference_id,
            row.session_id == line.session_id,
            row.language == line.language,
            later,
        )
        .limit(most)
        .subquery()
    )
    return await db.scalar(select(func.count()).select_from(after)) or 0


async def counts(db: AsyncSession, conference_id: UUID, session_id: UUID) -> dict[str, int]:
    """How many lines there are, by language."""
    rows = await db.execute(
        select(CaptionLine.language, func.count())
        .where(CaptionLine.conference_id == conference_id, CaptionLine.session_id == session_id)
        .group_by(CaptionLine.language)
        .order_by(CaptionLine.language)
    )
    return {language: lines for language, lines in rows}  # noqa: C416 - rows are no pairs to mypy


async def last_ms(db: AsyncSession, conference_id: UUID, session_id: UUID) -> int:
    """When the last line began; 0 before the first."""
    found = await db.scalar(
        select(func.max(CaptionLine.said_ms)).where(
            CaptionLine.conference_id == conference_id, CaptionLine.session_id == session_id
        )
    )
    return found or 0


async def tail(
    db: AsyncSession, conference_id: UUID, session_id: UUID, lines: int
) -> list[rules.Line]:
    """The last lines of each language that was spoken lately, in the order in which they began."""
    rows = await db.scalars(
        select(CaptionLine)
        .where(CaptionLine.conference_id == conference_id, CaptionLine.session_id == session_id)
        .order_by(CaptionLine.said_ms.desc(), CaptionLine.id.desc())
        .limit(LATELY)
    )
    left: dict[str, int] = {}
    last = []
    for row in rows:
        left[row.language] = left.get(row.language, lines) - 1
        if left[row.language] >= 0:
            last.append(_line(row))
    return last[::-1]


async def transcript(
    db: AsyncSession, conference_id: UUID, session_id: UUID, language: str
) -> list[rules.Line]:
    """All that was said in a language; what was taken out is not among it."""
    return await _spoken(db, _in(conference_id, session_id, language))


async def between(
    db: AsyncSession, conference_id: UUID, session_id: UUID, language: str,
    *, from_ms: int, to_ms: int,
) -> list[rules.Line]:  # fmt: skip
    """What was said in a while, and before it as long as a line may go on."""
    row = CaptionLine
    within = and_(row.said_ms >= from_ms - LONGEST_MS, row.said_ms < to_ms)
    return await _spoken(db, and_(_in(conference_id, session_id, language), within))


def _in(conference_id: UUID, session_id: UUID, language: str) -> ColumnElement[bool]:
    row = CaptionLine
    return and_(
        row.conference_id == conference_id,
        row.session_id == session_id,
        row.language == language,
    )


async def _spoken(db: AsyncSession, where: ColumnElement[bool]) -> list[rules.Line]:
    rows = await db.scalars(
        select(CaptionLine)
        .where(where, CaptionLine.text != "")
        .order_by(CaptionLine.said_ms, CaptionLine.id)
    )
    return [_line(each) for each in rows]


def _line(row: CaptionLine) -> rules.Line:
    return rules.Line(
        id=row.id,
        session_id=row.session_id,
        language=row.language,
        text=row.text,
        final=row.final,
        said_ms=row.said_ms,
        ended_ms=row.ended_ms,
        revision=row.revision,
    )
