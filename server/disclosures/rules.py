"""What a disclosure text may hold, and whether a learner may be shown a session. Pure.

Standard 3.5 wants names of people and companies and the nature of a relationship, before the
learner engages; no logo, no trade name, no address. Whether the text is true, the officer knows.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from server.errors import Invalid, Refused

MAX_CHARACTERS = 4_000
"""A panel of twenty people in full sentences; more is not read before a talk begins."""

_MARKUP = re.compile(r"<[a-z/!]|&#?\w+;", re.IGNORECASE)
_ADDRESS = re.compile(
    r"\w+://|\bwww\.|\bmailto:|\b[\w-]+\.(?:com|org|net|info|biz|edu|gov|int|eu|io|health|med)\b",
    re.IGNORECASE,
)
_MARKS = frozenset("®™℠©")


class DisclosureMissing(Refused):
    """Nothing was entered: there is nothing to show, hence no picture either."""

    code = "disclosure.missing"


class DisclosureRequired(Refused):
    """The learner has not yet said that they read the text that is in force."""

    code = "disclosure.required"


class DisclosureChanged(Refused):
    """What the learner says to have read is no longer what is in force."""

    code = "disclosure.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """The text in force for one session."""

    text: str
    sha256: str
    entered_at: datetime

    @property
    def paragraphs(self) -> tuple[str, ...]:
        return tuple(line for line in self.text.split("\n") if line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The text in force as one person finds it."""

    disclosure: Disclosure
    acknowledged: bool


def text(typed: str) -> str:
    """The text as it is kept: plain words, one paragraph a line. Raises Invalid."""
    lines = (" ".join(line.split()) for line in typed.splitlines())
    cleaned = "\n".join(line for line in lines if line)
    if not cleaned:
        raise Invalid("Write what learners are to read.", where="text")
    if len(cleaned) > MAX_CHARACTERS:
        raise Invalid(f"At most {MAX_CHARACTERS} characters.", where="text")
    if any(not character.isprintable() and character != "\n" for character in cleaned):
        raise Invalid("The text holds characters that cannot be shown.", where="text")
    if _MARKUP.search(cleaned):
        raise Invalid("Plain text only: HTML is shown to nobody.", where="text")
    if _MARKS.intersection(cleaned):
        raise Invalid("Name companies without ®, ™ and other marks.", where="text")
    if _ADDRESS.search(cleaned):
        raise Invalid("Name companies without web or mail addresses.", where="text")
    return cleaned


def fingerprint(kept: str) -> str:
    """What stands for exactly this text in evidence: SHA-256 of its UTF-8."""
    return hashlib.sha256(kept.encode()).hexdigest()


def gate(panel: Panel | None) -> None:
    """Raise unless this person has read what is in force: the condition of every ticket."""
    if panel is None:
        raise DisclosureMissing("No disclosure has been entered for this session yet.")
    if not panel.acknowledged:
        raise DisclosureRequired("Please read the disclosure first.")
