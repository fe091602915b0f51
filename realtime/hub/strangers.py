"""How much may come from one address of people who have not signed in. Pure: time is passed in.

Whoever is signed in is counted by person, never by address: a hospital is one address. Of strangers
each address has an allowance, large enough for a lecture hall that signs in at once.
"""

from collections import OrderedDict

from realtime.hub.allowance import Allowance

KEPT = 10_000
"""Addresses remembered at a time: the one unheard of for longest is forgotten first."""


class Strangers:
    """Allowances by household (`addresses.household`); the empty one is nobody and unlimited."""

    def __init__(self, *, rate: float, burst: float, kept: int = KEPT) -> None:
        self._rate, self._burst, self._kept = rate, burst, kept
        self._known: OrderedDict[str, Allowance] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def may(self, household: str, now: float) -> bool:
        """Whether something is left, without taking any."""
        known = self._known.get(household)
        return known is None or not known.empty(now, rate=self._rate, burst=self._burst)

    def take(self, household: str, now: float) -> bool:
        """Take one; False when nothing is left."""
        if not household:
            return True
        known = self._known.pop(household, None) or Allowance(self._burst, now)
        self._known[household] = known
        if len(self._known) > self._kept:
            self._known.popitem(last=False)
        return known.take(now, rate=self._rate, burst=self._burst)
