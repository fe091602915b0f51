"""The worked examples of the rules, each through the same door as `rounds credit explain`."""

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.credit.worlds import (
    MINUTE,
    World,
    at,
    beats,
    explained,
    hour,
    result,
    session,
    world,
)

NINE, TEN = at("09:00"), at("10:00")


def alone(start: str, end: str, **more: Any) -> World:
    """One learner in the hour from nine to ten."""
    return world([hour()], beats(at(start), at(end), **more))


def talks(minutes: int) -> World:
    """Four talks, one after the other, all attended."""
    starts = [NINE + n * minutes * MINUTE for n in range(4)]
    named = list(zip("ABCD", starts, strict=True))
    return world(
        [session(name, (at_, at_ + minutes * MINUTE), minutes=minutes) for name, at_ in named],
        [one for name, at_ in named for one in beats(at_, at_ + minutes * MINUTE, name)],
    )


def storm(*outage: str) -> World:
    """Two hundred sockets in three minutes, none of which says goodbye."""
    fresh = [
        one
        for n in range(200)
        for one in beats(at("09:20") + n * 900, at("09:20") + n * 900 + 300, connection=f"c{n}")
    ]
    evidence = beats(NINE, at("09:20")) + fresh
    if outage:
        evidence += beats(at("09:23"), at(outage[0])) + beats(at(outage[1]), TEN, connection="z")
    else:
        evidence += beats(at("09:23"), TEN, connection="z")
    return world([hour()], evidence)


def night(day: str, zone: str, start: str, end: str, minutes: int, *, fold: int = 0) -> World:
    """Across a change of clocks: what the wall says and what has passed differ by an hour."""
    first, last = at(start, day, zone), at(end, day, zone, fold)
    return world([session("A", (first, last), minutes=minutes)], beats(first, last))


def nine_hours(**more: Any) -> World:
    """From noon in New York: the last sessions start on the next day in UTC and in Tokyo."""
    noon = at("12:00", zone="America/New_York")
    hours = [(f"S{n}", noon + n * 60 * MINUTE) for n in range(9)]
    return world(
        [session(name, (start, start + 60 * MINUTE), **more) for name, start in hours],
        [one for name, start in hours for one in beats(start, start + 60 * MINUTE, name)],
    )


def many(count: int, minutes: int, **more: Any) -> World:
    starts = [(f"S{n}", NINE + n * minutes * MINUTE) for n in range(count)]
    length = minutes * MINUTE
    return world(
        [session(name, (start, start + length), minutes=minutes) for name, start in starts],
        [one for name, start in starts for one in beats(start, start + length, name)],
        **more,
    )


def one_day(minutes: int) -> World:
    end = NINE + minutes * MINUTE
    return world([session("A", (NINE, end), minutes=minutes)], beats(NINE, end))


def late(end: str, **more: Any) -> World:
    """On air from nine until then; the learner comes at twelve minutes past and stays."""
    return world([session("A", (NINE, at(end)))], beats(at("09:12"), at(end)), **more)


def threshold(present_ms: int) -> World:
    short = session("A", (NINE, at("09:50")), min_percent="80")
    return world([short], beats(NINE, NINE + present_ms))


def checked() -> World:
    asked = ("09:15", "09:30", "09:45", "09:58")
    checks = [{"at": at(when), "answered": when != "09:30"} for when in asked]
    return world([hour(checks=checks)], beats(NINE, TEN))


WELCOME_AND_BREAK = [[NINE, at("09:05")], [at("09:40"), at("09:50")]]
BOTH_ALL_HOUR = beats(NINE, TEN, "A") + beats(NINE, TEN, "B", "other")
ONE_HOUR = (60 * MINUTE, "1.00", "1.00", "1.0", "1")
FORTY_EIGHT = (48 * MINUTE, "0.75", "0.80", "0.5", "1")
FORTY_FIVE = (45 * MINUTE, "0.75", "0.75", "0.5", "1")

