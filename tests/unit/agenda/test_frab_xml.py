"""schedule.xml: what is understood, what is refused, and what must not even be parsed."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from server.agenda.importers import fields
from server.agenda.importers.frab_xml import read_frab_xml
from server.agenda.importers.problems import Reading, Severity
from server.agenda.importers.programme import ImportedProgramme

FILES = Path(__file__).parent / "files"
CONGRESS = (FILES / "congress.xml").read_text()
PENTABARF = (FILES / "pentabarf.xml").read_bytes()
EVENT = "/schedule/day[1]/room[1]/event[1]"


def read(text: str) -> Reading[ImportedProgramme]:
    return read_frab_xml(text.encode())


def errors(reading: Reading[ImportedProgramme]) -> list[str]:
    return [p.line("F") for p in reading.problems if p.severity is Severity.ERROR]


def test_a_frab_file_is_read_and_cleaned() -> None:
    reading = read(CONGRESS)
    programme = reading.value
    assert programme is not None
    assert [p.path for p in reading.warnings] == [f"{EVENT}/links/link[2]/@href"]
    assert (programme.title, programme.acronym) == ("Dermatology & Venereology", "derm2026")
    assert programme.tracks == ("Melanoma", "Other")
    first, second = programme.sessions
    assert first.key == "guid:c7d0aa10-0000-4000-8000-000000000001"
    assert first.abstract == "<p>Neues <b>und</b> Altes</p>"
    assert first.do_not_record
    assert not second.do_not_record
    assert [p.key for p in first.people] == ["guid:c7d0aa10-0000-4000-8000-0000000000f5", "id:6"]


def test_an_hour_across_the_missing_hour_is_an_hour() -> None:
    programme = read(CONGRESS).value
    assert programme is not None
    night = programme.sessions[1]
    assert night.start == datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    assert night.end == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert night.day == date(2026, 3, 28)


def test_pentabarf_has_wall_clocks_only_and_a_day_change() -> None:
    reading = read_frab_xml(PENTABARF, "Australia/Brisbane")
    programme = reading.value
    assert programme is not None
    assert not reading.problems
    morning, night = programme.sessions
    assert morning.key == "id:101"
    assert morning.start == datetime(2026, 6, 5, 23, 30, tzinfo=UTC)
    assert morning.end - morning.start == timedelta(minutes=25)
    assert night.start == datetime(2026, 6, 6, 14, 15, tzinfo=UTC)
    assert night.day == date(2026, 6, 6)


def test_wall_clocks_without_any_zone_are_refused_once() -> None:
    assert [p.path for p in read_frab_xml(PENTABARF).problems] == [
        "/schedule/conference/time_zone_name"
    ]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("<start>09:00<", "<start>9 am<", f'{EVENT}/start: "9 am" is no time of day'),
        ("<duration>01:30<", "<duration>90<", f'{EVENT}/duration: "90" is no duration'),
        ("<duration>01:30</duration>", "", f"{EVENT}/duration: is missing"),
        ("<date>2026-03-28T09", "<date>2026-03-32T09", f"{EVENT}/date: "),
        ("<title>Melanoma in 2026</title>", "", f"{EVENT}/title: is missing"),
        ("<title>Melanoma in 2026", "<title> ", f"{EVENT}/title: is empty"),
        ("<title>Melanoma", "<title>x</title><title>", f"{EVENT}/title: stands here 2 times"),
        ("Eva Gruber", "", f"{EVENT}/persons/person[1]: is empty"),
        ('name="Main"', "", "/schedule/day[1]/room[1]/@name: is missing"),
        ('date="2026-03-28"', 'date="yesterday"', '/schedule/day[1]/@date: "yesterday" is no'),
        ("Europe/Vienna", "Vienna", '/schedule/conference/time_zone_name: "Vienna" is no time'),
        ("<end>2026-03-29", "<end>2026-03-01", "/schedule/conference/end: 2026-03-01 is before"),
    ],
)
def test_a_wrong_value_refuses_the_file_at_its_place(old: str, new: str, line: str) -> None:
    assert old in CONGRESS
    reading = read(CONGRESS.replace(old, new, 1))
    assert reading.value is None
    assert len(errors(reading)) == 1
    assert errors(reading)[0].startswith(f"F: {line}")


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("<subtitle/>", "<subtitle/><sponsor>X</sponsor>", f"{EVENT}/sponsor"),
        ('<event id="1"', '<event x="y" id="1"', f"{EVENT}/@x"),
        ('id="1" guid="c7d0', 'id="1" guid="zzzz', f"{EVENT}/@guid"),
        ("derm2026</acronym>", "D 26</acronym>", "/schedule/conference/acronym"),
        ("<start>09:00", "<start>10:00", f"{EVENT}/start"),
    ],
)
def test_the_unknown_and_unmet_patterns_only_warn(old: str, new: str, path: str) -> None:
    reading = read(CONGRESS.replace(old, new, 1))
    assert reading.value is not None
    assert path in [p.path for p in reading.warnings]


def test_every_problem_is_listed() -> None:
    broken = CONGRESS.replace("<duration>", "<duration>x").replace("<date>", "<date>x")
    assert len(errors(read(broken))) == 4


LAUGHS = (
    '<!DOCTYPE schedule [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)).replace("&a0;", "&a;")
    + "]><schedule>&a9;</schedule>"
)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is not XML"),
        (b"<schedule>", "is not XML"),
        (LAUGHS.encode(), "document type"),
        (LAUGHS.encode("utf-16"), "must be UTF-8"),
        (LAUGHS.encode("utf-16-le"), "must be UTF-8"),
        (b'<?xml version="1.0" encoding="UTF-7"?>+ADw-schedule+AD4-', "must be UTF-8"),
        (b'<?xml version="1.0"?><!-- x --> <?p?>\n<!DOCTYPE schedule><schedule/>', "document type"),
        (b'<!DOCTYPE s SYSTEM "file:///etc/passwd"><schedule/>', "document type"),
        (b"<schedule>&nbsp;</schedule>", "is not XML"),
        (b"<a>" * 2000 + b"</a>" * 2000, "is not XML"),
        (b"<s>" + b"<a/>" * 2_600_000 + b"</s>", "holds more elements"),
        (b"<s " + b'a="" ' * 2_100_000 + b"/>", "holds more elements"),
        (b"<schedule>" + b" " * fields.MAX_BYTES, "larger than 50 MB"),
    ],
    ids=[
        *("empty", "open", "laughs", "laughs-16", "laughs-16le", "utf-7", "doctype", "external"),
        *("html", "deep", "many", "attributes", "big"),
    ],
)
def test_bombs_and_what_is_no_xml_are_refused_without_a_parse(raw: bytes, said: str) -> None:
    reading = read_frab_xml(raw)
    assert reading.value is None
    assert [p.path for p in reading.problems] == ["/"]
    assert said in errors(reading)[0]


def test_a_document_type_inside_a_text_is_only_text() -> None:
    reading = read(CONGRESS.replace("<abstract/>", "<abstract><![CDATA[<!DOCTYPE x>]]></abstract>"))
    assert reading.value is not None


def test_another_document_is_named() -> None:
    assert errors(read("<svg/>")) == [
        "F: /svg: is no schedule: the outermost element must be <schedule>"
    ]
    assert errors(read("<schedule/>")) == ["F: /schedule/conference: is missing"]


def test_more_events_than_any_programme_has_are_refused() -> None:
    events = "<event/>" * 20_001
    reading = read(CONGRESS.replace('<room name="Main">', f'<room name="Main">{events}'))
    assert "more than 20000 events" in errors(reading)[0]
