"""Rules and checks on both databases: put, answered, missed, paused, revealed, counted, tried."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from server import clock
from server.agenda import store as agenda
from server.agenda.rules import Phase
from server.app import create_app
from server.attendance import checks, ledger
from server.attendance import store as attendance
from server.attendance.chain import Entry, Kind, Walk
from server.attendance.checks import ANSWER_MS, ON_THE_WAY_MS, CheckOver, Put, State
from server.attendance.rules import Counts
from server.call import Call
from server.cookies import cookie_name
from server.credit import live, ring
from server.credit.checks import auditing, store
from server.credit.checks.asking import Asker
from server.credit.findings import Check
from server.credit.gathering import gather
from server.credit.policies import store as policies
from server.credit.policies.rules import PublishedMeanwhile, Rule
from server.credit.ring import Ring
from server.credit.trying import tried
from server.erasing import store as erasing
from server.errors import NotFound
from server.people import store as people
from server.places import RememberedPlaces
from server.rights import Place, Role
from server.services import Services, open_services
from server.settings import Settings
from tests.servers.waiting import eventually_async

ASKING = Rule(counts=Counts.PLAYING, checks_an_hour=3)
SITE = "http://127.0.0.1:8000"
SLUG = "cardio"


@dataclass
class World:
    """A session that has been live for as long as its learner's first check takes to come."""

    services: Services
    conference_id: UUID
    session_id: UUID
    learner: UUID
    officer: UUID
    seed: bytes = bytes(range(32))
    connection: UUID = field(default_factory=uuid4)
    now_ms: int = field(default_factory=clock.now_ms)
    from_ms: int = 0
    times: list[int] = field(default_factory=list)

    async def publish(self, rule: Rule, *, after: int = 0, ahead: timedelta | None = None) -> int:
        async with self.services.db.begin() as db:
            return await policies.publish(
                db, self.conference_id, after=after, rule=rule, person_id=self.officer, note="",
                effective_at=clock.now() - timedelta(days=1) + (ahead or timedelta(0)),
            )  # fmt: skip

    async def go_live(self) -> None:
        """The seed is known here, so that its first time is now."""
        async with self.services.db.begin() as db:
            subject = (await ledger.pseudonym(db, self.learner)).subject
            self.times = checks.schedule(self.seed, subject, an_hour=3, until_ms=2 * checks.HOUR_MS)
            self.from_ms = self.now_ms - self.times[0]
            await agenda.set_phase(db, self.conference_id, self.session_id, Phase.LIVE)
            await attendance.turn_live(
                db, self.conference_id, self.session_id, live=True, at_ms=self.from_ms
            )
            assert await store.commit_seed(
                db, self.conference_id, self.session_id,
                seed=self.seed, an_hour=3, at_ms=self.from_ms,
            )  # fmt: skip

    async def be_there(self, until_ms: int, *, playing: bool = True) -> None:
        async with self.services.db.begin() as db:
            span = await db.get(attendance.OpenSpan, (self.connection, self.session_id))
            if span is None:
                span = attendance.OpenSpan(
                    connection=self.connection, space_id=self.session_id,
                    conference_id=self.conference_id, person_id=self.learner, visible=True,
                    playing=playing, first_ms=self.from_ms, last_n=1, beats=1, max_gap_ms=0,
                    echo="", last_ms=until_ms,
                )  # fmt: skip
                db.add(span)
            span.last_ms, span.playing = until_ms, playing

    async def turn(self, phase: Phase, at_ms: int) -> None:
        async with self.services.db.begin() as db:
            await agenda.set_phase(db, self.conference_id, self.session_id, phase)
            await attendance.turn_live(
                db, self.conference_id, self.session_id, live=phase is Phase.LIVE, at_ms=at_ms
            )

    async def put(self) -> list[Put]:
        async with self.services.db.read() as db:
            found = await store.of_persons(db, self.conference_id, (self.learner,))
        return found.get(self.learner, [])

    async def steps(self) -> list[str]:
        """What the ledger tells of checks, while its chain is good."""
        walking = Walk(self.conference_id, {})
        async with self.services.db.read() as db:
            rows = [
                ledger.Written(*row)
                async for page in ledger.pages(db, self.conference_id)
                for row in page
            ]
        assert all(walking.step(row.n, row.text, row.h) is None for row in rows)
        return [
            msgspec.json.decode(row.body).get("step", row.kind)
            for row in rows
            if row.kind.startswith("check")
        ]

    async def call(self, person_id: UUID | None = None) -> Call:
        async with self.services.db.read() as db:
            who = await people.who(db, person_id or self.learner)
        assert who is not None
        place = Place(conference_id=self.conference_id, session_id=self.session_id)
        return Call(who=who, place=place, services=self.services)

    async def counted(self) -> tuple[Check, ...]:
        async with self.services.db.read() as db:
            conference = await agenda.conference(db, self.conference_id)
            sessions = await agenda.sessions(db, self.conference_id)
            facts, _ = await gather(
                db, conference, sessions, self.learner, now_ms=self.now_ms + 600_000
            )
        return facts.sessions[0].checks

    async def ring(self) -> Ring:
        call = await self.call()
        async with self.services.db.read() as db:
            session = await agenda.session(db, self.conference_id, self.session_id)
            return await ring.panel(call, db, session)

    async def ring_again(self, session_id: UUID | None = None) -> Ring:
        call = await self.call()
        async with self.services.db.read() as db:
            return await ring.again(call, db, session_id or self.session_id)


