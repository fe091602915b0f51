"""One learner in one session: what was educational, what qualifies, whether the session is passed.

Pure. It knows neither credit systems nor other sessions: those come in `rules.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from math import ceil

from server.attendance.intervals import (
    NOTHING,
    Interval,
    Intervals,
    difference,
    earliest,
    hull,
    intersection,
    length,
    union,
)
from server.attendance.rules import LEASE_MS, Counts, Proof, coverage

DAY_MS = 86_400_000
MINUTE_MS = 60_000
EPOCH_DAY = date(1970, 1, 1).toordinal()


class Overlap(Enum):
    """Which minutes count when a session runs longer than it was designated for."""

    CAP = "cap"
    """Any, up to the designated time: a late joiner who stays through an overrun can reach it."""
    CLIP = "clip"
    """Only the first ones: the overrun is worth nothing."""


class Reason(Enum):
    """Why a session counts or not, and why a stretch of it does. The list is closed."""

    PASSED = "passed"
    FACULTY = "faculty"
    NO_QUALIFIED_TIME = "no_qualified_time"
    BELOW_PERCENT = "below_percent"
    BELOW_MINUTES = "below_minutes"
    # of stretches only
    PRESENT = "present"
    OFF_AIR = "off_air"
    EXCLUDED = "excluded"
    IN_BOOTH = "in_booth"
    NO_EVIDENCE = "no_evidence"
    NOT_PLAYING = "not_playing"
    NOT_VISIBLE = "not_visible"
    CHECK_UNANSWERED = "check_unanswered"
    EXCUSED = "excused"
    ADJUSTED = "adjusted"
    COUNTED_ELSEWHERE = "counted_elsewhere"
    OVER_DESIGNATED = "over_designated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The question "Still with us?", as it was put to this learner at this instant."""

    at_ms: int
    answered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the provider chose, for the activity or a session, and told its learners before."""

    lease_ms: int = LEASE_MS
    counts: Counts = Counts.ANY
    overlap: Overlap = Overlap.CAP
    exclude_booth: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the provider fixed, and when it really was on air."""

    id: str
    live: Intervals
    designated_ms: int
    excluded: Intervals = NOTHING
    min_percent: Decimal = Decimal(0)
    min_minutes: Decimal = Decimal(0)
    day: date | None = None
    """In the activity's time zone; the UTC date of the start when the provider named none."""
    checks: tuple[Check, ...] = ()
    excused: Intervals = NOTHING
    """Outages of ours at whose start this learner was there: time as though connected."""
    added: Intervals = NOTHING
    """Presence that officers put on record for this learner."""
    withdrawn: Intervals = NOTHING
    """Presence that officers took off it, whatever it rested on."""
    policy: Policy | None = None
    """Where this session has another one than the activity: it began under an earlier or later."""

    def __post_init__(self) -> None:
        for one in (self.live, self.excluded, self.excused, self.added, self.withdrawn):
            assert one == union(one), "not in normal form"

    def governed(self, activity: Policy) -> Policy:
        """The policy that decides about this session."""
        return activity if self.policy is None else self.policy

    @property
    def order(self) -> tuple[bool, int, str]:
        """By start, then by id; what was never on air comes last."""
        return not self.live, self.live[0][0] if self.live else 0, self.id

    @property
    def day_number(self) -> int:
        if self.day is not None:
            return self.day.toordinal() - EPOCH_DAY
        return self.live[0][0] // DAY_MS if self.live else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one session comes to, before anything is shared between sessions or rounded."""

    session: Session
    educational: Intervals
    base_ms: int
    present: Intervals
    missed: Intervals
    """The blocks that an unanswered check failed."""
    qualified: Intervals
    reason: Reason

    @property
    def passed(self) -> bool:
        return self.reason is Reason.PASSED

    @property
    def educational_ms(self) -> int:
        return length(self.educational)

    @property
    def present_ms(self) -> int:
        return length(self.present)

    @property
    def qualified_ms(self) -> int:
        return length(self.qualified)


def find(
    session: Session,
    proofs: Iterable[Proof],
    *,
    policy: Policy,
    booth: Intervals = NOTHING,
    faculty: bool = False,
) -> Finding:
    """`booth` is the learner's time in exhibits; `faculty` earns nothing in their own session."""
    present = presence(session, proofs, policy=policy)
    return find_present(session, present, policy=policy, booth=booth, faculty=faculty)


def presence(session: Session, proofs: Iterable[Proof], *, policy: Policy) -> Intervals:
    """What was proven, excused and added, less what was taken away."""
    policy = session.governed(policy)
    proven = coverage(proofs, lease_ms=policy.lease_ms, counts=policy.counts)
    return difference(union(proven, session.excused, session.added), session.withdrawn)


def find_present(
    session: Session,
    present: Intervals,
    *,
    policy: Policy,
    booth: Intervals = NOTHING,
    faculty: bool = False,
) -> Finding:
    policy = session.governed(policy)
    educational = difference(session.live, session.excluded)
    base_ms = min(length(educational), session.designated_ms)
    missed = failed_blocks(session)
    qualified = NOTHING
    if not faculty:
        qualified = intersection(present, _creditable(educational, session, policy))
        qualified = difference(qualified, booth) if policy.exclude_booth else qualified
        qualified = difference(qualified, missed)
    return Finding(
        session=session,
        educational=educational,
        base_ms=base_ms,
        present=present,
        missed=missed,
        qualified=qualified,
        reason=Reason.FACULTY if faculty else verdict(session, length(qualified), base_ms),
    )


def verdict(session: Session, qualified_ms: int, base_ms: int) -> Reason:
    """Whether so much qualified time passes the session. Exact: a millisecond short is short."""
    if qualified_ms <= 0:
        return Reason.NO_QUALIFIED_TIME
    if qualified_ms < _percent_ms(session, base_ms):
        return Reason.BELOW_PERCENT
    if qualified_ms < _minutes_ms(session):
        return Reason.BELOW_MINUTES
    return Reason.PASSED


def needed_ms(session: Session, base_ms: int) -> int:
    """The least qualified time that passes."""
    return max(1, _percent_ms(session, base_ms), _minutes_ms(session))


def failed_blocks(session: Session) -> Intervals:
    """The blocks whose check went unanswered.

    A check vouches for the time since the one before it, or since the start; the last one also for
    the time to the end. Two records of one instant are one check, answered if either is.
    """
    if not session.checks or not session.live:
        return NOTHING
    answered: dict[int, bool] = {}
    for check in session.checks:
        answered[check.at_ms] = check.answered or answered.get(check.at_ms, False)
    ((since, end),) = hull(session.live)
    *inner, last = sorted(answered)
    failed: list[Interval] = []
    for at in inner:
        if not answered[at]:
            failed.append((since, at))
        since = max(since, at)
    if not answered[last]:
        failed.append((since, end))
    return union(failed)


def _creditable(educational: Intervals, session: Session, policy: Policy) -> Intervals:
    if policy.overlap is Overlap.CLIP:
        return earliest(educational, session.designated_ms)
    return educational


def _percent_ms(session: Session, base_ms: int) -> int:
    if not session.min_percent:
        return 0
    return ceil(Fraction(session.min_percent) * base_ms / 100)


def _minutes_ms(session: Session) -> int:
    return ceil(Fraction(session.min_minutes) * MINUTE_MS) if session.min_minutes else 0