# Name, facts, then eligible milliseconds and what four systems make of them.
EXAMPLES: list[tuple[str, World, tuple[int, str, str, str, str]]] = [
    ("1 full hour", alone("09:00", "10:00"), ONE_HOUR),
    ("2a", alone("09:00", "09:07:29.400"), (449_400, "0.00", "0.12", "0.0", "0")),
    ("2b", alone("09:00", "09:07:29.999"), (449_999, "0.00", "0.12", "0.0", "0")),
    ("2c", alone("09:00", "09:07:30"), (450_000, "0.25", "0.12", "0.0", "0")),
    ("3", alone("09:00", "09:37:30"), (2_250_000, "0.75", "0.62", "0.5", "1")),
    ("4a", talks(8), (32 * MINUTE, "0.50", "0.53", "0.5", "1")),
    ("4b", talks(20), (80 * MINUTE, "1.25", "1.33", "1.0", "1")),
    ("4c", talks(22), (88 * MINUTE, "1.50", "1.46", "1.0", "1")),
    (
        "5 starts late",
        world([session("A", (at("09:12"), TEN))], beats(at("08:55"), TEN)),
        FORTY_EIGHT,
    ),
    ("6a overrun, cap", late("10:17"), ONE_HOUR),
    ("6b overrun, clip", late("10:17", overlap="clip"), FORTY_EIGHT),
    (
        "7 welcome and break",
        world(
            [session("A", (NINE, at("10:30")), minutes=90, excluded=WELCOME_AND_BREAK)],
            beats(NINE, at("10:30")),
        ),
        (75 * MINUTE, "1.25", "1.25", "1.0", "1"),
    ),
    ("8a storm", storm(), ONE_HOUR),
    ("8b storm and outage", storm("09:30", "09:39"), (51 * MINUTE, "0.75", "0.85", "0.5", "1")),
    (
        "9 two tabs",
        world([hour()], beats(NINE, TEN) + beats(NINE + 7_000, TEN, connection="tab")),
        ONE_HOUR,
    ),
    (
        "10a two devices",
        world(
            [hour()],
            beats(NINE, at("09:25"), connection="phone", leave=True) + beats(at("09:20"), TEN),
        ),
        ONE_HOUR,
    ),
    (
        "10b leave, rejoin",
        world(
            [hour()],
            beats(NINE, at("09:25"), leave=True) + beats(at("09:25:30"), TEN, connection="again"),
        ),
        (3_570_000, "1.00", "0.99", "0.5", "1"),
    ),
    ("11a parallel", world([hour("A"), hour("B")], BOTH_ALL_HOUR), ONE_HOUR),
    (
        "11b parallel, overlapping",
        world(
            [hour("A"), hour("B")],
            beats(NINE, at("09:40"), "A") + beats(at("09:35"), TEN, "B", "other"),
        ),
        ONE_HOUR,
    ),
    (
        "12 parallel, capped",
        world(
            [
                session("A", (NINE, TEN), minutes=30),
                session("B", (NINE, TEN)),
            ],
            beats(NINE, TEN, "A") + beats(NINE, at("09:20"), "B", "other"),
        ),
        (50 * MINUTE, "0.75", "0.83", "0.5", "1"),
    ),
    (
        "13 in a booth",
        world([hour()], beats(NINE, TEN), booth=[[at("09:20"), at("09:35")]]),
        FORTY_FIVE,
    ),
    (
        "14a New York falls back",
        night("2026-11-01", "America/New_York", "00:30", "02:30", 180),
        (180 * MINUTE, "3.00", "3.00", "3.0", "3"),
    ),
    (
        "14b Berlin springs forward",
        night("2026-03-29", "Europe/Berlin", "01:30", "03:30", 60),
        ONE_HOUR,
    ),
    (
        "14c twice half past one",
        night("2026-11-01", "America/New_York", "01:30", "01:30", 60, fold=1),
        ONE_HOUR,
    ),
    (
        "15 the activity's day",
        nine_hours(day="2026-11-14"),
        (540 * MINUTE, "9.00", "9.00", "8.0", "8"),
    ),
    ("15 wrongly, the UTC day", nine_hours(), (540 * MINUTE, "9.00", "9.00", "9.0", "9")),
    (
        "16 asleep",
        world([hour()], beats(NINE, at("09:44:45")) + beats(at("09:52"), TEN)),
        (3_165_000, "1.00", "0.87", "0.5", "1"),
    ),
    ("18a just enough", threshold(40 * MINUTE), (40 * MINUTE, "0.75", "0.66", "0.5", "1")),
    ("18b a millisecond short", threshold(40 * MINUTE - 1), (0, "0.00", "0.00", "0.0", "0")),
    ("19 check missed", checked(), FORTY_FIVE),
    (
        "20 designated maximum",
        many(10, 97, designated_max={"ama-pra-1": "16.00"}),
        (970 * MINUTE, "16.00", "16.16", "8.0", "8"),
    ),
    (
        "21 faculty",
        world(
            [hour("A"), session("B", (TEN, at("11:00")))],
            beats(NINE, TEN, "A") + beats(TEN, at("11:00"), "B"),
            faculty_of=["B"],
        ),
        ONE_HOUR,
    ),
    ("22 6:29", one_day(389), (389 * MINUTE, "6.50", "6.48", "6.0", "6")),
    ("22 6:30", one_day(390), (390 * MINUTE, "6.50", "6.50", "6.5", "7")),
    ("23 under-run", world([session("A", (NINE, at("09:48")))], beats(NINE, TEN)), FORTY_EIGHT),
]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [(facts, expected) for _, facts, expected in EXAMPLES],
    ids=[name for name, _, _ in EXAMPLES],
)
def test_worked_example(facts: World, expected: tuple[int, str, str, str, str]) -> None:
    found = {system["id"]: system for system in explained(facts)["systems"]}
    names = ("ama-pra-1", "ancc", "ecmec", "rcp-uk")
    assert {found[name]["eligible_ms"] for name in found} == {expected[0]}
    assert tuple(found[name]["units"] for name in names) == expected[1:]
    assert tuple(found[name]["award"] for name in names) == expected[1:]


