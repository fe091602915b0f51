"""Durations, clocks and zones, as programme tools write them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.agenda.importers import times

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("0:45", 45 * MINUTE),
        ("00:45", 45 * MINUTE),
        ("26:30", 26 * HOUR + 30 * MINUTE),
        ("00:25:00", 25 * MINUTE),
        ("01:00:00", HOUR),
        ("1:00:00", DAY),
        ("2:03:04", 2 * DAY + 3 * HOUR + 4 * MINUTE),
        ("1 day, 2:30:00", DAY + 2 * HOUR + 30 * MINUTE),
        ("PT45M", 45 * MINUTE),
        ("P1DT2H", DAY + 2 * HOUR),
    ],
)
def test_durations(text: str, duration: timedelta) -> None:
    assert times.read_duration(text) == duration


@pytest.mark.parametrize("text", ["", "45", "0:00", "-1:00", "1:2", "P", "PT", "999:00", "a:bc"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        times.read_duration(text)


READERS = (times.read_duration, times.read_clock, times.read_date, times.read_moment)


@given(st.sampled_from([*READERS, times.read_zone]), st.text(max_size=12))
def test_any_text_is_read_or_refused(read: Callable[[str], object], text: str) -> None:
    try:
        read(text)
    except ValueError as error:
        refusal = str(error)
    else:
        refusal = "is fine"
    assert refusal.startswith("is ")


def test_the_clock_is_read_in_the_zone() -> None:
    noon = times.read_moment("2026-03-28T12:00")
    assert times.to_utc(noon, PARIS) == datetime(2026, 3, 28, 11, tzinfo=UTC)
    assert times.to_utc(noon + DAY, PARIS) == datetime(2026, 3, 29, 10, tzinfo=UTC)
    assert not times.oddity(noon + DAY, PARIS)
    assert "does not exist" in times.oddity(times.read_moment("2026-03-29T02:30"), PARIS)
    assert "comes twice" in times.oddity(times.read_moment("2026-10-25T02:30"), PARIS)


@pytest.mark.parametrize(
    ("offsets", "zone"),
    [
        ({HOUR}, "Etc/GMT-1"),
        ({-5 * HOUR}, "Etc/GMT+5"),
        ({timedelta()}, "UTC"),
        ({HOUR, 2 * HOUR}, "UTC"),
        ({330 * MINUTE}, "UTC"),
        (set(), "UTC"),
    ],
)
def test_a_zone_is_guessed_from_offsets(offsets: set[timedelta], zone: str) -> None:
    assert times.zone_of_offsets(offsets) == zone
    times.read_zone(zone)
