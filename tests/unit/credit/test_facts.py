"""The public file: what is refused, with its path; what is accepted; what is digested."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from server.attendance.rules import Proof, coverage
from server.credit.facts import BadFacts, explain_line, read_facts
from server.credit.findings import Policy, Session
from server.credit.rules import Facts
from server.credit.systems import AMA_PRA_1, SYSTEMS
from server.credit.written import inputs_digest, write_facts
from tests.unit.credit.worlds import World, explained

FULL: World = {
    "systems": list(SYSTEMS),
    "options": {"ancc": {"hour_minutes": 60}},
    "lease_ms": 45000,
    "counts": "any",
    "overlap": "cap",
    "exclude_booth": True,
    "designated_max": {"ama-pra-1": "16.00"},
    "sessions": [
        {
            "id": "A",
            "live": [[0, 3600000]],
            "excluded": [[0, 60000]],
            "designated_ms": 3600000,
            "min_percent": "80",
            "min_minutes": "0",
            "day": "2026-11-14",
            "checks": [{"at": 1800000, "answered": True}],
        }
    ],
    "evidence": [
        {
            "session": "A",
            "connection": "c1",
            "at": 1000,
            "leave": False,
            "visible": True,
            "playing": True,
        }
    ],
    "booth": [[0, 1000]],
    "faculty_of": ["B"],
    "missing": ["post_test"],
}
SESSION = FULL["sessions"][0]
BEAT = FULL["evidence"][0]
MINIMAL: World = {
    "systems": ["ama-pra-1"],
    "sessions": [{"id": "A", "live": [[0, 3600000]], "designated_ms": 3600000}],
    "evidence": [{"session": "A", "connection": "c", "at": at} for at in range(0, 3600001, 45000)],
}


def session(**more: Any) -> World:
    return FULL | {"sessions": [SESSION | more]}


def evidence(**more: Any) -> World:
    return FULL | {"evidence": [BEAT | more]}


REFUSED: list[tuple[World, str]] = [
    # times
    (session(live=[[5, 4]]), "$.sessions[0].live[0]: ends before it starts"),
    (session(excluded=[[0, 1], [5, 4]]), "$.sessions[0].excluded[1]: ends before it starts"),
    (FULL | {"booth": [[5, 4]]}, "$.booth[0]: ends before it starts"),
    (session(live=[[0, 1.5]]), "$.sessions[0].live[0][1]: expected int, got a fraction"),
    (session(live=[[0, 2.0]]), "$.sessions[0].live[0][1]: expected int, got a fraction"),
    (session(live=[[0, "1"]]), "$.sessions[0].live[0][1]: expected int, got str"),
    (session(live=[[0]]), "$.sessions[0].live[0]: expected array of length 2, got 1"),
    (session(live=[[0, 1, 2]]), "$.sessions[0].live[0]: expected array of length 2, got 3"),
    (session(live=[[0, 2**53]]), "$.sessions[0].live[0][1]: too large for a time in milliseconds"),
    (session(live=[[-(2**53), 0]]), "$.sessions[0].live[0][0]: too large for a time in"),
    (evidence(at=0.5), "$.evidence[0].at: expected int, got a fraction"),
    (evidence(at=True), "$.evidence[0].at: expected int, got bool"),
    (evidence(at=None), "$.evidence[0].at: expected int, got null"),
    (evidence(at=2**53), "$.evidence[0].at: too large for a time in milliseconds"),
    (
        session(checks=[{"at": 2**53, "answered": True}]),
        "$.sessions[0].checks[0].at: too large for a time in milliseconds",
    ),
    (session(designated_ms=-1), "$.sessions[0].designated_ms: expected at least 0, got -1"),
    (session(designated_ms=2**53), "$.sessions[0].designated_ms: too large for a time in"),
    (session(designated_ms=1.5), "$.sessions[0].designated_ms: expected int, got a fraction"),
    (FULL | {"lease_ms": 0}, "$.lease_ms: expected at least 1, got 0"),
    (session(day="14.11.2026"), "$.sessions[0].day: expected a date, such as 2026-11-14"),
    (session(day="20261114"), "$.sessions[0].day: expected a date, such as 2026-11-14"),
    (session(day="2026-02-29"), "$.sessions[0].day: no such day: 2026-02-29"),
    (session(day=None), "$.sessions[0].day: expected str, got null"),
    # keys
    (FULL | {"sytems": []}, "$.sytems: unknown key"),
    (session(title="T"), "$.sessions[0].title: unknown key"),
    (session(checks=[{"at": 1, "answer": True}]), "$.sessions[0].checks[0].answer: unknown key"),
    (evidence(client_time=4), "$.evidence[0].client_time: unknown key"),
    (FULL | {"options": {"ancc": {"hour": 50}}}, "$.options.ancc.hour: unknown key"),
    (
        FULL | {"options": {"ama-pra-1": {"hour_minutes": 50}}},
        "$.options.ama-pra-1.hour_minutes: unknown key",
    ),
    ({"systems": [], "sessions": []}, "$.evidence: required, and missing"),
    ({"systems": [], "evidence": []}, "$.sessions: required, and missing"),
    ({"evidence": [], "sessions": []}, "$.systems: required, and missing"),
    (
        MINIMAL | {"sessions": [{"id": "A", "live": []}]},
        "$.sessions[0].designated_ms: required, and missing",
    ),
    # names
    (FULL | {"systems": ["ama-pra-2"]}, '$.systems[0]: no credit system "ama-pra-2"'),
    (FULL | {"systems": ["ancc", "ancc"]}, '$.systems[1]: "ancc" is asked for twice'),
    (FULL | {"options": {"x": {}}}, '$.options.x: no credit system "x"'),
    (FULL | {"designated_max": {"x": "1"}}, '$.designated_max.x: no credit system "x"'),
    (FULL | {"sessions": [SESSION, SESSION]}, '$.sessions[1].id: session "A" is listed twice'),
    (evidence(session="Z"), '$.evidence[0].session: no session "Z"'),
    (FULL | {"counts": "all"}, "$.counts: invalid enum value 'all'"),
    (FULL | {"overlap": "cut"}, "$.overlap: invalid enum value 'cut'"),
    # decimals and other types
    *(
        (session(min_percent=wrong), "$.sessions[0].min_percent: expected a decimal as a string")
        for wrong in ("80%", "", "-1", "1e2", ".5", "5.", "1,0", " 1", "1\n", "٣", "NaN")
    ),
    (session(min_percent="100.1"), "$.sessions[0].min_percent: more than 100 per cent"),
    (session(min_percent=80), "$.sessions[0].min_percent: expected str, got int"),
    (session(min_minutes="ten"), "$.sessions[0].min_minutes: expected a decimal as a string"),
    (FULL | {"designated_max": {"ancc": 16}}, "$.designated_max.ancc: expected a decimal as a"),
    (FULL | {"designated_max": {"ancc": "x"}}, "$.designated_max.ancc: expected a decimal as a"),
    (FULL | {"options": {"ancc": 50}}, "$.options.ancc: expected object"),
    *(
        (
            FULL | {"options": {"ancc": {"hour_minutes": wrong}}},
            "$.options.ancc.hour_minutes: expected a whole number from 1 to 1440",
        )
        for wrong in (0, 1441, 50.0, "50", True)
    ),
    (FULL | {"exclude_booth": 1}, "$.exclude_booth: expected bool, got int"),
    (FULL | {"missing": "post_test"}, "$.missing: expected array, got str"),
    (evidence(connection=7), "$.evidence[0].connection: expected str, got int"),
    (session(id="\ud800"), "$.evidence[0].session: no session"),
    (FULL | {"faculty_of": ["\ud800"]}, "$: a string holds half a surrogate pair"),
]


@pytest.mark.parametrize(
    ("facts", "complaint"), REFUSED, ids=[f"{n} {path}" for n, (_, path) in enumerate(REFUSED)]
)
def test_what_is_refused_is_refused_with_its_path(facts: World, complaint: str) -> None:
    with pytest.raises(BadFacts) as refusal:
        read_facts(json.dumps(facts).encode())
    assert str(refusal.value).startswith(complaint)
    assert str(refusal.value) == f"{refusal.value.path}: {refusal.value.message}"


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (b"", "$: not JSON: "),
        (b"{", "$: not JSON: "),
        (b"\xff", "$: not JSON: "),
        (b"[]", "$: expected object, got array"),
        (b"null", "$: expected object, got null"),
        (b"{} {}", "$: not JSON: "),
        (b'{"lease_ms": NaN}', "$: not JSON: NaN is no number"),
        (b'{"lease_ms": -Infinity}', "$: not JSON: -Infinity is no number"),
        (b'{"lease_ms": ' + b"9" * 5000 + b"}", "$: not JSON: "),
        (b'{"systems": [], "systems": []}', '$: an object says "systems" twice'),
        (b"[" * 100_000, "$: nested too deeply"),
    ],
)
def test_what_is_no_json_object_is_refused(raw: bytes, complaint: str) -> None:
    with pytest.raises(BadFacts) as refusal:
        read_facts(raw)
    assert str(refusal.value).startswith(complaint)


def test_the_shape_that_is_printed() -> None:
    (line,) = explain_line(json.dumps(FULL).encode()).splitlines()
    told = json.loads(line)
    assert list(told) == ["sessions", "segments", "systems", "policy_version", "inputs_digest"]
    assert told["sessions"] == [
        {
            "id": "A",
            "educational_ms": 3540000,
            "base_ms": 3540000,
            "present_ms": 0,
            "qualified_ms": 0,
            "passed": False,
            "reason": "no_qualified_time",
        }
    ]
    assert told["segments"] == [
        {"from": 0, "to": 60000, "session": "A", "kind": "excluded", "reason": "excluded"},
        {"from": 60000, "to": 3600000, "session": "A", "kind": "away", "reason": "no_evidence"},
    ]
    assert [system["id"] for system in told["systems"]] == FULL["systems"]
    assert told["systems"][0] == {
        "id": "ama-pra-1",
        "eligible_ms": 0,
        "units": "0.00",
        "award": "0.00",
        "caps": [],
        "rounding": {"quantum_ms": 900000, "mode": "half_up", "remainder_ms": 0},
        "missing": ["post_test"],
    }
    assert told["policy_version"] == "1"


def test_three_keys_are_enough() -> None:
    told = explained(MINIMAL)
    assert told["systems"][0]["award"] == "1.00"
    spelt_out = MINIMAL | {
        "options": {},
        "lease_ms": 45000,
        "counts": "any",
        "overlap": "cap",
        "exclude_booth": True,
        "designated_max": {},
        "booth": [],
        "faculty_of": [],
        "missing": [],
        "sessions": [
            MINIMAL["sessions"][0]
            | {"excluded": [], "checks": [], "min_percent": "0", "min_minutes": "0"}
            | {"day": "1970-01-01"}
        ],
        "evidence": [
            beat | {"leave": False, "visible": True, "playing": True}
            for beat in MINIMAL["evidence"]
        ],
    }
    assert told | {"inputs_digest": None} == explained(spelt_out) | {"inputs_digest": None}


@pytest.mark.parametrize(
    "facts",
    [
        {"systems": [], "sessions": [], "evidence": []},
        FULL | {"options": {"ama-pra-1": {}}},
        session(live=[[5, 5]], excluded=[[7, 7]]),
        session(live=[[-5, 2**53 - 1]]),
        evidence(session="A") | {"evidence": [BEAT, BEAT]},
        session(checks=[{"at": 5, "answered": False}, {"at": 5, "answered": True}]),
    ],
)
def test_odd_but_definite_facts_are_accepted(facts: World) -> None:
    assert explained(facts)["policy_version"] == "1"


def test_the_digest_is_that_of_the_canonical_input() -> None:
    canonical = json.dumps(FULL, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    reordered = json.dumps(dict(reversed(FULL.items())), indent=3).encode()
    assert explained(FULL)["inputs_digest"] == digest
    assert json.loads(explain_line(reordered))["inputs_digest"] == digest
    assert explained(FULL | {"lease_ms": 44000})["inputs_digest"] != digest


def test_spans_are_written_as_beats_that_cover_the_same() -> None:
    spans = [Proof("a", 0, 100_000), Proof("b", 130_000, 200_000, leave=True), Proof("a", 99, 99)]
    facts = Facts(
        systems=(AMA_PRA_1, SYSTEMS["ancc"].with_hour_of(50)),
        sessions=(Session(id="A", live=((0, 300_000),), designated_ms=300_000),),
        proofs={"A": spans},
        policy=Policy(lease_ms=30_000),
    )
    again = read_facts(write_facts(facts))
    assert coverage(again.proofs["A"], lease_ms=30_000) == coverage(spans, lease_ms=30_000)
    assert again.systems == facts.systems
    told = json.loads(explain_line(write_facts(facts)))
    assert told["inputs_digest"] == inputs_digest(facts)
    backwards = replace(facts, proofs={"A": [*reversed(spans)]})
    assert inputs_digest(backwards) == inputs_digest(facts)
