import random
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from realtime.hub.commands import Commands, Malformed
from realtime.limits import MAX_COMMAND_BYTES
from realtime.wire import Code, Command, Follow, Message

commands = Commands()


class Ask(Command, frozen=True, kw_only=True, tag="question.ask"):
    text: str
    to: UUID | None = None


class Beat(Message, frozen=True, kw_only=True, tag="beat"):
    n: int


@commands.handle
async def ask(_command: Ask, _call: object) -> None: ...


@commands.handle
async def beat(_beat: Beat, _call: object) -> None: ...


decode = commands.decoder()
GOOD = msgspec.json.encode(Ask(ref=7, command_id=uuid4(), text="Why?"))

CORPUS: list[tuple[bytes, Code, str, int]] = [
    (b"", Code.MALFORMED, "$", 0),
    (b"null", Code.MALFORMED, "$", 0),
    (b"[]", Code.MALFORMED, "$", 0),
    (b"3", Code.MALFORMED, "$", 0),
    (b'"question.ask"', Code.MALFORMED, "$", 0),
    (b"{", Code.MALFORMED, "$", 0),
    (b"{}", Code.MALFORMED, "$.type", 0),
    (b"\xff\xfe", Code.MALFORMED, "$", 0),
    (b'{"type":"question.ask","ref":5', Code.MALFORMED, "$", 0),
    (b'{"type":"nope","ref":5}', Code.UNKNOWN, "$.type", 5),
    (b'{"type":"__class__","ref":5}', Code.UNKNOWN, "$.type", 5),
    (b'{"type":null,"ref":5}', Code.MALFORMED, "$.type", 5),
    (b'{"type":["question.ask"],"ref":5}', Code.MALFORMED, "$.type", 5),
    (b'{"type":"beat"}', Code.MALFORMED, "$.n", 0),
    (b'{"type":"beat","n":1.5}', Code.MALFORMED, "$.n", 0),
    (b'{"type":"beat","n":1,"n2":1}', Code.MALFORMED, "$.n2", 0),
    (b'{"type":"beat","n":' + b"9" * 400 + b"e999}", Code.MALFORMED, "$.n", 0),
    (b'{"type":"topic.follow","ref":5}', Code.MALFORMED, "$.topic", 5),
    (b'{"type":"topic.follow","ref":5,"topic":5}', Code.MALFORMED, "$.topic", 5),
    (b'{"type":"topic.follow","ref":5,"topic":"%b"}' % (b"x" * 121), Code.MALFORMED, "$.topic", 5),
    (b'{"type":"topic.follow","ref":5,"topic":"t","seq":-1}', Code.MALFORMED, "$.seq", 5),
    (b'{"type":"topic.follow","ref":5,"topic":"t","seq":1e99}', Code.MALFORMED, "$.seq", 5),
    (b'{"type":"topic.follow","ref":-5,"topic":"t"}', Code.MALFORMED, "$.ref", 0),
    (b'{"type":"topic.follow","ref":"x","topic":"t"}', Code.MALFORMED, "$.ref", 0),
    (b'{"type":"question.ask","ref":5,"text":"x"}', Code.MALFORMED, "$.command_id", 5),
    (
        b'{"type":"question.ask","ref":5,"command_id":"1","text":"x"}',
        Code.MALFORMED,
        "$.command_id",
        5,
    ),
    (b'{"ref":5,"x":' + b"[" * 3_000 + b"]" * 1_000 + b"}", Code.MALFORMED, "$", 0),
    (b'{"type":"beat","n":' + b"[" * 4_000 + b"}", Code.MALFORMED, "$.n", 0),
    (GOOD[:-1] + b',"person_id":"x"}', Code.MALFORMED, "$.person_id", 7),
    (GOOD.replace(b"Why?", b"\xff\xff"), Code.MALFORMED, "$", 7),
    (GOOD.replace(b"Why?", b"\\ud800"), Code.MALFORMED, "$", 0),
    (GOOD.replace(b"Why?", b"y" * MAX_COMMAND_BYTES), Code.TOO_LARGE, "$", 7),
]


@pytest.mark.parametrize(
    ("text", "code", "where", "ref"), CORPUS, ids=[str(number) for number in range(len(CORPUS))]
)
def test_a_malformed_text_is_refused_with_its_code_and_place(
    text: bytes, code: Code, where: str, ref: int
) -> None:
    with pytest.raises(Malformed) as refused:
        decode(text)
    assert (refused.value.code, refused.value.where, refused.value.ref) == (code, where, ref)


def test_the_type_picks_the_message() -> None:
    assert isinstance(decode(GOOD), Ask)
    assert isinstance(decode(b'{"type":"beat","n":1}'), Beat)
    assert isinstance(decode(b'{"type":"topic.follow","topic":"t"}'), Follow)


def test_ten_thousand_mutations_are_messages_or_refusals_and_nothing_else() -> None:
    chance = random.Random(20260501)
    seeds = [GOOD, b'{"type":"topic.follow","ref":1,"topic":"session/1","epoch":null,"seq":3}']
    for _ in range(10_000):
        text = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(text))
            match chance.randrange(4):
                case 0:
                    text[place] = chance.randrange(256)
                case 1:
                    del text[place : place + chance.randrange(9)]
                case 2:
                    text[place:place] = chance.choice([b"{", b"[", b'"', b"null,", b"\\u0000"])
                case _:
                    text += text[place : place + 20]
            text = text or bytearray(b"x")
        try:
            assert isinstance(decode(bytes(text)), Message)
        except Malformed as refused:
            assert refused.code in Code  # noqa: PT017 - either outcome is right


def test_a_type_has_one_handler() -> None:
    more = Commands()

    @more.handle
    async def ask_too(_command: Ask, _call: Any) -> None: ...

    with pytest.raises(AssertionError, match="handler"):
        commands.include(more)
    assert commands.types() == [Ask, Beat]
