"""The stage over HTTPS: real media into WHIP, playlists and segments out, tickets between."""

import asyncio
import io
import re
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urljoin
from uuid import UUID, uuid4

import av
import httpx
import psutil
import pytest

from realtime.relay.caller import Caller, CallLost, call
from realtime.relay.flow import Packet
from realtime.relay.hls.frames import Segment, Splitter, decode_out
from server.rights import Role
from tests.integration.films import Film, Studio
from tests.integration.live_day import Day, a_conference, a_day
from tests.integration.relays import SESSION, running_relay
from tests.integration.test_relay import Camera
from tests.integration.test_stages import airing, bearer, ticket, token, whip
from tests.servers.rounds import Rounds
from tests.servers.waiting import eventually_async


@pytest.fixture(scope="module")
def conference(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Rounds, UUID]]:
    with a_conference(tmp_path_factory.mktemp("hls")) as running:
        yield running


@pytest.fixture
def day(conference: tuple[Rounds, UUID]) -> Generator[Day]:
    made = a_day(*conference)
    made.disclose()
    made.acknowledge(Role.LEARNER)
    made.step("stage.go_live")
    yield made
    made.close()


@asynccontextmanager
async def filming(day: Day, film: Film) -> AsyncGenerator[None]:
    """A speaker whose pictures and sound flow."""
    made = await asyncio.to_thread(token, day)
    async with (
        call(whip(day), made, kind="publish", codec="H264") as caller,
        sending(film, caller),
    ):
        await airing(day, expected=True)
        yield


@asynccontextmanager
async def sending(film: Film, speaker: Caller) -> AsyncGenerator[None]:
    """What is filmed goes out, for the length of the block."""
    over = asyncio.Event()
    reel = asyncio.create_task(eventually_async(_sent(film, speaker, over), within=60))
    try:
        yield
    finally:
        over.set()
        with suppress(CallLost):
            await reel


def hls(day: Day) -> str:
    return f"{day.server.url}/hls/{day.session_id}"


def a_viewer(day: Day) -> httpx.AsyncClient:
    own = {"Origin": day.server.url}
    return httpx.AsyncClient(headers=own, timeout=30, trust_env=False)


async def let_in(viewer: httpx.AsyncClient, day: Day, role: Role = Role.LEARNER) -> str:
    """Change a ticket for a pass; the playlist's address."""
    path = "/ticket" if role is Role.LEARNER else "/desk/ticket"
    made = await asyncio.to_thread(ticket, day, role, path)
    answer = await viewer.post(hls(day), headers=bearer(made))
    assert answer.status_code == 201, answer.text
    return urljoin(day.server.url, answer.headers["location"])


async def shut(viewer: httpx.AsyncClient, playlist: str, statuses: set[int]) -> None:
    """Returns once the playlist is refused: within the two seconds that a look at it holds."""
    deadline = time.monotonic() + 5
    while (await viewer.get(playlist)).status_code not in statuses:
        assert time.monotonic() < deadline


def lines(text: str, tag: str) -> list[str]:
    return [line.removeprefix(tag) for line in text.splitlines() if line.startswith(tag)]


