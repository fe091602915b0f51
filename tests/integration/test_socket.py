import asyncio
import json
import re
import socket
from collections import Counter
from uuid import uuid4

import pytest
from structlog.testing import capture_logs
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from realtime import limits
from realtime.hub import reception as reception_module
from realtime.hub import sweep as sweep_module
from realtime.wire import Close, Topic
from tests.integration.sockets import HERE, STAGE, Page, Process, Question, Tally, process
from tests.servers.waiting import eventually_async

# Opening, and who may.


async def test_every_size_and_shape_of_text_is_heard_and_answered() -> None:
    async with process() as here, here.peer() as page:
        for text in ("é", "x" * 70, "x" * 200, "y" * 3_000):
            await page.send("question.ask", text=text)
            assert "id" in await page.until("done")
        command = json.dumps({"type": "note.add", "ref": 99, "command_id": str(uuid4())})
        await page.socket.send([command[:9], command[9:20], command[20:]])
        assert await page.next() == {"type": "done", "ref": 99}
        await (await page.socket.ping())
        assert here.conference.asked == ["é", "x" * 70, "x" * 200, "y" * 3_000]


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", None])
async def test_another_origin_is_refused_before_the_upgrade(origin: str | None) -> None:
    async with process() as here:
        with pytest.raises(InvalidStatus) as refusal:
            async with here.socket(origin=Origin(origin) if origin else None):
                pass
        assert refusal.value.response.status_code == 403
        assert len(here.reception.peers) == 0


async def test_who_is_not_signed_in_is_told_so_and_their_words_are_not_heard() -> None:
    said = asyncio.Event()
    async with process() as here:

        async def slowly() -> None:
            await said.wait()

        here.conference.admitting = slowly
        async with here.socket("") as stranger:
            page = Page(stranger)
            await page.send("question.ask", text="Hello?")
            said.set()
            assert await page.closed() == Close.SIGN_IN
        assert here.conference.asked == []


async def test_what_a_page_says_before_it_is_admitted_waits() -> None:
    open_door = asyncio.Event()
    async with process() as here:

        async def slowly() -> None:
            await open_door.wait()

        here.conference.admitting = slowly
        async with here.socket() as early:
            page = Page(early)
            await page.send("question.ask", text="First?")
            await page.send("question.ask", text="Second?")
            assert here.conference.asked == []
            open_door.set()
            assert (await page.next())["type"] == "welcome"
            assert [(await page.until("done"))["ref"] for _ in range(2)] == [1, 2]
        assert here.conference.asked == ["First?", "Second?"]


async def test_an_admission_that_fails_closes_one_socket_and_is_logged() -> None:
    async with process() as here:

        async def fail() -> None:
            raise OSError

        here.conference.admitting = fail
        with capture_logs() as logs:
            async with here.socket() as unlucky:
                assert await Page(unlucky).closed() == Close.OVERLOADED
        here.conference.admitting = None
        async with here.peer() as page:
            await page.send("note.add")
            assert (await page.next())["type"] == "done"
    assert [entry["event"] for entry in logs] == ["hub.admit"]


async def test_a_silent_socket_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_module, "FIRST_FRAME_SECONDS", 0.2)
    async with process() as here, here.peer() as silent, here.peer("ben") as page:
        await page.send("note.add")
        assert await silent.closed() == Close.TOO_SLOW
        await page.send("note.add")
        assert [(await page.until("done"))["ref"] for _ in range(2)] == [1, 2]


async def test_a_person_has_eight_sockets_and_the_ninth_is_asked_to_wait() -> None:
    async with process() as here:
        sockets = [await here.socket() for _ in range(limits.MAX_SOCKETS)]
        for each in sockets:
            assert (await Page(each).next())["type"] == "welcome"
        async with here.socket() as ninth:
            assert await Page(ninth).closed() == Close.OVERLOADED
        async with here.peer("ben"):
            pass
        await sockets[0].close()
        await eventually_async(lambda: "ann" in here.conference.left_names)
        async with here.peer("ann"):
            pass
        for each in sockets:
            await each.close()


# Commands and replies.


