"""How far a page has come on one topic. Pure.

A position is (epoch, seq); while the epoch is None, nobody knows, and every event is news.
"""

from collections.abc import Callable
from typing import Any

Frame = dict[str, Any]
Position = tuple[str | None, int]


class Following:
    """One topic: how far its page has come, and the newest state under each key."""

    def __init__(self, at: Position, fold: Callable[[Frame], None]) -> None:
        self.at, self.fold = at, fold
        self.states: dict[str, Frame] = {}
        self.asked = self.again = False
        self.held: list[Frame] | None = None  # what arrives while the snapshot is fetched

    def hear(self, event: Frame) -> bool:
        """False after a gap; what was seen is ignored."""
        (epoch, last), seq = self.at, event["seq"]
        if epoch is not None and seq != last + 1:
            return bool(seq <= last)
        self.at = epoch, seq
        self.fold(event) if self.held is None else self.held.append(event)
        return True

    def reloaded(self, at: Position) -> bool:
        """What arrived meanwhile goes upon the snapshot; False if that is of another history."""
        held, self.held = self.held or [], None
        if None not in {at[0], self.at[0]} and at[0] != self.at[0]:
            self.at = at
            return False
        for event in held:
            if at[0] is None or event["seq"] > at[1]:
                self.fold(event)
        self.at = max(self.at, at, key=lambda each: (each[0] is not None, each[1]))
        return True