@asynccontextmanager
async def world(url: str, data: Path) -> AsyncGenerator[World]:
    settings = Settings(data=str(data), database_url=url, url=SITE)
    async with asyncio.TaskGroup() as tasks, open_services(settings, tasks) as services:
        now = clock.now()
        async with services.db.begin() as db:
            conference_id = await agenda.add_conference(
                db, slug=SLUG, title="Cardio", zone="Europe/Paris",
                starts_on=now.date(), ends_on=now.date() + timedelta(days=1),
            )  # fmt: skip
            session = agenda.Session(
                conference_id=conference_id, title="A talk", hall="A", designated_ms=3_600_000,
                starts_at=now - timedelta(minutes=30), ends_at=now + timedelta(minutes=30),
            )  # fmt: skip
            db.add(session)
            await db.flush()
            learner = await people.ensure_person(db, "marta@example.org", "Marta Ruiz")
            officer = await people.ensure_person(db, "nuno@example.org", "Nuno Silva")
            for person, role in ((learner, Role.LEARNER), (officer, Role.OFFICER)):
                await people.give(db, conference_id, person_id=person.id, role=role)
        yield World(services, conference_id, session.id, learner.id, officer.id)


async def asked(here: World) -> tuple[Asker, Put]:
    """The first check, put at its time to somebody who is there."""
    await here.publish(ASKING)
    await here.go_live()
    await here.be_there(here.now_ms)
    asker = Asker(here.services)
    await asker.tick(here.now_ms)
    (put,) = await here.put()
    return asker, put


async def test_a_check_is_put_once_answered_and_counts(database_url: str, tmp_path: Path) -> None:
    async with world(database_url, tmp_path) as here:
        asker, put = await asked(here)
        await asker.tick(here.now_ms + 1_000)
        await Asker(here.services).tick(here.now_ms + 2_000)  # another process
        assert [one.id for one in await here.put()] == [put.id]
        assert await here.counted() == (), "what is open is neither"
        shown = await here.ring()
        assert shown.check is not None
        assert shown.check.id == put.id
        assert "3 times an hour" in shown.rule

        await live.act(await here.call(), here.session_id, put.id, extend=False)
        await live.act(await here.call(), here.session_id, put.id, extend=False)
        assert await here.counted() == (Check(at_ms=put.asked_ms, answered=True),)
        shown = await here.ring()
        assert (shown.check, shown.checks_done, shown.checks_asked) == (None, 1, 1)
        steps = await here.steps()
        assert [steps[0], steps[1], steps[-1]] == ["checks.committed", "asked", "answered"]
        assert steps.count("answered") == 1


