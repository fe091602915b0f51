"""Counts outlive the streams that made them."""

from realtime.relay.totals import Counted, Totals


class Stream:
    """Something that counts for as long as it lives."""


def test_a_sum_over_streams_that_come_and_go() -> None:
    counted = Counted()
    one = Stream()
    for count in (3, 3, 5):
        counted.read(one, count)
    assert counted.total == 5
    counted.read(Stream(), 4)  # gone again
    counted.read(one, 7)
    assert counted.total == 11
    counted.read(one, 2)  # began anew
    assert counted.total == 13


def test_the_cost_of_a_packet_is_that_of_the_last_interval_with_packets() -> None:
    totals = Totals()
    totals.spent(100)
    cost = totals.cpu_us_per_packet
    assert cost > 0
    totals.spent(100)
    assert totals.cpu_us_per_packet == cost
