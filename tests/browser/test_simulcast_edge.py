"""The film of `test_simulcast.py`, where the learner's relay pulls the stage from another one."""

from collections.abc import Generator
from uuid import UUID

import pytest

from realtime.relay.relays import Relays, ranked
from server.rights import Role
from server.settings import Settings
from tests.browser.test_simulcast import thins_and_widens
from tests.browser.test_speaker import Open, day, opened
from tests.browser.thin import Line, thin_line
from tests.integration.live_day import Day, a_conference
from tests.integration.relays import adjacent
from tests.servers.rounds import Rounds

__all__ = ["day", "opened"]


@pytest.fixture(scope="module")
def conference(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Rounds, UUID]]:
    two = {"ROUNDS_RELAY_PROCESSES": "2", "ROUNDS_MEDIA_PORT": str(adjacent())}
    with a_conference(tmp_path_factory.mktemp("edge"), two) as running:
        yield running


@pytest.fixture
def line(day: Day) -> Generator[Line]:
    """To the relay at the edge, with a learner whom it serves."""
    urls = Settings(data=str(day.server.data), relay_processes=2).relays
    names = list(Relays(urls, bytes(32)).clients)
    origin = ranked(names, str(day.session_id))[0]
    (edge,) = set(names) - {origin}
    for number in range(100):
        day.another(Role.LEARNER, f"Marta Ruiz {number}")
        if ranked(names, f"{day.session_id} {day.people[Role.LEARNER]}")[0] == edge:
            break
    else:
        pytest.fail("all are served by the origin")
    first = int(day.server.environment["ROUNDS_MEDIA_PORT"])
    with thin_line(first + names.index(edge)) as made:
        yield made


@pytest.mark.night
@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_a_thin_line_behind_an_edge_gets_a_smaller_picture(
    opened: Open, day: Day, line: Line, codec: str
) -> None:
    thins_and_widens(opened, day, line, codec)
