"""Sets of time: integer milliseconds UTC, half-open `[a, b)`, always in normal form.

Normal form is sorted, disjoint, not touching and without empty members, so that equal sets are
equal tuples however they were cut up. This file knows arithmetic only: not who was where, nor what
it is worth.
"""

from collections.abc import Iterable

Interval = tuple[int, int]
Intervals = tuple[Interval, ...]
"""In normal form; what did not come from a function of this file goes through `union` first."""

NOTHING: Intervals = ()


def union(*many: Iterable[Interval]) -> Intervals:
    """Every instant that lies in any of them. Empty and reversed intervals hold no instant."""
    merged: list[Interval] = []
    start = end = 0
    for low, high in sorted(interval for some in many for interval in some):
        if high <= low:
            continue
        if start < end and low <= end:
            end = max(end, high)
            continue
        if start < end:
            merged.append((start, end))
        start, end = low, high
    if start < end:
        merged.append((start, end))
    return tuple(merged)


def intersection(left: Intervals, right: Intervals) -> Intervals:
    """Every instant that lies in both."""
    if not left or not right:
        return NOTHING
    shared: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        low, high = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if low < high:
            shared.append((low, high))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(shared)


def difference(left: Intervals, right: Intervals) -> Intervals:
    """Every instant of the first that lies outside the second."""
    if not left or not right:
        return left
    rest: list[Interval] = []
    j = 0
    for low, high in left:
        while j < len(right) and right[j][1] <= low:
            j += 1
        at, k = low, j
        while k < len(right) and right[k][0] < high:
            if at < right[k][0]:
                rest.append((at, right[k][0]))
            at = max(at, right[k][1])
            k += 1
        if at < high:
            rest.append((at, high))
    return tuple(rest)


def length(intervals: Intervals) -> int:
    return sum(high - low for low, high in intervals)


def earliest(intervals: Intervals, milliseconds: int) -> Intervals:
    """The first so many milliseconds of the set, in order of time; all of it when it is shorter."""
    taken: list[Interval] = []
    for low, high in intervals:
        if milliseconds <= 0:
            break
        taken.append((low, min(high, low + milliseconds)))
        milliseconds -= high - low
    return tuple(taken)


def hull(intervals: Intervals) -> Intervals:
    """From the first instant to the last, gaps included."""
    return ((intervals[0][0], intervals[-1][1]),) if intervals else NOTHING
