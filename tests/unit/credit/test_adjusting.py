"""Corrections: what they come to, what one officer may do alone, whom an outage excuses."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from server.attendance.intervals import Intervals, length
from server.attendance.rules import Counts, Proof
from server.credit.corrections.rules import (
    MAX_TEXT,
    Adjustment,
    Cause,
    Effect,
    Incident,
    State,
    Why,
    excused,
    net,
    stretch,
    text,
)
from server.credit.findings import Policy, Session
from server.credit.imports import rules as imports
from server.credit.imports.rules import Known, Pair, Pairing, Placing, Reported
from server.credit.rules import Facts, explain
from server.credit.systems import AMA_PRA_1
from server.credit.weighing import effect, needs_second
from server.credit.written import write_facts
from server.errors import Invalid
from server.ids import new_id
from tests.unit.credit.worlds import World, at, beats, explained, hour, world

MINUTE = 60_000
TALK = UUID(int=7)
POLICY = Policy(counts=Counts.PLAYING)
BEGUN = datetime(2026, 11, 14, 12, tzinfo=UTC)


def minute(number: float) -> int:
    return at("09:00") + round(number * MINUTE)


def adjustment(
    start: float, end: float, what: Effect = Effect.ADD, *, after: int = 0, **more: object
) -> Adjustment:
    made = Adjustment(
        id=new_id(), person_id=UUID(int=1), session_id=TALK, effect=what, from_ms=minute(start),
        to_ms=minute(end), why=Why.GAP, text="t", evidence="e", units="0", second=False,
        made_by=UUID(int=2), made_at=BEGUN + timedelta(seconds=after),
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def present(*stretches: tuple[float, float], leave: bool = False) -> list[Proof]:
    return [Proof(f"c{start}", minute(start), minute(end), leave=leave) for start, end in stretches]


def facts(*stretches: tuple[float, float], **more: object) -> Facts:
    session = Session(
        id=str(TALK), live=((minute(0), minute(60)),), designated_ms=60 * MINUTE,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip
    return Facts(
        systems=(AMA_PRA_1,), sessions=(session,), proofs={str(TALK): present(*stretches)},
        policy=POLICY,
    )  # fmt: skip


# The engine.


def test_every_correction_is_told_apart_and_adds_up() -> None:
    told = explained(
        world(
            [
                hour(
                    excused=[[minute(30), minute(40)]],
                    added=[[minute(50), minute(60)]],
                    withdrawn=[[minute(0), minute(5)], [minute(55), minute(56)]],
                )
            ],
            [*beats(minute(0), minute(30)), *beats(minute(40), minute(50))],
        )
    )
    shown = [
        ((each["to"] - each["from"]) // MINUTE, each["kind"], each["reason"])
        for each in told["segments"]
    ]
    assert shown == [
        (5, "away", "adjusted"),
        (25, "counted", "present"),
        (10, "counted", "excused"),
        (10, "counted", "present"),
        (5, "counted", "adjusted"),
        (1, "away", "adjusted"),
        (4, "counted", "adjusted"),
    ]
    assert told["sessions"][0]["qualified_ms"] == 54 * MINUTE
    assert told["systems"][0]["eligible_ms"] == 54 * MINUTE


def test_proof_is_told_before_what_was_given() -> None:
    told = explained(world([hour(added=[[minute(0), minute(60)]])], beats(minute(0), minute(30))))
    assert [each["reason"] for each in told["segments"]] == ["present", "adjusted"]


def stretches(facts: World) -> list[tuple[int, str]]:
    """Minutes and reason of each segment."""
    told = explained(facts)["segments"]
    return [((each["to"] - each["from"]) // MINUTE, each["reason"]) for each in told]


def test_what_is_told_goes_by_the_policys_lease_and_beats() -> None:
    """Beats every 100 s under a lease of 120 s; what did not play is no presence."""
    evidence = [
        *beats(minute(0), minute(30), every=100_000, playing=True),
        *beats(minute(31), minute(45), connection="phone", every=100_000, playing=False),
    ]
    policy = {"lease_ms": 120_000, "counts": "playing"}
    plain = world([hour()], evidence, **policy)
    given = world([hour(added=[[minute(0), minute(60)]])], evidence, **policy)
    assert stretches(plain) == [(30, "present"), (15, "not_playing"), (15, "no_evidence")]
    assert stretches(given) == [(30, "present"), (30, "adjusted")]


def test_facts_without_corrections_are_written_as_before() -> None:
    assert b"withdrawn" not in write_facts(facts((0, 30)))
    written = write_facts(facts((0, 30), withdrawn=((minute(0), minute(1)),)))
    assert b'"withdrawn":[[' in written
    assert b"excused" not in written


# Adjustments.


def test_the_later_of_two_holds() -> None:
    first, second = adjustment(10, 30), adjustment(20, 40, Effect.TAKE, after=1)
    folded = net([second, first], TALK)
    assert folded.added == ((minute(10), minute(20)),)
    assert folded.withdrawn == ((minute(20), minute(40)),)
    again = net([first, second, adjustment(25, 35, after=2)], TALK)
    assert length(again.added) == 20 * MINUTE
    assert again.withdrawn == ((minute(20), minute(25)), (minute(35), minute(40)))
    assert net([first], UUID(int=8)).added == ()


@pytest.mark.parametrize(
    ("made", "state"),
    [
        ({}, State.IN_FORCE),
        ({"second": True}, State.WAITING),
        ({"second": True, "approved": True}, State.IN_FORCE),
        ({"second": True, "approved": False}, State.DECLINED),
    ],
)
def test_what_needs_a_second_officer_waits_for_one(made: dict[str, object], state: State) -> None:
    assert replace(adjustment(0, 1), **made).state is state  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("minutes", "worth", "second"),
    [(7, "0", False), (15, "0.25", False), (22.4, "0.25", False), (22.5, "0.50", True)],
)
def test_a_quarter_is_the_most_for_one_officer(minutes: float, worth: str, second: bool) -> None:  # noqa: FBT001
    found = effect(facts(), [adjustment(0, minutes)])
    assert (found, needs_second(found)) == (Decimal(worth), second)


def test_small_steps_are_weighed_together() -> None:
    known = facts((0, 10))
    steps = [adjustment(10 + 10 * step, 20 + 10 * step, after=step) for step in range(4)]
    worth = [effect(known, steps[: count + 1]) for count in range(4)]
    assert [needs_second(one) for one in worth] == [False, False, True, True]


def test_what_was_approved_weighs_no_more() -> None:
    approved = adjustment(0, 40, second=True, approved=True)
    assert effect(facts(), [approved, adjustment(40, 50, after=1)]) == Decimal("0.25")


def test_taking_away_weighs_as_much_as_adding() -> None:
    assert effect(facts((0, 60)), [adjustment(0, 30, Effect.TAKE)]) == Decimal("0.50")


def test_a_session_not_passed_hides_nothing() -> None:
    known = facts(min_percent=Decimal(80))
    assert explain(known).awards[0].units == 0
    assert needs_second(effect(known, [adjustment(0, 40)]))


def test_words_and_times_have_bounds() -> None:
    assert text("  said ", "text") == "said"
    assert text(" ", "note", required=False) == ""
    for written in ("", "x" * (MAX_TEXT + 1)):
        with pytest.raises(Invalid):
            text(written, "text")
    assert stretch(1, 2, now_ms=2, longest_ms=1) == (1, 2)
    for start, end in ((2, 2), (1, 3), (0, 2)):
        with pytest.raises(Invalid):
            stretch(start, end, now_ms=2, longest_ms=1)


# Outages.


def outage(start: float, end: float, **more: object) -> Incident:
    incident = Incident(
        id=new_id(), from_ms=minute(start), to_ms=minute(end), session_ids=frozenset({TALK}),
        cause=Cause.SERVER, text="t", made_by=UUID(int=2), made_at=BEGUN,
    )  # fmt: skip
    return replace(incident, **more)  # type: ignore[arg-type]


def given(proofs: list[Proof], incident: Incident) -> Intervals:
    found = excused(incident, proofs, policy=POLICY)
    return tuple(((a - minute(0)) // 1000, (b - minute(0)) // 1000) for a, b in found)


@pytest.mark.parametrize(
    ("proofs", "expected"),
    [
        pytest.param(present((0, 20)), ((1200, 1290),), id="there, and never came back"),
        pytest.param(present((0, 19.5)), ((1170, 1290),), id="from the last proof on"),
        pytest.param(present((0, 19.25)), ((1155, 1290),), id="exactly one lease before"),
        pytest.param(present((0, 19.24)), (), id="longer than the lease before"),
        pytest.param(present((0, 20), leave=True), (), id="left as it began"),
        pytest.param(present((0, 19.9), leave=True), (), id="left before"),
        pytest.param(present((21, 30)), (), id="came later"),
        pytest.param(present((0, 20), (21.6, 30)), ((1200, 1296),), id="came back in the lease"),
        pytest.param(present((0, 20), (22.5, 30)), ((1200, 1290),), id="came back after it"),
        pytest.param(present((0, 30)), ((1200, 1290),), id="was not hit at all"),
        pytest.param(present((0, 20.5), leave=True), ((1200, 1230),), id="left during it"),
        pytest.param(
            [*present((0, 20.5), leave=True), *present((1, 20))], ((1200, 1290),),
            id="one device left, the other stayed",
        ),
        pytest.param(
            [*present((0, 19.9), leave=True), *present((1, 5))], (), id="left, and long gone"
        ),
        pytest.param(
            [one._replace(playing=False) for one in present((0, 20))], (), id="not playing"
        ),
        pytest.param([], (), id="never there"),
    ],
)  # fmt: skip
def test_who_was_there_when_it_began(proofs: list[Proof], expected: Intervals) -> None:
    assert given(proofs, outage(20, 21.5)) == expected


def test_evidence_after_a_leave_is_none() -> None:
    left = Proof("c", minute(0), minute(5), leave=True)
    after = Proof("c", minute(6), minute(20))
    assert given([left, after], outage(20, 21.5)) == ()
    back = [Proof("d", minute(0), minute(20)), Proof("e", minute(21), minute(21), leave=True)]
    late = Proof("e", minute(21.6), minute(22))
    assert given([*back, late], outage(20, 21.5)) == ((1200, 1290),)


def test_it_can_be_capped_or_refused_for_all() -> None:
    there = present((0, 20), (22, 30))
    assert given(there, outage(20, 21.5, cap_ms=MINUTE)) == ((1200, 1260),)
    assert given(there, outage(20, 21.5, cap_ms=5 * MINUTE)) == ((1200, 1320),)
    assert given(there, outage(20, 21.5, refused=True)) == ()


@pytest.mark.parametrize(
    ("counts", "expected"), [(Counts.ANY, 90_000), (Counts.VISIBLE, 0), (Counts.PLAYING, 90_000)]
)
def test_who_counts_is_the_policys(counts: Counts, expected: int) -> None:
    hidden = [one._replace(visible=False) for one in present((0, 20))]
    found = excused(outage(20, 21.5), hidden, policy=Policy(counts=counts))
    assert length(found) == expected


# Reports of other tools.


def line(name: str, mail: str = "", original: str = "", **more: object) -> Reported:
    made = Reported(
        id=new_id(), number=1, name=name, original=original, mail=mail, least_ms=53 * MINUTE
    )
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (line("Eric Clapton", "e@x.org"), line("Eric's iPad", original="Clapton"), True),
        (line("Eric Clapton", "e@x.org"), line("iPhone (2)", original=""), False),
        (line("Éric Clapton"), line("eric clapton"), True),
        (line("Dr. Eric Clapton, MD"), line("Eric Clapton"), True),
        (line("Eric Clapton", "e@x.org"), line("Someone", "e@x.org"), True),
        (line("Eric Clapton", "e@x.org"), line("Eric Clapton", "f@x.org"), False),
        (line("George Harrison", "g@x.org"), line("George Martin"), False),
        (line("George Harrison"), line("George"), False),
    ],
)
def test_lines_that_look_like_one_person(one: Reported, other: Reported, same: bool) -> None:  # noqa: FBT001
    assert bool(imports.pairs([one, other])) is same
    assert bool(imports.pairs([other, one])) is same


def test_only_what_a_person_merged_goes_together() -> None:
    lines = [line("a"), line("b"), line("c"), line("d")]
    one, two, three, four = (each.id for each in lines)
    decided = [
        Pair(first=two, second=three, pairing=Pairing.MERGED),
        Pair(first=three, second=one, pairing=Pairing.MERGED),
        Pair(first=one, second=four, pairing=Pairing.APART),
        Pair(first=two, second=four, pairing=Pairing.OPEN),
    ]
    found = imports.groups(lines, decided)
    assert [[each.name for each in group] for group in found] == [["a", "b", "c"], ["d"]]


def test_owners_are_found_by_address_and_proposed_by_name() -> None:
    known = [
        Known(id=UUID(int=number), name=name, mail=f"{number}@x.org")
        for number, name in enumerate(("George Martin", "George Harrison", "Yoko Ono", ""), 1)
    ]
    assert imports.owner(line("anyone", "3@x.org"), known) == UUID(int=3)
    assert imports.owner(line("Yoko Ono"), known) is None
    proposed = imports.perhaps(line("George Martin"), known)
    assert [one.name for one in proposed] == ["George Martin"]
    assert imports.perhaps(line("Nobody Else"), known) == []


HOUR: Intervals = ((minute(0), minute(60)),)
MEETING: Intervals = ((minute(-10), minute(65)),)


@pytest.mark.parametrize(
    ("what", "placing", "minutes"),
    [
        (line("whole"), Placing.AS_WRITTEN, 38),
        (line("short", least_ms=15 * MINUTE), Placing.AS_WRITTEN, 0),
        (line("all", least_ms=75 * MINUTE), Placing.AS_WRITTEN, 60),
        (line("whole"), Placing.FROM_START, 53),
        (
            line("exact", from_ms=minute(30), to_ms=minute(70), least_ms=40 * MINUTE),
            Placing.AS_WRITTEN,
            30,
        ),
        (
            line("in and out", from_ms=minute(0), to_ms=minute(60), least_ms=40 * MINUTE),
            Placing.AS_WRITTEN,
            40,
        ),
        (
            line("elsewhere", from_ms=minute(90), to_ms=minute(99), least_ms=9 * MINUTE),
            Placing.AS_WRITTEN,
            0,
        ),
    ],
)
def test_no_more_counts_than_is_sure(what: Reported, placing: Placing, minutes: int) -> None:
    assert length(imports.placed(what, HOUR, MEETING, placing)) == minutes * MINUTE


def test_a_meeting_without_times_vouches_for_nothing_sure() -> None:
    assert imports.placed(line("x"), HOUR, (), Placing.AS_WRITTEN) == ()
