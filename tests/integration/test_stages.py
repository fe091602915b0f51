"""The live day over HTTP: phases, tickets and tokens, WHIP and WHEP with real media."""

import asyncio
import base64
import hmac
import re
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import delete, update

from realtime.relay.caller import Caller, CallLost, CallRefused, call
from server import clock
from server.agenda import store as agenda
from server.db import Rows
from server.people import store as people
from server.rights import Role
from server.stages import store
from tests.integration.live_day import Day, a_conference, a_day, in_rows
from tests.integration.relays import adjacent
from tests.integration.test_relay import Camera
from tests.servers.rounds import Rounds
from tests.servers.waiting import eventually, eventually_async

SDP = {"Content-Type": "application/sdp"}
TURN, TURN_SECRET = "turns:turn.example:443?transport=tcp", b"a secret that coturn has as well"


@pytest.fixture(scope="module")
def conference(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Rounds, UUID]]:
    folder = tmp_path_factory.mktemp("stages")
    shared = folder / "turn"
    shared.touch(mode=0o600)
    shared.write_bytes(TURN_SECRET)
    more = {
        "ROUNDS_TURN_URL": TURN,
        "ROUNDS_TURN_SECRET_FILE": str(shared),
        "ROUNDS_RELAY_PROCESSES": "2",
        "ROUNDS_MEDIA_PORT": str(adjacent()),
    }
    with a_conference(folder, more) as running:
        yield running


@pytest.fixture
def day(conference: tuple[Rounds, UUID]) -> Generator[Day]:
    made = a_day(*conference)
    yield made
    made.close()


def told(day: Day) -> dict[str, Any]:
    """The stage as the session's page learns it."""
    found = day.as_(Role.LEARNER).get(f"{day.session}/state").json()["stage"]
    assert isinstance(found, dict)
    return found


async def airing(day: Day, *, expected: bool) -> None:
    """Returns once media flow, or do no longer; the loop goes on meanwhile."""
    await asyncio.to_thread(eventually, lambda: told(day)["on_air"] is expected, 10, "the air")


def token(day: Day, role: Role = Role.FACULTY) -> str:
    return str(day.as_(role).post(f"{day.session}/studio/token").json()["token"])


def ticket(day: Day, role: Role = Role.LEARNER, path: str = "/ticket") -> str:
    answer = day.as_(role).post(day.session + path)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["ticket"])


def whip(day: Day) -> str:
    return f"{day.server.url}/whip/{day.session_id}"


def whep(day: Day) -> str:
    return f"{day.server.url}/whep/{day.session_id}"


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@asynccontextmanager
async def filming(day: Day, secret: str | None = None) -> AsyncGenerator[Camera]:
    """A speaker whose pictures flow."""
    made: str = secret if secret is not None else await asyncio.to_thread(token, day)
    async with call(whip(day), made, kind="publish") as caller:
        camera = Camera(caller)
        over = asyncio.Event()
        reel = asyncio.create_task(camera.until(over.is_set, within=60))
        try:
            await airing(day, expected=True)
            yield camera
        finally:
            over.set()
            with suppress(CallLost):  # somebody took over
                await reel


async def sees(caller: Caller) -> None:
    got: list[object] = []
    caller.on_rtp = got.append
    await eventually_async(lambda: len(got) > 5, 10, "pictures")


# Phases.


def test_a_session_goes_live_pauses_goes_on_and_ends(day: Day) -> None:
    day.disclose()
    for act, phase in (
        ("stage.go_live", "live"),
        ("stage.pause", "paused"),
        ("stage.resume", "live"),
        ("stage.end", "ended"),
        ("stage.go_live", "live"),
    ):
        assert day.step(act).status_code == 303
        assert told(day)["phase"] == phase
    intervals = in_rows(day.server.data, agenda.live_intervals, day.conference_id)
    stretches = intervals[day.session_id]
    assert [end is None for _, end in stretches] == [False, False, True]
    assert told(day)["started_ms"] == stretches[0][0]


