"""From the text of a booth's form to values, or to what is wrong beside each field. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from server.errors import Invalid
from server.exhibits.rules import MAX_LINE, MAX_PDF_BYTES, MAX_RICH, MAX_TAGLINE, Booth, Tier
from server.sanitise import plain_text, rich_html, safe_url

OWN_FIELDS = ("tagline", "description", "showcase", "website")
"""What a booth's own staff may change; name, kind, tier and order are the organiser's."""

ALL_FIELDS = ("name", "category", "tier", "position", *OWN_FIELDS)

PDF_MAGIC = b"%PDF-"
MAGIC_WITHIN = 1024
"""Readers accept a PDF whose header comes a little late; so do we, and nothing else."""

MAX_POSITION = 10_000


@dataclass(slots=True, kw_only=True)
class Typed:
    """Everything that stands in a form, and what is wrong with it."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)


def typed_from(booth: Booth) -> Typed:
    return Typed(values={name: str(getattr(booth, name)) for name in ALL_FIELDS})


def blank() -> Typed:
    return Typed(values=dict.fromkeys(ALL_FIELDS, "") | {"tier": Tier.STANDARD.value})


def draft(typed: Typed, names: tuple[str, ...]) -> dict[str, object]:
    """The values of the fields that this person may set; what is wrong is noted beside them."""
    values: dict[str, object] = {}
    for name in names:
        try:
            values[name] = READERS[name](typed.values.get(name, ""))
        except Invalid as error:
            typed.errors[name] = str(error)
    return values


def name(text: str) -> str:
    found = _line(text, MAX_LINE)
    if not found:
        raise Invalid("A booth needs a name.")
    return found


def position(text: str) -> int:
    text = text.strip() or "0"
    if not text.isascii() or not text.isdecimal() or int(text) > MAX_POSITION:
        raise Invalid(f"A whole number up to {MAX_POSITION}.")
    return int(text)


def tier(text: str) -> Tier:
    if text not in set(Tier):
        raise Invalid("Choose a size.")
    return Tier(text)


def website(text: str) -> str:
    found = safe_url(text)
    if text.strip() and not found:
        raise Invalid("A web address starts with https:// and names a site.")
    return found


def rich(text: str) -> str:
    if len(text) > MAX_RICH:
        raise Invalid(f"At most {MAX_RICH} characters.")
    return rich_html(text)


def title(text: str) -> str:
    """What a document is called; raises Invalid."""
    found = _line(text, MAX_LINE)
    if not found:
        raise Invalid("A document needs a title.", where="title")
    return found


def pdf(content: bytes) -> bytes:
    """Raises Invalid unless it is one by its own first bytes, whatever it is called."""
    if len(content) > MAX_PDF_BYTES:
        raise Invalid("At most 50 MB.", where="file")
    if PDF_MAGIC not in content[:MAGIC_WITHIN]:
        raise Invalid("This is no PDF.", where="file")
    return content


def _line(text: str, limit: int) -> str:
    found = plain_text(text)
    if len(found) > limit:
        raise Invalid(f"At most {limit} characters.")
    return found


READERS: Mapping[str, Callable[[str], object]] = {
    "name": name,
    "category": lambda text: _line(text, MAX_LINE),
    "tier": tier,
    "position": position,
    "tagline": lambda text: _line(text, MAX_TAGLINE),
    "description": rich,
    "showcase": rich,
    "website": website,
}
