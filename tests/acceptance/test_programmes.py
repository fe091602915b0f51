"""Real programmes and booths are accepted or refused as the notes of their folder say."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

from server.agenda.importers.diff import compare, lines, session_fields
from server.agenda.importers.problems import Reading
from server.agenda.importers.programme import ImportedProgramme
from server.agenda.importers.recognise import Kind, read_programme, recognise
from server.exhibits.importer import ImportedBooth, read_booths

LOCATED = re.compile(r"[^:]+: (\$[^ ]*.*?|/[^ ]*): .+")
PROGRAMMES = {Kind.PROGRAMME_JSON, Kind.PROGRAMME_XML}


def read(data: Path, name: str) -> Reading[ImportedProgramme]:
    file = data / "schedules" / name
    return read_programme(file.name, file.read_bytes())


def accepted(data: Path, name: str) -> ImportedProgramme:
    programme = read(data, name).value
    assert programme is not None
    return programme


def test_a_pretalx_programme_is_accepted_without_a_word(data: Path) -> None:
    reading = read(data, "voc-pretalx-democon.json")
    assert reading.problems == ()
    assert reading.value is not None
    assert len(reading.value.sessions) == 36


def test_a_frab_programme_is_accepted_with_warnings(data: Path) -> None:
    reading = read(data, "voc-frab-camp2019.json")
    assert reading.value is not None
    assert len(reading.value.sessions) == 79
    patterns = [p for p in reading.warnings if p.path.endswith((".acronym", ".slug"))]
    assert len(patterns) == 80


def test_the_invalid_example_is_refused_with_five_located_messages(data: Path) -> None:
    reading = read(data, "voc-invalid-example.json")
    assert reading.value is None
    event = "$.schedule.conference.days[0].rooms.Winterchaos[0]"
    assert {problem.path for problem in reading.problems} == {
        "$.schedule.rooms",
        f"{event}.answers",
        f"{event}.id",
        f"{event}.persons[0].id",
        f"{event}.persons[0].code",
    }
    assert len(reading.problems) == 5


def test_events_after_midnight_belong_to_the_day_before(data: Path) -> None:
    programme = accepted(data, "31c3.schedule.xml")
    assert len(programme.sessions) == 138
    assert {session.day for session in programme.sessions} == {
        date(2014, 12, day) for day in (27, 28, 29, 30)
    }
    local = [
        (s, s.start.astimezone(datetime.fromisoformat("2014-12-27T00+01:00").tzinfo))
        for s in programme.sessions
    ]
    night = [session for session, at in local if at.date() > session.day]
    assert night
    assert all(session.start.tzinfo is UTC for session in programme.sessions)


def test_a_second_import_changes_nothing(data: Path) -> None:
    for name in ("voc-pretalx-democon.json", "voc-frab-camp2019.json", "31c3.schedule.xml"):
        programme = accepted(data, name)
        current = {each.key: session_fields(each) for each in programme.sessions}
        assert len(current) == len(programme.sessions)
        changes = compare(accepted(data, name), current)
        assert list(lines(changes, programme.zone)) == ["no changes"]


def test_every_stand_becomes_a_booth(data: Path) -> None:
    reading = read_booths((data / "exhibitors" / "fosdem-2022-online-stands.json").read_bytes())
    assert reading.problems == ()
    assert reading.value is not None
    assert len(reading.value) == 35
    for booth in reading.value:
        assert booth.title
        assert booth.themes
        assert booth.website
        assert not re.search(
            r"<(script|img|video|iframe|style|link)\b| on\w+=", booth.description + booth.showcase
        )


def test_every_file_is_accepted_or_refused_with_its_places(data: Path) -> None:
    files = sorted(file for file in data.rglob("*") if file.is_file())
    assert files
    for file in files:
        raw = file.read_bytes()
        kind = recognise(file.name, raw)
        reading: Reading[tuple[ImportedBooth, ...]] | Reading[ImportedProgramme]
        if kind is Kind.BOOTHS:
            reading = read_booths(raw)
        else:
            reading = read_programme(file.name, raw)
            assert kind in PROGRAMMES or reading.value is None
        assert reading.value is not None or reading.problems
        for problem in reading.problems:
            assert LOCATED.fullmatch(problem.line(file.name))


def test_attendance_of_another_tool_is_recognised(data: Path) -> None:
    reports = sorted((data / "zoom").glob("*_participants.csv"))
    assert reports
    assert {recognise(file.name, file.read_bytes()) for file in reports} == {Kind.ATTENDANCE}


def test_validators_and_spreadsheets_are_no_programmes(data: Path) -> None:
    for name in (
        "voc-schema.json",
        "voc-schema2.json",
        "voc-schedule.xml.xsd",
        "voc-schedule-example.xlsx",
    ):
        file = data / "schedules" / name
        assert recognise(name, file.read_bytes()) is Kind.UNKNOWN
