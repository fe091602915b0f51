"""Questions on both databases: what is stored, who is told, and what nobody is told."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from realtime.wire import Topic
from server import topics
from server.agenda.rules import Phase
from server.agenda.store import Session
from server.audit.store import Entry
from server.call import Call
from server.db import Database
from server.errors import Forbidden, Invalid, NotFound, TooMany
from server.questions import live, panel, rules, store
from server.questions.live import (
    Answered,
    Answering,
    Approve,
    Ask,
    Dismiss,
    Restore,
    Unvote,
    Upvote,
    Withdraw,
)
from server.rights import Role
from tests.integration.desks import Frame, World, a_session, shown
from tests.servers.waiting import eventually_async

Shown = dict[str, dict[str, Any]]


async def ask(call: Call, world: World, text: str = "Why?", **other: Any) -> UUID:
    made: UUID = await live.ask(
        Ask(command_id=uuid4(), session_id=world.session_id, text=text, **other), call
    )
    return made


def about(world: World, question_id: UUID) -> dict[str, Any]:
    return {"command_id": uuid4(), "session_id": world.session_id, "question_id": question_id}


async def published(world: World, text: str = "Why?", by: str = "Ann") -> UUID:
    moderator = await world.call("Mo", Role.MODERATOR)
    question_id = await ask(await world.call(by), world, text)
    await live.approve(Approve(**about(world, question_id)), moderator)
    return question_id


def folded(before: Shown, frames: list[Frame]) -> Shown:
    """What a page makes of events: the newest state of each question."""
    shown = dict(before)
    for frame in frames:
        known = shown.get(frame["id"])
        if known is None or known["revision"] <= frame["revision"]:
            shown[frame["id"]] = {name: frame[name] for name in NAMES}
    gone = ("dismissed", "withdrawn")
    return {id_: each for id_, each in shown.items() if each["text"] and each["status"] not in gone}


NAMES = ("id", "text", "author", "status", "votes", "revision")


def rows(found: Any) -> Shown:
    return folded(
        {},
        [
            {name: str(value) if name == "id" else value for name, value in fields.items()}
            for fields in ({name: getattr(row, name) for name in NAMES} for row in found.rows)
        ],
    )


async def desk_rows(world: World) -> Shown:
    call, session = await world.call("Mo", Role.MODERATOR), await world.session()
    return rows(await panel.desk(call, session))


async def audience_rows(world: World) -> Shown:
    call, session = await world.call("Ann"), await world.session()
    return rows(await panel.panel(call, session.id))


async def seq(world: World, topic: Topic) -> int:
    position = await world.services.publisher.position(topic)
    assert position is not None
    return position.seq


Act = Callable[[World, UUID], Awaitable[None]]


async def by_asking(world: World, _question: UUID) -> None:
    await ask(await world.call("Ben"), world, "And in children?", anonymous=True)


async def by_withdrawing(world: World, _question: UUID) -> None:
    cal = await world.call("Cal")
    await live.withdraw(Withdraw(**about(world, await ask(cal, world, "Never mind?"))), cal)


async def by_approving(world: World, _question: UUID) -> None:
    await published(world, "At what dose?", by="Ben")


async def by_dismissing(world: World, question_id: UUID) -> None:
    moderator = await world.call("Mo", Role.MODERATOR)
    await live.dismiss(Dismiss(**about(world, question_id), reason="Asked before"), moderator)


async def by_answering(world: World, question_id: UUID) -> None:
    speaker = await world.call("Sam", Role.FACULTY)
    await live.answering(Answering(**about(world, question_id)), speaker)


async def by_answering_another(world: World, question_id: UUID) -> None:
    await by_answering(world, question_id)
    await by_answering(world, await published(world, "Which guideline?", by="Ben"))


async def by_having_answered(world: World, question_id: UUID) -> None:
    await by_answering(world, question_id)
    speaker = await world.call("Sam", Role.FACULTY)
    await live.answered(Answered(**about(world, question_id)), speaker)


async def by_unpublishing(world: World, question_id: UUID) -> None:
    moderator = await world.call("Mo", Role.MODERATOR)
    await live.restore(Restore(**about(world, question_id)), moderator)


async def by_restoring(world: World, question_id: UUID) -> None:
    await by_dismissing(world, question_id)
    moderator = await world.call("Mo", Role.MODERATOR)
    await live.restore(Restore(**about(world, question_id), status="live"), moderator)


@pytest.mark.parametrize(
    "act",
    [
        by_asking,
        by_withdrawing,
        by_approving,
        by_dismissing,
        by_answering,
        by_answering_another,
        by_having_answered,
        by_unpublishing,
        by_restoring,
    ],
)
async def test_a_snapshot_and_the_events_after_it_are_the_next_snapshot(
    database_url: str, tmp_path: Path, act: Act
) -> None:
    async with a_session(database_url, tmp_path) as world:
        question_id = await published(world)
        for topic, read in (
            (topics.desk(world.session_id), desk_rows),
            (topics.session(world.session_id), audience_rows),
        ):
            before, since = await read(world), await seq(world, topic)
            await act(world, question_id)
            after, told = await read(world), await world.events(topic, since)
            once = folded(before, told)
            assert once == after
            assert folded(once, told) == after
            assert folded(before, told[::-1]) == after
            # The other topic is looked at from the same start.
            question_id = await published(world, f"Why, for {topic}?", by="Dee")


async def test_only_the_desk_hears_of_a_question_that_waits(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        ann = await world.call("Ann")
        await ask(ann, world, "Is this private?")
        assert await world.events(topics.session(world.session_id)) == []
        assert await audience_rows(world) == {}
        [told] = await world.events(topics.desk(world.session_id))
        assert (told["text"], told["status"]) == ("Is this private?", "pending")
        [own] = await world.events(topics.person(ann.person_id))
        assert (own["type"], own["status"]) == ("own_question", "pending")


async def test_an_anonymous_author_is_in_no_frame_and_no_snapshot(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        secret = await world.call("Undine")
        question_id = await ask(secret, world, "What if I forgot?", anonymous=True)
        moderator = await world.call("Mo", Role.MODERATOR)
        await live.approve(Approve(**about(world, question_id)), moderator)
        await by_answering(world, question_id)
        for topic in (topics.desk(world.session_id), topics.session(world.session_id)):
            frames = await world.events(topic)
            assert frames
            assert "Undine" not in str(frames)
            assert str(secret.person_id) not in str(frames)
        for snapshot in (await desk_rows(world), await audience_rows(world)):
            assert [each["author"] for each in snapshot.values()] == [None]
        async with world.services.db.read() as db:
            kept = await db.scalar(select(store.Question.author_id))
        assert kept == secret.person_id


async def test_a_dismissed_question_is_told_to_the_audience_without_its_text(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        question_id = await published(world, "An advertisement?")
        since = await seq(world, topics.session(world.session_id))
        await by_dismissing(world, question_id)
        [told] = await world.events(topics.session(world.session_id), since)
        assert (told["status"], told["text"], told["author"]) == ("dismissed", "", None)
        assert told["reason"] == ""
        own = (await world.events(topics.person((await world.call("Ann")).person_id)))[-1]
        assert (own["status"], own["reason"]) == ("dismissed", "Asked before")


async def test_one_question_is_answered_at_a_time_whoever_presses(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        ids = [await published(world, f"Question {n}?", by=f"Ann{n}") for n in range(6)]
        await asyncio.gather(*(by_answering(world, each) for each in ids))
        async with world.services.db.read() as db:
            statuses = list(await db.scalars(select(store.Question.status)))
        assert statuses.count(rules.Status.ANSWERING) == 1
        assert statuses.count(rules.Status.ANSWERED) == 5


async def test_a_command_that_comes_twice_asks_once(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        ann = await world.call("Ann")
        command = Ask(command_id=uuid4(), session_id=world.session_id, text="Twice?")
        made = await asyncio.gather(*(live.ask(command, ann) for _ in range(5)))
        assert len(set(made)) == 1
        assert len(await world.events(topics.desk(world.session_id))) == 1


async def test_three_questions_a_minute_even_from_many_tabs(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        ann = await world.call("Ann")
        asked = await asyncio.gather(
            *(ask(ann, world, f"Question {n}?") for n in range(8)), return_exceptions=True
        )
        assert sum(isinstance(each, UUID) for each in asked) == 3
        assert sum(isinstance(each, TooMany) for each in asked) == 5
        await ask(await world.call("Ben"), world, "Another person may?")


async def test_a_session_that_is_over_takes_no_questions_unless_its_floor_says_so(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        ann = await world.call("Ann")
        async with world.services.db.begin() as db:
            await db.execute(update(Session).values(phase=Phase.ENDED))
        with pytest.raises(rules.Closed):
            await ask(ann, world)
        async with world.services.db.begin() as db:
            conference_id = world.place.conference_id
            db.add(
                store.FloorRow(
                    conference_id=conference_id,
                    session_id=world.session_id,
                    open=True,
                    moderated=False,
                )
            )
        question_id = await ask(ann, world)
        assert list(await audience_rows(world)) == [str(question_id)]


async def test_text_is_kept_as_text_and_controls_are_not(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        ann = await world.call("Ann")
        await ask(ann, world, "<script>alert(1)</script>\u202e\n\n now?")
        [told] = await world.events(topics.desk(world.session_id))
        assert told["text"] == "<script>alert(1)</script> now?"
        with pytest.raises(Invalid):
            await ask(ann, world, " \n\u200b ")


async def test_staff_acts_are_on_record_in_the_same_transaction(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        question_id = await published(world)
        await by_having_answered(world, question_id)
        with pytest.raises(rules.WrongStep):
            await by_dismissing(world, question_id)
        async with world.services.db.read() as db:
            acts = list(await db.scalars(select(Entry.act).order_by(Entry.id)))
        assert acts == ["question.approve", "question.answering", "question.answered"]


async def test_a_speaker_publishes_nothing(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        ann, speaker = await world.call("Ann"), await world.call("Sam", Role.FACULTY)
        question_id = await ask(ann, world)
        with pytest.raises(Forbidden):
            await live.answering(Answering(**about(world, question_id)), speaker)
        moderator = await world.call("Mo", Role.MODERATOR)
        await live.dismiss(Dismiss(**about(world, question_id)), moderator)
        with pytest.raises(Forbidden):
            await live.restore(Restore(**about(world, question_id), status="live"), speaker)


async def test_a_question_is_withdrawn_by_its_author_alone(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        ann, ben = await world.call("Ann"), await world.call("Ben")
        question_id = await ask(ann, world)
        with pytest.raises(NotFound):
            await live.withdraw(Withdraw(**about(world, question_id)), ben)
        await live.withdraw(Withdraw(**about(world, question_id)), ann)
        await live.withdraw(Withdraw(**about(world, question_id)), ann)
        assert await desk_rows(world) == {}


async def count_votes(database: Database) -> int:
    async with database.read() as db:
        return await db.scalar(select(func.count()).select_from(store.Upvote)) or 0


async def test_a_hundred_people_vote_at_once_and_each_counts_once(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        topic = topics.session(world.session_id)
        await world.listen(topic)
        question_id = await published(world)
        people = [await world.call(f"P{n}") for n in range(100)]
        await asyncio.gather(
            *(
                live.upvote(Upvote(**about(world, question_id)), call)
                for call in people
                for _ in range(10)
            )
        )
        assert await count_votes(world.services.db) == 100
        await asyncio.gather(
            *(live.unvote(Unvote(**about(world, question_id)), call) for call in people[:40])
        )
        assert await count_votes(world.services.db) == 60

        def told() -> bool:
            votes = [frame for frame in world.states[topic] if frame["type"] == "votes"]
            return bool(votes) and votes[-1]["votes"] == 60

        await eventually_async(told)
        assert len(world.states[topic]) < 20
        assert (await audience_rows(world))[str(question_id)]["votes"] == 60


async def test_votes_go_to_what_is_published_and_not_yet_answered(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        ann, ben = await world.call("Ann"), await world.call("Ben")
        waiting = await ask(ann, world)
        with pytest.raises(rules.WrongStep):
            await live.upvote(Upvote(**about(world, waiting)), ben)
        question_id = await published(world, "Published?", by="Ben")
        assert await live.upvote(Upvote(**about(world, question_id)), ben) == 1
        await by_having_answered(world, question_id)
        with pytest.raises(rules.VotingOver):
            await live.upvote(Upvote(**about(world, question_id)), ann)
        with pytest.raises(rules.VotingOver):
            await live.unvote(Unvote(**about(world, question_id)), ben)
        assert await live.upvote(Upvote(**about(world, question_id)), ben) == 1, "as it stands"
        with pytest.raises(rules.WrongStep):
            await live.upvote(Upvote(**about(world, uuid4())), ann)
        assert await count_votes(world.services.db) == 1


async def test_everything_works_by_plain_forms(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        ann, moderator = await world.call("Ann"), await world.call("Mo", Role.MODERATOR)
        async with world.browser(ann) as learner, world.browser(moderator) as staff:
            form = {"text": "Why <b>this</b> dose?", "command_id": str(uuid4())}
            for _ in range(2):
                asked = await learner.post("/questions", data=form)
                assert asked.status_code == 303
                assert asked.headers["location"] == f"/sessions/{world.session_id}#questions"
            [question_id] = await desk_rows(world)
            assert "Waiting for a moderator" in await shown(learner)

            approved = await staff.post(f"/questions/{question_id}/approve")
            assert approved.headers["location"] == f"/sessions/{world.session_id}/desk#questions"
            await learner.post(f"/questions/{question_id}/upvote")
            page = await shown(learner)
            assert "Why &lt;b&gt;this&lt;/b&gt; dose?" in page
            assert 'aria-pressed="true" aria-label="Upvote, 1 vote"' in page
            await staff.post(f"/questions/{question_id}/answering")
            assert "Answering now" in await shown(learner)
            await staff.post(f"/questions/{question_id}/dismiss", data={"reason": "Off topic"})
            assert "Off topic" in await shown(learner)
            await staff.post(f"/questions/{question_id}/restore", data={"status": "live"})
            assert (await audience_rows(world))[question_id]["status"] == "live"
            await learner.post(f"/questions/{question_id}/unvote")
            assert (await audience_rows(world))[question_id]["votes"] == 0


async def test_forms_say_why_not(database_url: str, tmp_path: Path) -> None:
    async with a_session(database_url, tmp_path) as world:
        question_id = await published(world)
        async with world.browser(await world.call("Ann")) as learner:
            empty = await learner.post("/questions", data={"text": "  "})
            assert (empty.status_code, "write your question" in empty.text) == (422, True)
            long = await learner.post("/questions", data={"text": "x" * 501})
            assert (long.status_code, "1 more" in long.text) == (422, True)
            staffed = await learner.post(f"/questions/{question_id}/dismiss")
            assert staffed.status_code == 403
            odd = await learner.post("/questions", data={"text": "Why?", "command_id": "x"})
            assert odd.status_code == 422
            assert (await learner.get("/questions/desk")).status_code == 403


async def test_a_page_that_lost_its_place_fetches_what_the_panel_would_say(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        question_id = await published(world)
        await ask(await world.call("Ben"), world, "Still waiting?")
        async with world.browser(await world.call("Ann")) as learner:
            found = (await learner.get("/questions/fragment")).json()
        assert [row["id"] for row in found["rows"]] == [str(question_id)]
        assert "Still waiting?" not in str(found)
        place = {each["topic"]: each["seq"] for each in found["follows"]}
        assert place[topics.session(world.session_id)] == 1
        async with world.browser(await world.call("Mo", Role.MODERATOR)) as staff:
            found = (await staff.get("/questions/desk")).json()
        assert {row["text"] for row in found["rows"]} == {"Why?", "Still waiting?"}


async def test_who_fetch_at_the_same_moment_see_the_same_and_their_own(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        asked = [await published(world, "Why?", by=f"Asker{number}") for number in range(4)]
        people = [await world.call(f"Person{number}") for number in range(12)]
        mine = [await ask(each, world, f"And {each.who.name}?") for each in people]
        for number, each in enumerate(people):
            await live.upvote(Upvote(**about(world, asked[number % 4])), each)
        found = await asyncio.gather(*(panel.panel(each, world.session_id) for each in people))
        assert [[own.id for own in each.own] for each in found] == [[each] for each in mine]
        assert [each.voted for each in found] == [(asked[number % 4],) for number in range(12)]
        assert {frozenset((row.id, row.votes) for row in each.rows) for each in found} == {
            frozenset((each, 3) for each in asked)
        }


async def test_a_snapshot_has_what_was_committed_before_it_was_asked_for(
    database_url: str, tmp_path: Path
) -> None:
    """Read together does not mean read earlier: somebody else asked a moment before."""
    async with a_session(database_url, tmp_path) as world:
        ann = await world.call("Ann")
        for number in range(5):
            earlier = asyncio.ensure_future(panel.panel(ann, world.session_id))
            made = await published(world, f"Why {number}?", by=f"Person{number}")
            now = await panel.panel(ann, world.session_id)
            assert made in {row.id for row in now.rows}
            await earlier


async def test_a_session_that_is_gone_has_no_snapshot_and_spoils_no_other(
    database_url: str, tmp_path: Path
) -> None:
    async with a_session(database_url, tmp_path) as world:
        ann = await world.call("Ann")
        gone, here = await asyncio.gather(
            panel.panel(ann, uuid4()), panel.panel(ann, world.session_id), return_exceptions=True
        )
        assert isinstance(gone, NotFound)
        assert isinstance(here, panel.Panel)
