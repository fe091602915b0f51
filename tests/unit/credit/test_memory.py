"""What is held of a session: the newest, for a moment, and never too much."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from server import clock
from server.agenda.rules import Conference, Session
from server.credit.shared.memory import AGE_MS, AT_MOST, Memory
from server.credit.shared.store import Shared

HERE = UUID(int=1)
BEGINS = datetime(2026, 11, 25, 9, tzinfo=UTC)


def shared(number: int = 2) -> Shared:
    day = date(2026, 11, 25)
    conference = Conference(
        id=HERE, slug="c", title="C", zone="Europe/Paris", starts_on=day, ends_on=day
    )
    session = Session(
        conference_id=HERE, id=UUID(int=number), title="Talk", starts_at=BEGINS,
        ends_at=BEGINS + timedelta(hours=1),
    )  # fmt: skip
    return Shared(
        conference=conference, planned=[session], live={}, excluded={}, incidents=[], published=[]
    )


def test_it_holds_for_as_long_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, held, now_ms = Memory(), shared(), 5_000
    monkeypatch.setattr(clock, "steady_ms", lambda: now_ms)
    memory.put(held, read_ms=now_ms)
    assert memory.get(HERE, UUID(int=2)) is held
    assert memory.get(HERE, UUID(int=3)) is None
    assert memory.get(UUID(int=9), UUID(int=2)) is None, "another conference has none of it"
    now_ms += AGE_MS - 1
    assert memory.get(HERE, UUID(int=2)) is held
    now_ms += 1
    assert memory.get(HERE, UUID(int=2)) is None


def test_it_drops_the_oldest() -> None:
    memory, now_ms = Memory(), clock.steady_ms()
    for number in range(AT_MOST):
        memory.put(shared(number), read_ms=now_ms)
    memory.put(shared(0), read_ms=now_ms)
    memory.put(shared(AT_MOST), read_ms=now_ms)
    assert memory.get(HERE, UUID(int=0)) is not None, "read again, it is the newest"
    assert memory.get(HERE, UUID(int=1)) is None
    assert memory.get(HERE, UUID(int=AT_MOST)) is not None


def test_it_says_nothing_of_what_it_never_held() -> None:
    memory = Memory()
    assert memory.get(HERE, UUID(int=2)) is None
    memory.put(shared(), read_ms=clock.steady_ms())
    memory.clear()
    assert memory.get(HERE, UUID(int=2)) is None
