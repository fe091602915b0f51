"""Reports of other tools: their dialects, the least their figures stand for, located refusals."""

import pytest

from server.agenda.importers.problems import Severity
from server.attendance.importer import Line, Report, read_attendance

ZOOM = (
    "\ufeffMeeting ID,Topic,Start Time,End Time,User Email,Duration (Minutes),Participants,\r\n"
    "00000000001,Satellite,09/24/2026 11:35:16 AM,09/24/2026 12:49:20 PM,host@x.org,75,3,\r\n"
    "\r\n"
    "Name (Original Name),User Email,Total Duration (Minutes),Guest\r\n"
    "Marta Ruiz,Marta@x.org,75,\r\n"
    "Jonas (Jonas Weber),,53,\r\n"
    "Marta's iPad (Ruiz),,0,\r\n"
)
STAYS = (
    "Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest\n"
    "Marta Ruiz,marta@x.org,09/24/2026 11:00:00 AM,09/24/2026 11:20:30 AM,21,No\n"
    "Marta Ruiz,marta@x.org,09/24/2026 11:30:00 AM,09/24/2026 12:00:00 PM,30,No\n"
)
TEAMS = (
    "1. Summary\n"
    "Meeting title\tSatellite\n"
    "Start time\t9/24/26, 11:00:00 AM\n"
    "End time\t9/24/26, 12:00:00 PM\n"
    "\n"
    "2. Participants\n"
    "Name\tFirst Join\tLast Leave\tIn-Meeting Duration\tEmail\tRole\n"
    "Marta Ruiz\t9/24/26, 11:00:00 AM\t9/24/26, 12:00:00 PM\t40m 30s\tmarta@x.org\tAttendee\n"
    "\n"
    "3. In-Meeting Activities\n"
    "Name\tJoin Time\tLeave Time\n"
    "Marta Ruiz\tsometime\tlater\n"
)
MINUTE = 60_000


def read(text: str, zone: str = "UTC") -> Report:
    reading = read_attendance(text.encode(), zone)
    assert reading.value is not None, reading.problems
    return reading.value


def problems(text: str) -> list[str]:
    reading = read_attendance(text.encode(), "UTC")
    assert reading.value is None
    assert {each.severity for each in reading.problems} == {Severity.ERROR}
    return [f"{each.path}: {each.message}" for each in reading.problems]


def test_two_blocks_and_a_byte_order_mark() -> None:
    report = read(ZOOM, "Europe/Paris")
    assert (report.topic, report.starts_ms, report.ends_ms) == (
        "Satellite",
        1_790_242_516_000,
        1_790_246_960_000,
    )
    assert report.lines == (
        Line(number=5, name="Marta Ruiz", mail="marta@x.org", least_ms=74 * MINUTE),
        Line(number=6, name="Jonas", original="Jonas Weber", least_ms=52 * MINUTE),
        Line(number=7, name="Marta's iPad", original="Ruiz", least_ms=0),
    )


def test_whole_minutes_are_one_less_and_times_are_exact() -> None:
    lengths = [(line.least_ms, line.from_ms is None) for line in read(STAYS).lines]
    assert lengths == [(20 * MINUTE + 30_000, False), (30 * MINUTE, False)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_stay_shorter_than_its_times(encoding: str) -> None:
    reading = read_attendance(TEAMS.encode(encoding), "UTC")
    assert reading.value is not None
    (line,) = reading.value.lines
    assert line.least_ms == 40 * MINUTE + 30_000
    assert (line.from_ms, line.to_ms) == (reading.value.starts_ms, reading.value.ends_ms)
    assert reading.value.topic == "Satellite"


@pytest.mark.parametrize(
    ("written", "minutes"), [("1h 2m 3s", 62), ("1:02:00", 62), ("90s", 1), ("2 hours", 120)]
)
def test_lengths_as_tools_write_them(written: str, minutes: int) -> None:
    (line,) = read(f"Name,Duration,Email\nMarta,{written},m@x.org\n").lines
    assert line.least_ms // MINUTE == minutes


@pytest.mark.parametrize(
    ("joined", "left"),
    [
        ("2026-09-24 11:00:00", "2026-09-24 11:30:00"),
        ("2026-09-24T11:00:00+00:00", "2026-09-24T11:30:00Z"),
        ("24/09/2026 11:00", "24/09/2026 11:30"),
        ("24.09.2026 11:00", "24.09.2026 11:30"),
        ("9/24/26 11:00:00\u202fAM", "9/24/26 11:30:00\u202fAM"),
    ],
)
def test_times_as_tools_write_them(joined: str, left: str) -> None:
    (line,) = read(f"Name;Join Time;Leave Time\nMarta;{joined};{left}\n").lines
    assert (line.from_ms, line.least_ms) == (1_790_247_600_000, 30 * MINUTE)


def test_who_did_not_attend_is_no_line() -> None:
    text = "Attended,User Name (Original Name),Email,Time in Session (minutes)\nNo,Ana,a@x.org,--\n"
    assert problems(text) == ["$: lists nobody"]
    (line,) = read(text + "Yes,Ben,b@x.org,10\n").lines
    assert line.name == "Ben"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hello\n", "$: has no row that names the columns of participants"),
        (ZOOM.replace(",53,", ",many,"), 'line 6, Total Duration (Minutes): "many" is no number'),
        (ZOOM.replace("Jonas (Jonas Weber)", ""), "line 6: names nobody"),
        (ZOOM.replace("09/24/2026 11:35", "soon 11:35"), "line 2, Start Time: "),
        (ZOOM.replace("12:49:20 PM", "10:49:20 AM"), "line 2, End Time: the meeting ends before"),
        (STAYS.replace("11:20:30 AM", "10:20:30 AM"), "line 2, Leave Time: left before joining"),
        ("Name,Duration\nMarta,long\n", 'line 2, Duration: "long" is no length of time'),
        ("Name,Duration\nMarta,\n", "line 2, Duration: tells no length of time"),
        (f"Name,Duration\n{'x' * 301},1m\n", "line 2: a name of more than 300 characters"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, told: str) -> None:
    found = problems(text)
    assert any(each.startswith(told) for each in found), found


def test_what_is_no_text_is_refused() -> None:
    reading = read_attendance(b"Name,Duration\n\xff\xff,1m\n", "UTC")
    assert reading.value is None
    assert "UTF-8" in reading.problems[0].message
