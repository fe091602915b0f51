"""Checks the objects of a JSON file against a table of keys, telling the place of each problem.

A wrong type or a missing required key is an error; an unknown key or a pattern not met is a
warning. It knows no format: each importer brings its table.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from server.agenda.importers.problems import Problems, quote, step

MAX_BYTES = 50 * 1024 * 1024
"""The largest real programmes are 3 MB."""

MAX_CONTAINERS = 1_000_000
MAX_COMMAS = 4_000_000
"""Fifty megabytes of `[],` would take gigabytes of memory: count before parsing."""

LONGEST_STRING = 100_000
"""The longest real description has 20,000 characters."""

ANY: Final = "any"

TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "string": str,
    "null": type(None),
    "boolean": bool,
    "number": (int, float),
    "array": list,
    "object": dict,
}


class NotJson(Exception):
    """The bytes are not a JSON file one may parse; the message says why."""


@dataclass(frozen=True, slots=True)
class Key:
    """What stands under a key: types by their JSON names, and how a string ought to look."""

    types: str = "string"
    required: bool = False
    pattern: re.Pattern[str] | None = None
    limit: int = LONGEST_STRING


Keys = Mapping[str, Key]
Json = dict[str, Any]


def parse_json(raw: bytes) -> Any:
    """The value of a JSON file that is neither too large nor too deep."""
    if len(raw) > MAX_BYTES:
        raise NotJson(f"larger than {MAX_BYTES // 1024 // 1024} MB")
    if raw.count(b"{") + raw.count(b"[") > MAX_CONTAINERS or raw.count(b",") > MAX_COMMAS:
        raise NotJson("holds more lists and values than any programme")
    try:
        text = raw.decode(json.detect_encoding(raw))
        return json.loads(
            text.removeprefix("\ufeff"),
            object_pairs_hook=_distinct_keys,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        raise NotJson("is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise NotJson(f"is not {error.encoding} text: byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise NotJson(
            f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except ValueError as error:
        raise NotJson(f"is not JSON: {error}") from None


def check(values: object, keys: Keys, path: str, problems: Problems, *, more: bool = False) -> Json:
    """The entries of an object that have the right type; `more` lets unknown keys pass."""
    if not isinstance(values, dict):
        problems.error(path, f"is {name_of(values)}, expected an object")
        return {}
    right: Json = {}
    for name, value in values.items():
        key = keys.get(name)
        if key is None:
            if not more:
                problems.warn(step(path, name), "unknown key")
        elif _fits(value, key, step(path, name), problems):
            right[name] = value
    for name, key in keys.items():
        if key.required and name not in values:
            problems.error(step(path, name), "is missing")
    return right


def items(values: Json, name: str, path: str) -> Iterator[tuple[object, str]]:
    """The entries of a list that `check` has let through, each with its place."""
    path = step(path, name)
    for index, value in enumerate(values.get(name) or ()):
        yield value, step(path, index)


def text(values: Json, name: str) -> str:
    """A string that `check` has let through; null and absent are the empty string."""
    value = values.get(name)
    return value if isinstance(value, str) else ""


def name_of(value: object) -> str:
    """The JSON name of a value's type, for messages, with the value where it is short."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    kind = (
        "string" if isinstance(value, str) else "boolean" if isinstance(value, bool) else "number"
    )
    return f"the {kind} {quote(value)}"


def _fits(value: object, key: Key, path: str, problems: Problems) -> bool:
    if key.types != ANY and not any(_is(value, name) for name in key.types.split()):
        problems.error(path, f"is {name_of(value)}, expected {' or '.join(key.types.split())}")
        return False
    if isinstance(value, str):
        if len(value) > key.limit:
            problems.error(path, f"has {len(value)} characters, at most {key.limit} are accepted")
            return False
        if key.pattern and not key.pattern.search(value):
            problems.warn(path, f"{quote(value)} does not match {key.pattern.pattern}")
    return True


def _is_integer(value: object) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _is(value: object, name: str) -> bool:
    if isinstance(value, bool):  # which Python counts among the integers
        return name == "boolean"
    if name == "integer":
        return _is_integer(value)
    return isinstance(value, TYPES[name])


def _distinct_keys(pairs: list[tuple[str, Any]]) -> Json:
    """An object; of a key that is there twice, Python would silently keep the last."""
    values = dict(pairs)
    if len(values) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise NotJson(f"has an object with the key {quote(twice)} twice")
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
