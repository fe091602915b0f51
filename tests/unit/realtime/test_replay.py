from hypothesis import given
from hypothesis import strategies as st

from realtime.hub.replay import Replay
from realtime.wire import Epoch, Position, Seq

OLD, NEW = Epoch("old"), Epoch("new")


def at(seq: int, epoch: Epoch = OLD) -> Position:
    return Position(epoch, Seq(seq))


def text(seq: int) -> bytes:
    return b"<%d>" % seq


@given(
    limit=st.integers(1, 8),
    first=st.integers(0, 20),
    count=st.integers(0, 20),
    since=st.integers(0, 45),
    held_back=st.integers(0, 3),
)
def test_a_replay_is_exact_or_none(
    limit: int, first: int, count: int, since: int, held_back: int
) -> None:
    replay = Replay(limit, at(first))
    for seq in range(first + 1, first + count + 1):
        assert replay.add(at(seq), text(seq))
    last = first + count
    until = max(first, last - held_back)
    oldest = max(first, last - limit)
    expected = None
    if oldest <= since <= last:
        expected = b"".join(text(seq) for seq in range(since + 1, until + 1))
    for _ in range(2):  # the second answer is remembered
        assert replay.since(at(since), Seq(until)) == expected


def test_what_does_not_continue_begins_anew() -> None:
    replay = Replay(4, at(3))
    replay.add(at(4), b"a")
    assert not replay.add(at(6), b"c")
    assert replay.since(at(4)) is None
    assert replay.since(at(5)) == b"c"
    assert not replay.add(at(1, NEW), b"n")
    assert replay.since(at(6)) is None
    assert replay.since(at(0, NEW)) == b"n"


def test_another_epoch_or_no_position_is_not_recovered() -> None:
    replay = Replay(4, at(3))
    assert replay.since(at(3)) == b""
    assert replay.since(at(3, NEW)) is None
    assert replay.since(None) is None
    assert Replay(4, None).since(at(0)) is None


def test_a_new_frame_is_not_hidden_by_a_remembered_answer() -> None:
    replay = Replay(4, at(0))
    replay.add(at(1), b"a")
    assert replay.since(at(0)) == b"a"
    replay.add(at(2), b"b")
    assert replay.since(at(0)) == b"ab"
