"""Checkpoints: signed, kept in the database, and copied to files that lie elsewhere.

Whoever changes the ledger and everything after it makes a chain that is good again; a checkpoint
that lies out of their reach tells. Files are written whole or not at all and never overwritten.
"""

import os
from pathlib import Path
from secrets import token_hex
from uuid import UUID

import msgspec

from server import clock
from server.attendance import ledger
from server.attendance.chain import Checkpoint, Signed
from server.db import Rows
from server.signing import Signer, key_id, verifies

DIGITS = 12
"""Numbers in the names of files, so that they sort."""


class BadFile(Exception):
    """Raised for a file that is no checkpoint, or not as it was signed."""


class Copy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A checkpoint as a file: what is signed, the signature, and the key that verifies it."""

    rounds: str
    conference: str
    n: int
    h: str
    at_ms: int
    before: str
    key_id: str
    sig: str
    public: str


async def make(db: Rows, conference_id: UUID, signer: Signer) -> Signed | None:
    """Vouch for everything up to the end of the chain; None when nothing came since the last.

    Holds the chain's end until COMMIT, so that checkpoints follow one another.
    """
    head = await ledger.lock_head(db, conference_id)
    before = await ledger.newest_checkpoint(db, conference_id)
    if head.n == (before.checkpoint.n if before else 0):
        return None
    made = Checkpoint(
        conference_id=conference_id,
        n=head.n,
        h=head.h,
        at_ms=clock.now_ms(),
        before=before.checkpoint.digest() if before else b"",
        key_id=signer.key_id,
    )
    signed = Signed(checkpoint=made, sig=signer.sign(made.message()))
    await ledger.add_checkpoint(db, signed)
    return signed


def save(folder: Path, signed: Signed, public: bytes) -> Path:
    """Copy a checkpoint to a file, whole or not at all; one that is there is left alone."""
    made = signed.checkpoint
    path = folder / f"{made.conference_id.hex}-{made.n:0{DIGITS}}.json"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    copy = Copy(**msgspec.json.decode(made.message()), sig=signed.sig.hex(), public=public.hex())
    draft = folder / f".{path.name}.{token_hex(4)}"
    with draft.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(copy)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    _sync(folder)
    return path


def load(path: Path) -> tuple[Signed, bytes]:
    """A file's checkpoint and the public key that signed it. Raises BadFile, OSError."""
    try:
        copy = msgspec.json.decode(path.read_bytes(), type=Copy)
        made = Checkpoint(
            conference_id=UUID(hex=copy.conference),
            n=copy.n,
            h=bytes.fromhex(copy.h),
            at_ms=copy.at_ms,
            before=bytes.fromhex(copy.before),
            key_id=copy.key_id,
        )
        signed, public = Signed(checkpoint=made, sig=bytes.fromhex(copy.sig)), copy.public
        key = bytes.fromhex(public)
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadFile(f"{path}: this is no checkpoint") from error
    if key_id(key) != made.key_id or not verifies(key, signed.sig, made.message()):
        raise BadFile(f"{path}: its signature is wrong")
    return signed, key


def files(folder: Path, conference_id: UUID) -> list[Path]:
    """The copies of one conference's checkpoints, oldest first."""
    return sorted(folder.glob(f"{conference_id.hex}-*.json"))


def _sync(folder: Path) -> None:
    """A renamed file is on the disk once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
