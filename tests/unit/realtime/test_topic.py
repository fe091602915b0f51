from hypothesis import given
from hypothesis import strategies as st

from realtime.hub.topic import Audience
from realtime.limits import (
    CATCH_UP_BYTES,
    HISTORY,
    MAX_TICK_SECONDS,
    STATES,
    TICK_MEMBERS,
    TICK_SECONDS,
    TICK_TIMES,
)
from realtime.wire import Epoch, Position, Seq, Topic, frame
from tests.unit.realtime.members import Clock, Reader

STAGE = Topic("session/1")


def at(seq: int, epoch: str = "e") -> Position:
    return Position(Epoch(epoch), Seq(seq))


def resync(seq: int, epoch: str = "e") -> bytes:
    text = b'{"type":"resync","topic":"session/1","epoch":"%b","seq":%d}'
    return frame(text % (epoch.encode(), seq))


def followed(seq: int) -> bytes:
    text = b'{"type":"followed","topic":"session/1","epoch":"e","seq":%d,"recovered":true}'
    return frame(text % seq)


def audience(clock: Clock | None = None) -> Audience:
    clock = clock or Clock()
    opened = Audience(STAGE, now=clock.now, later=clock.later)
    opened.load(at(0), [])
    return opened


def crowd(topic: Audience, size: int) -> list[Reader]:
    readers = [Reader(str(number)) for number in range(size)]
    for reader in readers:
        topic.join(reader, at(0))
    return readers


def test_one_that_is_full_is_set_aside_while_the_others_are_written_to() -> None:
    topic = audience()
    readers = crowd(topic, 5)
    slow = readers[2]
    slow.when_written = lambda: topic.set_aside(slow)  # as a transport does, inside write

    topic.tell(at(1), b"<1>")
    topic.tell(at(2), b"<2>")
    assert [reader.text() for reader in readers] == [b"<1><2>", b"<1><2>", b"<1>"] + [b"<1><2>"] * 2
    slow.when_written = lambda: None
    assert topic.bring_back(slow) == b"<2>"
    topic.tell(at(3), b"<3>")
    assert slow.text() == b"<1><3>"


def test_all_may_become_full_in_the_same_round() -> None:
    topic = audience()
    for reader in crowd(topic, 3):
        reader.when_written = lambda reader=reader: topic.set_aside(reader)  # type: ignore[misc]
    topic.tell(at(1), b"<1>")
    topic.tell(at(2), b"<2>")
    assert len(topic) == 3


def test_one_may_leave_while_it_is_written_to() -> None:
    topic = audience()
    readers = crowd(topic, 3)
    readers[1].when_written = lambda: topic.leave(readers[1])
    topic.tell(at(1), b"<1>")
    assert len(topic) == 2
    assert [reader.text() for reader in readers] == [b"<1>"] * 3


def test_one_set_aside_gets_the_newest_states_and_no_older_ones() -> None:
    topic = audience()
    (reader,) = crowd(topic, 1)
    topic.show("a", b"<a1>")
    topic.set_aside(reader)
    for value in (b"<b1>", b"<b2>"):
        topic.show("b", value)
    assert reader.text() == b"<a1>"
    assert topic.bring_back(reader) == b"<b2>"


def test_one_set_aside_for_longer_than_the_ring_is_told_to_resync() -> None:
    topic = audience()
    (reader,) = crowd(topic, 1)
    topic.set_aside(reader)
    for seq in range(1, HISTORY + 2):
        topic.tell(at(seq), b"<>")
    assert topic.bring_back(reader) == resync(HISTORY + 1)