def test_steps_that_lead_nowhere_are_refused(day: Day) -> None:
    day.disclose()
    for act in ("stage.pause", "stage.end"):
        assert day.step(act).json()["code"] == "session.wrong_step"
    assert day.step("stage.go_live").status_code == 303
    assert day.step("stage.go_live").json()["code"] == "session.wrong_step"
    assert day.step("stage.vanish").status_code == 422


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.LEARNER, 403),
        (Role.OFFICER, 403),
        (Role.EXHIBITOR, 403),
        (Role.MODERATOR, 303),
        (Role.ORGANISER, 303),
        (Role.FACULTY, 303),
    ],
)
def test_who_runs_the_session_takes_it_live(day: Day, role: Role, status: int) -> None:
    day.disclose()
    assert day.step("stage.go_live", role).status_code == status


def test_faculty_of_another_session_do_not(day: Day, conference: tuple[Rounds, UUID]) -> None:
    other = a_day(*conference)
    in_rows(day.server.data, _only_in, day.conference_id, other.session_id, "other@example.org")
    stranger = in_rows(day.server.data, _signed_in, "other@example.org")
    day.logins[Role.FACULTY] = stranger
    day.disclose()
    assert day.step("stage.go_live").status_code == 403
    assert day.as_(Role.FACULTY).get(f"{day.session}/studio").status_code == 403
    assert day.as_(Role.FACULTY).post(f"{day.session}/studio/token").status_code == 403


async def _only_in(db: Rows, conference_id: UUID, session_id: UUID, mail: str) -> None:
    person = await people.ensure_person(db, mail, "Other Speaker")
    await people.give(
        db, conference_id, person_id=person.id, role=Role.FACULTY, session_id=session_id
    )


async def _signed_in(db: Rows, mail: str) -> str:
    person = await people.ensure_person(db, mail, "")
    login, _ = await people.new_login(db, person.id, staff=False)
    return login


# Tickets and tokens.


def test_a_ticket_is_for_what_is_live(day: Day) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    learner = day.as_(Role.LEARNER)
    refused = learner.post(f"{day.session}/ticket")
    assert (refused.status_code, refused.json()["code"]) == (409, "session.not_live")
    day.step("stage.go_live")
    answer = learner.post(f"{day.session}/ticket").json()
    assert answer["url"] == whep(day)
    day.step("stage.pause")
    assert learner.post(f"{day.session}/ticket").json()["code"] == "session.not_live"