async def test_each_way_of_answering_reaches_the_one_who_asked() -> None:
    async with process() as here, here.peer() as page:
        await page.send("note.add")
        assert await page.next() == {"type": "done", "ref": 1}
        await page.send("question.vote")
        (await here.conference.votes.get()).set_result(42)
        assert await page.next() == {"type": "done", "ref": 2, "value": 42}
        await page.send("rule.break")
        assert await page.next() == {
            "type": "error",
            "ref": 3,
            "code": "rule.broken",
            "where": "$.text",
        }
        await page.socket.send('{"type":"beat","n":7}')
        assert await page.next() == {"type": "kept", "n": 7}
        await page.socket.send('{"type":"nope","ref":9}')
        error = await page.next()
        assert (error["ref"], error["code"], error["where"]) == (9, "command.unknown", "$.type")
        await page.send("question.ask", text=5)
        error = await page.next()
        assert (error["code"], error["where"]) == ("command.malformed", "$.text")
        await page.send("question.ask", text="x" * limits.MAX_COMMAND_BYTES)
        assert (await page.next())["code"] == "command.too_large"


async def test_an_accident_is_logged_and_harms_only_its_command() -> None:
    async with process() as here, here.peer() as page:
        with capture_logs() as logs:
            await page.send("accident.happen")
            error = await page.next()
        assert (error["ref"], error["code"]) == (1, "internal")
        assert [(entry["event"], entry["command"]) for entry in logs] == [("hub.command", "Fail")]
        await page.send("note.add")
        assert await page.next() == {"type": "done", "ref": 2}


async def test_a_value_that_is_no_json_is_an_accident_of_its_command() -> None:
    async with process() as here, here.peer() as page:
        with capture_logs():
            await page.send("question.vote")
            (await here.conference.votes.get()).set_result(object())  # type: ignore[arg-type]
            assert (await page.next())["code"] == "internal"
        await page.send("note.add")
        assert (await page.next())["type"] == "done"


async def test_a_command_sent_again_is_answered_again_and_carried_out_once() -> None:
    async with process() as here:
        id_ = str(uuid4())
        async with here.peer() as page:
            await page.send("question.ask", command_id=id_, text="Why?")
            first = await page.until("done")
        async with here.peer() as page:
            await page.send("question.ask", command_id=id_, text="Why?")
            await page.send("question.ask", command_id=id_, text="Why not?")
            again = await page.until("done")
            refused = await page.until("error")
        async with here.peer("ben") as other:
            await other.send("question.ask", command_id=id_, text="Why?")
            theirs = await other.until("done")
        assert again["id"] == first["id"]
        assert (refused["ref"], refused["code"]) == (2, "command.reused")
        assert theirs["id"] != first["id"], "another person's id is another command"
        assert here.conference.asked == ["Why?", "Why?"]


async def test_a_command_sent_again_while_it_runs_is_answered_to_both() -> None:
    async with process() as here, here.peer() as one, here.peer() as two:
        id_ = str(uuid4())
        await one.send("question.vote", command_id=id_)
        vote = await here.conference.votes.get()
        await two.send("question.vote", command_id=id_)
        await two.send("note.add")
        assert (await two.next())["ref"] == 2
        vote.set_result(1)
        assert (await one.next())["value"] == (await two.next())["value"] == 1
        assert here.conference.votes.empty()


async def test_after_an_accident_the_same_command_may_be_tried_again() -> None:
    async with process() as here, here.peer() as page:
        id_ = str(uuid4())
        with capture_logs():
            await page.send("question.vote", command_id=id_)
            (await here.conference.votes.get()).set_exception(ZeroDivisionError())
            assert (await page.next())["code"] == "internal"
        await page.send("question.vote", command_id=id_)
        (await here.conference.votes.get()).set_result(1)
        assert (await page.next())["type"] == "done"


async def test_too_many_unfinished_commands_are_refused_and_the_socket_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("realtime.hub.clerk.MAX_UNFINISHED", 3)
    async with process() as here, here.peer() as page:
        for _ in range(4):
            await page.send("question.vote")
        assert await page.next() == {"type": "error", "ref": 4, "code": "busy", "where": ""}
        for _ in range(3):
            (await here.conference.votes.get()).set_result(0)
        assert {(await page.next())["ref"] for _ in range(3)} == {1, 2, 3}
        await page.send("note.add")
        assert await page.next() == {"type": "done", "ref": 5}


async def test_a_flood_closes_the_one_who_floods() -> None:
    async with process() as here, here.peer() as page, here.peer("ben") as other:
        for _ in range(60):
            try:
                await page.send("note.add")
            except ConnectionClosed:
                break
        assert await page.closed() == Close.FLOOD
        await other.send("note.add")
        assert (await other.next())["type"] == "done"


