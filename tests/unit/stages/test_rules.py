"""Until when a token holds, and when there is a picture to watch."""

from datetime import UTC, datetime, timedelta

import pytest

from server.agenda.rules import NotLive, Phase
from server.stages import rules
from server.stages.rules import Watching

ENDS = datetime(2026, 3, 12, 13, 50, tzinfo=UTC)
HALF = timedelta(minutes=30)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (ENDS - timedelta(days=2), ENDS + HALF),
        (ENDS, ENDS + HALF),
        (ENDS + timedelta(minutes=20), ENDS + timedelta(minutes=50)),
    ],
)
def test_a_token_outlives_the_session_by_half_an_hour(now: datetime, until: datetime) -> None:
    assert rules.token_expires(now, ENDS) == until


@pytest.mark.parametrize(
    ("phase", "after", "holds"),
    [
        (Phase.SCHEDULED, timedelta(seconds=-1), True),
        (Phase.SCHEDULED, timedelta(), False),
        (Phase.ENDED, timedelta(minutes=1), False),
        (Phase.LIVE, timedelta(hours=1), True),
        (Phase.PAUSED, timedelta(hours=1), True),
    ],
)
def test_a_talk_that_runs_over_is_not_cut_off(
    phase: Phase, after: timedelta, *, holds: bool
) -> None:
    assert rules.token_holds(ENDS, phase, ENDS + after) is holds


@pytest.mark.parametrize("phase", Phase)
def test_the_audience_watches_what_is_live(phase: Phase) -> None:
    if phase is Phase.LIVE:
        rules.watchable(phase, Watching.AUDIENCE)
        return
    with pytest.raises(NotLive) as refused:
        rules.watchable(phase, Watching.AUDIENCE)
    assert (refused.value.code, refused.value.status) == ("session.not_live", 409)


@pytest.mark.parametrize("phase", Phase)
def test_the_desk_watches_backstage_too(phase: Phase) -> None:
    rules.watchable(phase, Watching.DESK)
