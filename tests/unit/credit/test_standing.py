"""The ring: what a learner is told in the middle of a session."""

from decimal import Decimal
from typing import Any

import pytest

from server.attendance.intervals import Intervals
from server.attendance.rules import Proof, beat
from server.credit.findings import Check, Overlap, Policy, Session
from server.credit.standing import Standing, Upcoming, standing
from server.credit.systems import SYSTEMS

MINUTE = 60_000


def talk(now: float, minutes: int = 45, **more: Any) -> Session:
    """On air from 0 until now, designated for 45 minutes."""
    return Session(id="A", live=((0, round(now * MINUTE)),), designated_ms=minutes * MINUTE, **more)


def seen(*stretches: tuple[float, float], connection: str = "laptop") -> list[Proof]:
    return [
        Proof(connection, round(start * MINUTE), round(end * MINUTE)) for start, end in stretches
    ]


def ring(
    now: float,
    proofs: list[Proof],
    *,
    ends: float | None = 45,
    session: Session | None = None,
    **more: Any,
) -> Standing:
    return standing(
        session or talk(now),
        proofs,
        now_ms=round(now * MINUTE),
        ends_ms=None if ends is None else round(ends * MINUTE),
        **more,
    )


def upcoming(units: str, minute: float) -> Upcoming:
    return Upcoming(units=Decimal(units), at_ms=round(minute * MINUTE))


def test_thirty_two_of_forty_five_minutes() -> None:
    told = ring(32, seen((0, 32)))
    assert (told.qualified_ms, told.base_ms) == (32 * MINUTE, 45 * MINUTE)
    assert (told.units, told.units_if_staying) == (Decimal("0.50"), Decimal("0.75"))
    assert told.ends_ms == 45 * MINUTE
    assert told.upcoming == upcoming("0.75", 37.5)
    assert (told.short_ms, told.stopped) == (0, False)
    assert told.recorded_until_ms == 32 * MINUTE


def test_a_late_joiner_cannot_reach_all_of_it() -> None:
    told = ring(20, seen((10, 20)))
    assert (told.units, told.units_if_staying) == (Decimal("0.25"), Decimal("0.50"))
    assert told.upcoming == upcoming("0.50", 32.5)


def test_before_any_evidence_the_whole_rest_is_ahead() -> None:
    told = ring(10, [])
    assert (told.present_ms, told.qualified_ms, told.units) == (0, 0, 0)
    assert told.units_if_staying == Decimal("0.50")
    assert told.upcoming == upcoming("0.25", 17.5)
    assert told.recorded_until_ms is None
    assert told.stopped


def test_evidence_that_stopped_is_said_and_not_bridged() -> None:
    told = ring(20, seen((0, 10)))
    assert told.stopped
    assert told.recorded_until_ms == 10 * MINUTE
    assert told.units_if_staying == Decimal("0.50")  # ten minutes are lost: 35 are left
    assert told.upcoming == upcoming("0.50", 32.5)


@pytest.mark.parametrize(("now", "stopped"), [(10.75, False), (10.7501, True)])
def test_evidence_holds_for_one_lease(now: float, *, stopped: bool) -> None:
    assert ring(now, seen((0, 10))).stopped is stopped


def test_the_time_since_the_last_beat_counts_once_the_next_comes() -> None:
    told = ring(10.5, seen((0, 10)))
    assert told.qualified_ms == 10 * MINUTE
    assert told.units_if_staying == Decimal("0.75")
    assert told.upcoming == upcoming("0.50", 22.5)


def test_who_left_is_not_recorded_and_may_come_back() -> None:
    gone = [*seen((0, 10)), beat("laptop", 10 * MINUTE, leave=True)]
    told = ring(10.5, gone)
    assert told.stopped
    assert told.upcoming == upcoming("0.50", 23)
    assert not ring(10.5, [*gone, *seen((9, 10.4), connection="phone")]).stopped


def test_a_minimum_is_secured_only_for_the_whole_session() -> None:
    """Eighty per cent of what there will be, not of what there was: credit shown is kept."""
    told = ring(30, seen((0, 30)), session=talk(30, min_percent=Decimal(80)))
    assert (told.units, told.short_ms) == (0, 6 * MINUTE)
    assert told.upcoming == upcoming("0.50", 36)
    later = ring(36, seen((0, 36)), session=talk(36, min_percent=Decimal(80)))
    assert (later.units, later.short_ms) == (Decimal("0.50"), 0)
    assert later.upcoming == upcoming("0.75", 37.5)


