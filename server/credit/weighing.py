"""What adjustments are worth: whether one officer may decide alone. Pure.

Measured is what they change against the same facts without them, not each by itself: four
adjustments of a quarter are one of a whole credit.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from server.attendance.intervals import difference, length
from server.credit.corrections.rules import Adjustment, net
from server.credit.rules import Assessment, Facts, assess, awards, rounded
from server.credit.systems import AMA_PRA_1

ALONE = Decimal("0.25")
"""The most credit that one officer may give or take by himself."""


def effect(facts: Facts, adjustments: Sequence[Adjustment]) -> Decimal:
    """The credit that those of these adjustments change which nobody else approved.

    Of two measures the larger: the units they change today, and what the time they move would be
    worth by itself. So neither the luck of rounding nor a session not yet passed hides anything.
    """
    approved = [one for one in adjustments if not one.alone]
    before, after = _with(facts, approved), _with(facts, adjustments)
    was, now = assess(before), assess(after)
    units = [awards(one, found)[0].units for one, found in ((before, was), (after, now))]
    moved = AMA_PRA_1.step * rounded(AMA_PRA_1, _moved_ms(was, now))
    return max(abs(units[1] - units[0]), moved)


def needs_second(worth: Decimal) -> bool:
    return worth > ALONE


def _with(facts: Facts, adjustments: Sequence[Adjustment]) -> Facts:
    sessions = []
    for session in facts.sessions:
        folded = net(adjustments, UUID(session.id))
        sessions.append(replace(session, added=folded.added, withdrawn=folded.withdrawn))
    return replace(facts, sessions=sessions)


def _moved_ms(was: Assessment, now: Assessment) -> int:
    """Qualified time that appeared or went, in all sessions; both are in the same order."""
    return sum(
        length(difference(one.qualified, other.qualified))
        + length(difference(other.qualified, one.qualified))
        for one, other in zip(was.findings, now.findings, strict=True)
    )
