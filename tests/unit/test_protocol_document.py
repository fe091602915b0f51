"""docs/protocol.md says what the conference says: commands, events, states, refusals, addresses.

The transport's part of the page has its own test beside the transport's.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec
import pytest
from starlette.routing import Route

import server
from realtime import limits
from realtime.relay import bounds
from realtime.wire import Code, Event, Message, Reply, State
from server import topics
from server.app import routes
from server.attendance import spans
from server.commands import commands
from server.errors import Refused
from server.exhibits import rules as exhibits
from server.exhibits.rules import Field, Purpose
from server.polls import rules as polls
from server.questions import rules as questions
from server.rights import RIGHTS, Act
from server.stages import captioning, hls, subtitles, whip
from server.stages import rules as stages

TEXT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
CODES = re.compile(r"`([^`]+)`")
Struct = type[msgspec.Struct]
T = TypeVar("T")

for module in pkgutil.walk_packages(server.__path__, "server."):
    importlib.import_module(module.name)  # so that no subclass is missed


def section(title: str) -> str:
    return re.split(r"\n##? ", TEXT.split(f"\n## {title}\n")[1])[0]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every table's rows, which all begin with a name in the form of code."""
    for row in text.splitlines():
        if row.startswith("| `"):
            yield [cell.strip() for cell in row.strip("|").split("|")]


def words(cell: str) -> list[str]:
    return CODES.findall(cell)


def table(title: str) -> dict[str, list[str]]:
    return {words(cells[0])[0]: cells for cells in rows(section(title))}


def parts(title: str) -> dict[str, str]:
    """The `###` parts of a section by the word in their heading."""
    found = section(title).split("\n### `")[1:]
    return {part.partition("`")[0]: part for part in found}


def below(base: type[T]) -> Iterator[type[T]]:
    for subclass in base.__subclasses__():
        yield subclass
        yield from below(subclass)


def tagged(base: Struct) -> dict[str, Struct]:
    """By tag, those of the conference; a tag belongs to one class."""
    found: dict[str, Struct] = {}
    for each in below(base):
        if each.__module__.startswith("server."):
            tag = str(each.__struct_config__.tag)
            assert tag not in found, f"two kinds of {base.__name__} are called {tag}"
            found[tag] = each
    return found


def bare(kind: Any) -> Any:
    return bare(get_args(kind)[0]) if get_origin(kind) is Annotated else kind


def inner(kind: Any) -> Struct | None:
    """The struct that a tuple is made of."""
    each = next(iter(get_args(bare(kind))), None)
    return each if isinstance(each, type) and issubclass(each, msgspec.Struct) else None


