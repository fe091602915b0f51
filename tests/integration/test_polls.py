"""Polls on both databases: one answer a person, none after the close, no hidden result told."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from realtime.wire import Topic
from server import topics
from server.audit.store import Entry
from server.call import Call
from server.db import Database
from server.errors import Invalid, NotFound
from server.polls import live, panel, rules, store
from server.polls.live import Answer, Close, Create, Delete, Hide, Open, Reveal
from server.polls.rules import Kind
from server.rights import Role
from tests.integration.desks import Frame, World, a_session, shown
from tests.servers.waiting import eventually_async

Shown = dict[str, dict[str, Any]]
NAMES = ("id", "text", "kind", "options", "status", "revealed", "revision")


async def drafted(world: World, text: str = "At what eGFR?", kind: Kind = Kind.SINGLE) -> UUID:
    moderator = await world.call("Mo", Role.MODERATOR)
    made: UUID = await live.create(
        Create(
            command_id=uuid4(),
            session_id=world.session_id,
            text=text,
            options=("45", "25", "20"),
            kind=kind,
        ),
        moderator,
    )
    return made


def about(world: World, poll_id: UUID) -> dict[str, Any]:
    return {"command_id": uuid4(), "session_id": world.session_id, "poll_id": poll_id}


async def opened(world: World, kind: Kind = Kind.SINGLE) -> UUID:
    poll_id = await drafted(world, kind=kind)
    await by_opening(world, poll_id)
    return poll_id


async def answer(world: World, poll_id: UUID, call: Call, *choices: int) -> list[int]:
    taken: list[int] = await live.answer(Answer(**about(world, poll_id), choices=choices), call)
    return taken


def folded(before: Shown, frames: list[Frame]) -> Shown:
    """What a page makes of events: the newest state of each poll."""
    shown = dict(before)
    for frame in frames:
        known = shown.get(frame["id"])
        if known is None or known["revision"] <= frame["revision"]:
            shown[frame["id"]] = {
                name: list(frame[name]) if name == "options" else frame[name] for name in NAMES
            }
    return shown


def kept(shown: Shown) -> Shown:
    return {id_: each for id_, each in shown.items() if each["status"] != "deleted"}


def rows(found: panel.Panel | panel.Desk) -> Shown:
    polls = [{name: getattr(card.poll, name) for name in NAMES} for card in found.rows]
    return folded({}, [poll | {"id": str(poll["id"])} for poll in polls])


async def desk(world: World) -> panel.Desk:
    call, session = await world.call("Mo", Role.MODERATOR), await world.session()
    return await panel.desk(call, session)


async def seen(world: World, name: str = "Ann") -> panel.Panel:
    call, session = await world.call(name), await world.session()
    return await panel.panel(call, session.id)


async def seq(world: World, topic: Topic) -> int:
    position = await world.services.publisher.position(topic)
    assert position is not None
    return position.seq


async def by_drafting(world: World, _poll: UUID) -> None:
    await drafted(world, "Another?")


async def by_opening(world: World, poll_id: UUID) -> None:
    await live.open_poll(Open(**about(world, poll_id)), await world.call("Mo", Role.MODERATOR))


async def by_closing(world: World, poll_id: UUID) -> None:
    await by_opening(world, poll_id)
    await live.close(Close(**about(world, poll_id)), await world.call("Mo", Role.MODERATOR))


async def by_revealing(world: World, poll_id: UUID) -> None:
    await by_opening(world, poll_id)
    await live.reveal(Reveal(**about(world, poll_id)), await world.call("Sam", Role.FACULTY))


async def by_hiding(world: World, poll_id: UUID) -> None:
    await by_revealing(world, poll_id)
    await live.hide(Hide(**about(world, poll_id)), await world.call("Mo", Role.MODERATOR))


async def by_deleting(world: World, poll_id: UUID) -> None:
    await live.delete(Delete(**about(world, poll_id)), await world.call("Mo", Role.MODERATOR))


Act = Callable[[World, UUID], Awaitable[None]]


@pytest.mark.parametrize(
    "act", [by_drafting, by_opening, by_closing, by_revealing, by_hiding, by_deleting]
)
async def test_a_snapshot_and_the_events_after_it_are_the_next_snapshot(
    database_url: str, tmp_path: Path, act: Act
) -> None:
    async with a_session(database_url, tmp_path) as world:
        for topic, read in (
            (topics.desk(world.session_id), desk),
            (topics.session(world.session_id), seen),
        ):
            poll_id = await drafted(world, f"For {topic}?")
            before, since = rows(await read(world)), await seq(world, topic)
            await act(world, poll_id)
            after, told = rows(await read(world)), await world.events(topic, since)
            once = folded(before, told)
            assert kept(once) == after
            assert kept(folded(once, told)) == after
            assert kept(folded(before, told[::-1])) == after


async def test_a_draft_is_the_desks_alone(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        poll_id = await drafted(world)
        assert await world.events(topics.session(world.session_id)) == []
        assert (await seen(world)).rows == ()
        with pytest.raises(NotFound):
            await answer(world, poll_id, await world.call("Ann"), 0)
        await by_deleting(world, poll_id)
        assert await world.events(topics.session(world.session_id)) == []


async def test_a_hidden_result_is_in_no_frame_and_no_snapshot_of_the_audience(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        audience, own = topics.session(world.session_id), topics.desk(world.session_id)
        await world.listen(audience, own)
        poll_id = await opened(world)
        for n in range(3):
            await answer(world, poll_id, await world.call(f"P{n}"), 1)
        await eventually_async(
            lambda: bool(world.states[own]) and world.states[own][-1]["voters"] == 3
        )
        assert [frame for frame in world.states[audience] if frame["type"] == "tally"] == []
        [card] = (await seen(world)).rows
        assert (card.counts, card.voters) == (None, 0)
        assert [bar.percent for bar in card.bars] == [None, None, None]

        await live.reveal(Reveal(**about(world, poll_id)), await world.call("Mo", Role.MODERATOR))
        await eventually_async(lambda: bool(world.states[audience]))
        assert world.states[audience][-1]["counts"] == [0, 3, 0]
        [card] = (await seen(world)).rows
        assert [bar.percent for bar in card.bars] == [0, 100, 0]

        await live.hide(Hide(**about(world, poll_id)), await world.call("Mo", Role.MODERATOR))
        told = len(world.states[audience])
        await answer(world, poll_id, await world.call("P3"), 2)
        await eventually_async(lambda: world.states[own][-1]["voters"] == 4)
        later = world.states[audience][told:]
        assert all(frame["counts"] is None for frame in later), later
        [card] = (await seen(world)).rows
        assert card.counts is None


async def stored(database: Database) -> list[list[int]]:
    async with database.read() as db:
        return [list(each) for each in await db.scalars(select(store.PollAnswer.choices))]


async def test_a_hundred_learners_answer_at_once_and_each_counts_once_with_their_last(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        own = topics.desk(world.session_id)
        await world.listen(own)
        poll_id = await opened(world)
        people = [await world.call(f"P{n}") for n in range(100)]
        await asyncio.gather(
            *(answer(world, poll_id, call, n % 3) for n in range(100) for call in people)
        )
        await asyncio.gather(*(answer(world, poll_id, call, 2) for call in people[:30]))
        found = await stored(world.services.db)
        assert len(found) == 100
        assert sum(each == [2] for each in found) >= 30

        def told() -> bool:
            counts = world.states[own][-1]["counts"]
            return bool(counts == [sum(each == [n] for each in found) for n in range(3)])

        await eventually_async(told)
        assert world.states[own][-1]["voters"] == 100


async def test_no_answer_counts_after_the_close(database_url: str, tmp_path: Path) -> None:
    """Answers race the close; what was acknowledged before it stands, the rest is refused."""
    async with a_session(database_url, tmp_path) as world:
        poll_id = await opened(world)
        people = [await world.call(f"P{n}") for n in range(40)]
        moderator = await world.call("Mo", Role.MODERATOR)

        async def late(call: Call) -> list[int]:
            await asyncio.sleep(0)
            return await answer(world, poll_id, call, 0)

        await asyncio.gather(*(answer(world, poll_id, call, 1) for call in people[:20]))
        racing = [asyncio.create_task(late(call)) for call in people]
        await live.close(Close(**about(world, poll_id)), moderator)
        at_close = await stored(world.services.db)
        outcomes = await asyncio.gather(*racing, return_exceptions=True)
        refused = [each for each in outcomes if isinstance(each, BaseException)]
        assert all(isinstance(each, rules.Closed) for each in refused), refused
        with pytest.raises(rules.Closed):
            await answer(world, poll_id, people[0], 2)
        assert await stored(world.services.db) == at_close


async def test_an_answer_on_record_that_comes_again_after_the_close_is_answered(
    database_url: str, tmp_path: Path
) -> None:
    """A process died between COMMIT and acknowledgement: the page sends it once more."""
    async with a_session(database_url, tmp_path) as world:
        poll_id = await opened(world)
        ann, ben = await world.call("Ann"), await world.call("Ben")
        await answer(world, poll_id, ann, 1)
        moderator = await world.call("Mo", Role.MODERATOR)
        await live.close(Close(**about(world, poll_id)), moderator)
        again = (answer(world, poll_id, call, 1) for call in (ann, ben))
        hers, his = await asyncio.gather(*again, return_exceptions=True)
        assert hers == [1]
        assert isinstance(his, rules.Closed)


async def test_an_answer_is_checked_by_the_kind_of_poll_and_shown_after_a_reload(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        ann = await world.call("Ann")
        single, multiple = await opened(world), await opened(world, Kind.MULTIPLE)
        for choices in ((0, 1), (), (3,)):
            with pytest.raises(Invalid):
                await answer(world, single, ann, *choices)
        assert await answer(world, single, ann, 1) == [1]
        assert await answer(world, single, ann, 2) == [2]
        assert await answer(world, multiple, ann, 2, 0) == [0, 2]
        own = {card.poll.id: card.choices for card in (await seen(world)).rows}
        assert own == {single: (2,), multiple: (0, 2)}
        other = {card.poll.id: card.choices for card in (await seen(world, "Ben")).rows}
        assert other == {single: (), multiple: ()}
        with pytest.raises(NotFound):
            await answer(world, uuid4(), ann, 0)


async def test_a_command_that_comes_twice_makes_one_poll(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        moderator = await world.call("Mo", Role.MODERATOR)
        command = Create(
            command_id=uuid4(), session_id=world.session_id, text="Twice?", options=("a", "b")
        )
        made = await asyncio.gather(*(live.create(command, moderator) for _ in range(4)))
        assert len(set(made)) == 1
        assert len(await world.events(topics.desk(world.session_id))) == 1
        async with world.services.db.read() as db:
            assert await db.scalar(select(func.count()).select_from(store.Poll)) == 1


async def test_staff_acts_are_on_record_and_what_changes_nothing_is_not(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        poll_id = await drafted(world)
        await by_hiding(world, poll_id)
        await by_opening(world, poll_id)
        with pytest.raises(rules.WrongStep):
            await by_deleting(world, poll_id)
        async with world.services.db.read() as db:
            acts = list(await db.scalars(select(Entry.act).order_by(Entry.id)))
        assert acts == ["poll.create", "poll.open", "poll.reveal", "poll.hide"]


async def test_everything_works_by_plain_forms(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        ann, moderator = await world.call("Ann"), await world.call("Mo", Role.MODERATOR)
        async with world.browser(ann) as learner, world.browser(moderator) as staff:
            form = {"text": "At what eGFR?", "options": "45\r\n\r\n25\r\n20", "kind": "multiple"}
            made = await staff.post("/polls", data=form)
            assert made.headers["location"] == f"/sessions/{world.session_id}/desk#polls"
            [card] = (await desk(world)).rows
            assert card.poll.options == ("45", "25", "20")
            await staff.post(f"/polls/{card.poll.id}/open")
            taken = await learner.post(
                f"/polls/{card.poll.id}/answer", data={"choices": ["0", "2"]}
            )
            assert taken.headers["location"] == f"/sessions/{world.session_id}#polls"
            page = await shown(learner)
            assert page.count("Your answer:") >= 2
            assert "%</b>" not in page
            await staff.post(f"/polls/{card.poll.id}/reveal")
            assert "100%</b>" in await shown(learner)
            await staff.post(f"/polls/{card.poll.id}/close")
            late = await learner.post(f"/polls/{card.poll.id}/answer", data={"choices": "1"})
            assert (late.status_code, "closed" in late.text) == (409, True)


async def test_forms_say_why_not(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        poll_id = await opened(world)
        moderator = await world.call("Mo", Role.MODERATOR)
        async with world.browser(await world.call("Ann")) as learner:
            odd = await learner.post(f"/polls/{poll_id}/answer", data={"choices": "first"})
            assert odd.status_code == 422
            nothing = await learner.post(f"/polls/{poll_id}/answer")
            assert (nothing.status_code, "choose an answer" in nothing.text) == (422, True)
            assert (await learner.post(f"/polls/{poll_id}/close")).status_code == 403
            assert (await learner.get("/polls/desk")).status_code == 403
        async with world.browser(moderator) as staff:
            few = await staff.post("/polls", data={"text": "Why?", "options": "one"})
            assert (few.status_code, "2 to 12" in few.text) == (422, True)
            unknown = {"text": "Why?", "options": "a\nb", "kind": "guess"}
            assert (await staff.post("/polls", data=unknown)).status_code == 422


async def test_a_fragment_holds_no_draft_and_no_hidden_result(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        poll_id, ann = await opened(world), await world.call("Ann")
        await drafted(world, "A draft?")
        await answer(world, poll_id, ann, 1)
        async with world.browser(ann) as learner:
            found = (await learner.get("/polls/fragment")).json()
        [card] = found["rows"]
        assert (card["choices"], card["counts"], card["voters"]) == ([1], None, 0)
        assert "A draft?" not in str(found)
        assert [each["topic"] for each in found["follows"]] == [topics.session(world.session_id)]


async def test_who_fetch_at_the_same_moment_see_their_own_answers(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        poll_id = await opened(world)
        people = [await world.call(f"Person{number}") for number in range(9)]
        for number, each in enumerate(people):
            await live.answer(Answer(**about(world, poll_id), choices=(number % 2,)), each)
        found = await asyncio.gather(*(panel.panel(each, world.session_id) for each in people))
        assert [[card.choices for card in each.rows] for each in found] == [
            [(number % 2,)] for number in range(9)
        ]
        with pytest.raises(NotFound):
            await panel.panel(people[0], uuid4())
