"""What a correction comes to: adjustments folded in order, outages excused by evidence. Pure.

A correction is a record beside the evidence, never a change of it. This file knows no credit: what
an adjustment is worth, and whether it needs a second officer, is weighed in `credit/weighing.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from server.attendance.intervals import NOTHING, Interval, Intervals, difference, union
from server.attendance.rules import Counts, Proof
from server.credit.findings import Policy
from server.errors import Invalid

MAX_TEXT = 2_000
"""Evidence is a reference to a mail or a log, not the mail itself."""

MAX_OUTAGE_MS = 12 * 3_600_000
"""A longer one is a conference that did not take place."""


class Effect(StrEnum):
    ADD = "add"
    TAKE = "take"


class Why(StrEnum):
    """Reasons of an adjustment: a closed list, so that they can be counted."""

    GAP = "gap"
    ELSEWHERE = "elsewhere"
    ACCESS = "access"
    OUR_FAULT = "our_fault"
    SHARED_LOGIN = "shared_login"
    ABSENT = "absent"
    MISTAKE = "mistake"
    OTHER = "other"


class Cause(StrEnum):
    """Why we failed."""

    SERVER = "server"
    MEDIA = "media"
    NETWORK = "network"
    OTHER = "other"


class State(StrEnum):
    """Where an adjustment stands; only what is in force counts."""

    IN_FORCE = "in_force"
    WAITING = "waiting"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Time that an officer added or took away; `second` says that one officer is not enough."""

    id: UUID
    person_id: UUID
    session_id: UUID
    effect: Effect
    from_ms: int
    to_ms: int
    why: Why
    text: str
    evidence: str
    units: str
    second: bool
    made_by: UUID
    made_at: datetime
    approved: bool | None = None
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    note: str = ""

    @property
    def state(self) -> State:
        if self.approved is False:
            return State.DECLINED
        return State.WAITING if self.second and not self.approved else State.IN_FORCE

    @property
    def in_force(self) -> bool:
        return self.state is State.IN_FORCE

    @property
    def alone(self) -> bool:
        """Whether one officer's word is all it rests on."""
        return not self.approved


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An outage of ours: it excuses all alike who were there at its start, or, refused, nobody."""

    id: UUID
    from_ms: int
    to_ms: int
    session_ids: frozenset[UUID]
    cause: Cause
    text: str
    made_by: UUID
    made_at: datetime
    cap_ms: int | None = None
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The adjustments of one learner in one session, as the engine takes them: disjoint sets."""

    added: Intervals = NOTHING
    withdrawn: Intervals = NOTHING


def net(adjustments: Iterable[Adjustment], session_id: UUID) -> Corrected:
    """Of two that touch the same time, the later one holds."""
    added = withdrawn = NOTHING
    for one in sorted(adjustments, key=lambda one: (one.made_at, one.id)):
        if one.session_id != session_id:
            continue
        stretch = union(((one.from_ms, one.to_ms),))
        if one.effect is Effect.ADD:
            added, withdrawn = union(added, stretch), difference(withdrawn, stretch)
        else:
            added, withdrawn = difference(added, stretch), union(withdrawn, stretch)
    return Corrected(added=added, withdrawn=withdrawn)


def excused(incident: Incident, proofs: Sequence[Proof], *, policy: Policy) -> Intervals:
    """What an outage gives to somebody with this evidence in a session it hit.

    Whoever was connected within the lease when it began is taken to have stayed, from the last
    proof on: to the end, or to the moment they left. Who had left, or came later, gets nothing.
    """
    if incident.refused:
        return NOTHING
    left = _leaves(proofs)
    running = _running(incident, proofs, left, policy)
    if not running:
        return NOTHING
    start = max(running.values())
    stayed = max(
        min(left.get(connection, incident.to_ms), incident.to_ms) for connection in running
    )
    end = stayed
    if incident.cap_ms is not None:
        end = min(end, incident.from_ms + incident.cap_ms)
    if end == incident.to_ms:
        end = _bridged(incident.to_ms, proofs, left, policy)
    return union(((start, end),))


def text(written: str, where: str, *, required: bool = True) -> str:
    """What an officer wrote, in bounds."""
    plain = written.strip()
    if required and not plain:
        raise Invalid("Please say it in words.", where=where)
    if len(plain) > MAX_TEXT:
        raise Invalid(f"At most {MAX_TEXT} characters.", where=where)
    return plain


def stretch(from_ms: int, to_ms: int, *, now_ms: int, longest_ms: int) -> Interval:
    """A past stretch of time; raises Invalid for what is reversed, to come or too long."""
    if to_ms <= from_ms:
        raise Invalid("It ends after it begins.", where="to")
    if to_ms > now_ms:
        raise Invalid("It lies in the future.", where="to")
    if to_ms - from_ms > longest_ms:
        raise Invalid(f"At most {longest_ms // 3_600_000} hours.", where="to")
    return from_ms, to_ms


def _running(
    incident: Incident, proofs: Sequence[Proof], left: dict[object, int], policy: Policy
) -> dict[object, int]:
    """The connections that were there when it began, each with its last proof up to then."""
    running: dict[object, int] = {}
    for proof in proofs:
        leaves = left.get(proof.connection)
        if leaves is not None and (leaves <= incident.from_ms or proof.first_ms > leaves):
            continue
        seen = min(proof.last_ms, incident.from_ms)
        if not _counts(proof, policy) or not 0 <= incident.from_ms - seen <= policy.lease_ms:
            continue
        if proof.first_ms <= incident.from_ms:
            running[proof.connection] = max(seen, running.get(proof.connection, seen))
    return running


def _bridged(ends_ms: int, proofs: Sequence[Proof], left: dict[object, int], policy: Policy) -> int:
    """The first proof after the end, if it comes within the lease: who reconnects never left."""
    after = [
        max(proof.first_ms, ends_ms)
        for proof in proofs
        if _counts(proof, policy)
        and proof.last_ms >= ends_ms
        and proof.first_ms <= left.get(proof.connection, proof.first_ms)
    ]
    first = min(after, default=ends_ms)
    return first if first - ends_ms <= policy.lease_ms else ends_ms


def _leaves(proofs: Iterable[Proof]) -> dict[object, int]:
    left: dict[object, int] = {}
    for proof in proofs:
        if proof.leave:
            left[proof.connection] = min(proof.last_ms, left.get(proof.connection, proof.last_ms))
    return left


def _counts(proof: Proof, policy: Policy) -> bool:
    if policy.counts is Counts.PLAYING:
        return proof.playing
    return policy.counts is Counts.ANY or proof.visible
