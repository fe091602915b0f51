"""The socket's frames as JSON Schema, made of the types that read and write them.

Served to whoever writes a client. It says what a frame looks like; what it means and in which order
frames come stands in docs/protocol.md.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from realtime.wire import MAX_INTEGER, Event, Follow, Message, Reply, State, Unfollow
from server.access import public
from server.commands import commands

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REF = "#/$defs/{name}"

TOPIC = {"type": "string", "description": "Whose followers learn it."}
SEQ = {
    "type": "integer",
    "minimum": 1,
    "maximum": MAX_INTEGER,
    "description": "Its number within the topic's epoch.",
}


def document() -> dict[str, Any]:
    """`up` is what a page sends, `down` what it receives; `$defs` has every type by its name."""
    up: list[type[Message]] = [Follow, Unfollow, *commands.types()]
    events, states, replies = (sorted_types(base) for base in (Event, State, Reply))
    every = [*up, *events, *states, *replies]
    refs, defs = msgspec.json.schema_components(every, ref_template=REF)
    ref = dict(zip(every, refs, strict=True))
    for one in events:
        _stamp(_definition(defs, ref[one]), {"topic": TOPIC, "seq": SEQ})
    for one in states:
        _stamp(_definition(defs, ref[one]), {"topic": TOPIC})
    return {
        "$schema": DIALECT,
        "title": "Rounds: what travels over the socket",
        "up": {"anyOf": [ref[one] for one in up]},
        "down": {"anyOf": [ref[one] for one in (*events, *states, *replies)]},
        "$defs": defs,
    }


def sorted_types(base: type[msgspec.Struct]) -> list[Any]:
    """Everything below a base that has a tag of its own, in the order of the tags."""
    found = {str(one.__struct_config__.tag): one for one in _below(base) if _tagged(one)}
    return [found[tag] for tag in sorted(found)]


def _tagged(one: type[msgspec.Struct]) -> bool:
    inside = one.__module__.split(".")[0] in {"server", "realtime"}
    return inside and one.__struct_config__.tag is not None and not one.__subclasses__()


def _below(base: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for one in base.__subclasses__():
        yield one
        yield from _below(one)


def _definition(defs: dict[str, Any], ref: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = defs[ref["$ref"].rpartition("/")[2]]
    return found


def _stamp(definition: dict[str, Any], address: dict[str, Any]) -> None:
    """The hub prefixes where a frame belongs; the type that is sealed does not have it."""
    definition["properties"] = {**address, **definition["properties"]}
    required: Iterable[str] = definition.get("required", [])
    definition["required"] = [*address, *required]


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(document())


async def show(_request: Request) -> Response:
    return Response(_encoded(), media_type="application/schema+json")


routes = [public("/protocol.json", show)]
