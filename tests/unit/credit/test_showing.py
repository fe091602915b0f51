"""What a learner is shown of one session: devices by name, the rule, and what can be mended."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from server import clock
from server.agenda.rules import Phase
from server.agenda.rules import Session as Planned
from server.attendance.rules import Counts, Proof
from server.attendance.store import Evidence
from server.credit.findings import Policy, Session
from server.credit.rules import Facts, explain
from server.credit.showing import Strip, strip
from server.credit.systems import AMA_PRA_1

MINUTE = 60_000
PLANNED = Planned(
    conference_id=uuid4(), id=uuid4(), title="Imaging", starts_at=clock.moment(0),
    ends_at=clock.moment(45 * MINUTE), designated_ms=45 * MINUTE, phase=Phase.LIVE,
)  # fmt: skip


def seen(device: str, first: int, last: int) -> Evidence:
    return Evidence(
        person_id=uuid4(), space_id=PLANNED.id, booth=False, device=device,
        proof=Proof(device, first * MINUTE, last * MINUTE),
    )  # fmt: skip


def shown(
    found: list[Evidence], *, phase: Phase = Phase.LIVE, min_minutes: int = 0,
    counts: Counts = Counts.ANY,
) -> Strip:  # fmt: skip
    session = Session(
        id=str(PLANNED.id), live=((0, 30 * MINUTE),), designated_ms=45 * MINUTE,
        min_minutes=Decimal(min_minutes), policy=Policy(counts=counts),
    )  # fmt: skip
    facts = Facts(
        systems=(AMA_PRA_1,), sessions=(session,), proofs={session.id: [one.proof for one in found]}
    )
    drawn = strip(replace(PLANNED, phase=phase), explain(facts), found, ZoneInfo("UTC"))
    assert drawn is not None
    return drawn


def test_a_stretch_is_called_by_its_device_and_the_rest_is_away() -> None:
    drawn = shown([seen("laptop", 0, 10), seen("phone", 8, 20)])
    assert [(one.starts, one.words, one.counts) for one in drawn.stretches] == [
        ("00:00:00", "Laptop, connected", True),
        ("00:10:00", "Phone, connected", True),
        ("00:20:00", "Away, or not connected", False),
    ]
    assert not drawn.mendable


def test_who_is_connected_and_sees_nothing_looks_other_than_who_is_away() -> None:
    unseen = replace(seen("laptop", 0, 10), proof=Proof("laptop", 0, 10 * MINUTE, playing=False))
    drawn = shown([unseen], counts=Counts.PLAYING)
    assert [(one.words, one.icon) for one in drawn.stretches] == [
        ("Connected, picture not playing", "video-off"),
        ("Away, or not connected", "moon"),
    ]


@pytest.mark.parametrize(
    ("counts", "rule"),
    [
        (Counts.ANY, "time connected"),
        (Counts.PLAYING, "time in front of the playing picture"),
        (Counts.VISIBLE, "time with the page in sight"),
    ],
)
def test_the_sum_names_the_time_that_this_session_counts(counts: Counts, rule: str) -> None:
    assert shown([seen("laptop", 0, 10)], counts=counts).rule == rule


@pytest.mark.parametrize(
    ("phase", "minutes", "mendable"),
    [
        (Phase.LIVE, 20, True),
        (Phase.PAUSED, 20, True),
        (Phase.ENDED, 20, False),
        (Phase.LIVE, 10, False),
    ],
)
def test_a_minimum_can_be_reached_until_the_session_is_over(
    *, phase: Phase, minutes: int, mendable: bool
) -> None:
    drawn = shown([seen("laptop", 0, 10)], phase=phase, min_minutes=minutes)
    assert drawn.mendable is mendable
