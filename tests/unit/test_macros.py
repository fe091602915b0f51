"""The small parts: what they escape, and that a name looks the same from Jinja and JavaScript."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from server.rendering import _environment

PORTRAITS = [  # the same rows are in tests/unit/web/name.test.js
    ("Amara Okafor, MD, PhD", "AO", 1),
    ("Dr Layla Haddad", "LH", 9),
    ("Erik Lindqvist", "EL", 2),
    ("Zoé", "Z", 8),
    ("李 小龙", "李小", 5),
    ("", "", 0),
]
PARIS = ZoneInfo("Europe/Paris")


def macro(name: str, *arguments: object, **named: object) -> str:
    module = _environment.get_template("shell/macros.html").module
    return str(getattr(module, name)(*arguments, **named)).strip()


@pytest.mark.parametrize(("name", "initials", "hue"), PORTRAITS)
def test_portraits_depend_on_the_name_alone(name: str, initials: str, hue: int) -> None:
    drawn = macro("avatar", name)
    assert f">{initials}</text>" in drawn
    assert f'data-hue="{hue}"' in drawn


def test_text_is_escaped_in_every_part() -> None:
    evil = '"><script>'
    parts = [
        macro("chip", evil),
        macro("btn", evil, href=evil),
        macro("field", "name", evil, evil, error=evil, hint=evil, attributes={"placeholder": evil}),
        macro("select", "name", evil, [(evil, evil)]),
        macro("empty", evil, evil, (evil, evil)),
        macro("notice", evil, evil),
        macro("avatar", evil, label=True),
        macro("bar", evil, 3, evil),
    ]
    assert [part for part in parts if "<script" in part] == []


def test_nothing_carries_a_style_attribute() -> None:
    drawn = (
        macro("ring", 71, "32", "min") + macro("bar", "A", 46, "46%", "mine") + macro("avatar", "A")
    )
    assert "style=" not in drawn


def test_a_field_ties_its_error_and_its_hint_to_the_input() -> None:
    drawn = macro("field", "mail", "Mail", error="Not an address.", hint="Yours.")
    described = re.search(r'aria-describedby="([^"]+)"', drawn)
    assert described is not None
    assert all(f'id="{each}"' in drawn for each in described[1].split())
    assert 'aria-invalid="true"' in drawn


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ("time", "13:05"),
        ("zoned", "13:05 CET"),
        ("day", "Thu 12 March"),
        ("full", "Thu 12 March, 13:05 CET"),
    ],
)
def test_times_carry_the_moment_and_its_reading(shape: str, text: str) -> None:
    drawn = macro("when", datetime(2026, 3, 12, 13, 5, tzinfo=PARIS), shape)
    assert f">{text}</time>" in drawn
    assert 'datetime="2026-03-12T13:05:00+01:00"' in drawn
