"""What an import sets, and how it tells what it changes."""

import json

import pytest

from server.exhibits import incoming
from server.exhibits.importer import ImportedBooth, read_booths
from server.exhibits.rules import MAX_TAGLINE


def booth(**values: object) -> ImportedBooth:
    reading = read_booths(json.dumps([{"title": "Cardivue", **values}]).encode())
    assert reading.value is not None
    return reading.value[0]


def test_a_booth_says_what_its_file_says() -> None:
    found = incoming.values(
        booth(
            description="Reads **itself**. In ten seconds.",
            showcase="A demo.",
            new_this_year="Gloves.",
            themes=["Devices", "ECG"],
            website="https://cardivue.example",
        )
    )
    assert found["tagline"] == "Reads itself."
    assert found["category"] == "Devices"
    assert found["description"] == "<p>Reads <strong>itself</strong>. In ten seconds.</p>"
    assert str(found["showcase"]).endswith("<h3>New this year</h3>\n<p>Gloves.</p>")
    assert found["listed"] is True


@pytest.mark.parametrize(
    ("markup", "tagline"),
    [
        ("<p>One &amp; two! Three.</p>", "One & two!"),
        ("<p>Ready?</p><p>Yes.</p>", "Ready?"),
        ("<p>3.5 volts</p>", "3.5 volts"),
        ("", ""),
    ],
)
def test_a_tagline_is_the_first_sentence(markup: str, tagline: str) -> None:
    assert incoming.tagline(markup) == tagline


def test_a_long_sentence_is_cut_between_words() -> None:
    cut = incoming.tagline("<p>" + "seven words, " * 60 + "</p>")
    assert len(cut) <= MAX_TAGLINE
    assert cut.endswith(("seven…", "words…"))


def test_differences_name_the_booth_and_what_changes() -> None:
    imported = booth(website="https://new.example")
    wanted = incoming.values(imported)
    assert incoming.difference(imported, wanted, None) == ["added: cardivue: Cardivue"]
    assert incoming.difference(imported, wanted, dict(wanted)) == []
    before = {**wanted, "website": "https://old.example"}
    assert incoming.difference(imported, wanted, before) == [
        "changed: cardivue: Cardivue",
        "  website: https://old.example -> https://new.example",
    ]
