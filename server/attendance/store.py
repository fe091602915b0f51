"""Evidence of presence as rows: one open span per connection, and the spans that are sealed.

A span is a stretch on one connection in which nothing changed (visible, playing) and no two beats
were further apart than the lease. Times are milliseconds of the server's clock.
"""

from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base
from server.ids import new_id


class OpenSpan(Base):
    """The stretch a connection is in now; committed before a beat is acknowledged."""

    __tablename__ = "span_open"
    __table_args__ = (Index("ix_span_open_person_id", "conference_id", "person_id"),)

    connection: Mapped[UUID] = mapped_column(primary_key=True)
    space_id: Mapped[UUID] = mapped_column(primary_key=True)  # a session or a booth
    conference_id: Mapped[UUID] = mapped_column(ForeignKey("conference.id", ondelete="CASCADE"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    booth: Mapped[bool] = mapped_column(default=False)
    device: Mapped[str] = mapped_column(default="")  # "phone" or "laptop", as the browser says
    visible: Mapped[bool]
    playing: Mapped[bool]
    first_ms: Mapped[int]
    last_ms: Mapped[int]
    last_n: Mapped[int]
    beats: Mapped[int]
    max_gap_ms: Mapped[int]
    echo: Mapped[str]


class Span(Base):
    """A sealed stretch: never changed again. `left` says that it ended by an explicit leave."""

    __tablename__ = "span"
    __table_args__ = (
        Index("ix_span_person_id", "conference_id", "person_id", "space_id"),
        Index("ix_span_space_id", "conference_id", "space_id"),
    )

    conference_id: Mapped[UUID] = mapped_column(
        ForeignKey("conference.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    space_id: Mapped[UUID]
    booth: Mapped[bool] = mapped_column(default=False)
    connection: Mapped[UUID]
    device: Mapped[str] = mapped_column(default="")
    visible: Mapped[bool]
    playing: Mapped[bool]
    first_ms: Mapped[int]
    last_ms: Mapped[int]
    beats: Mapped[int]
    max_gap_ms: Mapped[int]
    left: Mapped[bool] = mapped_column(default=False)
