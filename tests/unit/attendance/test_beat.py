"""What a beat may hold: everything in it reaches the database together with everybody else's."""

import json
from uuid import uuid4

import pytest

from realtime.hub.commands import Malformed
from server.attendance.live import commands

decode = commands.decoder()


def beat(n: object) -> bytes:
    words = {"type": "beat", "n": n, "echo": "e", "session_id": str(uuid4())}
    return json.dumps(words | {"visible": True, "playing": True}).encode()


def test_beats_count_from_one() -> None:
    assert [decode(beat(n)).n for n in (1, 2**31)] == [1, 2**31]  # type: ignore[attr-defined]


@pytest.mark.parametrize("n", [0, -1, 2**31 + 1, 2**63, 2**64, 10**30, 1.5, "1", None])
def test_a_number_that_no_database_holds_is_no_beat(n: object) -> None:
    with pytest.raises(Malformed) as refusal:
        decode(beat(n))
    assert refusal.value.where == "$.n"
