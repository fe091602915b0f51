"""The server's signing key: made at the first start, kept where only its owner reads.

Processes that share the server's secret make the same key. Knows nothing of what is signed.
"""

import hashlib
import os
import secrets as random
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from server.errors import Invalid

KEY_BYTES = 32
OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Signer:
    """An Ed25519 key; `public` is what a verifier needs, `key_id` its short name."""

    _private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        return self._private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        return key_id(self.public)

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


def key_id(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:16]


def verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether whoever holds this key's other half signed exactly this."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def load(path: Path, seed: bytes) -> Signer:
    """Read the key, or make it of `seed`; one that others can read is refused."""
    if not path.exists():
        _make(path, seed)
    return read(path)


def read(path: Path) -> Signer:
    if path.stat().st_mode & OTHERS:
        raise Invalid(f"{path}: others can read this key; chmod 600 it", where="DATA")
    try:
        raw = bytes.fromhex(path.read_text().strip())
    except ValueError:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise Invalid(f"{path}: this is no signing key", where="DATA")
    return Signer(Ed25519PrivateKey.from_private_bytes(raw))


def _make(path: Path, seed: bytes) -> None:
    """Appear whole or not at all: several processes may start at once, and one file wins."""
    draft = path.with_name(f"{path.name}.{random.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(seed[:KEY_BYTES].hex())
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
