"""Colours that carry text (4.5:1) or controls (3:1) hold in both themes (WCAG 1.4.3, 1.4.11)."""

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[2] / "web" / "shell" / "tokens.css"
TEXT, CONTROL = 4.5, 3.0

PAIRS = [
    *((ink, ground, TEXT) for ink in ("ink", "ink-2") for ground in ("paper", "surface", "sunken")),
    *(("ink", f"{meaning}-soft", TEXT) for meaning in ("brand", "live", "notice", "credit")),
    *(("ink-2", f"{meaning}-soft", TEXT) for meaning in ("brand", "credit")),
    *((meaning, f"{meaning}-soft", TEXT) for meaning in ("brand", "live", "notice", "credit")),
    *((meaning, "surface", TEXT) for meaning in ("brand", "live", "notice", "credit")),
    *((meaning, "paper", TEXT) for meaning in ("brand", "live", "notice", "credit")),
    ("live", "sunken", TEXT),
    ("on-brand", "brand", TEXT),
    ("on-brand", "credit", TEXT),
    ("on-live", "live-fill", TEXT),
    ("surface", "ink", TEXT),
    ("surface", "credit", TEXT),
    ("paper", "ink", TEXT),
    ("on-stage", "stage", TEXT),
    ("on-stage-2", "stage", TEXT),
    ("on-stage", "stage-2", TEXT),
    ("on-stage-2", "stage-2", TEXT),
    ("control", "surface", CONTROL),
    ("control", "paper", CONTROL),
    ("stage-accent", "stage", CONTROL),
]


def tokens() -> dict[str, tuple[str, str]]:
    """Name → its colour in the light and in the dark theme."""
    css = TOKENS.read_text()
    both = r"--([\w-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)"
    found = {name: (light, dark) for name, light, dark in re.findall(both, css)}
    for name, colour in re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", css):
        found.setdefault(name, (colour, colour))
    return found


def luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_black_on_white_is_21_to_1() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground", "least"), PAIRS)
def test_pairs_can_be_told_apart(ink: str, ground: str, least: float, theme: int) -> None:
    colours = tokens()
    assert contrast(colours[ink][theme], colours[ground][theme]) >= least


def test_white_initials_are_legible_on_every_hue() -> None:
    hues = re.findall(r"--hue-a: (#[0-9a-f]{6})", TOKENS.read_text())
    assert len(hues) == 10
    assert [hue for hue in hues if contrast("#ffffff", hue) < TEXT] == []