async def test_what_nobody_answers_lapses_and_costs_its_block(
    database_url: str, tmp_path: Path
) -> None:
    async with world(database_url, tmp_path) as here:
        asker, put = await asked(here)
        await asker.tick(put.closes_ms + ON_THE_WAY_MS)
        assert (await here.put())[0].state is State.OPEN
        await asker.tick(put.closes_ms + ON_THE_WAY_MS + 1)
        assert (await here.put())[0].state is State.LAPSED
        assert await here.counted() == (Check(at_ms=put.asked_ms, answered=False),)
        with pytest.raises(CheckOver):
            await live.act(await here.call(), here.session_id, put.id, extend=False)
        assert await here.steps() == ["checks.committed", "asked", "lapsed"]


async def test_more_time_is_given_once_and_to_its_learner_alone(
    database_url: str, tmp_path: Path
) -> None:
    async with world(database_url, tmp_path) as here:
        asker, put = await asked(here)
        with pytest.raises(NotFound):
            await live.act(await here.call(here.officer), here.session_id, put.id, extend=False)
        for _ in range(2):
            await live.act(await here.call(), here.session_id, put.id, extend=True)
        assert (await here.put())[0].closes_ms == put.closes_ms + ANSWER_MS
        await asker.tick(put.closes_ms + ON_THE_WAY_MS + 1)
        assert (await here.put())[0].state is State.OPEN
        await asker.tick(put.closes_ms + ANSWER_MS + ON_THE_WAY_MS + 1)
        assert await here.steps() == ["checks.committed", "asked", "extended", "lapsed"]


@pytest.mark.parametrize("missing", ["evidence", "playing", "rule"])
async def test_nobody_is_asked_without_running_evidence_or_a_rule(
    missing: str, sqlite_url: str, tmp_path: Path
) -> None:
    async with world(sqlite_url, tmp_path) as here:
        if missing != "rule":
            await here.publish(ASKING)
            await here.go_live()
        else:
            await here.turn(Phase.LIVE, here.now_ms - 1_000_000)
        if missing != "evidence":
            await here.be_there(here.now_ms, playing=missing != "playing")
        await Asker(here.services).tick(here.now_ms)
        assert await here.put() == []
        assert await here.steps() == ([] if missing == "rule" else ["checks.committed"])


async def test_a_pause_calls_off_and_the_end_reveals(database_url: str, tmp_path: Path) -> None:
    async with world(database_url, tmp_path) as here:
        asker, _put = await asked(here)
        await here.turn(Phase.PAUSED, here.now_ms + 1_000)
        await asker.tick(here.now_ms + 2_000)
        assert (await here.put())[0].state is State.WITHDRAWN
        assert await here.counted() == ()
        await here.turn(Phase.ENDED, here.now_ms + 3_000)
        await asker.tick(here.now_ms + 4_000)
        await asker.tick(here.now_ms + 5_000)
        assert await here.steps() == [
            "checks.committed", "asked", "withdrawn", "checks.revealed",
        ]  # fmt: skip
        async with here.services.db.read() as db:
            committed, revealed, told = [
                msgspec.json.decode((await ledger.bodies(db, here.conference_id, kind))[0].body)
                for kind in (Kind.CHECKS_COMMITTED, Kind.CHECKS_REVEALED, Kind.CHECK)
            ]
            subject = await ledger.known_subject(db, here.learner)
        assert subject is not None
        assert checks.as_committed(
            bytes.fromhex(revealed["seed"]), committed["commitment"], subject,
            an_hour=committed["an_hour"], number=told["number"], due_ms=told["due_ms"],
        )  # fmt: skip


