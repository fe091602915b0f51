"""The chain of the ledger: what is hashed, in which form, and how a chain is checked. Pure.

A row is written as nine lines: conference, number, kind, subject, command, time, process, steady
clock, body. Ids are 32 hexadecimal digits, empty when absent; times are whole milliseconds; the
body is canonical JSON and has no line break, so that no two rows are written alike. The hash of a
row is SHA-256 over the hash of the row before it and these lines; before the first row stands
SHA-256 over `GENESIS` and the conference. Whoever holds a later hash knows every row before it.
This file knows no database and no key.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from server.attendance.canonical import canonical

MAX_BODY_BYTES = 4096
"""A row is an entry in a book, not a document."""

GENESIS = b"rounds ledger 1\n"


class Kind(StrEnum):
    """What a row tells of; everything that credit depends on, and nothing else."""

    SPAN = "span"
    LIVE = "live"
    DISCLOSURE = "disclosure"
    CHECK = "check"
    CHECKS_COMMITTED = "checks.committed"
    CHECKS_REVEALED = "checks.revealed"
    CLAIM = "claim"
    CERTIFICATE = "certificate"
    VOID = "void"
    POLICY = "policy"
    ADJUSTMENT = "adjustment"
    EXCLUSION = "exclusion"
    CLOCK_STEP = "clock.step"
    OUTAGE = "outage"
    IMPORT = "import"
    STARTED = "process.start"
    STOPPED = "process.stop"
    ERASED = "erased"


class TooLarge(ValueError):
    """A body of more than `MAX_BODY_BYTES`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is to be written: a kind, ids and whole numbers. Never a name, never an address."""

    kind: Kind
    body: Mapping[str, Any]
    subject: UUID | None = None
    command_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """When and by which process: the same for all rows of one append."""

    committed_ms: int
    boot_id: UUID
    mono_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An entry in its place in the chain."""

    n: int
    entry: Entry
    body: str
    h: bytes


def genesis(conference_id: UUID) -> bytes:
    return hashlib.sha256(GENESIS + conference_id.hex.encode()).digest()


def body_of(entry: Entry) -> str:
    body = canonical(entry.body)
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge(f"a {entry.kind} row of {len(body)} bytes")
    return body.decode()


def prefix(conference_id: UUID, n: int, entry: Entry, stamp: Stamp) -> str:
    """What is hashed before the body."""
    subject = entry.subject.hex if entry.subject else ""
    command = entry.command_id.hex if entry.command_id else ""
    return (
        f"{conference_id.hex}\n{n}\n{entry.kind}\n{subject}\n{command}\n"
        f"{stamp.committed_ms}\n{stamp.boot_id.hex}\n{stamp.mono_ms}\n"
    )


def following(before: bytes, written: bytes) -> bytes:
    """The hash of a row after another."""
    return hashlib.sha256(before + written).digest()


def extend(
    conference_id: UUID, n: int, h: bytes, entries: Iterable[Entry], stamp: Stamp
) -> list[Link]:
    """The rows that follow the one numbered `n`."""
    links: list[Link] = []
    for entry in entries:
        n += 1
        body = body_of(entry)
        h = following(h, (prefix(conference_id, n, entry, stamp) + body).encode())
        links.append(Link(n=n, entry=entry, body=body, h=h))
    return links


@dataclass(frozen=True, slots=True)
class Broken:
    """The first row that cannot be as it was written, and why."""

    n: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a chain was at a moment, to be signed and kept elsewhere.

    `before` is the digest of the checkpoint before this one, empty at the first.
    """

    conference_id: UUID
    n: int
    h: bytes
    at_ms: int
    before: bytes
    key_id: str

    def message(self) -> bytes:
        """What is signed."""
        return canonical(
            {
                "rounds": "ledger checkpoint 1",
                "conference": self.conference_id.hex,
                "n": self.n,
                "h": self.h.hex(),
                "at_ms": self.at_ms,
                "before": self.before.hex(),
                "key_id": self.key_id,
            }
        )

    def digest(self) -> bytes:
        return hashlib.sha256(self.message()).digest()

    def short(self) -> str:
        """What is printed on certificates: enough to find it, too much to be met by chance."""
        return f"ledger row {self.n}, {self.h.hex()[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A checkpoint and its signature."""

    checkpoint: Checkpoint
    sig: bytes


class Walk:
    """Goes along a chain once, row after row; stops at the first that is wrong.

    `pinned` are the hashes that checkpoints vouch for: number to hash.
    """

    def __init__(self, conference_id: UUID, pinned: Mapping[int, bytes]) -> None:
        self.n = 0
        self.h = genesis(conference_id)
        self.pinned = 0
        """The newest row that a checkpoint vouched for and that was found as it says."""
        self._start = f"{conference_id.hex}\n"
        self._pinned = pinned

    def step(self, n: int, written: str, h: bytes) -> Broken | None:
        """`written` is the row's prefix and body, from the number on."""
        expected = self.n + 1
        if n != expected:
            return Broken(expected, f"missing: row {n} follows row {self.n}")
        self.h = hashlib.sha256(self.h + (self._start + written).encode()).digest()
        self.n = n
        if self.h != h:
            return Broken(n, "changed: its hash does not follow from the row before and its text")
        if n in self._pinned:
            if self._pinned[n] != self.h:
                return Broken(n, "rewritten: a checkpoint holds another hash for it")
            self.pinned = n
        return None

    def along(self, rows: Iterable[tuple[int, str, bytes]]) -> Broken | None:
        """The same for many rows (number, text, hash), as fast as they can be read.

        What a plain row needs is done here; where something is odd, `step` finds out what.
        """
        n, h, start, pinned, sha256 = self.n, self.h, self._start, self._pinned, hashlib.sha256
        for number, written, expected in rows:
            following = sha256(h + (start + written).encode()).digest()
            if number != n + 1 or following != expected or number in pinned:
                self.n, self.h = n, h
                if broken := self.step(number, written, expected):
                    return broken
            n, h = number, following
        self.n, self.h = n, h
        return None

    def end(self, head: tuple[int, bytes]) -> Broken | None:
        """After the last row: whether it reaches the head and every checkpoint."""
        newest = max(self._pinned, default=0)
        if newest > self.n:
            return Broken(self.n + 1, f"missing: a checkpoint vouches for rows up to {newest}")
        if head != (self.n, self.h):
            return Broken(self.n + 1, f"missing: the head says {head[0]} rows, there are {self.n}")
        return None
