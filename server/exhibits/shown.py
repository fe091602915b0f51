"""What the hall's pages share: snapshots with their positions, and fields of forms."""

from typing import Any
from uuid import UUID

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from realtime.wire import Topic
from server.call import Call
from server.errors import Invalid
from server.exhibits import rules

SANDBOX = "default-src 'none'; sandbox"
"""The policy of what was uploaded: opened by accident, it may do nothing at all."""


async def positions(call: Call, *topics: Topic) -> list[dict[str, Any]]:
    """Where topics stand; read it before the rows of a page."""
    found: list[dict[str, Any]] = []
    for topic in topics:
        at = await call.services.publisher.position(topic)
        epoch, seq = at or (None, 0)
        found.append({"topic": topic, "epoch": epoch, "seq": seq})
    return found


def answer(value: object) -> Response:
    """A snapshot for an element that lost count."""
    return Response(msgspec.json.encode(value), media_type="application/json")


def text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def uuid(form: FormData, name: str) -> UUID:
    """Raises Invalid: forms carry these hidden, so only a tampered one lacks it."""
    try:
        return UUID(text(form, name))
    except ValueError:
        raise Invalid("This form is incomplete. Please reload the page.", where=name) from None


def whole(form: FormData, name: str) -> int:
    try:
        return int(text(form, name) or "0")
    except ValueError:
        raise Invalid("A whole number, please.", where=name) from None


def booth_path(request: Request, tail: str = "") -> str:
    return f"/booths/{request.path_params['booth_id']}{tail}"


def words(fields: tuple[rules.Field, ...]) -> str:
    """`Name, e-mail address`."""
    names = [rules.FIELDS[field] for field in fields]
    return ", ".join([*names[:1], *(name.lower() for name in names[1:])])
