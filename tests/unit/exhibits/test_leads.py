"""The file of leads, as a spreadsheet reads it."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from server.exhibits.leads import HEADINGS, csv_of
from server.exhibits.rules import Field, Lead, Purpose

GIVEN = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
ANA = Lead(
    id=UUID(int=1),
    number="R26-7Q4M-2K9D",
    visit_id=UUID(int=2),
    details={Field.NAME: "Ana Prieto, MD", Field.MAIL: "ana@example.org"},
    fields=(Field.NAME, Field.MAIL),
    purpose=Purpose.DEMO,
    given_at=GIVEN,
    until=GIVEN + timedelta(days=365),
    withdrawn_at=None,
    expired=False,
    interest=2,
    note="likes ECGs",
)
GONE = replace(ANA, details={}, fields=(), note="", interest=0)


def rows(leads: list[Lead]) -> list[list[str]]:
    raw = csv_of(leads, timezone(timedelta(hours=1)))
    assert raw.startswith(b"\xef\xbb\xbf"), "Excel needs the mark"
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def test_a_row_has_what_was_ticked_and_its_receipt() -> None:
    headings, row = rows([ANA])
    assert tuple(headings) == HEADINGS
    assert dict(zip(headings, row, strict=True)) == {
        "Name": "Ana Prieto, MD",
        "E-mail address": "ana@example.org",
        "Hospital or institution": "",
        "Profession": "",
        "For": "A demo",
        "Until": "2027-11-26",
        "Interest": "2",
        "Note": "likes ECGs",
        "Given": "2026-11-25T23:30:00Z",
        "Receipt": "R26-7Q4M-2K9D",
        "Receipt ID": str(UUID(int=1)),
    }


def test_what_was_withdrawn_or_has_expired_has_no_row() -> None:
    withdrawn = replace(GONE, withdrawn_at=GIVEN)
    expired = replace(GONE, expired=True)
    assert len(rows([withdrawn, ANA, expired])) == 2


def test_no_cell_is_computed_wherever_it_comes_from() -> None:
    hostile = replace(
        ANA,
        details={Field.NAME: "=HYPERLINK(1)", Field.MAIL: "+x@example.org"},
        note="@SUM(A1)\nnext, line",
    )
    _, row = rows([hostile])
    assert row[:2] == ["'=HYPERLINK(1)", "'+x@example.org"]
    assert row[HEADINGS.index("Note")] == "'@SUM(A1)\nnext, line"
