"""From facts to credit: the only place that knows the arithmetic. Pure, in whole milliseconds.

Each instant counts once, each session at most its designated time, and rounding happens once, at
the end. Of credit systems it knows what their rows in `systems.py` say, and no name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

from server.attendance.intervals import NOTHING, Intervals, difference, length, union
from server.attendance.rules import Proof
from server.credit.findings import Finding, Policy, Reason, Session, find, verdict
from server.credit.flow import allot
from server.credit.segments import Segment, strips
from server.credit.systems import Rounding, System

POLICY_VERSION = "1"
"""Of the arithmetic itself. It changes whenever the same facts could come to another result."""

REPORTING_GATES = frozenset({"consent_report"})
"""These hold back a report to others, never the credit."""


class Cap(Enum):
    """What kept the units below what the time alone would have given. The list is closed."""

    DAY_MAX = "day_max"
    DESIGNATED_MAX = "designated_max"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything one learner's credit in one activity depends on, and nothing else."""

    systems: Sequence[System]
    sessions: Sequence[Session]
    proofs: Mapping[str, Sequence[Proof]]
    """By session."""
    policy: Policy = field(default_factory=Policy)
    designated_max: Mapping[str, Decimal] = field(default_factory=dict)
    """By system."""
    booth: Intervals = NOTHING
    faculty_of: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    """The gates that are still shut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The time side of it, the same for every system: sessions by start, then by id."""

    findings: tuple[Finding, ...]
    counted: tuple[Intervals, ...]
    """For each finding, the time that counts there: disjoint, at most the designated time each."""
    eligible_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """What the facts come to in one system. `units` is earned; `award` is what may be claimed."""

    system: System
    eligible_ms: int
    units: Decimal
    award: Decimal
    caps: tuple[Cap, ...]
    remainder_ms: int
    """Eligible time beyond the last full quantum, before rounding."""
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    assessment: Assessment
    segments: tuple[Segment, ...]
    awards: tuple[Award, ...]
    """In the order in which the systems were asked for."""


def explain(facts: Facts) -> Explanation:
    assessment = assess(facts)
    segments = strips(
        assessment.findings,
        assessment.counted,
        policy=facts.policy,
        booth=facts.booth,
        proofs=[facts.proofs.get(found.session.id, ()) for found in assessment.findings],
    )
    return Explanation(
        assessment=assessment, segments=tuple(segments), awards=awards(facts, assessment)
    )


def assess(facts: Facts) -> Assessment:
    findings = tuple(
        find(
            session,
            facts.proofs.get(session.id, ()),
            policy=facts.policy,
            booth=facts.booth,
            faculty=session.id in facts.faculty_of,
        )
        for session in sorted(facts.sessions, key=lambda session: session.order)
    )
    counted = allot(
        [found.qualified if found.passed else NOTHING for found in findings],
        [found.session.designated_ms for found in findings],
    )
    return Assessment(
        findings=findings,
        counted=tuple(counted),
        eligible_ms=sum(length(own) for own in counted),
    )


def awards(facts: Facts, assessment: Assessment) -> tuple[Award, ...]:
    missing = tuple(sorted(facts.missing))
    return tuple(
        award(system, assessment, designated=facts.designated_max.get(system.id), missing=missing)
        for system in facts.systems
    )


def award(
    system: System,
    assessment: Assessment,
    *,
    designated: Decimal | None = None,
    missing: tuple[str, ...] = (),
) -> Award:
    """Rounded once and capped. A maximum that is no multiple of the step binds at the one below."""
    steps, remainder_ms, caps = _steps(system, assessment)
    if designated is not None and steps > designated // system.step:
        steps = int(designated // system.step)
        caps = (*caps, Cap.DESIGNATED_MAX)
    units = system.step * steps
    shut = not REPORTING_GATES.issuperset(missing)
    return Award(
        system=system,
        eligible_ms=assessment.eligible_ms,
        units=units,
        award=system.step * 0 if shut else units,
        caps=caps,
        remainder_ms=remainder_ms,
        missing=missing,
    )


def rounded(system: System, eligible_ms: int) -> int:
    """How many steps this much time is worth. In integers: `round` would go to the even one."""
    if system.rounding is Rounding.HALF_UP:
        return (2 * eligible_ms + system.quantum_ms) // (2 * system.quantum_ms)
    return eligible_ms // system.quantum_ms


def least_ms(system: System, steps: int) -> int:
    """The least time that is worth so many steps."""
    if system.rounding is Rounding.HALF_UP:
        return -((1 - 2 * steps) * system.quantum_ms // 2) if steps else 0
    return steps * system.quantum_ms


def _steps(system: System, assessment: Assessment) -> tuple[int, int, tuple[Cap, ...]]:
    if system.rounding is Rounding.WHOLE_SESSION:
        return _whole_sessions(system, assessment.findings), 0, ()
    quantum_ms = system.quantum_ms
    if system.day_max is None:
        eligible_ms = assessment.eligible_ms
        return rounded(system, eligible_ms), eligible_ms % quantum_ms, ()
    days: dict[int, int] = {}
    for found, own in zip(assessment.findings, assessment.counted, strict=True):
        day = found.session.day_number
        days[day] = days.get(day, 0) + length(own)
    most = int(system.day_max // system.step)
    steps = {day: rounded(system, eligible_ms) for day, eligible_ms in days.items()}
    return (
        sum(min(of_day, most) for of_day in steps.values()),
        sum(eligible_ms % quantum_ms for eligible_ms in days.values()),
        (Cap.DAY_MAX,) if any(of_day > most for of_day in steps.values()) else (),
    )


def _whole_sessions(system: System, findings: Sequence[Finding]) -> int:
    """All of a passed session or nothing of it, and time spent on one is spent.

    The learner may choose which of two overlapping sessions to claim; this is the choice of the
    longest first. What is left of the other must pass by itself.
    """
    spent = NOTHING
    steps = 0
    worth = [(found.session.designated_ms // system.quantum_ms, found) for found in findings]
    for of_session, found in sorted(worth, key=lambda each: -each[0]):
        unspent = difference(found.qualified, spent)
        if of_session and found.passed and _passes(found, unspent):
            spent = union(spent, found.qualified)
            steps += of_session
    return steps


def _passes(found: Finding, qualified: Intervals) -> bool:
    return verdict(found.session, length(qualified), found.base_ms) is Reason.PASSED
