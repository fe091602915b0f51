"""Booths from a file of online stands: what is understood, refused and neutralised."""

import json
from typing import Any

import pytest

from server.agenda.importers.problems import Reading, Severity
from server.exhibits.importer import ImportedBooth, read_booths, slugify

PLACE = "$['content/stands/acme_imaging.md'].front_matter"


def stand(**changes: Any) -> dict[str, Any]:
    return {
        "title": "Acme Imaging",
        "description": "Portable ultrasound.\n\nFor *every* ward.",
        "showcase": "<p>See it <b>live</b></p><script>alert(1)</script><img src=//t.example/1.gif>",
        "new_this_year": None,
        "themes": ["Imaging", "Devices", "Imaging"],
        "website": "https://acme.example",
        "logo": "/stands/acme/logo.png",
        "chatroom": "acme",
        "layout": "stand",
        "show_on_overview": True,
        **changes,
    }


def stands(**changes: Any) -> bytes:
    pages = {
        "content/stands/acme_imaging.md": {"front_matter": stand(**changes), "raw": None},
        "content/stands/heartbeat.md": {"front_matter": stand(title="Heartbeat"), "raw": None},
    }
    return json.dumps(pages).encode()


def booths(raw: bytes) -> tuple[ImportedBooth, ...]:
    reading = read_booths(raw)
    assert reading.value is not None, reading.problems
    return reading.value


def lines(reading: Reading[Any]) -> list[str]:
    return [problem.line("F") for problem in reading.problems]


def test_a_stand_becomes_a_booth_that_is_safe_to_show() -> None:
    acme, heartbeat = booths(stands())
    assert acme.key == "content/stands/acme_imaging.md"
    assert (acme.slug, heartbeat.slug) == ("acme-imaging", "heartbeat")
    assert acme.themes == ("Imaging", "Devices")
    assert acme.description == "<p>Portable ultrasound.</p>\n<p>For <em>every</em> ward.</p>"
    assert acme.showcase == "<p>See it <b>live</b></p>"
    assert acme.news == ""
    assert (acme.website, acme.logo) == ("https://acme.example", "stands/acme/logo.png")
    assert (acme.chat, acme.listed) == ("acme", True)
    assert read_booths(stands()).problems == ()


@pytest.mark.parametrize(
    "file",
    [
        [{"title": "Acme Imaging"}],
        {"exhibitors": [{"title": "Acme Imaging", "slug": "Acme Imaging"}]},
        {"x/acme-imaging.md": {"title": "Acme Imaging"}},
    ],
)
def test_plain_lists_and_pages_are_read_as_well(file: Any) -> None:
    (booth,) = booths(json.dumps(file).encode())
    assert (booth.title, booth.slug) == ("Acme Imaging", "acme-imaging")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"title": None}, f"F: {PLACE}.title: is null, expected string"),
        ({"title": " "}, f"F: {PLACE}.title: is empty"),
        ({"title": "x" * 121}, f"F: {PLACE}.title: has 121 characters, at most 120 are accepted"),
        ({"themes": "Imaging"}, f'F: {PLACE}.themes: is the string "Imaging", expected array or'),
        ({"themes": ["a", 3]}, f"F: {PLACE}.themes[1]: is the number 3, expected string"),
        ({"showcase": "x" * 20_001}, f"F: {PLACE}.showcase: has 20001 characters, at most 20000"),
        ({"show_on_overview": "yes"}, f"F: {PLACE}.show_on_overview: is the string"),
        ({"slug": "heartbeat"}, "F: $['content/stands/heartbeat.md']: has the name"),
    ],
)
def test_a_wrong_value_refuses_the_file_at_its_place(changes: dict[str, Any], line: str) -> None:
    reading = read_booths(stands(**changes))
    assert reading.value is None
    assert len(lines(reading)) == 1
    assert lines(reading)[0].startswith(line)


@pytest.mark.parametrize(
    ("changes", "path", "kept"),
    [
        ({"website": "javascript:alert(1)"}, ".website", "website"),
        ({"website": "acme.example"}, ".website", "website"),
        ({"logo": "../../secret.png"}, ".logo", "logo"),
        ({"logo": "https://t.example/pixel.png"}, ".logo", "logo"),
    ],
)
def test_unsafe_addresses_are_left_out_with_a_warning(
    changes: dict[str, Any], path: str, kept: str
) -> None:
    reading = read_booths(stands(**changes))
    assert reading.value is not None
    assert getattr(reading.value[0], kept) == ""
    assert [(p.path, p.severity) for p in reading.problems] == [
        (f"{PLACE}{path}", Severity.WARNING)
    ]


def test_unknown_keys_only_warn() -> None:
    reading = read_booths(stands(colour="red"))
    assert reading.value is not None
    assert lines(reading) == [f"F: {PLACE}.colour: warning: unknown key"]


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"3", b"[3]", b'{"a": 1}', b"[" * 99_999])
def test_what_holds_no_booths_is_refused(raw: bytes) -> None:
    assert read_booths(raw).value is None


def test_addresses_are_made_of_names() -> None:
    assert slugify("Ärzte & Geräte  GmbH") == "arzte-gerate-gmbh"
    assert slugify("…") == ""
