"""Sound first: when pictures are taken off a line, and when they are tried again."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.relay.bounds import PAUSE_SECONDS, STRAINED_LOSS, STRAINED_ROUND_TRIP, TRY_SECONDS
from realtime.relay.strain import Strain

LEAST, MOST = PAUSE_SECONDS
BAD = STRAINED_LOSS + 0.1


def stopped(strain: Strain, since: float) -> float:
    """Report losses every second until pictures stop; when that was."""
    at = since
    while strain.pictures:
        strain.reported(BAD, 0.05, at)
        at += 1.0
    return at - 1.0


def test_pictures_stop_within_seconds_of_heavy_loss() -> None:
    assert stopped(Strain(), 10.0) == 12.0


def test_a_bad_report_among_good_ones_changes_nothing() -> None:
    strain = Strain()
    for at in range(60):
        strain.reported(BAD if at % 3 else 0.01, 0.05, float(at))
    assert strain.pictures


def test_a_queue_that_fills_is_noticed_and_a_far_country_is_not() -> None:
    far, filling = Strain(), Strain()
    for at in range(20):
        far.reported(0.0, 1.2 * STRAINED_ROUND_TRIP, float(at))
        filling.reported(0.0, 0.1 + 0.2 * at, float(at))
    assert far.pictures
    assert not filling.pictures


def test_each_try_that_fails_doubles_the_pause_and_one_that_holds_ends_it() -> None:
    strain, at, pauses = Strain(), 100.0, []
    for _ in range(6):
        began = at = stopped(strain, at)
        while not strain.try_again(0.0, at):
            at += 1.0
        pauses.append(at - began)
    assert pauses == [LEAST, 2 * LEAST, 4 * LEAST, MOST, MOST, MOST]
    at = began = stopped(strain, at + TRY_SECONDS)
    while not strain.try_again(0.0, at):
        at += 1.0
    assert at - began == LEAST


def test_pictures_are_not_tried_while_even_sound_is_lost() -> None:
    strain = Strain()
    at = stopped(strain, 0.0) + MOST
    assert not strain.try_again(0.3, at)
    assert strain.try_again(0.0, at + 1)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 5), st.floats(0.01, 30)), max_size=200))
def test_pictures_never_come_and_go_faster_than_the_pause(
    reports: list[tuple[float, float, float]],
) -> None:
    strain, now, stopped_at = Strain(), 0.0, None
    for lost, trip, seconds in reports:
        now += seconds
        if strain.try_again(lost, now):
            assert stopped_at is not None
            assert now - stopped_at >= LEAST
        before = strain.pictures
        strain.reported(lost, trip, now)
        if before and not strain.pictures:
            stopped_at = now