def members(kind: Any) -> set[str]:
    """Every word of the closed lists that a field's type names."""
    kind = bare(kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {member.value for member in kind}
    if get_origin(kind) is Literal:
        return {word or '""' for word in get_args(kind)}
    return set().union(*(members(each) for each in get_args(kind)))


def fields(struct: Struct) -> set[str]:
    names: set[str] = set()
    for field in msgspec.structs.fields(struct):
        names.add(field.encode_name)
        if nested := inner(field.type):
            names |= {f"{field.encode_name}[].{name}" for name in fields(nested)}
    return names


def up(command: type[Message]) -> dict[str, msgspec.structs.FieldInfo]:
    """What a command carries besides what all commands do; `?` where it may be left out."""
    return {
        field.encode_name + ("" if field.required else "?"): field
        for field in msgspec.structs.fields(command)
        if field.name not in {"ref", "command_id"}
    }


COMMANDS = {str(each.__struct_config__.tag): each for each in commands.types()}
DESCRIBED = table("Commands") | {
    name: cells for name, cells in table("Beats").items() if name.startswith("beat")
}
EVENTS, STATES = tagged(Event), tagged(State)
REPLIES = tagged(Reply)
BADGE = {*Field, *Purpose}
"""Words of the conference's own rules, which the frame's type leaves open."""
REFUSALS = {Refused.code: Refused} | {each.code: each for each in below(Refused)}


def test_every_command_is_described_and_no_other() -> None:
    assert set(DESCRIBED) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_have_their_fields_and_rights(name: str) -> None:
    _, described, right, _, refused = DESCRIBED[name]
    carried = up(COMMANDS[name])
    told = words(described)
    closed = set().union(*(members(field.type) for field in carried.values()))
    assert set(carried) <= set(told), f"{name} carries more than is described"
    assert set(told) - set(carried) <= closed | BADGE, f"{name} carries less"
    assert closed <= set(told), f"a word of {name} is missing"
    assert words(right)[0] == commands.acts[COMMANDS[name]].value
    assert set(words(refused)) <= set(REFUSALS) | set(Code)


@pytest.mark.parametrize(
    ("title", "kinds"), [("Events", EVENTS), ("States", STATES), ("Beats", REPLIES)]
)
def test_everything_told_is_described_with_its_fields(title: str, kinds: dict[str, Struct]) -> None:
    described = parts(title)
    assert set(described) == set(kinds)
    for tag, kind in kinds.items():
        cells = list(rows(described[tag]))
        assert {name for row in cells for name in words(row[0])} == fields(kind), tag
        for field in msgspec.structs.fields(kind):
            row = next(row for row in cells if field.encode_name in words(row[0]))
            assert members(field.type) <= set(words(row[1])), f"{tag}.{field.name}"


def test_every_refusal_is_described_with_its_status() -> None:
    described = {code: int(cells[1]) for code, cells in table("Refusals of the conference").items()}
    assert described == {code: each.status for code, each in REFUSALS.items()}
    assert all(each.status == REFUSALS[each.code].status for each in below(Refused))


def test_every_right_is_described_with_its_roles() -> None:
    described = {right: set(cells[1].split(", ")) for right, cells in table("Rights").items()}
    assert described == {act.value: {role.value for role in RIGHTS[act]} for act in RIGHTS}
    assert set(Act) - set(RIGHTS) == {Act.PUBLIC, Act.SIGNED_IN}


def test_every_topic_is_described_with_the_right_to_follow_it() -> None:
    described = {
        (topic.partition("/")[0], topic.partition("}")[2].strip("/")): words(cells[1])[0]
        for topic, cells in table("Topics").items()
    }
    assert described == {kind: act.value for kind, act in topics.FOLLOWING.items()}


def plain(path: str) -> str:
    return re.sub(r":\w+}", "}", path)


def asked(route: Route) -> set[str]:
    return {f"{method} {plain(route.path)}" for method in (route.methods or ()) if method != "HEAD"}


def test_every_address_that_pages_fetch_is_there_behind_its_right() -> None:
    there = {
        request: route.act.value  # type: ignore[attr-defined]  # every route has one
        for route in routes
        if isinstance(route, Route)
        for request in asked(route)
    }
    for request, cells in table("What pages fetch").items():
        assert there.get(request) == words(cells[1])[0], request


def test_whip_and_whep_are_described_with_their_refusals() -> None:
    described = table("WHIP and WHEP")
    requests = {name for name in described if " /" in name}
    assert requests == set().union(*(asked(route) for route in whip.routes))
    source = Path(whip.__file__).read_text()
    own = {*whip.CODES.values(), *re.findall(r'"((?:token|media|stage)\.\w+)"', source)}
    assert {*described} - requests == own - set(REFUSALS) | {"too_many"}
    told = described | table("Refusals of the conference")
    for status, code in whip.CODES.items():
        assert told[code][1] == str(status)


def test_captions_from_programs_are_described() -> None:
    there = {request for route in routes if isinstance(route, Route) for request in asked(route)}
    described = set(table("Captions from programs"))
    assert described == {each for each in there if " /captions/" in each}
    assert f"{captioning.MAX_BODY_BYTES:,} bytes" in section("Captions from programs")


def test_the_stage_over_https_is_described() -> None:
    routes = [*hls.routes, *subtitles.routes]
    assert set(table("The stage over HTTPS")) == set().union(*(asked(each) for each in routes))


@pytest.mark.parametrize(
    ("command", "phrase", "bound"),
    [
        ("question.ask", "({} characters", limits.MAX_QUESTION_CHARS),
        ("question.ask", "({} a minute)", limits.QUESTIONS_A_MINUTE),
        ("question.dismiss", "({} characters", questions.MAX_REASON_CHARS),
        ("poll.create", "({} characters", polls.MAX_TEXT_CHARS),
        ("poll.create", "({} to", polls.MIN_OPTIONS),
        ("poll.create", "to {} of", limits.MAX_POLL_OPTIONS),
        ("poll.create", "of {} characters", polls.MAX_OPTION_CHARS),
        ("caption.say", "({} characters", limits.MAX_CAPTION_CHARS),
        ("caption.say", "at most {} of", limits.MAX_CAPTION_LANGUAGES),
        ("caption.change", "last {} of", limits.CAPTIONS_CORRECTED),
        ("booth.ask", "({} characters", exhibits.MAX_ABOUT),
        ("booth.say", "({} characters", limits.MAX_CHAT_CHARS),
        ("booth.present", "({} characters", exhibits.MAX_LINE),
        ("badge.hand_over", "{} or 24", exhibits.MONTHS[-2]),
        ("lead.note", "to {})", exhibits.MAX_INTEREST),
        ("lead.note", "({} characters", exhibits.MAX_NOTE),
    ],
)
def test_the_bounds_of_commands_are_those_of_the_code(
    command: str, phrase: str, bound: int
) -> None:
    assert phrase.format(bound) in " | ".join(DESCRIBED[command])


@pytest.mark.parametrize(
    ("title", "phrase", "bound"),
    [
        ("Beats", "less than {} seconds apart", spans.LEAST_GAP_MS // 1000),
        ("Commands", "keeps {:,} lines", limits.MAX_CAPTION_LINES),
        ("Events", "have {} of them", limits.CAPTIONS_SHOWN),
        ("Commands", "silent for {} seconds", exhibits.STAY_LEASE.seconds),
        ("What pages fetch", "within {} seconds", stages.TICKET_LIFETIME.seconds),
        ("What pages fetch", "until {} minutes", stages.TOKEN_GRACE.seconds // 60),
        ("WHIP and WHEP", "more than {} connections a minute", bounds.SETUPS_PER_MINUTE),
        ("WHIP and WHEP", "nothing for {:.0f} seconds", bounds.SILENT_SECONDS),
        ("WHIP and WHEP", "stop for {:.0f} seconds", bounds.CONSENT_SECONDS),
        ("Between the server and its relay", "good for {} seconds", stages.GRANT_SECONDS),
    ],
)
def test_the_times_are_those_of_the_code(title: str, phrase: str, bound: float) -> None:
    assert phrase.format(bound) in " ".join(section(title).split())