def test_strangers_and_exhibitors_get_no_ticket(day: Day) -> None:
    assert day.as_(None).post(f"{day.session}/ticket").status_code == 401
    assert day.as_(Role.EXHIBITOR).post(f"{day.session}/ticket").status_code == 403
    assert day.as_(Role.LEARNER).post(f"{day.session}/desk/ticket").status_code == 403
    assert day.as_(Role.LEARNER).post(f"{day.session}/studio/token").status_code == 403
    page = day.as_(None).get(day.session, headers={"accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, f"/sign-in?next={day.session}")


def test_a_new_token_for_the_encoder_replaces_the_old(day: Day) -> None:
    faculty = day.as_(Role.FACULTY)
    page = faculty.post(f"{day.session}/studio", headers={"accept": "text/html"})
    assert whip(day) in page.text
    first = faculty.post(f"{day.session}/studio").json()
    assert first["url"] == whip(day)
    second = faculty.post(f"{day.session}/studio").json()
    refused = httpx.post(whip(day), headers={**SDP, **bearer(first["token"])}, content="x")
    assert (refused.status_code, refused.json()["code"]) == (401, "token.unknown")
    accepted = httpx.post(whip(day), headers={**SDP, **bearer(second["token"])}, content="x")
    assert accepted.status_code == 400  # the token holds, the offer is none
    assert second["token"] not in faculty.get(f"{day.session}/studio").text


def test_a_token_with_one_bit_changed_is_none(day: Day) -> None:
    made = token(day)
    for at in range(0, len(made), 7):
        other = made[:at] + chr(ord(made[at]) ^ 1) + made[at + 1 :]
        refused = httpx.post(whip(day), headers={**SDP, **bearer(other)}, content="x")
        assert (refused.status_code, refused.json()["code"]) == (401, "token.unknown")
    accepted = httpx.post(whip(day), headers={**SDP, **bearer(made)}, content="x")
    assert accepted.status_code == 400  # the token holds, the offer is none


def test_a_token_stops_with_the_right_it_was_made_by(day: Day) -> None:
    made = token(day)
    in_rows(day.server.data, _take_faculty, day.people[Role.FACULTY])
    refused = httpx.post(whip(day), headers={**SDP, **bearer(made)}, content="x")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    in_rows(
        day.server.data, _only_in, day.conference_id, day.session_id, "amara.okafor@example.org"
    )


async def _take_faculty(db: Rows, person_id: UUID) -> None:
    await db.execute(delete(people.RoleGrant).where(people.RoleGrant.person_id == person_id))


# The protocol's edges.


def test_both_protocols_say_what_they_take(day: Day) -> None:
    for address in (whip(day), whep(day)):
        asked = httpx.options(address)
        assert (asked.status_code, asked.headers["accept-post"]) == (204, "application/sdp")
        assert (httpx.get(address).status_code, httpx.head(address).status_code) == (204, 204)
        for path in (address, f"{address}/nonsense"):
            unknown = httpx.put(path)
            assert unknown.status_code == 405
            assert unknown.headers["allow"] == httpx.options(path).headers["allow"]
        missing = httpx.post(address, headers=SDP, content="x")
        assert (missing.status_code, missing.headers["www-authenticate"]) == (401, "Bearer")
        wrong = httpx.post(address, headers={**SDP, **bearer("nonsense")}, content="x")
        assert wrong.status_code == 401
        picky = httpx.post(address, headers={**SDP, "Accept": "text/html", **bearer("x")})
        assert (picky.status_code, picky.json()["code"]) == (406, "media.answer")
        typed = httpx.post(address, headers={"Content-Type": "text/plain", **bearer("x")})
        assert (typed.status_code, typed.headers["accept-post"]) == (415, "application/sdp")
        large = httpx.post(address, headers={**SDP, **bearer("x")}, content="x" * 70_000)
        assert large.status_code == 413
        gone = f"{address}/nonsense"
        assert httpx.delete(gone).status_code == 401
        assert httpx.delete(gone, headers=bearer("x")).status_code == 404
        assert httpx.patch(gone, headers=bearer("x")).status_code == 404


async def test_a_connection_belongs_to_whoever_opened_it(day: Day) -> None:
    made, other = token(day), token(day, Role.ORGANISER)
    async with httpx.AsyncClient(base_url=day.server.url) as http:
        caller = Caller("publish", ("VP8",))
        answer = await http.post(whip(day), headers={**SDP, **bearer(made)}, content=caller.offer)
        assert (answer.status_code, answer.headers["content-type"]) == (201, "application/sdp")
        location = answer.headers["location"]
        assert location.startswith(f"/whip/{day.session_id}/")
        assert (await http.delete(location)).status_code == 401
        assert (await http.delete(location, headers=bearer(other))).status_code == 404
        crossed = location.replace("/whip/", "/whep/").replace(str(day.session_id), str(uuid4()))
        assert (await http.delete(crossed, headers=bearer(made))).status_code == 404
        typed = await http.patch(location, headers=bearer(made), content="a=end-of-candidates")
        assert typed.status_code == 415
        assert typed.headers["accept-patch"] == "application/trickle-ice-sdpfrag"
        assert (await http.delete(location, headers=bearer(made))).status_code == 200
        assert (await http.delete(location, headers=bearer(made))).status_code == 404
        await caller.close()


FRAGMENT = """a=ice-ufrag:EsAw
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=mid:0
a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw
a=candidate:473322822 1 tcp 1518280447 2001:db8::1 9 typ host tcptype active
a=end-of-candidates
"""


async def test_candidates_are_taken_for_the_session_they_name(day: Day) -> None:
    made = token(day, Role.ORGANISER)
    async with httpx.AsyncClient(base_url=day.server.url) as http:
        caller = Caller("publish", ("VP8",))
        answer = await http.post(whip(day), headers={**SDP, **bearer(made)}, content=caller.offer)
        tag = answer.headers["etag"]
        assert tag.startswith('"')
        first = int(day.server.environment["ROUNDS_MEDIA_PORT"])
        candidates = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer.text)
        assert {host for host, _ in candidates} == {"127.0.0.1"}
        assert {int(port) for _, port in candidates} <= {first, first + 1}
        link = re.fullmatch(
            f'<{re.escape(TURN)}>; rel="ice-server"; username="([^"]+)"; '
            'credential="([^"]+)"; credential-type="password"',
            answer.headers["link"],
        )
        assert link is not None
        signed = hmac.digest(TURN_SECRET, link[1].encode(), "sha1")
        assert base64.b64decode(link[2]) == signed
        assert 0 < int(link[1].partition(":")[0]) - time.time() <= 300

        async def patch(condition: str | None, content: str = FRAGMENT) -> tuple[int, str]:
            sent = {**bearer(made), "Content-Type": "application/trickle-ice-sdpfrag"}
            if condition is not None:
                sent["If-Match"] = condition
            answered = await http.patch(answer.headers["location"], headers=sent, content=content)
            assert "etag" not in answered.headers
            return answered.status_code, answered.json()["code"] if answered.content else ""

        assert await patch(tag) == (204, "")
        assert await patch(f'"other", {tag}', "") == (204, "")
        assert await patch(None) == (428, "media.condition")
        assert await patch('"other"') == (412, "media.session")
        assert await patch("*") == (422, "media.restart")
        assert await patch(tag, "<p>no</p>") == (400, "media.fragment")
        assert await patch(tag, "a=candidate:nonsense\n") == (400, "media.fragment")
        assert await patch(tag, "a=x\n" * 9_000) == (413, "media.too_large")
        await caller.connect(answer.text)  # none of it harmed the session
        await caller.close()


async def test_pages_of_other_sites_may_come_with_a_bearer(day: Day) -> None:
    elsewhere = {"Origin": "https://encoder.example", "Sec-Fetch-Site": "cross-site"}
    caller = Caller("publish", ("VP8",))
    sent = {**SDP, **bearer(await asyncio.to_thread(token, day, Role.ORGANISER)), **elsewhere}
    async with httpx.AsyncClient() as http:
        for address in (whip(day), f"{whep(day)}/nonsense"):
            asks = {**elsewhere, "Access-Control-Request-Method": "POST"}
            asked = await http.options(address, headers=asks)
            assert asked.headers["access-control-allow-origin"] == "*"
            assert "Authorization" in asked.headers["access-control-allow-headers"]
            assert asked.headers["access-control-allow-methods"] == asked.headers["allow"]
            assert "access-control-allow-origin" not in (await http.options(address)).headers
        answer = await http.post(whip(day), headers=sent, content=caller.offer)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        assert "Location" in answer.headers["access-control-expose-headers"]
        refused = await http.post(whip(day), headers={**SDP, **elsewhere}, content="x")
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "*")
    await caller.close()


