"""Credit systems as data: what a unit is, how it is rounded, what a day may bring.

The engine in `rules.py` knows no system by name; a new one is a row here. What a system asks of a
learner's identity, and what its certificates say, is not arithmetic and not here.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

HOUR_MS = 3_600_000
QUARTER = Decimal("0.25")


class Rounding(Enum):
    HALF_UP = "half_up"
    """To the nearest step; exactly half a step counts as one."""
    FLOOR = "floor"
    """Only full steps."""
    WHOLE_SESSION = "whole_session"
    """No rounding: a session is worth all its designated time once passed, else nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """`step` units are earned by `quantum_ms` of eligible time; nothing less is ever awarded."""

    id: str
    name: str
    unit: str
    step: Decimal
    quantum_ms: int
    rounding: Rounding = Rounding.HALF_UP
    day_max: Decimal | None = None
    """The most units of one day of the activity; each day is then rounded by itself."""
    hour_minutes: int | None = None
    """Set where the length of an hour is the provider's choice (some boards use 50 minutes)."""

    def with_hour_of(self, minutes: int) -> "System":
        assert self.hour_minutes is not None, "this system's hour is fixed"
        quantum_ms = self.quantum_ms // self.hour_minutes * minutes
        return replace(self, hour_minutes=minutes, quantum_ms=quantum_ms)


AMA_PRA_1 = System(
    id="ama-pra-1",
    name="AMA PRA Category 1 Credit™",
    unit="credit",
    step=QUARTER,
    quantum_ms=HOUR_MS // 4,
)

SYSTEMS = {
    system.id: system
    for system in (
        AMA_PRA_1,
        System(
            id="ancc",
            name="ANCC contact hours",
            unit="contact hour",
            step=Decimal("0.01"),
            quantum_ms=HOUR_MS // 100,
            rounding=Rounding.FLOOR,
            hour_minutes=60,
        ),
        System(
            id="aapa-1",
            name="AAPA Category 1 CME",
            unit="credit",
            step=QUARTER,
            quantum_ms=HOUR_MS // 4,
        ),
        System(
            id="ipce",
            name="Interprofessional Continuing Education",
            unit="credit",
            step=QUARTER,
            quantum_ms=HOUR_MS // 4,
        ),
        System(
            id="aafp-prescribed",
            name="AAFP Prescribed",
            unit="credit",
            step=QUARTER,
            quantum_ms=HOUR_MS // 4,
        ),
        System(
            id="ecmec",
            name="European CME Credits",
            unit="ECMEC",
            step=Decimal("0.5"),
            quantum_ms=HOUR_MS // 2,
            rounding=Rounding.FLOOR,
            day_max=Decimal(8),
        ),
        System(
            id="rcp-uk",
            name="Federation of the Royal Colleges of Physicians of the UK",
            unit="credit",
            step=Decimal(1),
            quantum_ms=HOUR_MS,
            day_max=Decimal(8),
        ),
        System(
            id="rcpsc-1",
            name="Royal College of Canada, Section 1",
            unit="credit",
            step=QUARTER,
            quantum_ms=HOUR_MS // 4,
        ),
        System(
            id="acpe-uan",
            name="ACPE, by UAN",
            unit="contact hour",
            step=QUARTER,
            quantum_ms=HOUR_MS // 4,
            rounding=Rounding.WHOLE_SESSION,
        ),
        System(
            id="abim-moc",
            name="ABIM Maintenance of Certification",
            unit="point",
            step=QUARTER,
            quantum_ms=HOUR_MS // 4,
        ),
    )
}
"""By the identifier that facts, claims and certificates carry."""