def test_17_a_failed_test_withholds_the_award_and_keeps_the_time() -> None:
    found = result(alone("09:00", "10:00") | {"missing": ["post_test"]})
    assert found["eligible_ms"] == 60 * MINUTE
    assert (found["units"], found["award"]) == ("1.00", "0.00")
    assert found["missing"] == ["post_test"]


def test_what_only_holds_back_a_report_withholds_nothing() -> None:
    found = result(alone("09:00", "10:00") | {"missing": ["consent_report"]})
    assert (found["award"], found["missing"]) == ("1.00", ["consent_report"])


def test_caps_are_named() -> None:
    assert result(nine_hours(day="2026-11-14"), "ecmec")["caps"] == ["day_max"]
    assert result(nine_hours(day="2026-11-14"), "rcp-uk")["caps"] == ["day_max"]
    assert result(nine_hours(day="2026-11-14"))["caps"] == []
    assert result(many(10, 97, designated_max={"ama-pra-1": "16.00"}))["caps"] == ["designated_max"]
    assert result(many(10, 97, designated_max={"ama-pra-1": "16.25"}))["caps"] == []


def test_a_maximum_between_two_steps_binds_at_the_lower_one() -> None:
    facts = alone("09:00", "10:00") | {"designated_max": {"ama-pra-1": "0.7"}}
    assert result(facts)["units"] == "0.50"


def test_a_day_rounds_by_itself_where_days_are_capped() -> None:
    """Two days of 45 minutes are two halves, not three: the day is what such a system counts."""
    facts = many(2, 45)
    facts["sessions"][0]["day"], facts["sessions"][1]["day"] = "2026-11-14", "2026-11-15"
    assert result(facts, "ecmec")["units"] == "1.0"
    assert result(facts, "ecmec")["rounding"]["remainder_ms"] == 30 * MINUTE


def test_the_day_is_that_of_the_start_where_none_is_named() -> None:
    evening = session("A", (at("23:00"), at("23:45")), minutes=45)
    night_ = session("B", (at("23:45"), at("23:45") + 45 * MINUTE), minutes=45)
    attended = beats(at("23:00"), at("23:45"), "A")
    attended += beats(at("23:45"), at("23:45") + 45 * MINUTE, "B")
    assert result(world([evening, night_], attended), "ecmec")["units"] == "1.5"


def test_a_day_that_is_named_and_one_that_is_not_are_one_day() -> None:
    """One day of 45 and 45 minutes is three halves; two days would be two."""
    facts = many(2, 45)
    facts["sessions"][1]["day"] = "2026-11-14"
    assert result(facts, "ecmec")["units"] == "1.5"