async def test_a_learner_has_one_allowance_for_all_sockets() -> None:
    async with process() as here, here.peer() as one, here.peer() as two:
        for page in (one, two) * 19:  # together just within a person's burst
            await page.send("note.add")
            assert (await page.next())["type"] == "done"
        for _ in range(15):  # alone well within it
            await two.send("note.add")
        assert await two.closed() == Close.FLOOD


async def test_a_frame_above_64_kib_closes_with_1009() -> None:
    async with process() as here, here.peer() as page:
        await page.socket.send("x" * (limits.MAX_FRAME_BYTES + 1))
        assert await page.closed() == Close.TOO_LARGE


# Topics.


async def test_snapshot_then_follow_has_no_gap() -> None:
    async with process() as here, here.peer() as page:
        await here.publisher.publish(STAGE, Question(text="shown by the page"))
        position = await here.publisher.position(STAGE)
        assert position is not None
        await here.publisher.publish(STAGE, Question(text="missed"))
        await page.socket.send(
            json.dumps({"type": "topic.follow", "topic": STAGE, "epoch": position.epoch, "seq": 1})
        )
        missed = await page.until("question")
        answer = await page.next()
        assert (missed["seq"], missed["text"], missed["topic"]) == (2, "missed", STAGE)
        assert answer == {
            "type": "followed",
            "topic": STAGE,
            "epoch": position.epoch,
            "seq": 2,
            "recovered": True,
        }
        await here.publisher.publish(STAGE, Question(text="live"))
        assert (await page.next())["seq"] == 3


async def test_an_unknown_position_resyncs_and_then_hears_everything() -> None:
    async with process() as here, here.peer() as page:
        await here.publisher.publish(STAGE, Question(text="before"))
        answer = await page.follow()
        assert (answer["type"], answer["seq"]) == ("resync", 1)
        await here.publisher.publish(STAGE, Question(text="after"))
        assert (await page.next())["seq"] == 2


async def test_a_topic_that_is_not_for_this_person_is_refused_and_never_heard() -> None:
    async with process() as here, here.peer() as page:
        for topic in ("session/1/desk", "hub/persons"):
            error = await page.follow(topic)
            assert (error["code"], error["where"]) == ("topic.forbidden", "$.topic")
        await here.publisher.publish(Topic("session/1/desk"), Question(text="secret"))
        await page.send("note.add")
        assert (await page.next())["type"] == "done"


async def test_a_right_that_was_lost_ends_following_at_the_next_follow() -> None:
    async with process() as here, here.peer() as page:
        await page.follow()
        here.conference.closed_topics.add(STAGE)
        assert (await page.follow())["code"] == "topic.forbidden"
        await here.publisher.publish(STAGE, Question(text="secret"))
        await page.send("note.add")
        assert (await page.next())["type"] == "done"


async def test_a_page_follows_32_topics_and_no_more() -> None:
    async with process() as here, here.peer() as page:
        for number in range(limits.MAX_TOPICS):
            assert (await page.follow(f"session/{number}"))["type"] == "resync"
        assert (await page.follow("session/more"))["code"] == "topic.too_many"
        assert (await page.follow("session/0"))["type"] == "resync", "one it has, it may follow"
        await page.send("topic.unfollow", topic="session/0")
        assert (await page.next())["type"] == "error", "an unfollow carries no command_id"
        await page.socket.send('{"type":"topic.unfollow","ref":70,"topic":"session/0"}')
        assert await page.next() == {"type": "done", "ref": 70}
        assert (await page.follow("session/more"))["type"] == "resync"


async def test_states_reach_followers_coalesced_and_end_true() -> None:
    async with process() as here, here.peer() as page:
        await page.follow()
        votes: list[int] = []

        async def read() -> Tally:
            return Tally(key="p", votes=len(votes))

        for _ in range(100):
            votes.append(1)
            here.publisher.show(STAGE, "p", read)
        seen = [await page.until("tally")]
        while seen[-1]["votes"] != 100:
            seen.append(await page.until("tally"))
        assert len(seen) <= 2
        assert "seq" not in seen[0]


# Leaving.


async def test_a_change_of_rights_closes_a_persons_sockets_everywhere(bus_url: str) -> None:
    url = None if bus_url == "memory" else bus_url
    async with process(url) as here, here.peer() as one, here.peer("ben") as other:
        await here.reception.close_person("ann")
        assert await one.closed() == Close.RIGHTS_CHANGED
        if url is not None:
            async with process(url) as there, there.peer() as far:
                await here.reception.close_person("ann")
                assert await far.closed() == Close.RIGHTS_CHANGED
        await other.send("note.add")
        assert (await other.next())["type"] == "done"


