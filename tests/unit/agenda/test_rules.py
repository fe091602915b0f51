"""Small decisions about sessions: figures, addresses, times."""

from datetime import UTC, datetime

import pytest

from server.agenda import rules
from server.errors import Invalid

MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("minutes", "figure"),
    [(0, ""), (5, "5 min"), (8, "0.25"), (45, "0.75"), (60, "1.0"), (90, "1.5"), (150, "2.5")],
)
def test_credit_comes_in_quarters(minutes: int, figure: str) -> None:
    assert rules.credit_figure(minutes * MINUTE_MS) == figure


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("31C3", "31c3"),
        ("Cœur à cœur 2026", "cur-a-cur-2026"),
        ("心臓", "conference"),
        ("a" * 90, "a" * 60),
    ],
)
def test_an_address_is_made_of_a_title(title: str, slug: str) -> None:
    assert rules.slug(rules.slug_of(title)) == slug


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("Europe/Paris", "CET"),
        ("Asia/Kolkata", "IST"),
        ("America/Sao_Paulo", "UTC−3"),
        ("Asia/Kathmandu", "UTC+5:45"),
    ],
)
def test_a_zone_without_letters_is_told_by_its_offset(zone: str, name: str) -> None:
    assert rules.zone_abbreviation(datetime(2026, 1, 5, tzinfo=UTC), zone) == name


def test_a_time_that_clocks_skip_is_refused() -> None:
    with pytest.raises(Invalid):
        rules.local("2026-03-29T02:30", "Europe/Paris", "starts_at")


def test_of_an_hour_that_comes_twice_the_first_is_meant() -> None:
    moment = rules.local("2026-10-25T02:30", "Europe/Paris", "starts_at")
    assert moment.astimezone(UTC) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