def test_the_provider_may_set_a_fifty_minute_hour() -> None:
    facts = alone("09:00", "10:00") | {"options": {"ancc": {"hour_minutes": 50}}}
    found = result(facts, "ancc")
    assert (found["units"], found["rounding"]["quantum_ms"]) == ("1.20", 30_000)
    assert result(facts)["units"] == "1.00"


def test_the_remainder_is_what_lies_beyond_the_last_full_step() -> None:
    rounding = result(alone("09:00", "09:37:30"))["rounding"]
    assert rounding == {"quantum_ms": 900_000, "mode": "half_up", "remainder_ms": 450_000}


@pytest.mark.parametrize(
    ("minutes", "ama"),
    [("07:29.999", "0.00"), ("07:30", "0.25"), ("22:29.999", "0.25"), ("22:30", "0.50"),
     ("37:29.999", "0.50"), ("37:30", "0.75"), ("52:29.999", "0.75"), ("52:30", "1.00")],
)  # fmt: skip
def test_quarter_hours_begin_half_a_quarter_early(minutes: str, ama: str) -> None:
    assert result(alone("09:00", f"09:{minutes}"))["units"] == ama


@pytest.mark.parametrize(
    ("percent", "present_ms", "passed"),
    [
        ("66.67", 2_400_119, False),
        ("66.67", 2_400_120, True),
        ("0", 1, True),
        ("100", 3_599_999, False),
        ("100", 3_600_000, True),
    ],
)
def test_a_minimum_percentage_is_compared_exactly(
    percent: str, present_ms: int, *, passed: bool
) -> None:
    facts = world([hour(min_percent=percent)], beats(NINE, NINE + present_ms))
    assert explained(facts)["sessions"][0]["passed"] is passed


@pytest.mark.parametrize(
    ("more", "end", "reason"),
    [
        ({}, "09:30", "passed"),
        ({}, "09:00", "no_qualified_time"),
        ({"min_percent": "50.1"}, "09:30", "below_percent"),
        ({"min_minutes": "30.01"}, "09:30", "below_minutes"),
        ({"min_minutes": "30"}, "09:30", "passed"),
        ({"min_percent": "60", "min_minutes": "40"}, "09:30", "below_percent"),
    ],
)
def test_a_session_says_why_it_passed_or_not(more: dict[str, str], end: str, reason: str) -> None:
    (found,) = explained(world([hour(**more)], beats(NINE, at(end))))["sessions"]
    assert (found["passed"], found["reason"]) == (reason == "passed", reason)


def test_a_session_never_on_air_is_listed_and_worth_nothing() -> None:
    facts = world([session("B"), hour("A")], beats(NINE, TEN, "A") + beats(NINE, TEN, "B"))
    told = explained(facts)
    assert [found["id"] for found in told["sessions"]] == ["A", "B"]
    assert told["sessions"][1] == {
        "id": "B",
        "educational_ms": 0,
        "base_ms": 0,
        "present_ms": 60 * MINUTE,
        "qualified_ms": 0,
        "passed": False,
        "reason": "no_qualified_time",
    }
    assert {segment["session"] for segment in told["segments"]} == {"A"}
    assert result(facts)["units"] == "1.00"


class TestByUan:
    """All or nothing of each session; time spent on one is spent."""

    def units(self, *sessions: dict[str, Any], **attended: tuple[str, str]) -> Decimal:
        evidence = [
            one
            for name, (start, end) in attended.items()
            for one in beats(at(start), at(end), name, name)
        ]
        return Decimal(result(world(sessions, evidence), "acpe-uan")["units"])

    def test_a_passed_session_is_worth_all_of_it(self) -> None:
        assert self.units(hour(min_percent="80"), A=("09:00", "09:48")) == 1
        assert self.units(hour(min_percent="80"), A=("09:00", "09:47")) == 0

    def test_full_quarters_only(self) -> None:
        assert self.units(hour(minutes=74), A=("09:00", "10:00")) == 1
        assert self.units(hour(minutes=14), A=("09:00", "10:00")) == 0

    def test_there_is_no_rounding_and_so_no_remainder(self) -> None:
        found = result(world([hour()], beats(NINE, at("09:20"))), "acpe-uan")
        assert (found["units"], found["eligible_ms"]) == ("1.00", 20 * MINUTE)
        assert found["rounding"]["remainder_ms"] == 0

    def test_parallel_sessions_are_claimed_once(self) -> None:
        both = {"A": ("09:00", "10:00"), "B": ("09:00", "10:00")}
        assert self.units(hour("A"), hour("B"), **both) == 1

    def test_the_longer_one_is_claimed(self) -> None:
        short = session("A", (NINE, at("09:15")), minutes=15)
        long = session("B", (NINE, at("11:00")), minutes=120, min_percent="95")
        assert self.units(short, long, A=("09:00", "09:15"), B=("09:00", "11:00")) == 2

    def test_what_is_left_must_pass_by_itself(self) -> None:
        later = session("B", (at("09:30"), at("10:30")), min_percent="50")
        stayed = {"A": ("09:00", "10:00"), "B": ("09:30", "10:30")}
        assert self.units(hour("A"), later, **stayed) == 2
        assert self.units(hour("A"), later | {"min_percent": "51"}, **stayed) == 1

    def test_what_is_worth_nothing_spends_nothing(self) -> None:
        long = session("B", (NINE, at("11:00")), minutes=14)
        both = {"A": ("09:00", "10:00"), "B": ("09:00", "10:00")}
        assert self.units(hour("A"), long, **both) == 1


