from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from realtime.limits import MAX_QUESTION_CHARS, QUESTIONS_A_MINUTE
from server.agenda.rules import Phase
from server.errors import Invalid, Refused, TooMany
from server.questions import events, rules
from server.questions.rules import Floor, Question, Status, Verb

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
MODERATED = Floor(open=True, moderated=True)
UNMODERATED = Floor(open=True, moderated=False)


def a_question(number: int = 1, **other: Any) -> Question:
    fields: dict[str, Any] = {
        "id": UUID(int=number),
        "session_id": UUID(int=99),
        "author_id": UUID(int=77),
        "author": "Ann Lee, MD",
        "text": "Why?",
        "anonymous": False,
        "status": Status.LIVE,
        "reason": "",
        "asked_at": NOON + timedelta(minutes=number),
        "votes": 0,
        "revision": 0,
    }
    return Question(**fields | other)


@pytest.mark.parametrize(
    ("floor", "status"),
    [(MODERATED, Status.PENDING), (UNMODERATED, Status.LIVE)],
)
def test_a_question_waits_where_questions_are_moderated(floor: Floor, status: Status) -> None:
    draft = rules.ask("Why?", floor, recent=0, anonymous=True)
    assert (draft.text, draft.status, draft.anonymous) == ("Why?", status, True)


@pytest.mark.parametrize(
    ("text", "floor", "recent", "refusal"),
    [
        ("", MODERATED, 0, Invalid),
        ("x" * (MAX_QUESTION_CHARS + 1), MODERATED, 0, Invalid),
        ("Why?", MODERATED, QUESTIONS_A_MINUTE, TooMany),
        ("Why?", Floor(open=False, moderated=False), 0, rules.Closed),
    ],
)
def test_what_is_not_asked_is_refused_with_a_reason(
    text: str, floor: Floor, recent: int, refusal: type[Refused]
) -> None:
    with pytest.raises(refusal) as told:
        rules.ask(text, floor, recent=recent, anonymous=False)
    assert str(told.value)


def test_the_longest_question_is_accepted() -> None:
    text = "x" * MAX_QUESTION_CHARS
    draft = rules.ask(text, MODERATED, recent=QUESTIONS_A_MINUTE - 1, anonymous=False)
    assert draft.text == text


@pytest.mark.parametrize(
    ("phase", "row", "found"),
    [
        (Phase.SCHEDULED, None, MODERATED),
        (Phase.LIVE, None, MODERATED),
        (Phase.ENDED, None, Floor(open=False, moderated=True)),
        (Phase.ENDED, UNMODERATED, UNMODERATED),
        (Phase.LIVE, Floor(open=False, moderated=True), Floor(open=False, moderated=True)),
    ],
)
def test_a_floor_is_open_and_moderated_until_somebody_or_the_end_says_otherwise(
    phase: Phase, row: Floor | None, found: Floor
) -> None:
    assert rules.floor(phase, row) == found


S = Status
STEPS = {
    Verb.APPROVE: {S.PENDING: S.LIVE, S.LIVE: None},
    Verb.DISMISS: {
        S.PENDING: S.DISMISSED,
        S.LIVE: S.DISMISSED,
        S.ANSWERING: S.DISMISSED,
        S.DISMISSED: None,
    },
    Verb.ANSWERING: {
        S.PENDING: S.ANSWERING,
        S.LIVE: S.ANSWERING,
        S.ANSWERED: S.ANSWERING,
        S.ANSWERING: None,
    },
    Verb.ANSWERED: {S.LIVE: S.ANSWERED, S.ANSWERING: S.ANSWERED, S.ANSWERED: None},
}


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("present", Status)
def test_every_step_from_everywhere(verb: Verb, present: Status) -> None:
    """None: it stands there already, and nothing happens."""
    if present in STEPS[verb]:
        assert rules.step(present, verb) is STEPS[verb][present]
    else:
        with pytest.raises(rules.WrongStep):
            rules.step(present, verb)


@pytest.mark.parametrize("present", Status)
def test_what_a_desk_did_can_be_undone_and_nothing_else(present: Status) -> None:
    if present in {S.LIVE, S.ANSWERING, S.ANSWERED, S.DISMISSED}:
        assert rules.restore(present, S.PENDING) is S.PENDING
        assert rules.restore(present, S.LIVE) is (None if present is S.LIVE else S.LIVE)
    elif present is S.PENDING:
        assert rules.restore(present, S.PENDING) is None
        with pytest.raises(rules.WrongStep):
            rules.restore(present, S.LIVE)  # an undo is no approval
    else:
        with pytest.raises(rules.WrongStep):
            rules.restore(present, S.LIVE)


@pytest.mark.parametrize("present", Status)
def test_only_what_waits_is_withdrawn(present: Status) -> None:
    if present in {S.PENDING, S.WITHDRAWN}:
        assert rules.withdraw(present) is (S.WITHDRAWN if present is S.PENDING else None)
    else:
        with pytest.raises(rules.WrongStep):
            rules.withdraw(present)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (S.LIVE, None),
        (S.ANSWERING, None),
        (S.ANSWERED, "question.voting_over"),
        (S.PENDING, "question.wrong_step"),
        (S.DISMISSED, "question.wrong_step"),
        (None, "question.wrong_step"),
    ],
)
def test_votes_go_to_what_is_shown_and_not_answered(
    status: Status | None, code: str | None
) -> None:
    refusal = rules.votable(status)
    assert (refusal.code if refusal else None) == code


def test_questions_rank_by_state_then_votes_then_time() -> None:
    answered = a_question(1, status=S.ANSWERED, votes=9)
    few, early, late = a_question(2, votes=1), a_question(3, votes=4), a_question(4, votes=4)
    now = a_question(5, status=S.ANSWERING)
    assert rules.ranked([late, answered, few, now, early]) == [now, early, late, few, answered]


def test_a_reason_is_a_sentence() -> None:
    assert rules.reason("Off topic") == "Off topic"
    with pytest.raises(Invalid):
        rules.reason("x" * 201)


@pytest.mark.parametrize("status", Status)
def test_the_audience_is_shown_what_is_published_and_of_the_rest_nothing(status: Status) -> None:
    told = events.for_audience(a_question(status=status, reason="Secret", votes=3))
    shown = status in rules.VISIBLE
    assert (told.text, told.author) == (("Why?", "Ann Lee, MD") if shown else ("", None))
    assert told.status == (status if shown else S.DISMISSED)
    assert told.reason == ""


def test_an_anonymous_author_is_nobody_at_the_desk_too() -> None:
    question = a_question(author="", anonymous=True)
    assert events.for_desk(question).author is None
    assert events.for_audience(question).author is None