def files(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def number(text: str) -> int:
    """Of the segment after the last whole one."""
    (first,) = lines(text, "#EXT-X-MEDIA-SEQUENCE:")
    return int(first) + len(files(text))


async def listed(viewer: httpx.AsyncClient, playlist: str, whole: int) -> str:
    """The playlist as soon as it has so many segments, asked for as a player asks."""
    text = (await viewer.get(playlist)).raise_for_status().text
    while len(files(text)) < whole:
        answer = await viewer.get(playlist, params={"_HLS_msn": number(text)})
        text = answer.raise_for_status().text
    return text


async def fetched(viewer: httpx.AsyncClient, playlist: str, name: str) -> bytes:
    answer = (await viewer.get(urljoin(playlist, name))).raise_for_status()
    assert answer.headers["cache-control"] == "public, max-age=60, immutable"
    assert "vary" not in answer.headers
    return answer.content


def decoded(data: bytes) -> dict[str, int]:
    """How many pictures and sounds come out, each after the last without a hole."""
    count: dict[str, int] = {}
    ends: dict[int, int] = {}
    with av.open(io.BytesIO(data), "r") as container:
        for packet in container.demux():
            if packet.dts is None or packet.duration is None:
                continue
            stream = packet.stream
            assert ends.get(stream.index, packet.dts) == packet.dts
            ends[stream.index] = packet.dts + packet.duration
            count[stream.type] = count.get(stream.type, 0) + len(packet.decode())
    return count


async def parts_come_as_soon_as_they_are_made(
    viewer: httpx.AsyncClient, playlist: str, text: str
) -> None:
    asked = {"_HLS_msn": number(text) + 1, "_HLS_part": 0}
    text = (await viewer.get(playlist, params=asked)).raise_for_status().text
    assert number(text) == asked["_HLS_msn"], "it was waited for"
    (hint,) = re.findall(r'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="(\S+)"', text)
    body = await fetched(viewer, playlist, hint)
    assert body[4:8] == b"moof", "what is announced comes while one waits"
    parts = re.findall(r'#EXT-X-PART:DURATION=([\d.]+),URI="(\S+?)"(,INDEPENDENT=YES)?', text)
    assert parts
    assert max(float(seconds) for seconds, _, _ in parts) <= 0.5
    (at,) = lines(text, "#EXT-X-PROGRAM-DATE-TIME:")[-1:]
    assert at.endswith("+00:00")

    far = await viewer.get(playlist, params={"_HLS_msn": number(text) + 9})
    assert far.status_code == 422
    odd = await viewer.get(playlist, params={"_HLS_part": 1})
    assert odd.status_code == 422


async def test_a_viewer_without_udp_sees_and_hears_the_speaker(day: Day) -> None:
    async with filming(day, Film(Studio())), a_viewer(day) as viewer:
        playlist = await let_in(viewer, day)
        answer = await viewer.get(playlist)
        assert answer.headers["content-type"] == "application/vnd.apple.mpegurl"
        assert answer.headers["cache-control"] == "no-store"
        text = await listed(viewer, playlist, whole=2)
        assert max(float(each.rstrip(",")) for each in lines(text, "#EXTINF:")) < 2.5
        assert "#EXT-X-TARGETDURATION:2" in text

        (beginning,) = re.findall(r'#EXT-X-MAP:URI="(\S+)"', text)
        data = await fetched(viewer, playlist, beginning)
        names = files(text)
        for name in names:
            data += await fetched(viewer, playlist, name)
        seconds = sum(float(each.rstrip(",")) for each in lines(text, "#EXTINF:"))
        seen = decoded(data)
        assert seen["video"] >= 25 * seconds - 2, "no picture misses"
        assert abs(seen["audio"] / 50 - seconds) < 0.3, "sound goes along"
        assert all(re.fullmatch(r"[\w-]{22}\.m4s", name) for name in names)
        await parts_come_as_soon_as_they_are_made(viewer, playlist, text)


async def test_sound_alone_plays_too(day: Day) -> None:
    async with filming(day, Film(Studio(), dark=True)), a_viewer(day) as viewer:
        playlist = await let_in(viewer, day)
        text = await listed(viewer, playlist, whole=1)
        (beginning,) = re.findall(r'#EXT-X-MAP:URI="(\S+)"', text)
        data = await fetched(viewer, playlist, beginning)
        for name in files(text):
            data += await fetched(viewer, playlist, name)
        seen = decoded(data)
        assert set(seen) == {"audio"}
        assert seen["audio"] >= 100


async def test_nobody_comes_in_without_a_ticket_of_this_session(day: Day) -> None:
    async with filming(day, Film(Studio())), a_viewer(day) as viewer:
        assert (await viewer.post(hls(day))).json()["code"] == "ticket.used"
        refused = await viewer.get(f"{hls(day)}/live.m3u8")
        assert (refused.status_code, refused.json()["code"]) == (401, "pass.missing")
        made = await asyncio.to_thread(ticket, day)
        elsewhere = f"{day.server.url}/hls/{uuid4()}"
        assert (await viewer.post(elsewhere, headers=bearer(made))).status_code == 401
        assert (await viewer.post(hls(day), headers=bearer(made))).status_code == 201
        assert (await viewer.post(hls(day), headers=bearer(made))).status_code == 401

        playlist = f"{hls(day)}/live.m3u8"
        (passed,) = viewer.cookies.jar
        assert (passed.path, passed.has_nonstandard_attr("HttpOnly")) == (
            f"/hls/{day.session_id}", True,
        )  # fmt: skip
        text = (await viewer.get(playlist)).raise_for_status().text
        assert str(passed.value) not in text
        async with a_viewer(day) as stranger:
            assert (await stranger.get(playlist)).status_code == 401
            guess = str(passed.value).swapcase()  # of 43 letters and digits some are letters
            stranger.cookies.set("hls", guess, path=passed.path)
            assert (await stranger.get(playlist)).status_code == 401
            guessed = await stranger.get(f"{hls(day)}/{'A' * 22}.m4s")
            assert (guessed.status_code, guessed.headers["cache-control"]) == (404, "no-store")

        assert (await viewer.delete(hls(day))).status_code == 204
        viewer.cookies.set("hls", str(passed.value), path=passed.path)

        await shut(viewer, playlist, {401})


async def test_the_audience_is_sent_out_and_the_desk_stays(day: Day) -> None:
    async with filming(day, Film(Studio())), a_viewer(day) as viewer, a_viewer(day) as desk:
        playlist = await let_in(viewer, day)
        await let_in(desk, day, Role.MODERATOR)
        await asyncio.to_thread(day.step, "stage.pause")

        await shut(viewer, playlist, {401, 409})
        assert (await desk.get(playlist)).status_code == 200


async def test_a_stage_in_vp8_says_that_it_has_none(day: Day) -> None:
    made = await asyncio.to_thread(token, day)
    publishing = call(whip(day), made, kind="publish", codec="VP8")
    async with publishing as caller, a_viewer(day) as viewer:
        over = asyncio.Event()
        reel = asyncio.create_task(Camera(caller).until(over.is_set, within=60))
        await airing(day, expected=True)
        answer = await viewer.post(hls(day), headers=bearer(await asyncio.to_thread(ticket, day)))
        assert (answer.status_code, answer.json()["code"]) == (406, "stage.format")
        over.set()
        await reel


async def test_without_a_speaker_there_is_nothing_to_play(day: Day) -> None:
    async with a_viewer(day) as viewer:
        answer = await viewer.post(hls(day), headers=bearer(await asyncio.to_thread(ticket, day)))
        assert (answer.status_code, answer.json()["code"]) == (409, "stage.off_air")


async def test_another_size_begins_anew_and_plays_on(day: Day) -> None:
    film = Film(Studio())
    async with filming(day, film), a_viewer(day) as viewer:
        playlist = await let_in(viewer, day)
        await listed(viewer, playlist, whole=1)
        film.studio = Studio(640, 360)
        deadline, tail = time.monotonic() + 20, ""
        while "#EXTINF" not in tail:
            assert time.monotonic() < deadline
            text = (await viewer.get(playlist)).raise_for_status().text
            text = (await viewer.get(playlist, params={"_HLS_msn": number(text)})).text
            tail = text.partition("#EXT-X-DISCONTINUITY\n")[2]
        (beginning,) = re.findall(r'#EXT-X-MAP:URI="(\S+)"', tail)
        data = await fetched(viewer, playlist, beginning)
        data += await fetched(viewer, playlist, files(tail)[0])
        with av.open(io.BytesIO(data), "r") as container:
            video = container.streams.video[0]
            assert (video.width, video.height) == (640, 360)
        assert decoded(data)["video"] > 20


async def test_a_packager_that_dies_is_replaced_and_others_notice_nothing() -> None:
    async with running_relay() as relay, httpx.AsyncClient(timeout=20, trust_env=False) as http:
        got: list[Packet] = []
        url = f"{relay.url}/publish/{SESSION}"
        publishing = call(url, relay.grant("publish", "speaker"), kind="publish", codec="H264")
        watching = call(f"{relay.url}/watch/{SESSION}", relay.grant("watch"), kind="watch")
        async with publishing as speaker, sending(Film(Studio()), speaker), watching as viewer:
            viewer.on_rtp = got.append
            headers = {"Authorization": f"Bearer {relay.grant('watch', 'server')}"}
            address = f"{relay.url}/segments/{SESSION}"
            breaks: set[int] = set()
            async with http.stream("GET", address, headers=headers) as stream:
                splitter = Splitter()
                async for data in stream.aiter_raw():
                    for message in map(decode_out, splitter.feed(data)):
                        if isinstance(message, Segment) and message.breaks not in breaks:
                            breaks.add(message.breaks)
                            (worker,) = packagers()
                            worker.kill()
                    if len(breaks) == 3:
                        break
            so_far = len(got)
            await eventually_async(lambda: len(got) > so_far + 100, what="it goes on")
            assert all(each.lost == 0 for each in viewer.received.values())
            assert not viewer.closed.is_set()


def packagers(relay: psutil.Process | None = None) -> list[psutil.Process]:
    """Processes of a relay, or of this one's."""
    found: list[psutil.Process] = []
    for each in (relay or psutil.Process()).children():
        with suppress(psutil.NoSuchProcess):  # or a zombie, that is one who has just ended
            found += [each] * ("realtime.relay.hls.worker" in each.cmdline())
    return found


def _sent(film: Film, speaker: Caller, over: asyncio.Event) -> Callable[[], bool]:
    def wanted() -> None:
        film.studio.keyframe_wanted = True

    def sent() -> bool:
        for kind, payload, timestamp, marker in film.due():
            speaker.send(kind, payload, timestamp, marker=marker)  # type: ignore[arg-type]
        return over.is_set()

    speaker.on_keyframe_wanted = wanted
    return sent