class TestSegments:
    def kinds(self, facts: World) -> list[tuple[str, str, int]]:
        return [
            (segment["kind"], segment["reason"], (segment["to"] - segment["from"]) // MINUTE)
            for segment in explained(facts)["segments"]
        ]

    def test_every_stretch_has_its_reason(self) -> None:
        one = session(
            "A",
            (NINE, at("09:50")),
            (at("09:55"), at("10:30")),
            minutes=30,
            excluded=[[NINE, at("09:05")]],
            checks=[{"at": at("09:20"), "answered": False}, {"at": at("10:30"), "answered": True}],
        )
        attended = beats(at("08:50"), at("09:40")) + beats(at("09:45"), at("10:30"))
        booth = [[at("09:25"), at("09:30")], [at("09:42"), at("09:43")]]
        assert self.kinds(world([one], attended, booth=booth)) == [
            ("excluded", "excluded", 5),
            ("check_missed", "check_unanswered", 15),
            ("counted", "present", 5),
            ("booth", "in_booth", 5),
            ("counted", "present", 10),
            ("away", "no_evidence", 2),
            ("booth", "in_booth", 1),
            ("away", "no_evidence", 2),
            ("counted", "present", 5),
            ("off_air", "off_air", 5),
            ("counted", "present", 10),
            ("present", "over_designated", 25),
        ]

    def test_the_booth_is_named_only_where_it_matters(self) -> None:
        facts = alone("09:00", "10:00") | {"booth": [[NINE, TEN]], "exclude_booth": False}
        assert self.kinds(facts) == [("counted", "present", 60)]

    def test_parallel_time_is_counted_in_one_and_named_in_the_other(self) -> None:
        facts = world([hour("A"), hour("B")], BOTH_ALL_HOUR)
        assert self.kinds(facts) == [
            ("counted", "present", 60),
            ("present", "counted_elsewhere", 60),
        ]

    def test_a_session_not_passed_says_so_all_along(self) -> None:
        facts = world([hour(min_percent="80")], beats(NINE, at("09:30")))
        assert self.kinds(facts) == [
            ("present", "below_percent", 30),
            ("away", "no_evidence", 30),
        ]

    def test_faculty_see_that_their_own_session_is_not_for_them(self) -> None:
        facts = alone("09:00", "10:00") | {"faculty_of": ["A"]}
        assert self.kinds(facts) == [("present", "faculty", 60)]
        assert explained(facts)["sessions"][0]["reason"] == "faculty"

    def test_clipped_overrun(self) -> None:
        assert self.kinds(late("10:17", overlap="clip")) == [
            ("away", "no_evidence", 12),
            ("counted", "present", 48),
            ("present", "over_designated", 17),
        ]

    @pytest.mark.parametrize("counts", ["playing", "visible"])
    def test_connected_but_not_counting(self, counts: str) -> None:
        state: dict[str, Any] = {counts: False}
        evidence = beats(NINE, at("09:20")) + beats(at("09:20"), at("09:30"), **state)
        assert self.kinds(world([hour()], evidence, counts=counts)) == [
            ("counted", "present", 20),
            ("away", f"not_{counts}", 10),
            ("away", "no_evidence", 30),
        ]
