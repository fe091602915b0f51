"""What a disclosure may say, and who is let through to the picture."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.disclosures import rules
from server.disclosures.rules import Disclosure, Panel
from server.errors import Invalid

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
PLAIN = "Dr Okafor received research support from Halvorsen Therapeutics."


def panel(*, acknowledged: bool) -> Panel:
    entered = Disclosure(text=PLAIN, sha256=rules.fingerprint(PLAIN), entered_at=NOW)
    return Panel(disclosure=entered, acknowledged=acknowledged)


@pytest.mark.parametrize(
    "typed",
    [
        PLAIN,
        "Drs Lindqvist & Haddad: nothing to disclose (2024–2026), p < 0.05, 5 > 3.",
        "Mme Moreau déclare n’avoir aucun lien d’intérêt.",
        "Dr Silva is employed by Acme Inc. No. 4 of the list.",
        "Dr. Ruiz, M.D., Ph.D. (St. Mary's) e.g. holds stock.",
    ],
)
def test_full_sentences_are_kept_as_they_are(typed: str) -> None:
    assert rules.text(typed) == typed


def test_lines_become_paragraphs_without_the_space_around_them() -> None:
    kept = rules.text("  Dr A has none. \r\n\r\n\tDr B  has none.\n")
    assert kept == "Dr A has none.\nDr B has none."
    entered = Disclosure(text=kept, sha256=rules.fingerprint(kept), entered_at=NOW)
    assert entered.paragraphs == ("Dr A has none.", "Dr B has none.")


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "Write"),
        (" \n ", "Write"),
        ("<b>Dr Okafor</b> has none.", "HTML"),
        ("See <img src=logo.png>", "HTML"),
        ("Halvorsen &reg; paid.", "HTML"),
        ("Halvorsen&#174; paid.", "HTML"),
        ("Halvozin® was paid for.", "®"),
        ("Halvozin™ was paid for.", "®"),
        ("See https://halvorsen.example/x", "addresses"),
        ("See www.halvorsen.example", "addresses"),
        ("See halvorsen.com for more.", "addresses"),
        ("Write to info@halvorsen.org.", "addresses"),
        ("mailto:someone", "addresses"),
        ("A bell\x07 rings.", "characters"),
        ("Turned \u202eround.", "characters"),
        ("x" * (rules.MAX_CHARACTERS + 1), "At most"),
    ],
)
def test_what_is_not_plain_is_refused(typed: str, why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        rules.text(typed)
    assert refused.value.where == "text"


@given(st.text(max_size=300))
def test_what_is_kept_is_kept_again(typed: str) -> None:
    try:
        kept = rules.text(typed)
    except Invalid:
        return
    assert rules.text(kept) == kept


def test_without_a_disclosure_there_is_no_picture() -> None:
    with pytest.raises(rules.DisclosureMissing) as refused:
        rules.gate(None)
    assert refused.value.code == "disclosure.missing"


def test_an_unread_disclosure_is_required() -> None:
    with pytest.raises(rules.DisclosureRequired) as refused:
        rules.gate(panel(acknowledged=False))
    assert refused.value.code == "disclosure.required"
    assert refused.value.status == 409


def test_whoever_read_it_is_let_through() -> None:
    rules.gate(panel(acknowledged=True))