async def test_what_a_speaker_sends_a_learner_with_a_ticket_receives(day: Day) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    async with filming(day):
        assert day.step("stage.go_live").status_code == 303
        async with call(whep(day), ticket(day), kind="watch") as viewer:
            await sees(viewer)


async def test_a_ticket_is_used_once_and_for_its_session_alone(
    day: Day, conference: tuple[Rounds, UUID]
) -> None:
    other = a_day(*conference)
    day.disclose()
    day.acknowledge(Role.LEARNER)
    async with filming(day):
        day.step("stage.go_live")
        elsewhere = ticket(day)
        with pytest.raises(CallRefused) as refused:
            async with call(whep(other), elsewhere, kind="watch"):
                pass
        assert refused.value.status == 401
        async with call(whep(day), elsewhere, kind="watch"):
            pass
        with pytest.raises(CallRefused) as refused:
            async with call(whep(day), elsewhere, kind="watch"):
                pass
        assert refused.value.status == 401


def test_an_old_ticket_is_refused(day: Day) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    day.step("stage.go_live")
    made = ticket(day)
    in_rows(day.server.data, _age_tickets, day.session_id)
    refused = httpx.post(whep(day), headers={**SDP, **bearer(made)}, content="x")
    assert (refused.status_code, refused.json()["code"]) == (401, "ticket.used")


async def _age_tickets(db: Rows, session_id: UUID) -> None:
    of_it = update(store.WatchTicket).where(store.WatchTicket.session_id == session_id)
    await db.execute(of_it.values(expires_at=clock.now()))


def test_nobody_on_the_stage_is_said_as_such(day: Day) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    day.step("stage.go_live")
    refused = httpx.post(whep(day), headers={**SDP, **bearer(ticket(day))}, content="x")
    assert (refused.status_code, refused.json()["code"]) == (409, "stage.off_air")
    assert refused.headers["retry-after"] == "2"


