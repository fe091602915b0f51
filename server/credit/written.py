"""Facts and explanations as JSON: the way out, in the shape of the public contract. Pure.

What the product knows of a learner is written as a file from which anyone recomputes the same
credit; `facts.py` reads it back.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from server.attendance.canonical import canonical
from server.attendance.rules import Proof
from server.credit.findings import Policy, Session
from server.credit.rules import POLICY_VERSION, Explanation, Facts
from server.credit.systems import SYSTEMS


def inputs_digest(facts: Facts) -> str:
    """What every certificate carries: the digest of these facts once they are written."""
    return hashlib.sha256(write_facts(facts)).hexdigest()


def write_facts(facts: Facts) -> bytes:
    """In canonical form. A span is written as beats that are one lease apart: the same coverage."""
    value: dict[str, Any] = {
        "systems": [system.id for system in facts.systems],
        "options": {
            system.id: {"hour_minutes": system.hour_minutes}
            for system in facts.systems
            if system.hour_minutes != SYSTEMS[system.id].hour_minutes
        },
        "lease_ms": facts.policy.lease_ms,
        "counts": facts.policy.counts.value,
        "overlap": facts.policy.overlap.value,
        "exclude_booth": facts.policy.exclude_booth,
        "designated_max": {system: f"{most:f}" for system, most in facts.designated_max.items()},
        "sessions": [_written(session) for session in _ordered(facts.sessions)],
        "evidence": [
            written
            for session in _ordered(facts.sessions)
            for written in _beats(session.id, facts.proofs.get(session.id, ()), facts.policy)
        ],
        "booth": facts.booth,
        "faculty_of": sorted(facts.faculty_of),
        "missing": sorted(facts.missing),
    }
    return canonical(value)


def _ordered(sessions: Iterable[Session]) -> list[Session]:
    return sorted(sessions, key=lambda session: session.order)


def _written(session: Session) -> dict[str, Any]:
    written: dict[str, Any] = {
        "id": session.id,
        "live": session.live,
        "excluded": session.excluded,
        "designated_ms": session.designated_ms,
        "min_percent": f"{session.min_percent:f}",
        "min_minutes": f"{session.min_minutes:f}",
        "checks": [{"at": check.at_ms, "answered": check.answered} for check in session.checks],
    }
    corrected = {
        "excused": session.excused,
        "added": session.added,
        "withdrawn": session.withdrawn,
    }
    # What is empty is left out: facts of before there were corrections keep their digest.
    written |= {name: intervals for name, intervals in corrected.items() if intervals}
    if session.policy is not None:
        written |= {
            "counts": session.policy.counts.value,
            "overlap": session.policy.overlap.value,
            "exclude_booth": session.policy.exclude_booth,
        }
    return written if session.day is None else {**written, "day": session.day.isoformat()}


def _beats(session: str, proofs: Sequence[Proof], policy: Policy) -> list[dict[str, Any]]:
    """By time, then connection, so that the order in which rows were read does not matter."""
    beats = {
        (at, str(proof.connection), proof.leave and at == proof.last_ms, *proof[4:])
        for proof in proofs
        for at in (*range(proof.first_ms, proof.last_ms, policy.lease_ms), proof.last_ms)
    }
    return [
        {
            "session": session,
            "connection": connection,
            "at": at,
            "leave": leave,
            "visible": visible,
            "playing": playing,
        }
        for at, connection, leave, visible, playing in sorted(beats)
    ]


def rendered(explanation: Explanation, digest: str) -> dict[str, Any]:
    """The explanation in the shape that is printed."""
    return {
        "sessions": [
            {
                "id": found.session.id,
                "educational_ms": found.educational_ms,
                "base_ms": found.base_ms,
                "present_ms": found.present_ms,
                "qualified_ms": found.qualified_ms,
                "passed": found.passed,
                "reason": found.reason.value,
            }
            for found in explanation.assessment.findings
        ],
        "segments": [
            {
                "from": segment.from_ms,
                "to": segment.to_ms,
                "session": segment.session,
                "kind": segment.kind.value,
                "reason": segment.reason.value,
            }
            for segment in explanation.segments
        ],
        "systems": [
            {
                "id": award.system.id,
                "eligible_ms": award.eligible_ms,
                "units": f"{award.units:f}",
                "award": f"{award.award:f}",
                "caps": [cap.value for cap in award.caps],
                "rounding": {
                    "quantum_ms": award.system.quantum_ms,
                    "mode": award.system.rounding.value,
                    "remainder_ms": award.remainder_ms,
                },
                "missing": list(award.missing),
            }
            for award in explanation.awards
        ],
        "policy_version": POLICY_VERSION,
        "inputs_digest": digest,
    }
