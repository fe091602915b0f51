"""docs/protocol.md describes the transport: every frame, code and bound that the code has."""

import re
from pathlib import Path

import pytest

from realtime import limits, wire

TEXT = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()


def section(title: str) -> str:
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_every_close_code_is_described_and_no_other() -> None:
    described = {
        int(code) for code in re.findall(r"^\| (\d{4}) ", section("Close codes"), re.MULTILINE)
    }
    assert described == {*wire.Close, 1002}


def test_every_refusal_of_the_transport_is_described_and_no_other() -> None:
    told = re.findall(r"^\| `([a-z._]+)`", section("Refusals of the transport"), re.MULTILINE)
    assert set(told) == set(wire.Code)


@pytest.mark.parametrize(
    "reply", [wire.Done, wire.Error, wire.Followed, wire.Resync, wire.Welcome, wire.Goodbye]
)
def test_every_reply_is_described_with_its_fields(reply: type[wire.Reply]) -> None:
    tag = reply.__struct_config__.tag
    row = next(row for row in section("Frames down").splitlines() if f'"type":"{tag}"' in row)
    for field in reply.__struct_fields__:
        assert f'"{field}"' in row


@pytest.mark.parametrize("message", [wire.Follow, wire.Unfollow])
def test_every_message_is_described_with_its_fields(message: type[wire.Message]) -> None:
    tag = message.__struct_config__.tag
    row = next(row for row in section("Frames up").splitlines() if f'"type":"{tag}"' in row)
    for field in message.__struct_fields__:
        assert f'"{field}"' in row


@pytest.mark.parametrize(
    ("title", "words", "bound"),
    [
        ("Opening", "within {} seconds", limits.FIRST_FRAME_SECONDS),
        ("Positions", "At most {} events are kept", limits.HISTORY),
        ("Positions", "at most {} KiB", limits.CATCH_UP_BYTES / 1024),
        ("Positions", "with {} followers", limits.TICK_MEMBERS),
        ("Positions", "once per {} ms", limits.TICK_SECONDS * 1000),
        ("Refusals of the transport", "more than {} KiB", limits.MAX_COMMAND_BYTES / 1024),
        ("Refusals of the transport", "more than {} topics", limits.MAX_TOPICS),
        ("Close codes", "above {} KiB", limits.MAX_FRAME_BYTES / 1024),
        ("Close codes", "of one person ({})", limits.MAX_SOCKETS),
        ("Close codes", "more than {} commands a second", limits.COMMANDS_A_SECOND),
        ("Close codes", "a burst of {},", limits.COMMAND_BURST),
        ("Close codes", "more than {} other frames a second", limits.FOLLOWS_A_SECOND),
        ("Close codes", "a burst of {} ", limits.FOLLOW_BURST),
        ("Close codes", "doubling up to {}.", limits.RETRY_MS[1] / 1000),
        ("Close codes", "silent for {} seconds", limits.SILENT_SECONDS),
        ("Close codes", "nothing was read for {} seconds", limits.GONE_SECONDS),
        ("Slow readers", "When {} KiB wait", limits.QUEUE_BYTES / 1024),
        ("Slow readers", "after {} seconds", limits.GONE_SECONDS),
        ("Slow readers", "at most {} KiB of unsent", limits.LOWAT_BYTES / 1024),
    ],
)
def test_the_bounds_are_those_of_the_code(title: str, words: str, bound: float) -> None:
    assert words.format(f"{bound:g}") in " ".join(section(title).split())
