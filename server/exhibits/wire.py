"""What the hall's topics say. No event and no state has a place for a visitor's name.

A visitor is a visit: a random id that lives for one booth. A lead is told by its receipt's id
alone, since topics remember; its details are fetched by the staff, while the receipt holds.
"""

from uuid import UUID

import msgspec

from realtime.wire import Event, State


class Colleague(msgspec.Struct, frozen=True, kw_only=True):
    """One of the company's own people, as they present themselves."""

    id: UUID
    called: str
    line: str
    free: bool


class Booth(State, frozen=True, kw_only=True, tag="booth"):
    """Who is at a booth and how many wait; the key is the booth's id."""

    staff: tuple[Colleague, ...]
    waiting: int


class Talk(State, frozen=True, kw_only=True, tag="talk"):
    """Where a visitor stands with a booth; the key is their visit's id."""

    status: str
    place: int = 0
    waiting: int = 0
    called: str = ""
    about: str = ""


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """A talk that waits or runs, as staff see it."""

    id: UUID
    visit: UUID
    about: str
    staff: UUID | None
    since_ms: int


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """A colleague as staff see them."""

    id: UUID
    called: str
    line: str
    available: bool
    here: bool
    busy: bool


class Queue(State, frozen=True, kw_only=True, tag="queue"):
    """Everything that moves at a booth's desk."""

    waiting: tuple[Asking, ...]
    talking: tuple[Asking, ...]
    staff: tuple[Present, ...]


class Line(Event, frozen=True, kw_only=True, tag="line"):
    """A line between a visitor and a booth's staff; `called` is empty when the visitor wrote it."""

    id: UUID
    visit: UUID
    called: str
    text: str
    said_ms: int


class Lead(Event, frozen=True, kw_only=True, tag="lead"):
    """A badge was handed over, noted on or withdrawn: read the leads again."""

    id: UUID
    visit: UUID
    holds: bool
