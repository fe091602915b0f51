"""Maps each command type to the one function that carries it out."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, get_type_hints

import msgspec

from realtime.limits import MAX_COMMAND_BYTES
from realtime.wire import Code, Follow, Message, Ref, Unfollow

M = TypeVar("M", bound=Message)
Handler = Callable[[M, Any], Awaitable[object] | None]
"""A coroutine function; or a plain one that answers later with a future, or at once with None."""

PATH = re.compile(r" - at `([^`]*)`$")
FIELD = re.compile(r"(?:required|unknown) field `([^`]*)`")


class Malformed(Exception):
    """A text that is no command; why, where in it, and the reply's `ref` if it can be read."""

    def __init__(self, code: Code, where: str, ref: int) -> None:
        super().__init__(code, where)
        self.code, self.where, self.ref = code, where, ref


class _Ref(msgspec.Struct, frozen=True):
    ref: Ref = 0


_ref_decoder = msgspec.json.Decoder(_Ref)


def ref_of(text: bytes) -> int:
    """The `ref` of a text that may be anything at all; 0 when it has none."""
    try:
        return _ref_decoder.decode(text).ref
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return 0


class Commands:
    """A table of handlers, filled by decoration and read by the hub."""

    def __init__(self) -> None:
        self._handlers: dict[type[Message], Handler[Any]] = {}

    def handle(self, handler: Handler[M]) -> Handler[M]:
        """Register a handler under the type of its first argument."""
        command_type = next(iter(get_type_hints(handler).values()))
        assert command_type not in self._handlers, f"{command_type} already has a handler"
        self._handlers[command_type] = handler
        return handler

    def include(self, other: "Commands") -> None:
        theirs = other._handlers  # noqa: SLF001 - the same class
        both = self._handlers.keys() & theirs.keys()
        assert not both, f"{both} already have handlers"
        self._handlers |= theirs

    def types(self) -> list[type[Message]]:
        """Everything a browser may send besides following, in order of registration."""
        return list(self._handlers)

    def decoder(self) -> Callable[[bytes], Message]:
        """One decoder for everything a browser may send; the type picks the handler."""
        union: Any = Follow | Unfollow
        for command_type in self._handlers:
            union |= command_type
        decode = msgspec.json.Decoder(union).decode

        def decoded(text: bytes) -> Message:
            if len(text) > MAX_COMMAND_BYTES:
                raise Malformed(Code.TOO_LARGE, "$", ref_of(text))
            try:
                message: Message = decode(text)
            except msgspec.ValidationError as invalid:
                raise _explained(str(invalid), text) from None
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                raise Malformed(Code.MALFORMED, "$", ref_of(text)) from None
            return message

        return decoded

    def call(self, command: Message, call: object) -> Awaitable[object] | None:
        """Begin to carry a command out."""
        return self._handlers[type(command)](command, call)


def _explained(why: str, text: bytes) -> Malformed:
    at = PATH.search(why)
    where = at[1] if at else "$"
    if where == "$.type" and why.startswith("Invalid value"):
        return Malformed(Code.UNKNOWN, where, ref_of(text))
    if field := FIELD.search(why):
        where = f"{where}.{field[1]}"
    return Malformed(Code.MALFORMED, where, ref_of(text))
