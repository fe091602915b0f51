"""schedule.json: what is understood, what is refused, and at which place."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.agenda.importers import fields, problems
from server.agenda.importers.problems import Reading, Severity
from server.agenda.importers.programme import ImportedProgramme
from server.agenda.importers.schedule_json import read_schedule_json

CONGRESS = (Path(__file__).parent / "files" / "congress.json").read_bytes()
CONFERENCE = "$.schedule.conference"
FIRST = f"{CONFERENCE}.days[0].rooms['Hall A'][0]"


def congress() -> Any:
    return json.loads(CONGRESS)


def first_event(file: Any) -> Any:
    return file["schedule"]["conference"]["days"][0]["rooms"]["Hall A"][0]


def read(file: Any, zone: str | None = None) -> Reading[ImportedProgramme]:
    return read_schedule_json(json.dumps(file).encode(), zone)


def errors(reading: Reading[Any]) -> list[str]:
    return [p.line("F") for p in reading.problems if p.severity is Severity.ERROR]


def warnings(reading: Reading[Any]) -> list[str]:
    return [p.line("F") for p in reading.warnings]


def programme() -> ImportedProgramme:
    reading = read(congress())
    assert reading.value is not None
    return reading.value


def test_a_sound_file_is_read_without_a_word() -> None:
    reading = read_schedule_json(CONGRESS)
    assert not reading.problems
    assert reading.value is not None
    assert reading.value.title == "Cardiology Days"
    assert reading.value.zone == "Europe/Paris"
    assert (reading.value.start_date, reading.value.end_date) == (
        date(2026, 10, 24),
        date(2026, 10, 25),
    )
    assert reading.value.tracks == ("Arrhythmia", "Posters")
    assert reading.value.rooms == ("Hall A", "Hall B")
    assert len(reading.value.sessions) == 3


def test_a_session_has_clean_texts_its_faculty_and_a_lasting_key() -> None:
    session = programme().sessions[0]
    assert session.key == "guid:0d5a6c1e-3c5c-4c6e-8d6e-000000000011"
    assert session.title == "Atrial fibrillation: rate or rhythm?"
    assert session.abstract == "<p>What the <strong>trials</strong> say.</p>"
    assert session.do_not_record
    assert [(p.key, p.name) for p in session.people] == [
        ("code:ADA123", "Ada Okafor"),
        ("guid:0d5a6c1e-3c5c-4c6e-8d6e-0000000000aa", "Jean-Luc Moreau"),
    ]
    assert [link.url for link in session.links] == ["https://journal.example/af"]


def test_times_are_moments_and_the_night_belongs_to_the_day_before() -> None:
    day, night, poster = programme().sessions
    assert day.start == datetime(2026, 10, 24, 7, 0, tzinfo=UTC)
    assert day.end - day.start == timedelta(minutes=45)
    assert night.start == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert night.day == date(2026, 10, 24)
    assert poster.end - poster.start == timedelta(days=1, hours=2, minutes=30)


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-10-25T01:30:00", datetime(2026, 10, 24, 23, 30, tzinfo=UTC)),
        ("2026-10-25T03:30:00", datetime(2026, 10, 25, 2, 30, tzinfo=UTC)),
        ("2026-07-01T12:00:00", datetime(2026, 7, 1, 10, 0, tzinfo=UTC)),
        ("2026-12-01T12:00:00", datetime(2026, 12, 1, 11, 0, tzinfo=UTC)),
    ],
)
def test_a_time_without_an_offset_is_in_the_programmes_zone(local: str, utc: datetime) -> None:
    file = congress()
    first_event(file).update(date=local, start=local[11:16])
    reading = read(file)
    assert reading.value is not None
    assert utc in [session.start for session in reading.value.sessions]


def test_an_hour_that_comes_twice_is_taken_the_first_time_and_said() -> None:
    file = congress()
    first_event(file).update(date="2026-10-25T02:30:00", start="02:30")
    reading = read(file)
    assert reading.value is not None
    assert datetime(2026, 10, 25, 0, 30, tzinfo=UTC) in [s.start for s in reading.value.sessions]
    assert "comes twice" in warnings(reading)[0]


def test_a_length_across_the_change_of_clocks_is_real_time() -> None:
    file = congress()
    first_event(file).update(date="2026-10-25T01:30:00", start="01:30", duration="03:00")
    reading = read(file)
    assert reading.value is not None
    session = next(s for s in reading.value.sessions if s.key.endswith("11"))
    assert session.end - session.start == timedelta(hours=3)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"id": "11"}, f'F: {FIRST}.id: is the string "11", expected integer'),
        ({"id": True}, f"F: {FIRST}.id: is the boolean True, expected integer"),
        ({"title": None}, f"F: {FIRST}.title: is null, expected string"),
        ({"title": " "}, f"F: {FIRST}.title: is empty"),
        ({"persons": {}}, f"F: {FIRST}.persons: is an object, expected array"),
        ({"persons": [{"id": 3}]}, f"F: {FIRST}.persons[0].name: is missing, and public_name is"),
        ({"links": [{"title": "x"}]}, f"F: {FIRST}.links[0].url: is missing"),
        ({"duration": 45}, f"F: {FIRST}.duration: is the number 45, expected string"),
        ({"duration": "soon"}, f'F: {FIRST}.duration: "soon" is no duration'),
        ({"duration": "00:00"}, f'F: {FIRST}.duration: "00:00" is no duration between'),
        ({"date": "24/10/2026"}, f'F: {FIRST}.date: "24/10/2026" is no date'),
        ({"date": "2026-10-24T25:00:00Z"}, f"F: {FIRST}.date: "),
        ({"date": "0001-01-01T00:00:00+14:00"}, f"F: {FIRST}.date: "),
        ({"start": "25:00"}, f'F: {FIRST}.start: "25:00" is no time of day'),
        ({"title": "x" * 301}, f"F: {FIRST}.title: has 301 characters, at most 300"),
        ({"abstract": "x" * 50_001}, f"F: {FIRST}.abstract: has 50001 characters"),
        ({"language": 5}, f"F: {FIRST}.language: is the number 5, expected string or null"),
    ],
)
def test_a_wrong_value_refuses_the_file_at_its_place(change: dict[str, Any], line: str) -> None:
    file = congress()
    first_event(file).update(change)
    reading = read(file)
    assert reading.refused
    assert len(errors(reading)) == 1
    assert errors(reading)[0].startswith(line)


@pytest.mark.parametrize(
    "name", ["title", "date", "start", "duration", "room", "persons", "links", "abstract", "track"]
)
def test_a_missing_key_refuses_the_file_at_its_place(name: str) -> None:
    file = congress()
    del first_event(file)[name]
    assert errors(read(file)) == [f"F: {FIRST}.{name}: is missing"]


@pytest.mark.parametrize("name", ["acronym", "title", "start", "end", "days", "daysCount"])
def test_a_conference_without_a_key_is_refused(name: str) -> None:
    file = congress()
    del file["schedule"]["conference"][name]
    reading = read(file)
    assert reading.refused
    assert f"F: {CONFERENCE}.{name}: is missing" in errors(reading)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"answers": []}, f"{FIRST}.answers"),
        ({"slug": "Not A Slug"}, f"{FIRST}.slug"),
        ({"code": "ä"}, f"{FIRST}.code"),
        ({"guid": "short"}, f"{FIRST}.guid"),
        ({"start": "9:00"}, f"{FIRST}.start"),
        ({"start": "10:00"}, f"{FIRST}.start"),
        ({"links": [{"url": "javascript:alert(1)"}]}, f"{FIRST}.links[0].url"),
    ],
)
def test_unknown_keys_and_unmet_patterns_only_warn(change: dict[str, Any], path: str) -> None:
    file = congress()
    first_event(file).update(change)
    reading = read(file)
    assert not reading.refused
    assert [p.path for p in reading.warnings] == [path]


def test_all_problems_are_listed_and_nothing_is_half_imported() -> None:
    file = congress()
    first_event(file).update(id="x", extra=1, code="ä")
    first_event(file)["persons"][0]["id"] = "y"
    file["schedule"]["rooms"] = []
    reading = read(file)
    assert reading.value is None
    assert len(errors(reading)) == 2
    assert len(reading.problems) == 5


@pytest.mark.parametrize(
    ("absent", "key"), [([], "guid"), (["guid"], "id"), (["guid", "id"], "slug")]
)
def test_an_event_is_known_by_guid_else_id_else_slug(absent: list[str], key: str) -> None:
    file = congress()
    for name in absent:
        del first_event(file)[name]
    reading = read(file)
    assert reading.value is not None
    assert reading.value.sessions[0].key.startswith(f"{key}:")
    assert [p.path for p in reading.warnings] == [f"{FIRST}.{name}" for name in absent]


def test_an_event_nobody_could_know_again_is_refused() -> None:
    file = congress()
    for name in ("guid", "id", "slug", "code"):
        del first_event(file)[name]
    assert errors(read(file)) == [f"F: {FIRST}.guid: is missing, and id and slug are, too"]


def test_an_event_held_twice_is_two_sessions_with_keys_of_their_own() -> None:
    file = congress()
    again = {**first_event(file), "date": "2026-10-24T15:00:00+02:00", "start": "15:00"}
    file["schedule"]["conference"]["days"][0]["rooms"]["Hall B"].append(again)
    reading = read(file)
    assert reading.value is not None
    assert len({session.key for session in reading.value.sessions}) == 4
    again["date"], again["start"], again["room"] = (
        first_event(file)[name] for name in ("date", "start", "room")
    )
    assert "is the same event as" in errors(read(file))[0]


def test_a_file_without_a_zone_takes_the_conferences_or_the_offsets() -> None:
    file = congress()
    del file["schedule"]["conference"]["time_zone_name"]
    named = read(file, "Europe/Paris").value
    assert named is not None
    assert named.zone == "Europe/Paris"
    days = file["schedule"]["conference"]["days"]
    del days[0]["rooms"]["Hall A"][0]
    reading = read(file)
    assert reading.value is not None
    assert reading.value.zone == "Etc/GMT-1"
    assert "is missing" in warnings(reading)[0]
    days[1]["rooms"]["Hall B"][0]["date"] = "2026-10-25T10:00:00"
    assert f"F: {CONFERENCE}.time_zone_name: is missing" in errors(read(file))[0]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "Europe", "", "é"])
def test_only_zones_that_exist_are_zones(zone: str) -> None:
    file = congress()
    file["schedule"]["conference"]["time_zone_name"] = zone
    reading = read(file)
    assert reading.refused == bool(zone)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is not JSON"),
        (b"{", "line 1, column 2"),
        (b'{"schedule": NaN}', "NaN is no JSON number"),
        (b'{"Hall A": [], "Hall A": [1]}', 'the key "Hall A" twice'),
        (b'\xff{"schedule": 1}', "is not utf-8 text: byte 0"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is not JSON"),
        (b"[" * 200_000, "is nested too deeply"),
        (b'{"a":' * 100_000, "is nested too deeply"),
        (b"[" + b"[]," * 1_100_000 + b"0]", "holds more"),
        (b"[" + b"0," * 4_100_000 + b"0]", "holds more"),
        (b" " * (fields.MAX_BYTES + 1), "larger than 50 MB"),
    ],
    ids=[
        "empty",
        "cut",
        "nan",
        "twice",
        "latin",
        "digits",
        "deep",
        "deep-objects",
        "lists",
        "commas",
        "big",
    ],
)
def test_what_is_no_file_is_refused_before_it_costs_anything(raw: bytes, said: str) -> None:
    reading = read_schedule_json(raw)
    assert reading.value is None
    assert len(reading.problems) == 1
    assert said in errors(reading)[0]


def test_more_events_than_any_programme_has_are_refused() -> None:
    file = congress()
    rooms = file["schedule"]["conference"]["days"][0]["rooms"]
    rooms["Hall B"] = [None] * 20_001
    assert "more than 20000 events" in errors(read(file))[0]


def test_the_list_of_problems_has_an_end() -> None:
    file = congress()
    first_event(file).update({f"unknown{n}": n for n in range(problems.MAX_PROBLEMS + 5)})
    reading = read(file)
    assert reading.refused
    assert len(reading.problems) == problems.MAX_PROBLEMS + 1


def test_a_message_cannot_write_on_the_terminal() -> None:
    file = congress()
    first_event(file)["\x1b[2J\u202e"] = 1
    file["schedule"]["conference"]["acronym"] = "\x1b]0;x\x07"
    for line in warnings(read(file)):
        assert line.isprintable()


def test_a_byte_order_mark_or_utf_16_is_no_obstacle() -> None:
    text = CONGRESS.decode()
    assert read_schedule_json(b"\xef\xbb\xbf" + CONGRESS).value
    assert read_schedule_json(text.encode("utf-16")).value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def paths(value: Any) -> list[tuple[str | int, ...]]:
    entries = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [(), *((key, *rest) for key, inner in entries for rest in paths(inner))]


@settings(max_examples=60)
@given(st.sampled_from(paths(congress())[1:]), json_values)
def test_whatever_stands_anywhere_the_answer_is_a_reading(
    path: tuple[str | int, ...], value: object
) -> None:
    file = congress()
    holder = file
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    reading = read(file)
    assert reading.refused == any(p.severity is Severity.ERROR for p in reading.problems)
    assert all(p.path.startswith("$") for p in reading.problems)


def test_a_programme_without_events_is_accepted_and_said() -> None:
    file = congress()
    file["schedule"]["conference"]["days"] = []
    reading = read(file)
    assert reading.value is not None
    assert warnings(reading) == [f"F: {CONFERENCE}.days: warning: hold no events"]
