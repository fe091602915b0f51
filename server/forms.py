"""Reads what a form sent: text, and the command id that makes sending it twice harmless."""

from collections.abc import Mapping
from uuid import UUID

from server.errors import Invalid
from server.ids import new_id


def field(form: Mapping[str, object], name: str) -> str:
    """A field as text; one that is missing, or a file, is empty."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def command_id(form: Mapping[str, object], where: str = "command_id") -> UUID:
    """The id that the page gave this form; a form without one is a command of its own."""
    written = field(form, "command_id")
    if not written:
        return new_id()
    try:
        return UUID(written)
    except ValueError:
        raise Invalid("Reload the page and try again.", where=where) from None
