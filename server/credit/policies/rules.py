"""What a provider's rule says, in figures and in plain sentences, and which one governs. Pure.

A rule governs the sessions that are planned to start from its date on. Of two rules that have
begun, the one with the later date governs; of one date, the one published later.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from server import clock
from server.attendance.checks import AN_HOUR
from server.attendance.rules import Counts
from server.credit.findings import Overlap, Policy
from server.errors import Invalid, Refused

MAX_NOTE = 500
DECIMAL = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?", re.ASCII)
MOST_MINUTES = 720


class PublishedMeanwhile(Refused):
    """Somebody published another rule since this page was opened."""

    code = "policy.meanwhile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Everything that a provider may choose about how attendance counts."""

    counts: Counts = Counts.PLAYING
    overlap: Overlap = Overlap.CAP
    exclude_booth: bool = True
    min_percent: Decimal = Decimal(0)
    min_minutes: Decimal = Decimal(0)
    checks_an_hour: int = 0

    @property
    def engine(self) -> Policy:
        return Policy(
            counts=self.counts, overlap=self.overlap, exclude_booth=self.exclude_booth
        )  # fmt: skip


DEFAULT = Rule()
"""In force until officers publish their own: time in front of the playing picture counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A rule with its number, its date, and who stands for it."""

    version: int
    effective_at: datetime
    rule: Rule
    published_by: UUID
    published_at: datetime
    note: str = ""


def governing(history: Iterable[Published], starts_at: datetime) -> Published | None:
    """The published rule for a session that starts then; None where the default still holds."""
    begun = [one for one in history if one.effective_at <= starts_at]
    return max(begun, key=lambda one: (one.effective_at, one.version), default=None)


def rule_at(history: Iterable[Published], starts_at: datetime) -> Rule:
    found = governing(history, starts_at)
    return DEFAULT if found is None else found.rule


def body(rule: Rule) -> dict[str, Any]:
    """As it is kept and entered into the ledger."""
    return {
        "checks_an_hour": rule.checks_an_hour,
        "counts": rule.counts.value,
        "exclude_booth": rule.exclude_booth,
        "min_minutes": f"{rule.min_minutes:f}",
        "min_percent": f"{rule.min_percent:f}",
        "overlap": rule.overlap.value,
    }


def told(one: Published) -> dict[str, Any]:
    """What the ledger says of a published rule."""
    return {
        **body(one.rule),
        "effective_ms": clock.milliseconds(one.effective_at),
        "version": one.version,
    }


def rule_of(kept: Mapping[str, Any]) -> Rule:
    return Rule(
        counts=Counts(kept["counts"]),
        overlap=Overlap(kept["overlap"]),
        exclude_booth=kept["exclude_booth"],
        min_percent=Decimal(kept["min_percent"]),
        min_minutes=Decimal(kept["min_minutes"]),
        checks_an_hour=kept["checks_an_hour"],
    )


def read(written: Mapping[str, str]) -> Rule:
    """A rule from a form's fields; raises Invalid at the first that holds what it may not."""
    return Rule(
        counts=_member(Counts, written.get("counts", ""), "counts"),
        overlap=_member(Overlap, written.get("overlap", ""), "overlap"),
        exclude_booth=written.get("exclude_booth", "") == "yes",
        min_percent=_number(written.get("min_percent", ""), "min_percent", 100),
        min_minutes=_number(written.get("min_minutes", ""), "min_minutes", MOST_MINUTES),
        checks_an_hour=_checks(written.get("checks_an_hour", "")),
    )


def note(written: str) -> str:
    if len(written) > MAX_NOTE:
        raise Invalid(f"At most {MAX_NOTE} characters.", where="note")
    return written


def _member(members: Any, written: str, where: str) -> Any:
    try:
        return members(written)
    except ValueError:
        raise Invalid("Please choose one.", where=where) from None


def _number(written: str, where: str, most: int) -> Decimal:
    if not written:
        return Decimal(0)
    if not DECIMAL.fullmatch(written) or Decimal(written) > most:
        raise Invalid(f"A number from 0 to {most}.", where=where)
    return Decimal(written)


def _checks(written: str) -> int:
    if written not in {"0", *map(str, AN_HOUR)}:
        raise Invalid("Please choose one.", where="checks_an_hour")
    return int(written)


COUNTED = {
    Counts.ANY: "Time counts while the session's page is connected.",
    Counts.PLAYING: "Time counts while the picture or sound is playing.",
    Counts.VISIBLE: "Time counts while the session's page is in sight.",
}
OVERRUN = {
    Overlap.CAP: "When a session runs over, any of its minutes count, up to the designated time.",
    Overlap.CLIP: "When a session runs over, only its first minutes count, as many as designated.",
}


def sentences(rule: Rule) -> list[str]:
    """The whole rule as a learner reads it."""
    said = [COUNTED[rule.counts], OVERRUN[rule.overlap]]
    said.append(
        "Time in an exhibit booth is taken off."
        if rule.exclude_booth
        else "Time in an exhibit booth is not taken off."
    )
    said.append(_least(rule))
    said.append(_asked(rule))
    return said


def sentence(rule: Rule) -> str:
    """The same as one line for the card beside a session."""
    short = COUNTED[rule.counts].removesuffix(".")
    if rule.min_percent or rule.min_minutes:
        short += f"; {_least(rule)[0].lower()}{_least(rule)[1:].removesuffix('.')}"
    if rule.checks_an_hour:
        short += f"; you are asked {rule.checks_an_hour} times an hour whether you are there"
    return short + "."


def _least(rule: Rule) -> str:
    asked = []
    if rule.min_percent:
        asked.append(f"{_plain(rule.min_percent)} % of its time")
    if rule.min_minutes:
        asked.append(f"{_plain(rule.min_minutes)} minutes")
    if not asked:
        return "A session has no minimum: every minute counts."
    return f"A session counts from {' and '.join(asked)} on."


def _asked(rule: Rule) -> str:
    if not rule.checks_an_hour:
        return "Nobody is asked whether they are still there."
    return (
        f"{rule.checks_an_hour} times an hour, at moments nobody knows before, you are asked "
        "whether you are still there. There are two minutes to answer, and two more on request. "
        "A missed one costs the time since the one before; the last one also the time after it."
    )


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
