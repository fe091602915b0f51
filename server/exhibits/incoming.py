"""What an imported booth sets here, and how a second import differs from the first. Pure."""

import html
import re
from collections.abc import Mapping

import nh3

from server.agenda.importers.problems import printable
from server.exhibits.importer import ImportedBooth
from server.exhibits.rules import MAX_TAGLINE
from server.sanitise import plain_text

IMPORTED = ("name", "tagline", "category", "description", "showcase", "website", "listed")

BLOCK = re.compile(r"<(?=/?(?:p|br|li|h[1-6]|div|ul|ol|t[dhr]|blockquote|pre|dd|dt)\b)")
"""Where text breaks; an inline tag stands in the middle of a sentence."""

NO_CHANGES = "no changes"
LONGEST_SHOWN = 60


def values(booth: ImportedBooth) -> dict[str, str | bool]:
    """Its values as columns; what a file does not say (tier, order) is not among them."""
    news = f"<h3>New this year</h3>\n{booth.news}" if booth.news else ""
    return {
        "name": booth.title,
        "tagline": tagline(booth.description or booth.showcase),
        "category": booth.themes[0] if booth.themes else "",
        "description": booth.description,
        "showcase": "\n".join(part for part in (booth.showcase, news) if part),
        "website": booth.website,
        "listed": booth.listed,
    }


def tagline(markup: str) -> str:
    """The first sentence, or as many whole words of it as fit under a name."""
    spaced = BLOCK.sub(" <", markup)
    text = plain_text(html.unescape(nh3.clean(spaced, tags=set())))
    for mark in (". ", "! ", "? "):
        text = text.split(mark)[0] + mark.strip() if mark in text else text
    if len(text) <= MAX_TAGLINE:
        return text
    return text[: MAX_TAGLINE - 1].rsplit(" ", 1)[0].rstrip(",;:–- ") + "…"


def difference(
    booth: ImportedBooth, wanted: Mapping[str, object], present: Mapping[str, object] | None
) -> list[str]:
    """Lines as an import prints them: the booth, then what changes; none when nothing does."""
    if present is None:
        return [printable(f"added: {booth.key}: {booth.title}")]
    changed = [name for name in IMPORTED if wanted[name] != present[name]]
    if not changed:
        return []
    return [
        printable(f"changed: {booth.key}: {booth.title}"),
        *(
            printable(f"  {name}: {_short(present[name])} -> {_short(wanted[name])}")
            for name in changed
        ),
    ]


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