async def test_what_only_rows_or_only_the_ledger_know_is_named(
    database_url: str, tmp_path: Path
) -> None:
    async with world(database_url, tmp_path) as here:
        asker, put = await asked(here)
        await live.act(await here.call(), here.session_id, put.id, extend=True)
        await live.act(await here.call(), here.session_id, put.id, extend=False)
        await here.turn(Phase.ENDED, here.now_ms + 3_000)
        await asker.tick(here.now_ms + 4_000)

        async def unlike(person_id: UUID | None = None) -> list[str]:
            async with here.services.db.read() as db:
                found = await auditing.unlike_ledger(
                    db, here.conference_id, erased=set(), person_id=person_id
                )
            return [one.why for one in found]

        assert await unlike() == []
        assert await unlike(here.learner) == []
        async with here.services.db.begin() as db:
            row = await db.get(store.PresenceCheck, (here.conference_id, put.id))
            rule = await db.get(policies.PolicyRow, (here.conference_id, 1))
            assert row is not None
            assert rule is not None
            row.state = State.LAPSED
            rule.body = {**rule.body, "counts": "any"}
        assert [("check" in why, "rule" in why) for why in await unlike()] == [
            (True, False), (False, True),
        ]  # fmt: skip
        async with here.services.db.begin() as db:
            row = await db.get(store.PresenceCheck, (here.conference_id, put.id))
            await db.delete(row)
        assert len(await unlike(here.learner)) == 1
        false_seed = {"number": 1, "seed": bytes(32).hex(), "session": here.session_id.hex}
        async with here.services.db.begin() as db:
            entry = Entry(kind=Kind.CHECKS_REVEALED, body=false_seed)
            await ledger.append(db, here.conference_id, [entry])
        assert any("not the one committed to" in why for why in await unlike())


async def test_a_live_session_commits_to_a_seed_of_its_own(sqlite_url: str, tmp_path: Path) -> None:
    async with world(sqlite_url, tmp_path) as here:
        await here.publish(ASKING)
        await here.turn(Phase.LIVE, here.now_ms)
        await Asker(here.services).tick(here.now_ms)
        await Asker(here.services).tick(here.now_ms + 1_000)
        async with here.services.db.read() as db:
            (seed,) = await store.running_seeds(db)
        assert len(seed.seed) == checks.SEED_BYTES
        assert await here.steps() == ["checks.committed"]


async def test_a_restart_gives_the_time_anew(sqlite_url: str, tmp_path: Path) -> None:
    async with world(sqlite_url, tmp_path) as here:
        _, put = await asked(here)
        later_ms = put.closes_ms + 600_000
        await Asker(here.services).tick(later_ms)
        (renewed,) = await here.put()
        assert (renewed.state, renewed.closes_ms) == (State.OPEN, later_ms + ANSWER_MS)


async def test_who_is_forgotten_has_no_checks(sqlite_url: str, tmp_path: Path) -> None:
    async with world(sqlite_url, tmp_path) as here:
        await asked(here)
        async with here.services.db.begin() as db:
            await erasing.erase(db, here.learner)
        assert await here.put() == []
        async with here.services.db.read() as db:
            told = await ledger.bodies(db, here.conference_id, Kind.ERASED)
            found = await auditing.unlike_ledger(
                db, here.conference_id, erased={row.subject for row in told}
            )
        assert len(told) == 1
        assert found == []


async def test_rules_are_only_added_each_behind_the_one_its_author_saw(
    database_url: str, tmp_path: Path
) -> None:
    async with world(database_url, tmp_path) as here:
        assert await here.publish(ASKING) == 1
        assert await here.publish(Rule(), after=1, ahead=timedelta(days=2)) == 2
        with pytest.raises(PublishedMeanwhile):
            await here.publish(Rule(counts=Counts.ANY), after=1)
        async with here.services.db.read() as db:
            history = await policies.history(db, here.conference_id)
            told = await ledger.bodies(db, here.conference_id, Kind.POLICY)
            now = await policies.of_sessions(db, here.conference_id, (here.session_id,))
        assert [(one.version, one.rule) for one in history] == [(1, ASKING), (2, Rule())]
        assert [msgspec.json.decode(row.body)["version"] for row in told] == [1, 2]
        assert now == {here.session_id: ASKING}


async def test_trying_a_rule_tells_the_difference_and_stores_nothing(
    database_url: str, tmp_path: Path
) -> None:
    async with world(database_url, tmp_path) as here:
        await here.turn(Phase.LIVE, here.now_ms - 1_800_000)
        here.from_ms = here.now_ms - 1_800_000
        await here.be_there(here.now_ms)
        async with here.services.db.read() as db:
            conference = await agenda.conference(db, here.conference_id)
            sessions = await agenda.sessions(db, here.conference_id)
            same = await tried(db, conference, sessions, Rule())
            harder = replace(Rule(), min_minutes=Decimal(45))
            trial = await tried(db, conference, sessions, harder)
            assert await policies.history(db, here.conference_id) == []
        assert (same.persons, same.changed) == (1, 0)
        assert (trial.persons, trial.more, trial.less, trial.lost) == (1, 0, 1, Decimal("0.50"))
        assert [one.person_id for one in trial.largest] == [here.learner]


