"""How much may come from one address of people who have not signed in. Pure: time is passed in.

Whoever is signed in is counted by person, never by address: a hospital is one address. Of strangers
each address has an allowance, large enough for a lecture hall that signs in at once. While somebody
there uses it up, who was seen signed in before comes in all the same.
"""

from collections import OrderedDict

from realtime.hub.allowance import Allowance

KEPT = 10_000
"""Addresses remembered at a time: the one unheard of for longest is forgotten first."""

VOUCHED = 40_000
"""Logins remembered at a time, as a number that says nothing: everybody of two full processes."""


class Strangers:
    """Allowances by household (`addresses.household`); the empty one is nobody and unlimited.

    `refused` is how many were turned away for want of one, which whoever does so counts.
    """

    def __init__(self, *, rate: float, burst: float, kept: int = KEPT) -> None:
        self._rate, self._burst, self._kept = rate, burst, kept
        self.refused = 0
        self._known: OrderedDict[str, Allowance] = OrderedDict()
        self._vouched: OrderedDict[int, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def may(self, household: str, now: float, login: str = "") -> bool:
        """Whether to look who it is: something is left, or this login held before."""
        known = self._known.get(household)
        if known is None or not known.empty(now, rate=self._rate, burst=self._burst):
            return True
        return bool(login) and hash(login) in self._vouched

    def vouch(self, login: str) -> None:
        """It holds; of what proves it only a hash is kept, which is another in every process."""
        mark = hash(login)
        self._vouched[mark] = None
        self._vouched.move_to_end(mark)
        if len(self._vouched) > VOUCHED:
            self._vouched.popitem(last=False)

    def take(self, household: str, now: float) -> bool:
        """Take one; False when nothing is left."""
        if not household:
            return True
        known = self._known.pop(household, None) or Allowance(self._burst, now)
        self._known[household] = known
        if len(self._known) > self._kept:
            self._known.popitem(last=False)
        return known.take(now, rate=self._rate, burst=self._burst)
