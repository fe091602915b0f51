"""Reads exhibitors' booths from a JSON file, as FOSDEM publishes its online stands.

A file maps a page's path to its front matter; a plain list of booths, or such a list under
`stands`, `booths` or `exhibitors`, is read as well. Values only; knows no rows and no pictures:
a logo is the name of a file.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from server.agenda.importers.fields import (
    ANY,
    Json,
    Key,
    NotJson,
    check,
    items,
    name_of,
    parse_json,
    text,
)
from server.agenda.importers.problems import (
    Problems,
    Reading,
    TooManyProblems,
    quote,
    refusal,
    step,
)
from server.sanitise import plain_text, rich_html, safe_url

MAX_BOOTHS = 5_000
"""The largest trade fairs of the world have that many exhibitors."""

LONGEST_NAME = 120
LONGEST_RICH = 20_000
MAX_THEMES = 50

LISTS = ("stands", "booths", "exhibitors")

RICH = Key("string null", limit=LONGEST_RICH)
NULLABLE = Key("string null")
BOOTH = {
    "title": Key(required=True),
    "slug": NULLABLE,
    "description": RICH,
    "showcase": RICH,
    "new_this_year": RICH,
    "themes": Key("array null"),
    "tracks": Key("array null"),
    "website": NULLABLE,
    "logo": NULLABLE,
    "chatroom": NULLABLE,
    "show_on_overview": Key("boolean null"),
    "layout": Key(ANY),
    "draft": Key(ANY),
    "aliases": Key(ANY),
    "weight": Key(ANY),
    "date": Key(ANY),
}
PAGE = {"front_matter": Key("object", required=True), "raw": Key(ANY)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedBooth:
    """A booth; `description`, `showcase` and `news` are sanitised HTML."""

    key: str
    """Stays the same from one export to the next, so that a second import recognises it."""
    title: str
    slug: str
    themes: tuple[str, ...]
    website: str
    logo: str
    description: str
    showcase: str
    news: str
    chat: str
    """The name of its chat at the origin; here every booth has its own."""
    listed: bool
    """Whether the hall's directory shows it."""


def read_booths(raw: bytes) -> Reading[tuple[ImportedBooth, ...]]:
    """All booths of a file, or none."""
    try:
        root = parse_json(raw)
    except NotJson as error:
        return refusal("$", str(error))
    problems = Problems()
    try:
        booths = _booths(root, problems)
    except TooManyProblems:
        booths = None
    return problems.reading(booths)


def _booths(root: object, problems: Problems) -> tuple[ImportedBooth, ...] | None:
    entries = list(_entries(root))
    if not entries:
        problems.error("$", f"is {name_of(root)}, expected booths, each an object")
        return None
    if len(entries) > MAX_BOOTHS:
        problems.error("$", f"holds more than {MAX_BOOTHS} booths")
        return None
    booths: list[ImportedBooth] = []
    slugs: dict[str, str] = {}
    for name, value, path in entries:
        booth = _booth(name, value, path, problems)
        if booth is None:
            continue
        if booth.slug in slugs:
            problems.error(path, f"has the name {quote(booth.slug)}, as {slugs[booth.slug]} has")
        slugs[booth.slug] = path
        booths.append(booth)
    return tuple(booths)


def _entries(root: object) -> Iterator[tuple[str, object, str]]:
    """Name, content and place of each booth; the name is empty in a list."""
    path = "$"
    if isinstance(root, dict):
        held = next((name for name in LISTS if isinstance(root.get(name), list)), None)
        if held is None:
            for name, value in root.items():
                yield name, value, step(path, name)
            return
        root, path = root[held], step(path, held)
    if isinstance(root, list):
        for index, value in enumerate(root):
            yield "", value, step(path, index)


def _booth(name: str, value: object, path: str, problems: Problems) -> ImportedBooth | None:
    before = problems.errors
    if isinstance(value, dict) and "front_matter" in value:
        page = check(value, PAGE, path, problems)
        path = step(path, "front_matter")
        value = page.get("front_matter", {})
    entry = check(value, BOOTH, path, problems)
    title = _line(entry, "title", path, problems)
    if not title:
        problems.error(step(path, "title"), "is empty")
    slug = slugify(text(entry, "slug") or PurePosixPath(name).stem or title)
    if not slug:
        problems.error(step(path, "slug"), "has no letter or digit to make an address of")
    booth = ImportedBooth(
        key=name or slug,
        title=title,
        slug=slug,
        themes=_themes(entry, path, problems),
        website=_website(entry, path, problems),
        logo=_logo(entry, path, problems),
        description=rich_html(text(entry, "description")),
        showcase=rich_html(text(entry, "showcase")),
        news=rich_html(text(entry, "new_this_year")),
        chat=_line(entry, "chatroom", path, problems),
        listed=entry.get("show_on_overview") is not False,
    )
    return booth if problems.errors == before else None


def slugify(name: str) -> str:
    """A name as a part of an address: lower case ASCII, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_NAME].strip("-")


def _line(entry: Json, name: str, path: str, problems: Problems) -> str:
    line = plain_text(text(entry, name))
    if len(line) > LONGEST_NAME:
        message = f"has {len(line)} characters, at most {LONGEST_NAME} are accepted"
        problems.error(step(path, name), message)
    return line


def _themes(entry: Json, path: str, problems: Problems) -> tuple[str, ...]:
    themes: dict[str, None] = {}
    for name in ("themes", "tracks"):
        for value, at in items(entry, name, path):
            if not isinstance(value, str):
                problems.error(at, f"is {name_of(value)}, expected string")
            elif len(value) > LONGEST_NAME:
                problems.error(at, f"has more than {LONGEST_NAME} characters")
            elif theme := plain_text(value):
                themes[theme] = None
    if len(themes) > MAX_THEMES:
        problems.error(step(path, "themes"), f"has more than {MAX_THEMES} entries")
    return tuple(themes)


def _website(entry: Json, path: str, problems: Problems) -> str:
    website = safe_url(text(entry, "website"))
    if text(entry, "website").strip() and not website:
        message = f"{quote(entry['website'])} is no web address; left out"
        problems.warn(step(path, "website"), message)
    return website


def _logo(entry: Json, path: str, problems: Problems) -> str:
    """The name of a picture inside the export's own folder: never an address, never above it."""
    # The site the export is from begins its addresses at its own root.
    logo = plain_text(text(entry, "logo")).lstrip("/")
    if ":" in logo or "\\" in logo or ".." in PurePosixPath(logo).parts:
        problems.warn(step(path, "logo"), f"{quote(logo)} is no file of the export; left out")
        return ""
    return logo
