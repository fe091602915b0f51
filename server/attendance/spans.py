"""What one beat does to the span its connection is in: lengthen it, seal it, begin another. Pure.

The echo kills replayed, prerecorded and blind beats: each acknowledgement carries a new one, which
the next beat must return. A beat sent again (its number was kept already) gets the current echo and
changes nothing.
"""

from dataclasses import dataclass, replace

from server.attendance.rules import LEASE_MS, SPAN_MS
from server.errors import Refused

LEAST_GAP_MS = 10_000
"""Beats closer than this that say nothing new add nothing: they are answered and not counted."""


class WrongEcho(Refused):
    """The beat does not return what the last acknowledgement carried."""

    code = "beat.echo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A beat, stamped with the server's clock; `next_echo` is what its answer will carry."""

    at_ms: int
    n: int
    echo: str
    next_echo: str
    visible: bool
    playing: bool
    leaving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The open span of one connection in one space."""

    first_ms: int
    last_ms: int
    visible: bool
    playing: bool
    last_n: int
    beats: int = 1
    max_gap_ms: int = 0
    echo: str = ""
    left: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a beat came to: what is open now, what was sealed, and what its answer carries."""

    echo: str
    n: int
    running: Running | None = None
    sealed: tuple[Running, ...] = ()
    refusal: Refused | None = None


def receive(present: Running | None, beat: Received, *, first_echo: str) -> Outcome:
    """Apply a beat to the span that is open, if any. Never raises: a refusal is an outcome."""
    expected = present.echo if present is not None else first_echo
    if present is not None and beat.n <= present.last_n:
        return Outcome(echo=present.echo, n=beat.n, running=present)
    if beat.echo != expected:
        return Outcome(echo="", n=beat.n, running=present, refusal=WrongEcho())
    if present is None:
        return _begin(beat, ())
    return _go_on(present, beat)


def _go_on(present: Running, beat: Received) -> Outcome:
    """A beat on a span that is open: the answer's echo is new in every case."""
    changed = (present.visible, present.playing) != (beat.visible, beat.playing)
    at_ms = max(beat.at_ms, present.last_ms)  # a clock that was set back makes no negative time
    gap_ms = at_ms - present.last_ms
    if gap_ms < LEAST_GAP_MS and not changed and not beat.leaving:
        known = replace(present, last_n=beat.n, echo=beat.next_echo)
        return Outcome(echo=beat.next_echo, n=beat.n, running=known)
    if gap_ms > LEASE_MS or changed or at_ms - present.first_ms > SPAN_MS:
        return _begin(replace(beat, at_ms=at_ms), (present,))
    longer = replace(
        present,
        last_ms=at_ms,
        last_n=beat.n,
        beats=present.beats + 1,
        max_gap_ms=max(present.max_gap_ms, gap_ms),
        echo=beat.next_echo,
    )
    if beat.leaving:
        return Outcome(echo=beat.next_echo, n=beat.n, sealed=(replace(longer, left=True),))
    return Outcome(echo=beat.next_echo, n=beat.n, running=longer)


def _begin(beat: Received, sealed: tuple[Running, ...]) -> Outcome:
    """A new span at this beat; one that leaves at once is sealed as it begins."""
    span = Running(
        first_ms=beat.at_ms,
        last_ms=beat.at_ms,
        visible=beat.visible,
        playing=beat.playing,
        last_n=beat.n,
        echo=beat.next_echo,
    )
    if beat.leaving:
        left = (*sealed, replace(span, left=True))
        return Outcome(echo=beat.next_echo, n=beat.n, sealed=left)
    return Outcome(echo=beat.next_echo, n=beat.n, running=span, sealed=sealed)
