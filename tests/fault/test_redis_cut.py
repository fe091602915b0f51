"""A firewall between everybody and Redis drops what they send: no answer comes, not even a refusal.

A process that was killed closes its connections; here both ends hold theirs for good, until they
notice by themselves. `ROUNDS_TEST_REDIS_SECONDS` and `ROUNDS_TEST_LEARNERS` as in `test_redis.py`.
"""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.fault.crowd import compare
from tests.fault.firewall import Firewall, cut, running_firewall
from tests.fault.page import agreed, opened
from tests.fault.site import Behind, running_site
from tests.fault.test_redis import (
    AGREED_SECONDS,
    AWAY_SECONDS,
    DEAF,
    LEARNERS,
    NEVER_SECONDS,
    Talk,
    lives_without,
    said,
)
from tests.servers.waiting import TooLate

EVERYBODY = Behind(redis=("web", "one", "two"))


@pytest.fixture
def firewall() -> Generator[Firewall]:
    with running_firewall() as made:
        yield made


async def test_a_redis_behind_a_firewall_loses_nothing(firewall: Firewall, tmp_path: Path) -> None:
    with running_site(tmp_path / "site", learners=LEARNERS, behind=EVERYBODY) as site:
        await lives_without(Talk(site), "cut", cut(firewall), AWAY_SECONDS)


async def test_a_hub_that_asks_for_nothing_afterwards_leaves_pages_behind(
    firewall: Firewall, tmp_path: Path
) -> None:
    """The control: nothing that was published meanwhile came through."""
    with running_site(tmp_path / "site", learners=LEARNERS, behind=EVERYBODY, before=DEAF) as site:
        talk = Talk(site)
        async with opened(talk.pages):
            await said(site, "bus.here", 1)
            await talk.ask(talk.learners[0])
            await agreed(talk.pages, site.rows(), AGREED_SECONDS)
            async with cut(firewall):
                await talk.ask(talk.learners[0])
                await said(site, "bus.away", 1)
            await said(site, "bus.here", 2)
            with pytest.raises(TooLate):
                await agreed(talk.pages, site.rows(), NEVER_SECONDS)
        assert compare(site.database, site.seeded, talk.learners) == []
