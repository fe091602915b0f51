"""Captions: what may be said and changed when, and in which languages. Pure.

A line grows while it is said and is then final. What is said next in the same language ends it too:
only the last line of a language can still grow.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from uuid import UUID

from realtime.limits import (
    CAPTIONS_CORRECTED,
    MAX_CAPTION_CHARS,
    MAX_CAPTION_LANGUAGES,
    MAX_CAPTION_LINES,
)
from server.agenda.rules import LIVE_PHASES, NotLive, Phase
from server.errors import Invalid, Refused

USUAL = "en"
"""Where a session does not say in which language it is held."""

MAX_TAG_CHARS = 35
"""RFC 5646 §4.4.1: what is sure to hold every tag in use."""

LANGUAGES = {
    "ar": "العربية",
    "cs": "Čeština",
    "da": "Dansk",
    "de": "Deutsch",
    "el": "Ελληνικά",
    "en": "English",
    "es": "Español",
    "fi": "Suomi",
    "fr": "Français",
    "he": "עברית",
    "hi": "हिन्दी",
    "hu": "Magyar",
    "it": "Italiano",
    "ja": "日本語",
    "ko": "한국어",
    "nb": "Norsk bokmål",
    "nl": "Nederlands",
    "pl": "Polski",
    "pt": "Português",
    "ro": "Română",
    "ru": "Русский",
    "sv": "Svenska",
    "tr": "Türkçe",
    "uk": "Українська",
    "zh": "中文",
}
"""What is offered to choose from, by tag, as its speakers call it; any other tag may be said."""

_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(-(?P<script>[a-z]{4}))?(-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)",
    re.IGNORECASE | re.ASCII,
)


class TooLate(Refused):
    """Too much was said since: what is on everybody's screen is no longer this line."""

    code = "caption.too_late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line as it stands; without a text it was taken out. `revision` grows with each change."""

    id: UUID
    session_id: UUID
    language: str
    text: str
    final: bool
    said_ms: int
    """When its first words came."""
    ended_ms: int
    """When its last did; a correction afterwards changes nothing of it."""
    revision: int


def language(written: str) -> str:
    """A BCP 47 tag in its usual letters: `pt-BR`, `zh-Hant`. Raises Invalid."""
    found = _TAG.fullmatch(written.strip().replace("_", "-"))
    if found is None or len(found[0]) > MAX_TAG_CHARS:
        raise Invalid("A language is a tag such as en, de or pt-BR.", where="language")
    parts = [found["language"].lower()]
    if found["script"]:
        parts.append(found["script"].capitalize())
    if found["region"]:
        parts.append(found["region"].upper())
    return "-".join(parts) + found["variants"].lower()


def usual(written: str) -> str:
    """The tag of what an organiser wrote into the language of a session, or `USUAL`."""
    try:
        return language(written)
    except Invalid:
        names = {name.casefold(): tag for tag, name in LANGUAGES.items()}
        return names.get(written.strip().casefold(), USUAL)


def name(tag: str) -> str:
    """A language as its speakers call it, with what else its tag says; else the tag."""
    primary, _, rest = tag.partition("-")
    known = LANGUAGES.get(primary)
    if known is None:
        return tag
    return f"{known} ({rest})" if rest else known


def written(text: str) -> tuple[str, str] | None:
    """Tag and name of what an organiser wrote into the language of a session; None: nothing.

    What names no language we know stays as it was written, with an empty tag.
    """
    said = text.strip()
    if not said:
        return None
    try:
        tag = language(said)
    except Invalid:
        tag = usual(said)
        return (tag, name(tag)) if name(tag).casefold() == said.casefold() else ("", said)
    return tag, name(tag)


def say(text: str, spoken: str, phase: Phase, languages: Collection[str], lines: int) -> None:
    """Return when a line may begin. `lines` there are, in `languages`. Raises NotLive, Invalid."""
    if phase not in LIVE_PHASES:
        raise NotLive("Captions can be written while the session is live.")
    if not text:
        raise Invalid("Please write what is said.", where="text")
    _fits(text)
    if spoken not in languages and len(languages) >= MAX_CAPTION_LANGUAGES:
        raise Invalid(
            f"A session has captions in at most {MAX_CAPTION_LANGUAGES} languages.",
            where="language",
        )
    if lines >= MAX_CAPTION_LINES:
        raise Invalid("This session has as many lines as can be kept.")


def change(line: Line, newer: int, text: str, *, final: bool, now_ms: int) -> Line | None:
    """The line afterwards; None when it is so already.

    `newer` lines came after it in its language. Raises Invalid, and TooLate for a line that was
    final and is not among the last. A line that grew while another began is never too late.
    """
    _fits(text)
    if line.final and newer >= CAPTIONS_CORRECTED:
        raise TooLate("Too much was said since this line.")
    grows = not line.final and newer == 0
    ended = not text or line.final or newer > 0 or final
    if (text, ended) == (line.text, line.final):
        return None
    return replace(
        line,
        text=text,
        final=ended,
        ended_ms=max(now_ms, line.ended_ms) if grows else line.ended_ms,
        revision=line.revision + 1,
    )


def _fits(text: str) -> None:
    if len(text) > MAX_CAPTION_CHARS:
        raise Invalid(f"At most {MAX_CAPTION_CHARS} characters.", where="text")
