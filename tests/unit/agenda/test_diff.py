"""What a second import changes."""

from dataclasses import replace
from pathlib import Path

from server.agenda.importers.diff import Change, compare, lines, session_fields
from server.agenda.importers.programme import ImportedProgramme
from server.agenda.importers.recognise import read_programme

FILE = Path(__file__).parent / "files" / "congress.json"


def programme() -> ImportedProgramme:
    value = read_programme(FILE.name, FILE.read_bytes()).value
    assert value is not None
    return value


def test_the_same_file_again_changes_nothing() -> None:
    current = {each.key: session_fields(each) for each in programme().sessions}
    assert compare(programme(), current) == ()
    assert list(lines((), "Europe/Paris")) == ["no changes"]


def test_a_first_import_adds_everything() -> None:
    assert [each.change for each in compare(programme(), {})] == [Change.ADDED] * 3


def test_new_gone_and_changed_sessions_are_told_field_by_field() -> None:
    first, second, third = programme().sessions
    current = {
        first.key: replace(session_fields(first), title="Old title", people=(), track=""),
        second.key: replace(session_fields(second), start=first.start),
        "guid:gone": session_fields(third),
    }
    found = compare(programme(), current)
    assert [each.change for each in found] == [
        Change.CHANGED,
        Change.CHANGED,
        Change.ADDED,
        Change.REMOVED,
    ]
    assert list(lines(found, "Europe/Paris")) == [
        f"changed: {first.title} ({first.key})",
        f"  title: Old title → {first.title}",
        "  track: nothing → Arrhythmia",
        "  people: nothing → Ada Okafor, Jean-Luc Moreau",
        f"changed: {second.title} ({second.key})",
        "  start: 2026-10-24 09:00+0200 → 2026-10-25 02:30+0100",
        f"added: {third.title} ({third.key})",
        f"removed: {third.title} (guid:gone)",
    ]


def test_long_texts_are_shown_by_their_beginning() -> None:
    first = programme().sessions[0]
    current = {first.key: replace(session_fields(first), abstract="x" * 500)}
    assert max(map(len, lines(compare(programme(), current), ""))) < 200
