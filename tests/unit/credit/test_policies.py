"""Which rule governs a session, how it is read, said and kept, and what checks come to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import msgspec
import pytest

from server.attendance.checks import Put, State
from server.attendance.rules import Counts, beat
from server.credit.checks import rules as checks
from server.credit.facts import read_facts
from server.credit.findings import Check, Overlap, Policy, Session
from server.credit.policies import rules
from server.credit.policies.rules import DEFAULT, Published, Rule
from server.credit.rules import Facts, explain
from server.credit.segments import Kind
from server.credit.standing import standing
from server.credit.systems import AMA_PRA_1
from server.credit.trying import Difference, summed
from server.credit.written import inputs_digest, write_facts
from server.errors import Invalid

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
MINUTE = 60_000
FORM = {
    "counts": "visible", "overlap": "clip", "exclude_booth": "yes", "min_percent": "75",
    "min_minutes": "10.5", "checks_an_hour": "3",
}  # fmt: skip
STRICT = Rule(
    counts=Counts.VISIBLE, overlap=Overlap.CLIP, min_percent=Decimal(75),
    min_minutes=Decimal("10.5"), checks_an_hour=3,
)  # fmt: skip


def published(version: int, after: timedelta, rule: Rule = DEFAULT) -> Published:
    return Published(
        version=version, effective_at=NOW + after, rule=rule,
        published_by=UUID(int=1), published_at=NOW,
    )  # fmt: skip


def test_a_session_goes_by_the_newest_rule_that_has_begun_when_it_starts() -> None:
    hour = timedelta(hours=1)
    history = [published(1, hour, STRICT), published(2, 3 * hour), published(3, 3 * hour, STRICT)]
    assert rules.governing(history, NOW) is None
    assert rules.rule_at(history, NOW) == DEFAULT
    assert rules.governing(history, NOW + hour) is history[0]
    assert rules.governing(history, NOW + 3 * hour - timedelta(milliseconds=1)) is history[0]
    assert rules.governing(history, NOW + 3 * hour) is history[2], "of one date, the later one"
    later = published(4, 2 * hour)
    assert rules.governing([*history, later], NOW + 4 * hour) is history[2]


def test_a_form_is_read_and_kept_as_it_is_meant() -> None:
    assert rules.read(FORM) == STRICT
    assert rules.rule_of(rules.body(STRICT)) == STRICT
    assert rules.rule_of(rules.body(DEFAULT)) == DEFAULT
    assert rules.read({**FORM, "exclude_booth": "", "min_percent": ""}) == replace(
        STRICT, exclude_booth=False, min_percent=Decimal(0)
    )


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("counts", "sometimes"), ("overlap", ""), ("min_percent", "101"), ("min_percent", "-1"),
        ("min_percent", "٣"), ("min_minutes", "721"), ("min_minutes", "1e2"),
        ("checks_an_hour", "2"), ("checks_an_hour", "7"), ("checks_an_hour", ""),
    ],
)  # fmt: skip
def test_what_a_rule_may_not_say_is_refused_at_its_field(name: str, written: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.read({**FORM, name: written})
    assert refused.value.where == name


def test_a_note_has_its_bounds() -> None:
    assert rules.note("x" * rules.MAX_NOTE)
    with pytest.raises(Invalid):
        rules.note("x" * (rules.MAX_NOTE + 1))


def test_a_rule_is_said_in_plain_sentences() -> None:
    said = " ".join(rules.sentences(STRICT))
    assert "page is in sight" in said
    assert "75 % of its time and 10.5 minutes" in said
    assert "3 times an hour" in said
    assert "Nobody is asked" in " ".join(rules.sentences(DEFAULT))
    assert rules.sentence(DEFAULT) == rules.COUNTED[Counts.PLAYING]
    assert rules.sentence(STRICT).endswith("you are asked 3 times an hour whether you are there.")


def hour(name: str, start: int = 0, **other: object) -> Session:
    session = Session(id=name, live=((start, start + 60 * MINUTE),), designated_ms=60 * MINUTE)
    return replace(session, **other)  # type: ignore[arg-type]


def facts(*sessions: Session, playing: bool = True, visible: bool = True) -> Facts:
    return Facts(
        systems=(AMA_PRA_1,),
        sessions=sessions,
        proofs={
            each.id: [
                beat("x", at, playing=playing, visible=visible)
                for at in range(each.live[0][0], each.live[0][1] + 1, 30_000)
            ]
            for each in sessions
        },
        policy=Policy(counts=Counts.PLAYING),
    )


def test_each_session_goes_by_its_own_rule() -> None:
    own = Policy(counts=Counts.VISIBLE)
    found = facts(hour("a"), hour("b", 60 * MINUTE, policy=own), playing=False)
    a, b = explain(found).assessment.findings
    assert (a.qualified_ms, b.qualified_ms) == (0, 60 * MINUTE)
    kinds = {one.session: one.kind for one in explain(found).segments}
    assert kinds == {"a": Kind.AWAY, "b": Kind.COUNTED}
    stands = standing(
        found.sessions[1], found.proofs["b"], now_ms=120 * MINUTE, policy=found.policy
    )
    assert (stands.qualified_ms, stands.stopped) == (60 * MINUTE, False)


def test_a_sessions_own_rule_survives_the_file() -> None:
    own = Policy(counts=Counts.VISIBLE, overlap=Overlap.CLIP, exclude_booth=False)
    found = facts(hour("a"), hour("b", 60 * MINUTE, policy=own))
    again = read_facts(write_facts(found))
    assert [each.policy for each in again.sessions] == [None, own]
    assert inputs_digest(again) == inputs_digest(found)
    plain = msgspec.json.decode(write_facts(facts(hour("a"))))
    assert "counts" not in plain["sessions"][0], "what a session does not say is not written"


def asked(session_id: UUID, state: State, at_ms: int) -> Put:
    return Put(
        id=uuid4(), session_id=session_id, person_id=UUID(int=1), number=0, asked_ms=at_ms,
        closes_ms=at_ms + 2 * MINUTE, state=state,
    )  # fmt: skip


def test_answered_and_missed_checks_count_and_no_others() -> None:
    here, there = uuid4(), uuid4()
    put_to = [
        asked(here, State.ANSWERED, 10), asked(here, State.LAPSED, 20),
        asked(here, State.OPEN, 30), asked(here, State.WITHDRAWN, 40),
        asked(there, State.LAPSED, 50),
    ]  # fmt: skip
    assert checks.facts(put_to, here) == (
        Check(at_ms=10, answered=True),
        Check(at_ms=20, answered=False),
    )


def test_an_outage_of_ours_spares_what_it_ran_into() -> None:
    here = uuid4()
    missed, met = asked(here, State.LAPSED, 0), asked(here, State.ANSWERED, 0)
    assert checks.facts([missed], here, [(2 * MINUTE - 1, 3 * MINUTE)]) == ()
    assert len(checks.facts([missed], here, [(2 * MINUTE, 3 * MINUTE)])) == 1
    assert len(checks.facts([met], here, [(0, 3 * MINUTE)])) == 1


def test_a_missed_check_costs_its_own_block_alone() -> None:
    put_to = (
        Check(at_ms=15 * MINUTE, answered=True),
        Check(at_ms=30 * MINUTE, answered=False),
        Check(at_ms=45 * MINUTE, answered=True),
    )
    found = explain(facts(hour("a", checks=put_to)))
    assert f"{found.awards[0].award:f}" == "0.75"
    missed = [one for one in found.segments if one.kind is Kind.CHECK_MISSED]
    assert [(one.from_ms, one.to_ms) for one in missed] == [(15 * MINUTE, 30 * MINUTE)]


def test_a_trial_counts_who_would_have_more_and_less() -> None:
    def differs(before: str, after: str) -> Difference:
        return Difference(person_id=uuid4(), before=Decimal(before), after=Decimal(after))

    found = [differs("1", "1"), differs("1", "0.75"), differs("0", "2"), differs("1", "0.50")]
    trial = summed(found)
    assert (trial.persons, trial.changed, trial.more, trial.less) == (4, 3, 1, 2)
    assert (trial.gained, trial.lost) == (Decimal(2), Decimal("0.75"))
    assert [one.by for one in trial.largest] == [Decimal(2), Decimal("-0.5"), Decimal("-0.25")]