async def test_the_office_tries_and_publishes_and_learners_answer_by_form(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with world(sqlite_url, tmp_path) as here:
        _, put = await asked(here)
        async with here.services.db.begin() as db:
            tokens = [
                (await people.new_login(db, person, staff=False))[0]
                for person in (here.officer, here.learner)
            ]
        app = create_app(here.services, RememberedPlaces(here.services.db))
        officer, learner = [
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app), base_url=SITE,
                cookies={cookie_name(secure=False): token},
                headers={"origin": SITE, "accept": "text/html"},
            )
            for token in tokens
        ]  # fmt: skip
        async with officer, learner:
            await _publishes(officer)
            shown = (await learner.get(f"/sessions/{here.session_id}")).text
            assert "Still with us?" in shown
            assert "you are asked 3 times an hour" in shown
            form = f"/sessions/{here.session_id}/checks/{put.id}"
            for act in ("extend", "answer"):
                assert (await learner.post(form, data={"act": act})).status_code == 303
            assert (
                "1 of 1 check-ins done" in (await learner.get(f"/sessions/{here.session_id}")).text
            )
            assert "3 times an hour" in (await learner.get(f"/conferences/{SLUG}/credit")).text
        assert await here.steps() == ["checks.committed", "asked", "extended", "answered"]


async def _publishes(officer: httpx.AsyncClient) -> None:
    base = f"/conferences/{SLUG}/office/policy"
    assert "Version 1." in (await officer.get(base)).text
    rule = {
        "counts": "playing", "overlap": "cap", "exclude_booth": "yes", "min_percent": "80",
        "min_minutes": "", "checks_an_hour": "3", "from": "", "note": "As agreed", "after": "1",
    }  # fmt: skip
    trial = await officer.post(base, data={**rule, "act": "try"})
    assert trial.status_code == 200
    assert re.search(r'data-trial="[01]"', trial.text)
    late = await officer.post(base, data={**rule, "act": "publish", "from": "2020-01-01T10:00"})
    assert late.status_code == 422
    assert "a time to come" in late.text
    assert (await officer.post(base, data={**rule, "act": "publish"})).status_code == 303
    again = await officer.post(base, data={**rule, "act": "publish"})
    assert again.status_code == 409
    shown = (await officer.get(base)).text
    assert "Version 2." in shown
    assert "80 % of its time" in shown


async def test_what_is_held_of_a_session_hides_nothing_of_stage_or_learner(
    database_url: str, tmp_path: Path
) -> None:
    """Asking often reads less, and says what asking once says."""
    async with world(database_url, tmp_path) as here:
        _asker, put = await asked(here)
        shown = await here.ring()
        assert (shown.live, shown.stopped) == (True, False)
        assert shown.recorded_until_ms == here.now_ms
        assert shown.minutes == (here.now_ms - here.from_ms) // 60_000
        await live.act(await here.call(), here.session_id, put.id, extend=False)
        assert (await here.ring_again()).check is None
        await here.be_there(here.now_ms + 5_000)
        assert (await here.ring_again()).recorded_until_ms == here.now_ms + 5_000
        await here.turn(Phase.PAUSED, here.now_ms + 6_000)
        assert (await here.ring_again()).live is False
        await here.turn(Phase.ENDED, here.now_ms + 7_000)
        assert (await here.ring_again()).over is True
        assert await here.ring_again() == await here.ring()
        ring.SHARED.clear()
        assert await here.ring_again() == await here.ring()
        with pytest.raises(NotFound):
            await here.ring_again(uuid4())


async def test_a_rule_reaches_those_who_ask_often_within_seconds(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with world(sqlite_url, tmp_path) as here:
        assert "connected" not in (await here.ring()).rule
        await here.publish(Rule(counts=Counts.ANY))

        async def told() -> str | None:
            rule = (await here.ring_again()).rule
            return rule if "connected" in rule else None

        said: str | None = await eventually_async(told, within=5)
        assert said is not None
