"""Thousands of sockets are gone at once, and their pages come back: how soon, and what it costs.

Every page comes back as ours do, with full jitter; the server stays. Statements are counted in
PostgreSQL's own log, without those that begin and end a transaction.
"""

import re

from tests.bench.figures import Figure
from tests.bench.hub.conf10k import on_postgresql
from tests.bench.hub.crowd import Crowd
from tests.bench.hub.places import pinned

WITHIN_SECONDS = 60.0
STATEMENT = re.compile(r"LOG: +(?:execute|statement)[^:]*: (?!BEGIN|COMMIT|ROLLBACK)")


def main(*, quick: bool, peers: bool) -> list[Figure]:  # noqa: ARG001 - no peer does this
    with pinned() as cores, on_postgresql(1_000 if quick else 5_000, cores[0], log=True) as scene:
        crowd = Crowd(scene.house, scene.hub.port, scene.hub.url)
        try:
            crowd.gather()
            before = len(STATEMENT.findall(scene.log()))
            crowd.kill()
            back = crowd.come_back(WITHIN_SECONDS)
            after = len(STATEMENT.findall(scene.log()))
        finally:
            crowd.scatter()
    people = len(crowd.pages)
    everybody = [*back, *[float("inf")] * (people - len(back))]
    return [
        Figure(figure="storm_people", value=people, unit=""),
        Figure(figure="storm_back_p50_s", value=everybody[people // 2 - 1], unit="s"),
        Figure(figure="storm_back_p99_s", value=everybody[people * 99 // 100 - 1], unit="s",
               bound="<= 20"),
        Figure(figure="storm_back_all_s", value=everybody[-1], unit="s", bound="<= 45"),
        Figure(figure="storm_statements", value=(after - before) / people, unit="each",
               bound="<= 3"),
    ]  # fmt: skip
