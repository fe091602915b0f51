from realtime.bus.bus import Past, Shown
from realtime.hub.hub import Hub
from realtime.limits import IDLE_SECONDS, STATES
from realtime.wire import Epoch, Position, Seq, Topic, frame
from tests.unit.realtime.members import Clock, Reader

STAGE = Topic("session/1")


def at(seq: int, epoch: str = "old") -> Position:
    return Position(Epoch(epoch), Seq(seq))


def event(seq: int, kind: str) -> bytes:
    return frame(b'{"topic":"session/1","seq":%d,"type":"%b"}' % (seq, kind.encode()))


def resync(seq: int, epoch: str) -> bytes:
    text = b'{"type":"resync","topic":"session/1","epoch":"%b","seq":%d}'
    return frame(text % (epoch.encode(), seq))


def followed(seq: int) -> bytes:
    text = b'{"type":"followed","topic":"session/1","epoch":"old","seq":%d,"recovered":true}'
    return frame(text % seq)


def open_hub(clock: Clock | None = None) -> Hub:
    clock = clock or Clock()
    hub = Hub(now=clock.now, later=clock.later)
    hub.open(STAGE, Past(at(1), [(Seq(1), b'{"type":"a"}')]))
    hub.deliver(STAGE, at(2), b'{"type":"b"}')
    return hub


def test_a_peer_that_blinked_gets_only_what_it_missed() -> None:
    hub, ann = open_hub(), Reader()
    assert hub.follow(ann, STAGE, at(1)) == event(2, "b") + followed(2)
    hub.deliver(STAGE, at(3), b'{"type":"c"}')
    assert ann.got == [event(3, "c")]


def test_an_unknown_position_or_another_epoch_asks_for_a_snapshot() -> None:
    hub = open_hub()
    for since in (None, at(2, "new"), at(9)):
        assert hub.follow(Reader(), STAGE, since) == resync(2, "old")


def test_a_peer_that_is_ahead_of_this_process_resumes_once_the_bus_confirms_it() -> None:
    hub, ann = open_hub(), Reader()
    assert hub.behind(STAGE, at(3))
    assert not hub.behind(STAGE, at(2))
    assert not hub.behind(STAGE, at(3, "new"))
    assert hub.follow(ann, STAGE, at(3), ahead=True) == followed(3)


def test_what_arrives_twice_is_sent_once_and_a_lost_history_is_told() -> None:
    hub, ann = open_hub(), Reader()
    hub.follow(ann, STAGE, at(2))
    hub.deliver(STAGE, at(2), b'{"type":"b"}')
    assert ann.got == []
    hub.deliver(STAGE, at(1, "new"), b'{"type":"z"}')
    assert ann.got == [resync(1, "new")]


def test_a_history_that_begins_anew_is_told_without_an_event() -> None:
    hub, ann = open_hub(), Reader()
    hub.follow(ann, STAGE, at(2))
    hub.deliver(STAGE, at(2, "new"), b"")
    hub.deliver(STAGE, at(2, "new"), b"")
    assert ann.got == [resync(2, "new")]
    assert hub.follow(Reader(), STAGE, at(2)) == resync(2, "new")


def test_what_is_delivered_while_the_past_is_read_is_not_lost() -> None:
    clock = Clock()
    hub = Hub(now=clock.now, later=clock.later)
    hub.expect(STAGE)
    hub.deliver(STAGE, at(1), b'{"type":"a"}')
    hub.deliver(STAGE, at(2), b'{"type":"b"}')
    hub.open(STAGE, Past(at(1), [(Seq(1), b'{"type":"a"}')]))
    assert hub.follow(Reader(), STAGE, at(0)) == event(1, "a") + event(2, "b") + followed(2)


def test_when_the_bus_is_back_what_was_missed_is_told() -> None:
    hub, ann = open_hub(), Reader()
    hub.follow(ann, STAGE, at(2))
    events = [(Seq(2), b'{"type":"b"}'), (Seq(3), b'{"type":"c"}'), (Seq(4), b'{"type":"d"}')]
    hub.recover(STAGE, Past(at(4), events))
    assert ann.got == [event(3, "c"), event(4, "d")]


def test_when_the_bus_is_back_with_too_little_or_another_past_peers_resync() -> None:
    hub, ann = open_hub(), Reader()
    hub.follow(ann, STAGE, at(2))
    hub.recover(STAGE, Past(at(9), [(Seq(9), b'{"type":"i"}')]))
    hub.recover(STAGE, Past(at(0, "new"), []))
    assert ann.got == [resync(9, "old"), resync(0, "new")]


def test_a_topic_opened_while_the_bus_was_away_gets_its_position_later() -> None:
    clock = Clock()
    hub, ann = Hub(now=clock.now, later=clock.later), Reader()
    hub.open(STAGE, None)
    assert b'"epoch":null' in hub.follow(ann, STAGE, at(4))
    hub.recover(STAGE, Past(at(5), []))
    assert ann.got == [resync(5, "old")]