async def test_who_is_no_longer_who_they_were_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception_module, "RECHECK_SECONDS", 0.1)
    async with process() as here, here.peer() as gone, here.peer("ben") as stays:
        await gone.send("note.add")
        await stays.send("note.add")
        here.conference.out.add("ann")
        assert await gone.closed() == Close.RIGHTS_CHANGED
        await stays.send("note.add")
        assert [(await stays.next())["ref"] for _ in range(2)] == [1, 2]


async def test_stopping_says_goodbye_and_closes_with_1012() -> None:
    async with process() as here, here.peer() as one, here.peer("ben") as two:
        here.server.should_exit = True
        for page in (one, two):
            soonest, latest = (await page.until("goodbye"))["after_ms"]
            assert 0 <= soonest < latest <= 8_000
            assert await page.closed() == Close.RESTART
        await eventually_async(
            lambda: Counter(here.conference.left_names) == Counter(["ann", "ben"])
        )


async def test_a_socket_that_vanishes_leaves_nothing_behind() -> None:
    async with process() as here:
        async with here.peer() as page:
            await page.follow()
            assert here.hub.counts() == {STAGE: 1}
            page.socket.transport.abort()
            await eventually_async(lambda: here.hub.counts() == {STAGE: 0})
        await eventually_async(lambda: here.conference.left_names == ["ann"])
        assert len(here.reception.peers) == 0


# One bad peer harms only itself.


async def deaf(here: Process) -> socket.socket:
    """A peer that follows the stage and never reads."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(line, ("127.0.0.1", here.port))
    request = (
        f"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Origin: {HERE}\r\nCookie: deaf\r\n\r\n"
    )
    await loop.sock_sendall(line, request.encode())
    while b"welcome" not in await loop.sock_recv(line, 4_096):
        pass
    follow = json.dumps({"type": "topic.follow", "topic": STAGE}).encode()
    await loop.sock_sendall(line, b"\x81" + bytes((0x80 | len(follow),)) + b"\0\0\0\0" + follow)
    return line


async def test_a_peer_that_does_not_read_is_set_aside_and_closed_and_no_other_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep_module, "ASIDE_SECONDS", 0.5)
    async with process() as here, here.peer() as page:
        await page.follow()
        line = await deaf(here)
        await eventually_async(lambda: here.hub.counts() == {STAGE: 2})
        count = 400
        for number in range(count):
            await here.publisher.publish(STAGE, Question(text=f"{number} " + "x" * 1_000))
            question = await page.next(within=1)
            assert question["seq"] == number + 1
        (stuck,) = [peer for peer in here.reception.peers if peer.aside_at is not None]
        assert stuck.queued < 2 * limits.QUEUE_BYTES
        await eventually_async(lambda: here.hub.counts() == {STAGE: 1}, within=5)
        line.close()


async def test_a_peer_that_reads_again_catches_up_without_a_gap() -> None:
    async with process() as here:
        line = await deaf(here)
        await eventually_async(lambda: here.hub.counts().get(STAGE) == 1)
        for number in range(120):
            await here.publisher.publish(STAGE, Question(text=f"{number} " + "x" * 1_000))
        assert [peer.aside_at is not None for peer in here.reception.peers] == [True]
        loop = asyncio.get_running_loop()
        got = bytearray()
        async with asyncio.timeout(5):
            while got.count(b'"type":"question"') < 120:
                got += await loop.sock_recv(line, 65_536)
        numbers = re.findall(rb'"seq":(\d+),"type":"question"', got)
        assert [int(number) for number in numbers] == list(range(1, 121))
        await eventually_async(lambda: all(p.aside_at is None for p in here.reception.peers))
        line.close()


async def test_broken_texts_cost_the_others_no_event() -> None:
    async with process() as here, here.peer() as page:
        await page.follow()
        for number in range(100):
            async with here.peer(f"bot{number % 12}") as bot:
                for text in ("null", "[]", '{"type":1}', "\x00", '{"type":"topic.follow"}', "💥"):
                    await bot.socket.send(text)
                    assert (await bot.next())["code"] == "command.malformed"
            await here.publisher.publish(STAGE, Question(text="on"))
        assert [(await page.next())["seq"] for _ in range(100)] == list(range(1, 101))