async def test_backstage_is_the_desk_s_alone(day: Day) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    async with filming(day):
        refused = day.as_(Role.LEARNER).post(f"{day.session}/ticket")
        assert refused.json()["code"] == "session.not_live"
        seat = ticket(day, Role.MODERATOR, "/desk/ticket")
        async with call(whep(day), seat, kind="watch") as desk:
            await sees(desk)


async def test_a_break_sends_the_audience_out_and_keeps_the_desk(day: Day) -> None:
    day.disclose()
    day.acknowledge(Role.LEARNER)
    async with filming(day):
        day.step("stage.go_live")
        early = ticket(day)
        seat = ticket(day, Role.MODERATOR, "/desk/ticket")
        async with (
            call(whep(day), ticket(day), kind="watch") as viewer,
            call(whep(day), seat, kind="watch") as desk,
        ):
            await sees(viewer)
            day.step("stage.pause")
            await eventually_async(viewer.closed.is_set, 10, "a goodbye to the viewer")
            await sees(desk)
            with pytest.raises(CallRefused) as refused:
                async with call(whep(day), early, kind="watch"):
                    pass
            assert refused.value.status == 409
            day.step("stage.resume")
            async with call(whep(day), ticket(day), kind="watch") as again:
                await sees(again)


async def test_viewers_are_spread_over_the_relays(day: Day) -> None:
    day.disclose()
    pattern = re.compile(r'rounds_relay_viewers\{relay="\d"\} (\d+)')
    async with filming(day), AsyncExitStack() as stack, httpx.AsyncClient() as http:
        day.step("stage.go_live")
        viewers: list[Caller] = []
        counts = [0]
        while 0 in counts:
            assert len(viewers) < 16, f"everybody was sent to one relay: {counts}"
            learner = day.another(Role.LEARNER, f"Learner {len(viewers)}")
            day.acknowledge(learner)
            watching = call(whep(day), ticket(day), kind="watch")
            viewers.append(await stack.enter_async_context(watching))
            told = await http.get(f"{day.server.url}/metrics")
            counts = [int(count) for count in pattern.findall(told.text)]
        assert (len(counts), sum(counts)) == (2, len(viewers))
        for viewer in viewers:
            await sees(viewer)
        day.step("stage.pause")
        for viewer in viewers:
            await eventually_async(viewer.closed.is_set, 10, "a goodbye from its relay")


async def test_one_stage_has_one_speaker(day: Day) -> None:
    async with filming(day):
        with pytest.raises(CallRefused) as refused:
            async with call(whip(day), token(day, Role.ORGANISER), kind="publish"):
                pass
        assert refused.value.status == 409


async def test_two_devices_of_one_speaker_do_not_push_each_other_off(day: Day) -> None:
    encoder = day.as_(Role.FACULTY).post(f"{day.session}/studio").json()["token"]
    async with filming(day, encoder):
        page = token(day)
        with pytest.raises(CallRefused) as refused:
            async with call(whip(day), page, kind="publish"):
                pass
        assert refused.value.status == 409
        async with (
            call(f"{whip(day)}?take_over=yes", page, kind="publish"),
            httpx.AsyncClient() as http,
        ):
            again = await http.post(whip(day), headers={**SDP, **bearer(page)}, content="x")
            assert again.status_code == 400  # the page may go on, with an offer that is one
    await airing(day, expected=False)


def test_a_relay_that_is_away_is_said_to_come_back(day: Day) -> None:
    made = token(day)
    day.kill_relay()
    refused = httpx.post(whip(day), headers={**SDP, **bearer(made)}, content="x")
    assert (refused.status_code, refused.json()["code"]) == (503, "relay.away")
    assert refused.headers["retry-after"] == "2"
    day.relay_is_back()
    answered = httpx.post(whip(day), headers={**SDP, **bearer(made)}, content="x")
    assert answered.status_code == 400  # there is a relay again, and this is no offer


# What outlives what.


def test_a_session_that_was_live_is_live_after_a_restart(tmp_path: Path) -> None:
    with a_conference(tmp_path) as (server, conference_id):
        day = a_day(server, conference_id)
        day.disclose()
        day.step("stage.go_live")
        before = in_rows(server.data, agenda.live_intervals, conference_id)
        server.kill()
        server.start()
        assert told(day)["phase"] == "live"
        assert in_rows(server.data, agenda.live_intervals, conference_id) == before
        day.close()
