"""A booth's form, typed by organisers and by its own staff."""

import pytest

from server.errors import Invalid
from server.exhibits import editing
from server.exhibits.editing import ALL_FIELDS, OWN_FIELDS, Typed
from server.exhibits.packing import pack, unpack


def typed(**values: str) -> Typed:
    return Typed(values={**editing.blank().values, "name": "Cardivue", **values})


def test_a_form_becomes_values() -> None:
    form = typed(tier="major", position="3", description="**Bold**", website="https://c.example")
    values = editing.draft(form, ALL_FIELDS)
    assert form.errors == {}
    assert values["description"] == "<p><strong>Bold</strong></p>"
    assert (values["tier"], values["position"]) == ("major", 3)


def test_staff_set_what_their_booth_shows_and_nothing_else() -> None:
    form = typed(name="Somebody else", tier="lead", tagline="Hello")
    values = editing.draft(form, OWN_FIELDS)
    assert set(values) == {"tagline", "description", "showcase", "website"}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("name", " "),
        ("name", "x" * 121),
        ("tier", "gold"),
        ("position", "-1"),
        ("position", "many"),
        ("tagline", "x" * 161),
        ("website", "javascript:alert(1)"),
        ("website", "cardivue"),
        ("description", "x" * 20_001),
    ],
)
def test_what_makes_no_sense_is_said_beside_its_field(field: str, text: str) -> None:
    form = typed(**{field: text})
    editing.draft(form, ALL_FIELDS)
    assert list(form.errors) == [field]


def test_hostile_markup_is_gone() -> None:
    form = typed(
        description='<p onclick="x()">Hi<script>alert(1)</script><img src=x onerror=x()></p>'
        '<a href="javascript:x()">y</a><iframe src="//evil.example"></iframe>'
    )
    values = editing.draft(form, OWN_FIELDS)
    assert "script" not in str(values["description"])
    assert "onclick" not in str(values["description"])
    assert "<img" not in str(values["description"])
    assert "iframe" not in str(values["description"])


@pytest.mark.parametrize("content", [b"%PDF-1.7\nrest", b"\n\n%PDF-1.4"])
def test_a_pdf_is_known_by_its_first_bytes(content: bytes) -> None:
    assert editing.pdf(content) == content


@pytest.mark.parametrize("content", [b"<html>", b"MZ\x90", b" " * 2000 + b"%PDF-1.4"])
def test_what_only_calls_itself_a_pdf_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        editing.pdf(content)


def test_a_file_waits_in_the_page_unchanged() -> None:
    assert unpack(pack(b"stands" * 1000)) == b"stands" * 1000
    for broken in ("", "!", pack(b"x")[:-4] + "AAAA"):
        with pytest.raises(Invalid):
            unpack(broken)
