"""What may be handed over, what may be counted, what a spreadsheet may see."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server.errors import Invalid
from server.exhibits import rules, wire
from server.exhibits.rules import Field, Purpose

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_a_badge_needs_a_name_a_purpose_and_an_end() -> None:
    badge = rules.badge(["mail", "name"], "demo", 12)
    assert badge == rules.Badge(fields=(Field.NAME, Field.MAIL), purpose=Purpose.DEMO, months=12)


@pytest.mark.parametrize(
    ("fields", "purpose", "months", "where"),
    [
        ([], "demo", 12, "fields"),
        (["mail"], "demo", 12, "fields"),
        (["name", "phone"], "demo", 12, "fields"),
        (["name"], "", 12, "purpose"),
        (["name"], "anything", 12, "purpose"),
        (["name"], "demo", 0, "months"),
        (["name"], "demo", 1200, "months"),
    ],
)
def test_what_was_not_chosen_is_not_handed_over(
    fields: list[str], purpose: str, months: int, where: str
) -> None:
    with pytest.raises(Invalid) as refused:
        rules.badge(fields, purpose, months)
    assert refused.value.where == where


@pytest.mark.parametrize(
    ("day", "months", "ends"),
    [
        (datetime(2026, 11, 25, tzinfo=UTC), 12, datetime(2027, 11, 25, tzinfo=UTC)),
        (datetime(2026, 12, 31, tzinfo=UTC), 1, datetime(2027, 1, 31, tzinfo=UTC)),
        (datetime(2027, 1, 31, tzinfo=UTC), 1, datetime(2027, 2, 28, tzinfo=UTC)),
        (datetime(2028, 2, 29, tzinfo=UTC), 12, datetime(2029, 2, 28, tzinfo=UTC)),
    ],
)
def test_until_is_the_same_day_of_another_month(day: datetime, months: int, ends: datetime) -> None:
    assert rules.until(day, months) == ends


def test_a_receipts_number_is_read_aloud() -> None:
    assert rules.number(bytes(range(8)), NOON) == "R26-0123-4567"
    assert rules.number(b"\xff" * 8, NOON) == "R26-ZZZZ-ZZZZ"


def test_the_words_of_consent_name_the_company_and_change_with_their_version() -> None:
    words = rules.consent("Cardivue")
    assert words.count("Cardivue") == 4
    assert "withdraw at any time" in words
    assert rules.CONSENT_VERSION == "2026-11"


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("Daniel Mensah", "Daniel"),
        ("Dr. Mika Sato", "Mika"),
        ("Prof Ana Prieto", "Ana"),
        ("", ""),
        ("Dr", ""),
    ],
)
def test_staff_are_called_by_their_first_name(name: str, called: str) -> None:
    assert rules.first_name(name) == called


def test_small_groups_are_hidden_and_the_total_is_rounded() -> None:
    counted = {"physician": 71, "nurse": 33, "other": 4, "pharmacist": 0}
    found = rules.figures(counted, talks=3, badges=2, waits=[10, 200, 160])
    assert found.visits == 110
    assert [(group.name, group.count) for group in found.groups] == [
        ("physician", 70),
        ("nurse", 30),
        ("other", None),
    ]
    assert found.wait_seconds == 160


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 60), max_size=6))
def test_what_is_told_follows_from_what_is_told_of_the_groups(counted: dict[str, int]) -> None:
    """Not the total alone, the order of the groups too."""
    shown = {name: rules.told(count) or min(count, 1) for name, count in counted.items()}
    found = rules.figures(counted, talks=0, badges=0, waits=[])
    assert found == rules.figures(shown, talks=0, badges=0, waits=[])


def test_a_day_without_visits_says_nothing() -> None:
    found = rules.figures({"nurse": 4}, talks=0, badges=0, waits=[])
    assert (found.visits, found.wait_seconds) == (None, None)


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 60), max_size=6))
@example(dict.fromkeys("abcde", 29))
@example(dict.fromkeys("abcd", 1))
def test_no_group_can_be_worked_out_from_the_rest(counted: dict[str, int]) -> None:
    """Some other day, on which this group had another size, would have been told the same."""

    def told(day: dict[str, int]) -> tuple[int | None, dict[str, int | None]]:
        found = rules.figures(day, talks=0, badges=0, waits=[])
        return found.visits, {group.name: group.count for group in found.groups}

    for name, count in counted.items():
        assert count == 0 or any(
            told({**counted, name: size, **moved}) == told(counted)
            for size in range(max(1, count - 4), count + 5)
            for moved in _moved(counted, name)
            if size != count
        )


def _moved(counted: dict[str, int], kept: str) -> Iterator[dict[str, int]]:
    """The other groups as they are, or one of them a little smaller or larger."""
    yield {}
    for name, count in counted.items():
        for other in range(max(1, count - 4), count + 5):
            if name != kept and count:
                yield {name: other}


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "＝1+1", "＋1", "－1"],
)
def test_no_cell_is_computed(cell: str) -> None:
    assert rules.safe_cell(cell) == f"'{cell}"


@given(st.text())
def test_a_safe_cell_never_begins_a_formula(text: str) -> None:
    assert not rules.safe_cell(text).startswith(rules.FORMULA_STARTS)


def test_nothing_on_a_topic_has_a_place_for_a_visitors_name() -> None:
    """Whoever adds a field to these must say here that it names nobody."""
    harmless: dict[type[msgspec.Struct], set[str]] = {
        wire.Asking: {"id", "visit", "about", "staff", "since_ms"},
        wire.Line: {"id", "visit", "called", "text", "said_ms"},
        wire.Lead: {"id", "visit", "holds"},
        wire.Queue: {"key", "waiting", "talking", "staff"},
        wire.Booth: {"key", "staff", "waiting"},
    }
    for struct, names in harmless.items():
        assert {field.name for field in msgspec.structs.fields(struct)} == names


def test_an_end_keeps_the_zone_it_was_chosen_in() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert rules.until(NOON.astimezone(tokyo), 1).utcoffset() == timedelta(hours=9)
