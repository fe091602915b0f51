"""Trying a rule on what is recorded: whose credit it would change, and by how much. Stores nothing.

The rule is taken as if it had governed every session so far; the same functions compute as for a
claim. Claims that were made stay what they are, whatever comes out here.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from server import clock
from server.agenda.rules import Conference, Session
from server.credit.gathering import gather_all
from server.credit.policies import store as policies
from server.credit.policies.rules import Published, Rule
from server.credit.rules import Facts, explain
from server.db import Rows

AT_ONCE = 200
"""How many learners' evidence is in memory at a time."""

MOST_SHOWN = 20

BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one learner's record is worth by the rule in force and by the one that is tried."""

    person_id: UUID
    before: Decimal
    after: Decimal

    @property
    def by(self) -> Decimal:
        return self.after - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How many would have more or less, by how much in all, and the largest differences."""

    persons: int
    more: int
    less: int
    gained: Decimal
    lost: Decimal
    largest: tuple[Difference, ...]

    @property
    def changed(self) -> int:
        return self.more + self.less


async def tried(db: Rows, conference: Conference, sessions: Sequence[Session], rule: Rule) -> Trial:
    """Both rules on everybody of whom there is evidence."""
    now_ms = clock.now_ms()
    proposed = Published(
        version=1, effective_at=BEFORE_ALL, rule=rule,
        published_by=UUID(int=0), published_at=clock.now(),
    )  # fmt: skip
    person_ids = await policies.attendees(db, conference.id)
    found: list[Difference] = []
    for start in range(0, len(person_ids), AT_ONCE):
        some = person_ids[start : start + AT_ONCE]
        now = await gather_all(db, conference, sessions, some, now_ms=now_ms)
        then = await gather_all(
            db, conference, sessions, some, now_ms=now_ms, published=(proposed,)
        )
        pairs = [(one, now[one][0], then[one][0]) for one in some]
        found += await asyncio.to_thread(_differences, pairs)  # pages go on meanwhile
    return summed(found)


def _differences(pairs: Iterable[tuple[UUID, Facts, Facts]]) -> list[Difference]:
    return [
        Difference(
            person_id=person_id,
            before=explain(before).awards[0].award,
            after=explain(after).awards[0].award,
        )
        for person_id, before, after in pairs
    ]


def summed(found: Sequence[Difference]) -> Trial:
    changed = [one for one in found if one.by]
    return Trial(
        persons=len(found),
        more=sum(one.by > 0 for one in changed),
        less=sum(one.by < 0 for one in changed),
        gained=sum((one.by for one in changed if one.by > 0), Decimal(0)),
        lost=-sum((one.by for one in changed if one.by < 0), Decimal(0)),
        largest=tuple(sorted(changed, key=lambda one: (-abs(one.by), one.person_id))[:MOST_SHOWN]),
    )
