"""The server's secret: made at the first start, kept in a file that only its owner reads."""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from server.errors import Invalid

SECRET_BYTES = 32
OTHERS = 0o077


def load(path: Path) -> bytes:
    """Read the secret, or make it; a short or readable-by-others one is refused."""
    if not path.exists():
        _make(path)
    return read(path)


def read(path: Path) -> bytes:
    """A secret that somebody made; a short or readable-by-others one is refused."""
    if path.stat().st_mode & OTHERS:
        raise Invalid(f"{path}: others can read this secret; chmod 600 it", where="SECRET_FILE")
    secret = path.read_text().strip()
    if len(secret) < SECRET_BYTES:
        raise Invalid(f"{path}: the secret is shorter than 32 characters", where="SECRET_FILE")
    return secret.encode()


def _make(path: Path) -> None:
    """Appear whole or not at all: several processes may start at once, and one secret wins."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(SECRET_BYTES))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def derive(secret: bytes, purpose: str) -> bytes:
    """A key for one purpose, so that no signature of one kind passes for another."""
    return hmac.digest(secret, purpose.encode(), "sha256")


def relay_key(secret: bytes) -> bytes:
    """What grants for the relay are signed and verified with."""
    return derive(secret, "relay grants")


def first_echo(secret: bytes, connection: UUID) -> str:
    """What a connection's first beat returns: any process can tell it, nobody else can guess it."""
    return hmac.new(secret, b"echo:" + connection.bytes, hashlib.sha256).hexdigest()[:16]


def network(secret: bytes, region: str) -> str:
    """A name for a part of the net that says nothing about it without the secret; "" for none."""
    if not region:
        return ""
    return hmac.new(secret, b"network:" + region.encode(), hashlib.sha256).hexdigest()[:16]


def new_token() -> str:
    """256 random bits for an address or a header."""
    return secrets.token_urlsafe(32)


def fingerprint(token: str) -> bytes:
    """What is kept of a token: with 256 random bits a plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()