def test_what_is_longer_than_a_fresh_fragment_is_not_replayed() -> None:
    topic = audience()
    for seq in range(1, 6):
        topic.tell(at(seq), b"x" * (CATCH_UP_BYTES // 4))
    assert topic.join(Reader(), at(0)) == resync(5)


def test_states_are_kept_within_their_limit() -> None:
    topic = audience()
    (reader,) = crowd(topic, 1)
    topic.set_aside(reader)
    for number in range(STATES + 5):
        topic.show(f"k{number}", b"<%d>" % number)
    assert topic.bring_back(reader).startswith(b"<5><6>")


def test_a_crowd_gets_the_first_at_once_and_the_rest_once_a_tick() -> None:
    clock = Clock()
    topic = audience(clock)
    readers = crowd(topic, TICK_MEMBERS)
    topic.tell(at(1), b"<1>")
    topic.tell(at(2), b"<2>")
    topic.show("k", b"<k1>")
    topic.show("k", b"<k2>")
    topic.tell(at(3), b"<3>")
    assert readers[-1].got == [b"<1>"]
    clock.pass_by(TICK_SECONDS)
    assert readers[-1].got == [b"<1>", b"<2><3><k2>"]
    clock.pass_by(1)
    topic.tell(at(4), b"<4>")
    assert readers[-1].got[2:] == [b"<4>"], "after a quiet tick the next goes out at once"


def test_one_who_joins_between_two_ticks_gets_nothing_twice_and_nothing_too_late() -> None:
    clock = Clock()
    topic = audience(clock)
    crowd(topic, TICK_MEMBERS)
    topic.tell(at(1), b"<1>")
    topic.tell(at(2), b"<2>")  # waits for the tick
    late = Reader()
    assert topic.join(late, at(0)) == b"<1>" + followed(1)
    clock.pass_by(TICK_SECONDS)
    assert late.text() == b"<2>"


def test_what_came_while_the_bus_was_asked_is_not_left_out() -> None:
    """A peer that was ahead when it asked is behind when it is answered."""
    topic = audience()
    topic.tell(at(1), b"<1>")
    topic.tell(at(2), b"<2>")
    assert topic.join(Reader("ann"), at(1), ahead=True) == b"<2>" + followed(2)
    assert topic.join(Reader("ben"), at(3), ahead=True) == followed(3)


def test_a_history_that_began_anew_while_the_bus_was_asked_is_told() -> None:
    topic = audience()
    topic.reload(at(0, "other"), [])
    assert topic.join(Reader("ann"), at(5), ahead=True) == resync(0, "other")


def test_the_tick_follows_what_writing_took() -> None:
    clock = Clock()
    topic = audience(clock)
    readers = crowd(topic, TICK_MEMBERS)
    takes = 2 * TICK_SECONDS

    def take_long() -> None:
        clock.time += takes

    readers[0].when_written = take_long
    topic.tell(at(1), b"<1>")
    topic.tell(at(2), b"<2>")
    clock.pass_by(TICK_TIMES * takes - TICK_SECONDS / 2)
    assert len(readers[1].got) == 1, "the next one is a while away"
    takes = 0.0
    clock.pass_by(TICK_SECONDS)
    assert len(readers[1].got) == 2
    topic.tell(at(3), b"<3>")
    clock.pass_by(TICK_SECONDS)
    assert len(readers[1].got) == 3, "and no longer than that"


def test_the_tick_has_an_end() -> None:
    clock = Clock()
    topic = audience(clock)
    readers = crowd(topic, TICK_MEMBERS)

    def take_very_long() -> None:
        clock.time += 10.0

    readers[0].when_written = take_very_long
    topic.tell(at(1), b"<1>")
    topic.tell(at(2), b"<2>")
    clock.pass_by(MAX_TICK_SECONDS)
    assert len(readers[1].got) == 2


def test_a_lost_history_is_told_at_once_and_replaces_what_waits() -> None:
    clock = Clock()
    topic = audience(clock)
    readers = crowd(topic, TICK_MEMBERS)
    topic.tell(at(1), b"<1>")
    topic.tell(at(2), b"<2>")
    topic.tell(at(1, "new"), b"<n>")
    assert readers[0].got == [b"<1>", resync(1, "new")]
    clock.pass_by(1)
    assert len(readers[0].got) == 2


def test_a_topic_whose_position_is_not_known_answers_resync_and_learns_it_later() -> None:
    clock = Clock()
    topic = Audience(STAGE, now=clock.now, later=clock.later)
    reader = Reader()
    assert topic.join(reader, None) == frame(
        b'{"type":"resync","topic":"session/1","epoch":null,"seq":0}'
    )
    topic.reload(at(7), [(at(7), b"<7>")])
    assert reader.text() == resync(7)
    assert topic.join(Reader(), at(6)) == b"<7>" + followed(7)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), st.integers(0, 0)),
        st.tuples(st.just("aside"), st.integers(0, 3)),
        st.tuples(st.just("back"), st.integers(0, 3)),
        st.tuples(st.just("tick"), st.integers(0, 0)),
        st.tuples(st.just("again"), st.integers(0, 3)),
    ),
    max_size=60,
)


@given(actions=ACTIONS)
def test_whoever_blinks_stalls_or_joins_again_sees_every_event_once_in_order(
    actions: list[tuple[str, int]],
) -> None:
    clock = Clock()
    topic = audience(clock)
    crowd(topic, TICK_MEMBERS)  # so that frames wait for ticks
    readers = crowd(topic, 4)
    seq = 0
    for action, which in actions:
        reader = readers[which]
        if action == "tell":
            seq += 1
            topic.tell(at(seq), b"<%d>" % seq)
        elif action == "aside":
            topic.set_aside(reader)
        elif action == "back":
            reader.got.append(topic.bring_back(reader))
        elif action == "tick":
            clock.pass_by(1)
        else:
            seen = reader.text().count(b"<")
            answer = topic.join(reader, at(seen))
            reader.got.append(answer[: answer.rindex(b"\x81")])
    for reader in readers:
        reader.got.append(topic.bring_back(reader))
    clock.pass_by(1)
    expected = b"".join(b"<%d>" % number for number in range(1, seq + 1))
    assert [reader.text() for reader in readers] == [expected] * 4
