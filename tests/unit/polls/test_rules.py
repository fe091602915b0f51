from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Invalid, Refused
from server.polls import rules
from server.polls.rules import Kind, Poll, Status, Tally


def a_poll(**other: Any) -> Poll:
    fields: dict[str, Any] = {
        "id": UUID(int=1),
        "session_id": UUID(int=2),
        "text": "At what eGFR?",
        "kind": Kind.SINGLE,
        "options": ("45", "25", "20"),
        "status": Status.OPEN,
        "revealed": False,
        "opened_at": None,
        "revision": 0,
    }
    return Poll(**fields | other)


def test_a_draft_keeps_what_was_written_without_empty_lines() -> None:
    draft = rules.draft("At what eGFR?", Kind.MULTIPLE, ["45", "", "25"])
    assert (draft.text, draft.kind, draft.options) == ("At what eGFR?", Kind.MULTIPLE, ("45", "25"))


@pytest.mark.parametrize(
    ("text", "options", "where"),
    [
        ("", ["a", "b"], "text"),
        ("x" * 301, ["a", "b"], "text"),
        ("Why?", ["a", ""], "options"),
        ("Why?", [str(n) for n in range(13)], "options"),
        ("Why?", ["a", "x" * 121], "options"),
        ("Why?", ["Yes", "yes"], "options"),
    ],
)
def test_a_poll_that_makes_no_sense_is_refused_by_field(
    text: str, options: list[str], where: str
) -> None:
    with pytest.raises(Invalid) as told:
        rules.draft(text, Kind.SINGLE, options)
    assert told.value.where == where


@pytest.mark.parametrize("present", Status)
@pytest.mark.parametrize("wanted", [Status.OPEN, Status.CLOSED])
def test_polls_open_close_and_open_again(present: Status, wanted: Status) -> None:
    if present is wanted:
        assert rules.step(present, wanted) is None
    elif (present, wanted) == (Status.DRAFT, Status.CLOSED):
        with pytest.raises(rules.WrongStep):
            rules.step(present, wanted)
    else:
        assert rules.step(present, wanted) is wanted


def test_a_draft_has_no_result_and_only_a_draft_is_deleted() -> None:
    with pytest.raises(rules.WrongStep):
        rules.reveal(Status.DRAFT, revealed=False, wanted=True)
    assert rules.reveal(Status.OPEN, revealed=False, wanted=True)
    assert not rules.reveal(Status.CLOSED, revealed=True, wanted=True)
    rules.delete(Status.DRAFT)
    with pytest.raises(rules.WrongStep):
        rules.delete(Status.CLOSED)


@pytest.mark.parametrize(
    ("kind", "choices", "kept"),
    [
        (Kind.SINGLE, (2,), (2,)),
        (Kind.MULTIPLE, (2, 0, 2), (0, 2)),
        (Kind.SINGLE, (1, 1), (1,)),
    ],
)
def test_an_answer_is_kept_in_order_and_once(
    kind: Kind, choices: tuple[int, ...], kept: tuple[int, ...]
) -> None:
    assert rules.choose(a_poll(kind=kind), choices) == kept


@pytest.mark.parametrize(
    ("poll", "choices", "refusal"),
    [
        (a_poll(), (), Invalid),
        (a_poll(), (0, 1), Invalid),
        (a_poll(), (3,), Invalid),
        (a_poll(kind=Kind.MULTIPLE), (-1, 0), Invalid),
        (a_poll(status=Status.CLOSED), (0,), rules.Closed),
        (a_poll(status=Status.DRAFT), (0,), rules.Closed),
    ],
)
def test_what_is_no_answer_is_refused(
    poll: Poll, choices: tuple[int, ...], refusal: type[Refused]
) -> None:
    with pytest.raises(refusal):
        rules.choose(poll, choices)


def test_a_tally_counts_people_and_choices() -> None:
    assert rules.tally(3, [((0, 2), 4), ((2,), 3)]) == Tally(counts=(4, 0, 7), voters=7)
    assert rules.tally(2, []) == Tally(counts=(0, 0), voters=0)


ROUNDED = [(0, 0, 0), (1, 8, 13), (4, 8, 50), (1, 3, 33), (2, 3, 67), (7, 7, 100), (1, 200, 1)]
"""The same rows are in tests/unit/web/polls.test.js."""


@pytest.mark.parametrize(("count", "voters", "percent"), ROUNDED)
def test_percentages_are_whole_with_half_rounded_up(count: int, voters: int, percent: int) -> None:
    assert rules.percent(count, voters) == percent


@given(
    answers=st.lists(
        st.tuples(st.sets(st.integers(0, 4), min_size=1).map(sorted), st.integers(1, 50))
    )
)
def test_nobody_is_counted_twice(answers: list[tuple[list[int], int]]) -> None:
    tally = rules.tally(5, answers)
    assert tally.voters == sum(people for _, people in answers)
    assert max(tally.counts) <= tally.voters
    assert sum(tally.counts) == sum(len(choices) * people for choices, people in answers)
