"""One form for one value: RFC 8785 JSON of strings, whole numbers, booleans, lists and objects.

What is hashed must be written in one way only. Fractions have no place in evidence and are refused,
as are numbers that a reader with double precision would change.
"""

import json
from typing import Any

MAX_INTEGER = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exactly (RFC 8785 §3.2.2.3)."""


def canonical(value: Any) -> bytes:
    """Raises `ValueError` for what has no exact form: fractions, huge numbers, half a surrogate."""
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode()


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=_in_utf16)}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    if isinstance(value, float):
        raise ValueError("a fraction has no place in evidence")  # noqa: TRY004 - as documented
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ValueError("a number is too large to be kept exactly")
    return value


def _in_utf16(key: str) -> bytes:
    return key.encode("utf-16-be")
