"""What a network does to datagrams: loses, delays, overtakes and doubles them, seeded. Pure.

It knows no sockets: a road asks it what becomes of each datagram.
"""

import random
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Weather:
    """Each way for itself; a delay that varies is what makes packets overtake each other."""

    dice: random.Random
    loss: float = 0.0
    doubled: float = 0.0
    delay: float = 0.0
    """Seconds, in the mean."""
    jitter: float = 0.0
    """Seconds around it."""
    dark: bool = False
    """Nothing passes."""
    carried: int = 0
    lost: int = 0

    def passes(self) -> list[float]:
        """After how many seconds a copy of the next datagram arrives, for each copy."""
        self.carried += 1
        if self.dark or self.dice.random() < self.loss:
            self.lost += 1
            return []
        copies = 2 if self.dice.random() < self.doubled else 1
        return [
            max(0.0, self.delay + self.dice.uniform(-self.jitter, self.jitter))
            for _ in range(copies)
        ]


def rough(dice: random.Random) -> Weather:
    """A bad line: 5 % lost each way, 50 ± 20 ms, 1 % twice."""
    return Weather(dice=dice, loss=0.05, doubled=0.01, delay=0.05, jitter=0.02)
