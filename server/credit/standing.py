"""Where a learner stands in one session right now, and what staying would bring. Pure.

It is the engine of `rules.py` run twice on the same facts: once as they are, once as they will be
if the learner stays to the planned end and answers what is asked. It sees one session alone, so the
units here are an outlook; what may be claimed is decided over the whole activity.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from server.attendance.intervals import NOTHING, Intervals, difference, union
from server.attendance.rules import Proof, last_proof_ms, still_there
from server.credit.findings import (
    Check,
    Finding,
    Policy,
    Reason,
    Session,
    find_present,
    needed_ms,
    presence,
    verdict,
)
from server.credit.rules import least_ms, rounded
from server.credit.systems import AMA_PRA_1, Rounding, System


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """When the credit rises next at the earliest, and to what."""

    units: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the ring says: "32 of 45 min · 0.5 credit so far. Stay to 13:50 for the full 0.75."."""

    present_ms: int
    """Time on record in this session, whether it counts or not."""
    qualified_ms: int
    """Time that counts so far, at most `base_ms`: the 32."""
    base_ms: int
    """Time that can count if the session ends as planned: the 45."""
    units: Decimal
    """Credit that is secured: the minimum of the whole session is already met."""
    units_if_staying: Decimal
    ends_ms: int | None
    """The planned end that the outlook assumes; none once it has passed."""
    upcoming: Upcoming | None
    """The next rise, if staying can bring one."""
    short_ms: int
    """What is still missing to the session's minimum; 0 when it is met."""
    recorded_until_ms: int | None
    """The last proof that counts: "on record until 10:41:30"."""
    stopped: bool
    """Nothing is being recorded: the last proof is older than the lease, or the learner left."""


def standing(
    session: Session,
    proofs: Sequence[Proof],
    *,
    now_ms: int,
    ends_ms: int | None = None,
    policy: Policy | None = None,
    booth: Intervals = NOTHING,
    faculty: bool = False,
    system: System = AMA_PRA_1,
) -> Standing:
    """`session.live` runs to `now_ms` while it is on air; `ends_ms` is its planned end."""
    policy = session.governed(policy or Policy())
    there = still_there(proofs, now_ms=now_ms, lease_ms=policy.lease_ms, counts=policy.counts)
    last_ms = last_proof_ms(proofs, counts=policy.counts)
    ends_ms = ends_ms if ends_ms is not None and ends_ms > now_ms else None
    present = presence(session, proofs, policy=policy)
    planned = session if ends_ms is None else _as_planned(session, now_ms, ends_ms)
    so_far = find_present(planned, present, policy=policy, booth=booth, faculty=faculty)
    staying = so_far
    if ends_ms is not None:
        since = last_ms if there and last_ms is not None else now_ms
        answered = Check(at_ms=ends_ms, answered=True)
        staying = find_present(
            replace(planned, checks=(*session.checks, answered)),
            union(present, ((since, ends_ms),)),
            policy=policy,
            booth=booth,
            faculty=faculty,
        )
    upcoming = _upcoming(system, so_far, staying, now_ms)
    return Standing(
        present_ms=so_far.present_ms,
        qualified_ms=min(so_far.qualified_ms, so_far.base_ms),
        base_ms=so_far.base_ms,
        units=system.step * _steps(system, so_far, so_far.qualified_ms),
        units_if_staying=system.step * _steps(system, staying, staying.qualified_ms),
        ends_ms=ends_ms,
        upcoming=upcoming,
        short_ms=max(0, needed_ms(session, so_far.base_ms) - so_far.qualified_ms),
        recorded_until_ms=last_ms,
        stopped=not there,
    )


def _as_planned(session: Session, now_ms: int, ends_ms: int) -> Session:
    return replace(session, live=union(session.live, ((now_ms, ends_ms),)))


def _steps(system: System, found: Finding, qualified_ms: int) -> int:
    """What so much qualified time of this session would be worth by itself."""
    if verdict(found.session, qualified_ms, found.base_ms) is not Reason.PASSED:
        return 0
    if system.rounding is Rounding.WHOLE_SESSION:
        return found.session.designated_ms // system.quantum_ms
    return rounded(system, min(qualified_ms, found.session.designated_ms))


def _upcoming(system: System, so_far: Finding, staying: Finding, now_ms: int) -> Upcoming | None:
    """The next rise of the units: a step further, or the session's minimum where that is later."""
    steps = _steps(system, so_far, so_far.qualified_ms)
    target_ms = needed_ms(so_far.session, so_far.base_ms)
    if system.rounding is not Rounding.WHOLE_SESSION:
        target_ms = max(target_ms, least_ms(system, steps + 1))
    then = _steps(system, so_far, target_ms)
    lacking_ms = target_ms - so_far.qualified_ms
    if then <= steps:
        return None
    for start, end in difference(staying.qualified, so_far.qualified):
        if end - start >= lacking_ms:
            return Upcoming(units=system.step * then, at_ms=max(now_ms, start + lacking_ms))
        lacking_ms -= end - start
    return None