def test_a_topic_is_forgotten_when_nobody_has_followed_it_for_a_while() -> None:
    clock = Clock()
    hub, ann = open_hub(clock), Reader()
    hub.follow(ann, STAGE, at(2))
    clock.pass_by(IDLE_SECONDS * 2)
    assert hub.close_idle() == []
    hub.unfollow(ann, STAGE)
    clock.pass_by(IDLE_SECONDS / 2)
    assert hub.close_idle() == []
    clock.pass_by(IDLE_SECONDS)
    assert hub.close_idle() == [STAGE]
    assert not hub.knows(STAGE)
    hub.deliver(STAGE, at(3), b'{"type":"c"}')  # what is still on its way harms nobody


def test_states_reach_followers_and_the_parts_of_the_process_that_listen() -> None:
    hub, ann = open_hub(), Reader()
    heard: list[tuple[str, bytes]] = []
    hub.overhear(STAGE, lambda key, sealed: heard.append((key, sealed)))
    hub.follow(ann, STAGE, at(2))
    hub.show(STAGE, "k", b'{"type":"tally","key":"k"}')
    assert heard == [("k", b'{"type":"tally","key":"k"}')]
    assert ann.got == [frame(b'{"topic":"session/1","type":"tally","key":"k"}')]


def test_a_peer_that_is_set_aside_catches_up_on_all_its_topics() -> None:
    hub, ann = open_hub(), Reader()
    other = Topic("session/2")
    hub.open(other, Past(at(0), []))
    hub.follow(ann, STAGE, at(2))
    hub.follow(ann, other, at(0))
    hub.set_aside(ann, (STAGE, other))
    hub.deliver(STAGE, at(3), b'{"type":"c"}')
    hub.deliver(other, at(1), b'{"type":"x"}')
    assert ann.got == []
    caught_up = event(3, "c") + frame(b'{"topic":"session/2","seq":1,"type":"x"}')
    assert hub.bring_back(ann, (STAGE, other)) == caught_up


def told(votes: int) -> bytes:
    return b'{"type":"votes","key":"v","votes":%d}' % votes


def shown(votes: int) -> bytes:
    return frame(b'{"topic":"session/1","type":"votes","key":"v","votes":%d}' % votes)


def test_who_comes_back_is_sent_the_states_told_since() -> None:
    hub = open_hub()
    hub.show(STAGE, "v", told(1))
    hub.deliver(STAGE, at(3), b'{"type":"c"}')
    assert hub.follow(Reader(), STAGE, at(2)) == event(3, "c") + shown(1) + followed(3)
    assert hub.follow(Reader(), STAGE, at(3)) == followed(3), "its snapshot is younger"
    hub.show(STAGE, "v", told(2))
    assert hub.follow(Reader(), STAGE, at(3)) == shown(2) + followed(3)


def test_a_process_that_starts_knows_the_states_told_before() -> None:
    clock = Clock()
    hub = Hub(now=clock.now, later=clock.later)
    hub.expect(STAGE)
    hub.show(STAGE, "w", b'{"type":"votes","key":"w","votes":0}')
    hub.open(STAGE, Past(at(2), [], [Shown("v", Seq(1), told(1))]))
    other = frame(b'{"topic":"session/1","type":"votes","key":"w","votes":0}')
    assert hub.follow(Reader(), STAGE, at(2)) == other + followed(2)


def test_states_that_were_missed_while_the_bus_was_away_are_shown() -> None:
    hub, ann = open_hub(), Reader()
    hub.follow(ann, STAGE, at(2))
    hub.show(STAGE, "v", told(1))
    hub.recover(STAGE, Past(at(2), [], [Shown("v", Seq(2), told(1))]))
    assert ann.got == [shown(1)]
    hub.recover(STAGE, Past(at(2), [], [Shown("v", Seq(2), told(2))]))
    assert ann.got == [shown(1), shown(2)]


def test_a_state_that_was_forgotten_asks_for_a_snapshot() -> None:
    hub = open_hub()
    for number in range(STATES + 1):
        hub.show(STAGE, f"v{number}", told(number))
    assert hub.follow(Reader(), STAGE, at(2)) == resync(2, "old")
    hub.deliver(STAGE, at(3), b'{"type":"c"}')
    assert hub.follow(Reader(), STAGE, at(3)) == followed(3)


def test_a_history_that_begins_anew_has_no_states() -> None:
    hub = open_hub()
    hub.show(STAGE, "v", told(1))
    hub.deliver(STAGE, at(2, "new"), b"")
    answer = hub.follow(Reader(), STAGE, at(2, "new"))
    assert answer == followed(2).replace(b'"old"', b'"new"')
