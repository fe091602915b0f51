"""Each instant to at most one session, each session at most its limit, as much as possible in all.

An exact maximum flow: source → time → every session that was attended then → sink. Time is first
gathered into classes (all stretches in which the same sessions were attended are interchangeable),
so that a storm of reconnections costs nothing. This file knows nothing about sessions but a set of
time and a limit each.
"""

from collections.abc import Sequence
from itertools import pairwise
from operator import itemgetter

from server.attendance.intervals import Interval, Intervals, earliest, union

Piece = tuple[int, int, int]
"""From, to, and who wants it: one bit for each of the wanting sets."""


def allot(wanted: Sequence[Intervals], limits: Sequence[int]) -> list[Intervals]:
    """What each gets of what it wants: disjoint sets whose total is the maximum there can be.

    Where there is a choice, earlier sets of the sequence and earlier time come first.
    """
    pieces = _pieces(wanted)
    if all(mask & (mask - 1) == 0 for _, _, mask in pieces):
        return [earliest(want, limit) for want, limit in zip(wanted, limits, strict=True)]
    lengths: dict[int, int] = {}
    for start, end, mask in pieces:
        lengths[mask] = lengths.get(mask, 0) + end - start
    shares = _Shares(limits)
    for mask, available in lengths.items():
        shares.hand_out(mask, available)
    return _cut(pieces, shares.given)


class _Shares:
    """The flow while it is being built: `given[s][mask]` is what session s has of a class."""

    def __init__(self, limits: Sequence[int]) -> None:
        self.room = list(limits)
        self.given: list[dict[int, int]] = [{} for _ in limits]

    def hand_out(self, mask: int, available: int) -> None:
        """All of one class that fits, moving what was handed out before where that makes room."""
        while available and (path := self._path(mask)):
            available -= self._send(mask, path, available)

    def _path(self, mask: int) -> list[tuple[int, int]]:
        """The shortest way to a session with room, as (session, class it hands on) from the end.

        Empty when there is none: then there never will be, whatever is handed out later.
        """
        reached = mask
        queue = [(session, -1, 0) for session in _members(mask)]
        for at, (session, _, _) in enumerate(queue):
            if self.room[session]:
                return _walk_back(queue, at)
            for owned, amount in self.given[session].items():
                fresh = owned & ~reached if amount else 0
                reached |= fresh
                queue.extend((other, at, owned) for other in _members(fresh))
        return []

    def _send(self, mask: int, path: list[tuple[int, int]], available: int) -> int:
        """Along the path every session gives to the next what it takes from the one before."""
        amount = min(available, self.room[path[0][0]])
        for (_, owned), (giver, _) in pairwise(path):
            amount = min(amount, self.given[giver][owned])
        self.room[path[0][0]] -= amount
        for (taker, owned), (giver, _) in pairwise(path):
            self.given[giver][owned] -= amount
            self.given[taker][owned] = self.given[taker].get(owned, 0) + amount
        first = self.given[path[-1][0]]
        first[mask] = first.get(mask, 0) + amount
        return amount


def _walk_back(queue: list[tuple[int, int, int]], at: int) -> list[tuple[int, int]]:
    path: list[tuple[int, int]] = []
    while at >= 0:
        session, parent, owned = queue[at]
        path.append((session, owned))
        at = parent
    return path


def _pieces(wanted: Sequence[Intervals]) -> list[Piece]:
    """Time cut wherever somebody starts or stops wanting it, in order."""
    edges = [
        (at, 1 << session)
        for session, want in enumerate(wanted)
        for interval in want
        for at in interval
    ]
    edges.sort(key=itemgetter(0))
    pieces: list[Piece] = []
    mask = since = 0
    for at, bit in edges:
        if mask and since < at:
            pieces.append((since, at, mask))
        mask ^= bit
        since = at
    return pieces


def _cut(pieces: list[Piece], given: list[dict[int, int]]) -> list[Intervals]:
    """Turn amounts of a class back into stretches of time, the earliest first."""
    got: list[list[Interval]] = [[] for _ in given]
    left = [dict(shares) for shares in given]
    for start, end, mask in pieces:
        at = start
        for session in _members(mask):
            amount = min(left[session].get(mask, 0), end - at)
            if amount:
                left[session][mask] -= amount
                got[session].append((at, at + amount))
                at += amount
    return [union(own) for own in got]


def _members(mask: int) -> list[int]:
    members: list[int] = []
    while mask:
        low = mask & -mask
        members.append(low.bit_length() - 1)
        mask ^= low
    return members
