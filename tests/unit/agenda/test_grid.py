"""A day laid out: days, folds, rows, lanes, clashes, and what a search finds."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from server.agenda import grid
from server.agenda.rules import FacultyMember, Phase, Session, Track
from server.ids import new_id

PARIS = ZoneInfo("Europe/Paris")
CONFERENCE = UUID(int=1)
THURSDAY = date(2026, 3, 12)


def at(hour: int, minute: int = 0, day: date = THURSDAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=PARIS).astimezone(UTC)


def session(
    start: datetime,
    minutes: int = 45,
    *,
    hall: str = "Hall A",
    track: str = "",
    designated: int = 45,
    title: str = "Iron deficiency",
    phase: Phase = Phase.SCHEDULED,
    faculty: tuple[FacultyMember, ...] = (),
) -> Session:
    return Session(
        conference_id=CONFERENCE,
        id=new_id(),
        title=title,
        starts_at=start,
        ends_at=start + timedelta(minutes=minutes),
        hall=hall,
        track=Track(id=new_id(), name=track) if track else None,
        designated_ms=designated * 60_000,
        phase=phase,
        faculty=faculty,
    )


@pytest.mark.parametrize(
    ("moment", "day"),
    [(at(9), 12), (at(4, 59), 11), (at(5), 12), (at(23, 59), 12)],
)
def test_the_small_hours_belong_to_the_evening_before(moment: datetime, day: int) -> None:
    assert grid.day_of(moment, PARIS).day == day


def test_a_days_bounds_hold_what_belongs_to_it() -> None:
    since, until = grid.bounds(THURSDAY, PARIS)
    assert grid.day_of(since, PARIS) == THURSDAY
    assert grid.day_of(until - timedelta(seconds=1), PARIS) == THURSDAY
    assert grid.day_of(until, PARIS) == THURSDAY + timedelta(days=1)


@pytest.mark.parametrize(("today", "shown"), [(10, 11), (11, 11), (12, 13), (14, 11)])
def test_the_programme_opens_today_or_with_what_comes_next(today: int, shown: int) -> None:
    days = [date(2026, 3, 11), date(2026, 3, 13)]
    assert grid.default_day(days, date(2026, 3, today)) == date(2026, 3, shown)


def test_rows_are_five_minutes_from_the_first_full_hour() -> None:
    laid = grid.lay_out([session(at(9, 5)), session(at(10, 30), 60)], PARIS, at(10), mark=True)
    assert [(slot.row, slot.rows) for slot in laid.slots] == [(1, 9), (18, 12)]
    assert laid.starts_at == at(9)
    assert laid.now_row == 12
    assert [hour.at.hour for hour in laid.hours] == [9, 10, 11]


def test_the_night_in_which_clocks_go_forward_has_an_hour_less() -> None:
    """From 01:00 to 04:00 on the wall are two hours: rows count what passes."""
    night = date(2026, 3, 29)
    laid = grid.lay_out(
        [session(at(1, 0, night), 30), session(at(4, 0, night), 30)], PARIS, at(9), mark=True
    )
    assert [slot.row for slot in laid.slots] == [0, 24]
    assert [hour.at.hour for hour in laid.hours] == [1, 3, 4]


def test_a_zone_of_half_hours_begins_its_rows_at_its_own_full_hour() -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    start = datetime(2026, 3, 12, 9, 15, tzinfo=kolkata).astimezone(UTC)
    laid = grid.lay_out([session(start)], kolkata, start, mark=True)
    assert [(hour.at.hour, hour.at.minute) for hour in laid.hours] == [(9, 0)]
    assert laid.slots[0].row == 3


def test_sessions_that_clash_in_a_hall_stand_side_by_side() -> None:
    first, second = session(at(9), 60), session(at(9, 30), 60)
    third = session(at(10), 30)
    other = session(at(9), 60, hall="Hall B")
    laid = grid.lay_out([first, second, third, other], PARIS, at(8), mark=True)
    columns = {slot.session.id: slot.column for slot in laid.slots}
    assert (columns[first.id], columns[second.id], columns[third.id]) == (1, 2, 1)
    assert columns[other.id] == 3
    assert laid.lanes == 3
    assert grid.clashes([first, second, third, other]) == [(first, second), (second, third)]


def test_a_column_is_named_after_its_only_track() -> None:
    laid = grid.lay_out(
        [
            session(at(9), track="Rhythm", hall="Hall 10"),
            session(at(9), hall="Hall 2"),
            session(at(9), hall="Showcase", designated=0),
        ],
        PARIS,
        at(8),
        mark=True,
    )
    heads = [(column.title, column.small, column.accredited) for column in laid.columns]
    assert heads == [
        ("Hall 2", "", True),
        ("Rhythm", "Hall 10", True),
        ("Showcase", "Not accredited", False),
    ]


def test_what_was_over_an_hour_ago_is_folded_away() -> None:
    over = [session(at(9), 30) for _ in range(3)]
    rest = [session(at(12)), session(at(13, 30))]
    assert grid.fold([*over, *rest], at(13, 37)) == (over, rest)
    assert grid.fold([over[0], *rest], at(13, 37)) == ([], [over[0], *rest])
    assert grid.fold(over, at(20)) == ([], over)


def test_a_live_session_shows_how_much_is_over_and_is_never_past() -> None:
    live = session(at(9), 60, phase=Phase.LIVE)
    late = session(at(9, 30), 60)
    laid = grid.lay_out([live, late], PARIS, at(9, 30), mark=True)
    assert [(slot.state, slot.percent) for slot in laid.slots] == [("live", 50), ("", 0)]


def test_of_a_day_that_is_over_nothing_is_greyed() -> None:
    laid = grid.lay_out([session(at(9))], PARIS, at(20), mark=True)
    assert laid.slots[0].state == ""


def test_short_sessions_make_taller_rows() -> None:
    long = grid.lay_out([session(at(9), 60)], PARIS, at(8), mark=True)
    short = grid.lay_out([session(at(9), 10)], PARIS, at(8), mark=True)
    assert (long.density, short.density) == (0, 3)
    assert (long.slots[0].size, short.slots[0].size) == ("roomy", "short")


def test_a_session_of_days_ends_with_its_day() -> None:
    laid = grid.lay_out([session(at(9), 3 * 24 * 60)], PARIS, at(8), mark=True)
    assert laid.rows == laid.slots[0].rows == grid.MAX_ROWS


@pytest.mark.parametrize(
    ("query", "found"),
    [("iron", True), ("OKAFOR iron", True), ("lagos", True), ("hall a", True), ("okafor x", False)],
)
def test_every_word_of_a_search_must_occur(query: str, found: bool) -> None:  # noqa: FBT001
    speaker = FacultyMember(id=new_id(), name="Amara Okafor", affiliation="Lagos")
    assert grid.matches(session(at(9), faculty=(speaker,)), query) is found
