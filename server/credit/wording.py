"""What a certificate says to whom: statements by profession and system, as pure functions.

Knows the AMA's words and nothing of who attended what: units come in as they were claimed.
"""

from dataclasses import dataclass
from decimal import Decimal

from server.people.rules import Profession

QUARTER = Decimal("0.25")
LIVE_INTERNET = "live internet activity"

# fmt: off
PHYSICIANS = frozenset({
    "md", "do", "mbbs", "mbchb", "mbbch", "mbbchbao", "bmbs", "bmbch", "bmed", "mbbchir", "mdcm",
    "drmed", "frcp", "mrcp",
})
OTHERS = frozenset({
    "rn", "bsn", "msn", "dnp", "np", "fnp", "aprn", "crna", "cns", "lpn", "cnm", "pa", "pac",
    "pharmd", "rph", "bpharm", "cpht", "dpt", "pt", "ot", "lcsw", "msw",
})
# fmt: on
"""Degrees in small letters without dots. The profession decides; these only catch a slip in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardLine:
    """The middle of a certificate: `… {verb}` over a large figure with its unit, then a note."""

    heading: str
    verb: str
    figure: str
    unit: str
    note: str


def earns_ama_credit(profession: Profession, degree: str) -> bool:
    """Physicians alone are awarded it; a degree may contradict a profession, not replace it."""
    if profession is not Profession.PHYSICIAN:
        return False
    titles = degree.replace("/", ",").split(",")
    known = {_plain(title) for title in (*titles, *" ".join(titles).split())}
    return bool(known & PHYSICIANS) or not known & OTHERS


def award_line(
    profession: Profession, degree: str, units: Decimal, *, designated: Decimal
) -> AwardLine:
    """Credit for physicians, participation for all others: never the maximum, always the claim."""
    assert units > 0, "nothing was claimed"
    assert units % QUARTER == 0, "credit comes in quarter hours"
    assert units <= designated, "nobody claims more than was designated"
    if earns_ama_credit(profession, degree):
        return AwardLine(
            heading="Certificate of credit",
            verb="and is awarded",
            figure=figure(units),
            unit=ama_credit(units),
            note="",
        )
    return AwardLine(
        heading="Certificate of participation",
        verb="for",
        figure=figure(units),
        unit="hour of participation" if units == 1 else "hours of participation",
        note=_participation_note(profession, designated),
    )


def designation_statement(
    provider: str, designated: Decimal, *, learning_format: str = LIVE_INTERNET
) -> str:
    """The AMA's own sentence; its "Credit(s)" stays as it is whatever the number."""
    return (
        f"{provider} designates this {learning_format} for a maximum of {figure(designated)} "
        "AMA PRA Category 1 Credit(s)™. Physicians should claim only the credit commensurate with "
        "the extent of their participation in the activity."
    )


def accreditation_statement(provider: str, *, jointly_with: str = "") -> str:
    """Direct providership, or joint providership with an organisation that is not accredited."""
    accredited = (
        f"{provider} is accredited by the Accreditation Council for Continuing Medical Education "
        "(ACCME) to provide continuing medical education for physicians."
    )
    if not jointly_with:
        return accredited
    return (
        "This activity has been planned and implemented in accordance with the accreditation "
        "requirements and policies of the Accreditation Council for Continuing Medical Education "
        f"(ACCME) through the joint providership of {provider} and {jointly_with}. {accredited}"
    )


def ama_credit(units: Decimal) -> str:
    """The protected phrase in its number; below one, the form that commits to neither."""
    if units == 1:
        return "AMA PRA Category 1 Credit™"
    return "AMA PRA Category 1 Credits™" if units > 1 else "AMA PRA Category 1 Credit(s)™"


def figure(units: Decimal) -> str:
    """`18.50` reads 18.5 and `16.00` reads 16, never 1.6E+1."""
    whole = units == units.to_integral_value()
    return f"{units.to_integral_value() if whole else units.normalize():f}"


def _participation_note(profession: Profession, designated: Decimal) -> str:
    maximum = f"{figure(designated)} {ama_credit(designated)}"
    note = f"This activity was designated for a maximum of {maximum}."
    if profession is Profession.PHARMACIST:
        # ACPE recognises no provider's certificate, only CPE Monitor's record of that credit.
        note += " Pharmacy credit is stated in CPE Monitor only."
    return note


def _plain(title: str) -> str:
    return "".join(letter for letter in title.casefold() if letter.isalnum())
