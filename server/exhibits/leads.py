"""Leads as a file for a spreadsheet: every row has its receipt, no cell is ever computed. Pure."""

import csv
import io
from collections.abc import Iterable
from datetime import tzinfo

from server.exhibits import rules
from server.exhibits.rules import FIELDS, Field, Lead, safe_cell

HEADINGS = (*FIELDS.values(), "For", "Until", "Interest", "Note", "Given", "Receipt", "Receipt ID")

MARK = "\ufeff"
"""The byte order mark: without it Excel takes UTF-8 for the machine's own code page."""


def csv_of(leads: Iterable[Lead], zone: tzinfo) -> bytes:
    """Only leads whose receipts hold, and of each only what was ticked; days are the zone's."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADINGS)
    for lead in leads:
        if lead.holds:
            writer.writerow(safe_cell(cell) for cell in _cells(lead, zone))
    return (MARK + out.getvalue()).encode()


def _cells(lead: Lead, zone: tzinfo) -> tuple[str, ...]:
    return (
        *(lead.details.get(field, "") for field in Field),
        rules.PURPOSES[lead.purpose],
        f"{lead.until.astimezone(zone):%Y-%m-%d}",
        str(lead.interest),
        lead.note,
        f"{lead.given_at:%Y-%m-%dT%H:%M:%SZ}",
        lead.number,
        str(lead.id),
    )
