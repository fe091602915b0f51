"""A learner without UDP at a server that sends AAC: it is heard, even past a packager's end."""

from collections.abc import Generator
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from server.rights import Role
from tests.browser.test_blocked import enter, nowhere
from tests.browser.test_speaker import Open, day, grows, on_air, opened
from tests.fault.test_relay_away import relay_of
from tests.integration.live_day import Day, a_conference
from tests.integration.test_hls import packagers
from tests.servers.rounds import Rounds
from tests.servers.waiting import eventually

__all__ = ["day", "nowhere", "opened"]

HEARD = """() => document.querySelector("stage-player video").webkitAudioDecodedByteCount"""


@pytest.fixture(scope="module")
def conference(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Rounds, UUID]]:
    folder = tmp_path_factory.mktemp("aac")
    with a_conference(folder, {"ROUNDS_HLS_AUDIO": "aac"}) as running:
        yield running


def sounds(page: Page) -> None:
    """More of the sound is decoded: some seconds at its bit rate."""
    before = int(page.evaluate(HEARD))
    eventually(lambda: int(page.evaluate(HEARD)) > before + 20_000, 15, "sound")


def test_aac_is_heard_and_another_packager_is_followed(
    opened: Open, day: Day, nowhere: int
) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    studio = opened(Role.FACULTY, "/studio?codec=h264")
    on_air(studio)
    relay = relay_of(day.server)
    assert relay is not None
    others = packagers(relay)
    learner = enter(opened, day, nowhere)
    expect(learner.get_by_text("The picture comes over HTTPS")).to_be_visible(timeout=20_000)
    grows(learner, by=40, within=20)
    sounds(learner)

    (packager,) = set(packagers(relay)) - set(others)
    assert "aac" in packager.cmdline()
    packager.suspend()
    eventually(lambda: set(packagers(relay)) - {*others, packager}, 10, "another packager")
    grows(learner, by=60, within=20)
    sounds(learner)
