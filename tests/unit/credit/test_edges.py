"""The edges of the rules of credit: the first millisecond, the whole day, evidence that is none."""

from dataclasses import replace

from server.attendance.rules import Counts, beat
from server.credit.findings import Finding, Policy, Session, find, needed_ms
from server.credit.rules import Cap, Facts, explain
from server.credit.standing import standing
from server.credit.systems import SYSTEMS

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
TALK = Session(id="talk", live=((0, HOUR_MS),), designated_ms=HOUR_MS)
PLAYING = Policy(counts=Counts.PLAYING)


def found(session: Session) -> Finding:
    return find(session, [beat("a", 0), beat("a", 30_000)], policy=Policy())


def test_a_learner_is_no_faculty_unless_told() -> None:
    assert found(TALK).qualified_ms == 30_000


def test_without_a_minimum_one_millisecond_is_needed() -> None:
    assert needed_ms(TALK, HOUR_MS) == 1


def test_what_does_not_count_keeps_nobody_there() -> None:
    proofs = [beat("a", 0), beat("a", 30_000), beat("a", 60_000, playing=False)]
    stands = standing(TALK, proofs, now_ms=80_000, policy=PLAYING)
    assert stands.stopped
    assert stands.recorded_until_ms == 30_000
    assert not standing(TALK, proofs, now_ms=75_000, policy=PLAYING).stopped


def test_the_policy_says_how_long_a_proof_holds() -> None:
    proofs = [beat("a", 0)]
    short = replace(PLAYING, lease_ms=20_000)
    assert standing(TALK, proofs, now_ms=20_001, policy=short).stopped
    assert not standing(TALK, proofs, now_ms=20_000, policy=short).stopped


def test_a_day_that_is_exactly_full_was_not_capped() -> None:
    for hours, caps in ((8, ()), (9, (Cap.DAY_MAX,))):
        end = hours * HOUR_MS
        day = replace(TALK, live=((0, end),), designated_ms=end)
        proofs = [beat("a", at) for at in range(0, end + 1, 40_000)]
        facts = Facts(
            systems=(SYSTEMS["ecmec"],), sessions=(day,), proofs={"talk": proofs}, policy=Policy()
        )  # fmt: skip
        (award,) = explain(facts).awards
        assert (award.units, award.caps) == (8, caps)