def test_a_minimum_out_of_reach_promises_nothing() -> None:
    told = ring(30, seen((20, 30)), session=talk(30, min_minutes=Decimal(40)))
    assert told.short_ms == 30 * MINUTE
    assert (told.units_if_staying, told.upcoming) == (0, None)


def test_when_all_is_earned_nothing_more_is_promised() -> None:
    told = ring(44, seen((0, 44)))
    assert (told.units, told.upcoming) == (Decimal("0.75"), None)
    overrun = ring(60, seen((0, 60)), ends=90)
    assert (overrun.qualified_ms, overrun.base_ms) == (45 * MINUTE, 45 * MINUTE)
    assert (overrun.units, overrun.upcoming) == (Decimal("0.75"), None)


@pytest.mark.parametrize("ends", [None, 45, 44.9])
def test_after_the_end_nothing_is_ahead(ends: float | None) -> None:
    told = ring(45, seen((0, 20)), ends=ends)
    assert (told.ends_ms, told.upcoming) == (None, None)
    assert told.units == told.units_if_staying == Decimal("0.25")


def test_a_session_that_ends_early_is_measured_by_what_it_was() -> None:
    short = talk(20, min_percent=Decimal(80))
    told = ring(30, seen((0, 16)), ends=None, session=short)
    assert (told.base_ms, told.units) == (20 * MINUTE, Decimal("0.25"))


def test_before_it_is_on_air() -> None:
    waiting = Session(id="A", live=(), designated_ms=45 * MINUTE)
    told = ring(-5, seen((-10, -5)), session=waiting)
    assert (told.present_ms, told.qualified_ms) == (5 * MINUTE, 0)


def test_a_missed_check_costs_its_block_and_staying_ends_it() -> None:
    checks = (Check(at_ms=10 * MINUTE, answered=True), Check(at_ms=20 * MINUTE, answered=False))
    told = ring(25, seen((0, 25)), session=talk(25, checks=checks))
    assert (told.qualified_ms, told.units) == (10 * MINUTE, Decimal("0.25"))
    assert told.units_if_staying == Decimal("0.50")  # 10 + 25: the block to minute 20 is lost
    assert told.upcoming == upcoming("0.50", 32.5)


def test_booths_and_parts_left_out_do_not_count() -> None:
    booth: Intervals = ((5 * MINUTE, 10 * MINUTE),)
    part = talk(30, excluded=((0, 3 * MINUTE), (40 * MINUTE, 42 * MINUTE)))
    told = ring(30, seen((0, 30)), session=part, booth=booth)
    assert (told.qualified_ms, told.base_ms) == (22 * MINUTE, 40 * MINUTE)
    assert told.units_if_staying == Decimal("0.50")


def test_what_comes_next_waits_for_breaks_to_pass() -> None:
    breaks = talk(15, excluded=((20 * MINUTE, 30 * MINUTE), (32 * MINUTE, 40 * MINUTE)))
    told = ring(15, seen((0, 15)), ends=60, session=breaks)
    assert told.upcoming == upcoming("0.50", 40.5)  # 15 + 5 + 2, then half a minute


def test_faculty_are_promised_nothing() -> None:
    told = ring(30, seen((0, 30)), faculty=True)
    assert (told.present_ms, told.qualified_ms) == (30 * MINUTE, 0)
    assert (told.units, told.units_if_staying, told.upcoming) == (0, 0, None)


def test_only_the_first_minutes_where_an_overrun_is_clipped() -> None:
    clip = Policy(overlap=Overlap.CLIP)
    told = ring(40, seen((30, 40)), ends=90, policy=clip)
    assert told.units_if_staying == Decimal("0.25")
    assert told.upcoming is None
    assert ring(40, seen((30, 40)), ends=90).units_if_staying == Decimal("0.75")


def test_other_systems() -> None:
    whole = ring(
        30,
        seen((0, 30)),
        session=talk(30, min_percent=Decimal(80)),
        system=SYSTEMS["acpe-uan"],
    )
    assert (whole.units, whole.units_if_staying) == (0, Decimal("0.75"))
    assert whole.upcoming == upcoming("0.75", 36)
    passed = ring(30, seen((0, 30)), system=SYSTEMS["acpe-uan"])
    assert (passed.units, passed.upcoming) == (Decimal("0.75"), None)
    half_hours = ring(29, seen((0, 29)), system=SYSTEMS["ecmec"])
    assert (half_hours.units, half_hours.upcoming) == (0, upcoming("0.5", 30))
