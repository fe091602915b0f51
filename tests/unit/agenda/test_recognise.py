"""Which importer a file needs, told from what stands in it."""

from pathlib import Path

import pytest

from server.agenda.importers.recognise import Kind, read_programme, recognise

FILES = Path(__file__).parent / "files"
MEETING = "Name (Original Name),User Email,Total Duration (Minutes),Guest\r\nA. Turing,,75,\r\n"


@pytest.mark.parametrize(
    ("name", "raw", "kind"),
    [
        ("a.txt", (FILES / "congress.json").read_bytes(), Kind.PROGRAMME_JSON),
        ("a.txt", (FILES / "congress.xml").read_bytes(), Kind.PROGRAMME_XML),
        ("a", b"\xef\xbb\xbf \n<schedule/>", Kind.PROGRAMME_XML),
        ("a.xml", b"<other/>", Kind.PROGRAMME_XML),
        ("a", b"<other/>", Kind.UNKNOWN),
        ("a.html", b"<!DOCTYPE html><html>", Kind.UNKNOWN),
        ("stands.json", b'{"a.md": {"front_matter": {"title": "A"}}}', Kind.BOOTHS),
        ("stands.json", b'[{"title": "A", "website": "https://a.example"}]', Kind.BOOTHS),
        ("stands.json", b'{"exhibitors": []}', Kind.BOOTHS),
        ("a.json", b'{"type": "object"}', Kind.UNKNOWN),
        ("a.json", b"{", Kind.PROGRAMME_JSON),
        ("a.json", b"", Kind.PROGRAMME_JSON),
        ("a.json", b"[1]", Kind.UNKNOWN),
        ("m.csv", MEETING.encode("utf-8-sig"), Kind.ATTENDANCE),
        ("m.csv", MEETING.encode("utf-16"), Kind.ATTENDANCE),
        ("m.csv", b"Name,Join Time,Leave Time\n", Kind.ATTENDANCE),
        ("m.csv", b"Name,Institution\n", Kind.UNKNOWN),
        ("p.xlsx", b"PK\x03\x04", Kind.UNKNOWN),
        ("p", b"", Kind.UNKNOWN),
    ],
)
def test_a_file_is_told_by_its_content(name: str, raw: bytes, kind: Kind) -> None:
    assert recognise(name, raw) is kind


def test_a_programme_is_read_whatever_its_format() -> None:
    for name in ("congress.json", "congress.xml"):
        assert read_programme(name, (FILES / name).read_bytes()).value


def test_another_kind_of_file_is_refused_by_its_name() -> None:
    (problem,) = read_programme("m.csv", MEETING.encode()).problems
    assert problem.line("m.csv").endswith("schedule.xml: it is a file of attendance")
