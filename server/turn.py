"""TURN servers for those whose network lets no UDP out, with credentials that hold for minutes.

The server and coturn share a secret (`use-auth-secret`): a name that says when it expires, and its
HMAC (draft-uberti-behave-turn-rest-00 §2.2). They travel as `Link` headers (RFC 9725 §4.6).
"""

import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from server import secrets

HOLDS_SECONDS = 300
"""Long enough to connect; an allocation that stands outlives them."""

_ADDRESS = re.compile(r"(turns?):[A-Za-z0-9.\-\[\]:]+(\?transport=(udp|tcp))?")


class BadTurn(ValueError):
    """An address that is none of a TURN server (RFC 7065)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What an operator set."""

    addresses: Sequence[str]
    secret: bytes

    def links(self, who: str, now: float) -> str:
        """The value of one `Link` header; `who` must name nobody outside of this server."""
        username = f"{int(now) + HOLDS_SECONDS}:{who}"
        credential = base64.b64encode(hmac.digest(self.secret, username.encode(), "sha1")).decode()
        return ", ".join(
            f'<{each}>; rel="ice-server"; username="{username}"; credential="{credential}"; '
            'credential-type="password"'
            for each in self.addresses
        )


def read_addresses(text: str) -> Sequence[str]:
    """Addresses with commas between, such as `turns:turn.example:443?transport=tcp`."""
    found = [each.strip() for each in text.split(",") if each.strip()]
    for each in found:
        if not _ADDRESS.fullmatch(each):
            raise BadTurn(f"{each!r} is not an address such as turns:turn.example:443")
    return found


def open_turn(addresses: str, secret_file: str) -> Turn | None:
    """The servers that an operator named, if any; raises as `secrets.read` does."""
    named = read_addresses(addresses)
    if not named:
        return None
    return Turn(addresses=named, secret=secrets.read(Path(secret_file)))
