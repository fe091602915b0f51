"""Captions on both databases: who writes them, what is told and kept, and what a late page sees."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from realtime import limits
from server import clock, topics
from server.agenda import store as agenda
from server.agenda.rules import NotLive, Phase
from server.call import Call
from server.captions import live, panel, rules, store
from server.captions.live import Change, Say
from server.captions.rules import Line
from server.errors import Invalid, NotFound
from server.rights import Role
from tests.integration.desks import Frame, World, a_session
from tests.unit.captions.test_webvtt import parsed

NAMES = ("id", "language", "text", "final", "said_ms", "ended_ms", "revision")
Shown = dict[str, dict[str, Any]]


async def captioner(world: World) -> Call:
    return await world.call("Mo", Role.MODERATOR)


async def say(world: World, text: str, call: Call | None = None, **more: Any) -> UUID:
    command = Say(command_id=uuid4(), session_id=world.session_id, text=text, **more)
    made: UUID = await live.say(command, call or await captioner(world))
    return made


async def change(world: World, line_id: UUID, text: str, **more: Any) -> None:
    command = Change(
        command_id=uuid4(), session_id=world.session_id, line_id=line_id, text=text, **more
    )
    await live.change(command, await captioner(world))


async def told(world: World, since: int = 0) -> list[Frame]:
    return await world.events(topics.captions(world.session_id), since)


async def seq(world: World) -> int:
    position = await world.services.publisher.position(topics.captions(world.session_id))
    assert position is not None
    return position.seq


async def seen(world: World) -> panel.Panel:
    return await panel.panel(await world.call("Ann"), world.session_id)


async def desk(world: World) -> panel.Desk:
    return await panel.desk(await captioner(world), await world.session())


def rows(found: panel.Panel | panel.Desk) -> Shown:
    return {
        str(row.id): {n: getattr(row, n) for n in NAMES} | {"id": str(row.id)} for row in found.rows
    }


def folded(before: Shown, frames: list[Frame], most: int) -> Shown:
    """What a page makes of events: each line's newest state, each language's last lines."""
    lines = dict(before)
    for frame in frames:
        known = lines.get(frame["id"])
        if known is None or known["revision"] <= frame["revision"]:
            lines[frame["id"]] = {name: frame[name] for name in NAMES}
    order = sorted(lines.values(), key=lambda line: (line["said_ms"], line["id"]))
    kept: Shown = {}
    for language in {line["language"] for line in order}:
        last = [line for line in order if line["language"] == language][-most:]
        kept |= {line["id"]: line for line in last}
    return kept


async def by_saying(world: World, _line: UUID) -> None:
    for text in ("One.", "Two.", "Three."):
        await say(world, text)
    await say(world, "Eins.", language="de")


async def by_growing(world: World, _line: UUID) -> None:
    grown = await say(world, "So for", final=False)
    await change(world, grown, "So for patients", final=False)
    await change(world, grown, "So for patients above 40.")


async def by_correcting(world: World, line_id: UUID) -> None:
    await change(world, line_id, "Corrected")


async def by_taking_out(world: World, line_id: UUID) -> None:
    await change(world, line_id, "")


@pytest.mark.parametrize("act", [by_saying, by_growing, by_correcting, by_taking_out])
async def test_a_snapshot_and_the_events_after_it_are_the_next_snapshot(
    database_url: str, tmp_path: Path, act: Callable[[World, UUID], Awaitable[None]]
) -> None:
    async with a_session(database_url, tmp_path) as world:
        for read, most in (
            (seen, limits.CAPTIONS_SHOWN),
            (desk, limits.CAPTIONS_CORRECTED),
        ):
            for text in ("Good morning.", "Welcome.", "Today", "we speak"):
                line_id = await say(world, text)
            before, since = rows(await read(world)), await seq(world)
            await act(world, line_id)
            after, frames = rows(await read(world)), await told(world, since)
            once = folded(before, frames, most)
            assert once == after != before
            assert folded(once, frames, most) == after
            assert folded(before, frames[::-1], most) == after


async def test_who_comes_late_finds_the_last_lines_of_each_language(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        for number in range(6):
            await say(world, f"Line {number}")
        await say(world, "Zeile", language="DE")
        ann = await world.call("Ann")
        async with world.browser(ann) as browser:
            base = str(browser.base_url).rstrip("/")
            answer = await browser.get(f"{base}/captions/fragment")
        found = answer.json()
        assert [(each["language"], each["text"]) for each in found["rows"]] == [
            ("en", "Line 3"), ("en", "Line 4"), ("en", "Line 5"), ("de", "Zeile"),
        ]  # fmt: skip
        assert found["language"] == "en"
        (follows,) = found["follows"]
        assert follows["topic"] == topics.captions(world.session_id)
        assert follows["seq"] == 7


async def test_a_command_that_comes_twice_says_one_line(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        command = Say(command_id=uuid4(), session_id=world.session_id, text="Once.")
        call = await captioner(world)
        assert await live.say(command, call) == await live.say(command, call)
        assert [frame["text"] for frame in await told(world)] == ["Once."]


async def test_a_line_that_did_not_change_is_told_to_nobody(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        line_id = await say(world, "So", final=False)
        await change(world, line_id, " So ", final=False)
        assert len(await told(world)) == 1


async def test_a_line_is_one_line_of_plain_text(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        await say(world, "  SBP\u202e < 90\n\tmmHg\x00 ")
        assert [frame["text"] for frame in await told(world)] == ["SBP < 90 mmHg"]


async def test_captions_are_written_while_the_session_is_live_and_corrected_afterwards(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        line_id = await say(world, "Thank yuo.")
        async with world.services.db.begin() as db:
            await db.execute(update(agenda.Session).values(phase=Phase.ENDED))
        with pytest.raises(NotLive):
            await say(world, "Anybody there?")
        await change(world, line_id, "Thank you.")
        assert [frame["text"] for frame in await told(world)] == ["Thank yuo.", "Thank you."]


async def test_bounds_hold_in_rows(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        first = await say(world, "First.")
        with pytest.raises(Invalid):
            await say(world, "x" * (limits.MAX_CAPTION_CHARS + 1))
        for number in range(limits.CAPTIONS_CORRECTED):
            await say(world, f"Line {number}")
            await say(world, f"Zeile {number}", language="de")
        with pytest.raises(rules.TooLate):
            await change(world, first, "Frist.")
        for tag in list(rules.LANGUAGES)[: limits.MAX_CAPTION_LANGUAGES - 2]:
            if tag not in {"en", "de"}:
                await say(world, "…", language=tag)
        spoken = {row.language for row in (await desk(world)).rows}
        others = [tag for tag in rules.LANGUAGES if tag not in spoken]
        for tag in others[: limits.MAX_CAPTION_LANGUAGES - len(spoken)]:
            await say(world, "…", language=tag)
        with pytest.raises(Invalid) as refused:
            await say(world, "…", language=others[-1])
        assert refused.value.where == "language"


async def test_a_line_belongs_to_its_session(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        line_id = await say(world, "Here.")
        async with world.services.db.begin() as db:
            other = agenda.Session(
                conference_id=world.place.conference_id, title="Next door", phase=Phase.LIVE,
                starts_at=clock.now(), ends_at=clock.now() + timedelta(hours=1),
            )  # fmt: skip
            db.add(other)
            await db.flush()
        command = Change(command_id=uuid4(), session_id=other.id, line_id=line_id, text="There.")
        with pytest.raises(NotFound):
            await live.change(command, await captioner(world))


async def test_two_captioners_at_once_lose_no_line(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        lena = await world.call("Lena", Role.MODERATOR)
        mo = await captioner(world)
        await asyncio.gather(
            *(say(world, f"M{number}", mo) for number in range(5)),
            *(say(world, f"L{number}", lena, language="de") for number in range(5)),
        )
        async with world.services.db.read() as db:
            kept = await db.scalar(select(func.count()).select_from(store.CaptionLine))
        assert kept == 10
        assert len(await told(world)) == 10


async def test_the_transcript_is_webvtt_of_all_that_was_said(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        began_ms = clock.now_ms() - 60_000
        async with world.services.db.begin() as db:
            await agenda.open_live(db, world.place.conference_id, world.session_id, began_ms)
        wrong = await say(world, "A slip of the toungue")
        await say(world, "SBP < 90 mmHg & falling")
        await say(world, "Guten Tag", language="de")
        await change(world, wrong, "A slip of the tongue")
        gone = await say(world, "Rubbish")
        await change(world, gone, "")
        async with world.browser(await captioner(world)) as browser:
            address = f"{str(browser.base_url).rstrip('/')}/captions.vtt"
            own, german = await browser.get(address), await browser.get(f"{address}?language=de")
            odd = await browser.get(f"{address}?language=../x")
        assert own.headers["content-type"] == "text/vtt; charset=utf-8"
        assert own.headers["content-disposition"] == 'attachment; filename="captions-en.vtt"'
        found = parsed(own.text)
        assert [text for _, _, text in found] == ["A slip of the tongue", "SBP < 90 mmHg & falling"]
        assert 60_000 <= found[0][0] < 120_000
        assert [text for _, _, text in parsed(german.text)] == ["Guten Tag"]
        assert odd.status_code == 422


async def test_a_learner_reads_and_neither_writes_nor_downloads(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        await say(world, "Good morning.")
        async with world.browser(await world.call("Ann")) as browser:
            base = str(browser.base_url).rstrip("/")
            assert (await browser.get(f"{base}/captions/fragment")).status_code == 200
            assert (await browser.get(f"{base}/captions/desk")).status_code == 403
            assert (await browser.get(f"{base}/captions.vtt")).status_code == 403
            written = await browser.post(f"{base}/captions", data={"text": "Me too"})
            assert written.status_code == 403
        assert len(await told(world)) == 1


async def test_a_speaker_of_the_session_writes_by_form(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        async with world.browser(await world.call("Sam", Role.FACULTY)) as browser:
            base = str(browser.base_url).rstrip("/")
            form = {"text": "Next slide.", "language": "de", "command_id": str(uuid4())}
            for _ in range(2):
                assert (await browser.post(f"{base}/captions", data=form)).status_code == 303
            (row,) = (await desk(world)).rows
            answer = await browser.post(f"{base}/captions/{row.id}", data={"text": "Next, please."})
            assert answer.status_code == 303
        assert [(row.language, row.text) for row in (await desk(world)).rows] == [
            ("de", "Next, please.")
        ]


async def test_a_transcript_reads_thousands_of_lines(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        call = await captioner(world)
        async with world.services.db.begin() as db:
            for number in range(2_000):
                line = Line(
                    id=uuid4(), session_id=world.session_id, language="en", text=f"Line {number}",
                    final=True, said_ms=number * 4_000, ended_ms=number * 4_000 + 2_000, revision=0,
                )  # fmt: skip
                await store.add(db, call.conference_id, line, said_by=call.person_id)
            place = (call.conference_id, world.session_id)
            lines = await store.transcript(db, *place, "en")
            last = await store.tail(db, *place, 3)
            near = await store.between(db, *place, "en", from_ms=4_000_000, to_ms=4_002_000)
        assert len(lines) == 2_000
        assert [line.text for line in last] == ["Line 1997", "Line 1998", "Line 1999"]
        assert near[-1].text == "Line 1000"
        assert len(near) == 1 + store.LONGEST_MS // 4_000
