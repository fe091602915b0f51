"""What a relay's streams have counted since it began: their own counts end with them.

Read now and then, since every stream keeps its numbers anyway; what one counted between the last
reading and its end is missing. It knows no sockets and no HTTP.
"""

from collections.abc import Iterable
from time import process_time
from typing import Any
from weakref import WeakKeyDictionary

from realtime.relay.stage import Stage

MICRO = 1e6


class Counted:
    """The sum of a number over streams that come and go."""

    def __init__(self) -> None:
        self.total = 0
        self._last: WeakKeyDictionary[Any, int] = WeakKeyDictionary()

    def read(self, stream: object, count: int) -> None:
        before = self._last.get(stream, 0)
        # A stream that begins anew begins at nothing.
        self.total += count - before if count >= before else count
        self._last[stream] = count


class Totals:
    """For the metrics of a process."""

    def __init__(self) -> None:
        self.joins = {"publish": 0, "watch": 0}
        self.lost, self.keyframes, self.resent = Counted(), Counted(), Counted()
        self.changes = Counted()
        """Of viewers between the sizes of a picture."""
        self.cpu_us_per_packet = 0.0
        """Of the whole process, over the last interval in which packets were sent."""
        self._spent = (process_time(), 0)

    def read(self, stages: Iterable[Stage]) -> None:
        for stage in stages:
            for stream in stage.streams.values():
                for feed in stream.feeds:
                    self.keyframes.read(feed, feed.keyframes_seen)
            for subscriber in stage.subscribers.values():
                for down in subscriber.tracks.values():
                    self.resent.read(down, down.resent)
                    self.changes.read(down, down.changes)
            if stage.publisher is not None:
                for up in stage.publisher.tracks:
                    self.lost.read(up, max(0, up.reception.lost))

    def spent(self, packets: int) -> None:
        """How many packets were sent so far; called at intervals."""
        cpu, (before, counted) = process_time(), self._spent
        if packets > counted:
            self.cpu_us_per_packet = (cpu - before) / (packets - counted) * MICRO
        self._spent = (cpu, packets)
