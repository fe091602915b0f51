"""The JSON Schema of the socket: complete, valid, and as strict as the decoder where it can be."""

import json
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

import server.app  # noqa: F401 - every type that is sent
from realtime.hub.commands import Malformed
from realtime.wire import Event, Reply, State
from server import schema
from server.commands import commands

DOCUMENT = schema.document()
DECODE = commands.decoder()


def of(way: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$schema": DOCUMENT["$schema"], "$defs": DOCUMENT["$defs"]} | DOCUMENT[way]
    )


UP, DOWN = of("up"), of("down")


def tags(way: str) -> list[str]:
    names = (one["$ref"].rpartition("/")[2] for one in DOCUMENT[way]["anyOf"])
    return [DOCUMENT["$defs"][name]["properties"]["type"]["enum"][0] for name in names]


def test_it_is_a_schema() -> None:
    for way in (UP, DOWN):
        Draft202012Validator.check_schema(way.schema)


def test_it_names_what_the_decoder_takes_and_what_is_sent() -> None:
    taken = ["topic.follow", "topic.unfollow"]
    taken += [str(one.__struct_config__.tag) for one in commands.types()]
    assert tags("up") == taken
    sent = [one for base in (Event, State, Reply) for one in schema.sorted_types(base)]
    assert tags("down") == [str(one.__struct_config__.tag) for one in sent]
    assert {"question", "poll", "votes", "tally", "done", "error", "welcome"} <= set(tags("down"))


def test_events_and_states_say_where_they_belong() -> None:
    votes = {"type": "votes", "key": "q", "id": "5b1c9ad6-7d0e-4a1c-8f47-4f6a2f3f1c11", "votes": 3}
    assert not DOWN.is_valid(votes)
    assert DOWN.is_valid({"topic": "session/1", **votes})


FOLLOW = {"type": "topic.follow", "topic": "session/1", "epoch": None, "seq": 0}
BAD: list[Any] = [
    FOLLOW | {"seq": -1},
    FOLLOW | {"topic": "x" * 1_000},
    FOLLOW | {"extra": 1},
    {"type": "question.ask"},
    {"type": "no.such"},
    [],
]


def test_it_takes_what_the_decoder_takes() -> None:
    assert UP.is_valid(FOLLOW)
    assert DECODE(json.dumps(FOLLOW).encode())


@pytest.mark.parametrize("frame", BAD, ids=lambda frame: str(frame)[:40])
def test_it_refuses_what_the_decoder_refuses(frame: Any) -> None:
    assert not UP.is_valid(frame)
    with pytest.raises(Malformed):
        DECODE(json.dumps(frame).encode())


def test_it_can_be_sent() -> None:
    assert json.loads(msgspec.json.encode(DOCUMENT)) == json.loads(json.dumps(DOCUMENT))
