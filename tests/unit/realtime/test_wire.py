import msgspec
import pytest
from websockets.frames import Frame, Opcode

from realtime.wire import Done, Epoch, Resync, Seq, State, Topic, frame, seal, stamp

STAGE = Topic("session/1")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_a_frame_is_what_websockets_would_write(size: int) -> None:
    text = b"x" * size
    assert frame(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


def test_an_address_is_prefixed_without_parsing() -> None:
    assert stamp(b'{"type":"x"}', STAGE, Seq(7)) == b'{"topic":"session/1","seq":7,"type":"x"}'
    assert stamp(b'{"type":"x"}', STAGE) == b'{"topic":"session/1","type":"x"}'
    odd = stamp(b'{"type":"x"}', Topic('a"b\\é'), Seq(1))
    assert msgspec.json.decode(odd) == {"topic": 'a"b\\é', "seq": 1, "type": "x"}


def test_a_state_has_a_key_and_no_number() -> None:
    class Tally(State, frozen=True, kw_only=True, tag="tally"):
        votes: int

    assert stamp(seal(Tally(key="p", votes=3)), STAGE) == (
        b'{"topic":"session/1","type":"tally","key":"p","votes":3}'
    )


def test_done_names_what_was_made_only_when_there_is_something() -> None:
    assert seal(Done(ref=3)) == b'{"type":"done","ref":3}'
    assert seal(Done(ref=3, value=5)) == b'{"type":"done","ref":3,"value":5}'


def test_a_position_that_is_not_known_has_no_epoch() -> None:
    assert seal(Resync(topic=STAGE, epoch=None, seq=Seq(0))) == (
        b'{"type":"resync","topic":"session/1","epoch":null,"seq":0}'
    )
    known = seal(Resync(topic=STAGE, epoch=Epoch("e"), seq=Seq(4)))
    assert known == b'{"type":"resync","topic":"session/1","epoch":"e","seq":4}'
