"""Whom a certificate awards what, and in which words."""

from decimal import Decimal

import pytest

from server.credit.wording import (
    accreditation_statement,
    ama_credit,
    award_line,
    designation_statement,
    earns_ama_credit,
    figure,
)
from server.people.rules import Profession

MAXIMUM = Decimal("18.50")


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ("0.25", "0.25 AMA PRA Category 1 Credit(s)™"),
        ("0.75", "0.75 AMA PRA Category 1 Credit(s)™"),
        ("1.00", "1 AMA PRA Category 1 Credit™"),
        ("1.25", "1.25 AMA PRA Category 1 Credits™"),
        ("10.00", "10 AMA PRA Category 1 Credits™"),
        ("16.50", "16.5 AMA PRA Category 1 Credits™"),
    ],
)
def test_a_physician_is_awarded_what_was_claimed_in_its_number(units: str, words: str) -> None:
    award = award_line(Profession.PHYSICIAN, "MD", Decimal(units), designated=MAXIMUM)

    assert f"{award.figure} {award.unit}" == words
    assert award.heading == "Certificate of credit"
    assert award.verb == "and is awarded"
    assert award.note == ""


@pytest.mark.parametrize("profession", [each for each in Profession if each != "physician"])
@pytest.mark.parametrize("degree", ["", "RN", "MD", "PharmD"])
def test_nobody_else_is_ever_awarded_credit(profession: Profession, degree: str) -> None:
    award = award_line(profession, degree, Decimal("6.25"), designated=MAXIMUM)

    assert award.heading == "Certificate of participation"
    assert "awarded" not in f"{award.heading} {award.verb} {award.unit} {award.note}"
    assert f"{award.figure} {award.unit}" == "6.25 hours of participation"
    assert award.note.startswith(
        "This activity was designated for a maximum of 18.5 AMA PRA Category 1 Credits™."
    )
    assert ("CPE Monitor" in award.note) is (profession is Profession.PHARMACIST)


def test_one_hour_is_one_hour() -> None:
    award = award_line(Profession.NURSE, "RN", Decimal("1.00"), designated=Decimal(1))

    assert f"{award.figure} {award.unit}" == "1 hour of participation"
    assert award.note.endswith("a maximum of 1 AMA PRA Category 1 Credit™.")


@pytest.mark.parametrize(
    ("degree", "earns"),
    [
        ("", True),
        ("MD", True),
        ("M.D., Ph.D.", True),
        ("DO", True),
        ("MBBS, FRCP", True),
        ("MB ChB", True),
        ("Dr. med.", True),
        ("MD, PharmD", True),
        ("MD/MPH", True),
        ("PhD", True),
        ("MD PhD", True),
        ("RN", False),
        ("RN BSN", False),
        ("PharmD", False),
        ("PA-C, MPH", False),
        ("DNP, FNP", False),
    ],
)
def test_a_degree_may_contradict_the_profession(degree: str, *, earns: bool) -> None:
    assert earns_ama_credit(Profession.PHYSICIAN, degree) is earns


@pytest.mark.parametrize("units", ["0", "-0.25", "0.10", "0.3", "18.75"])
def test_impossible_claims_never_reach_paper(units: str) -> None:
    with pytest.raises(AssertionError):
        award_line(Profession.PHYSICIAN, "MD", Decimal(units), designated=MAXIMUM)


def test_the_designation_statement_names_format_and_maximum() -> None:
    assert designation_statement("Heart House", Decimal("16.00")) == (
        "Heart House designates this live internet activity for a maximum of 16 AMA PRA Category 1 "
        "Credit(s)™. Physicians should claim only the credit commensurate with the extent of their "
        "participation in the activity."
    )


def test_joint_providership_names_both_and_says_who_is_accredited() -> None:
    direct = accreditation_statement("Heart House")
    joint = accreditation_statement("Heart House", jointly_with="The Valve Society")

    assert direct.startswith("Heart House is accredited by the Accreditation Council")
    assert "joint providership of Heart House and The Valve Society" in joint
    assert joint.endswith(direct)


def test_figures_lose_only_zeros() -> None:
    units = [Decimal(text) for text in ("0.25", "1.50", "20.00", "100", "1E+2")]

    assert [figure(each) for each in units] == ["0.25", "1.5", "20", "100", "100"]
    assert ama_credit(Decimal(100)) == "AMA PRA Category 1 Credits™"
