"""A signed permission to publish or watch one stage: who, session, what, until when. Pure.

The server signs, the relay verifies; both hold the same secret. It knows no rights: whoever signs
has already decided.
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Literal, get_args

Deed = Literal["publish", "watch", "pull", "observe"]
"""`pull` is a relay's own: it watches for its viewers. `observe` is the server's own: it opens the
event stream and names no session."""

LEAST_SECRET_BYTES = 32
LARGEST_BYTES = 2048
"""Of a signed grant: ids are short, and the header it travels in has to stay small."""

_DEEDS = frozenset(get_args(Deed))


class GrantRefused(Exception):
    """Not signed by us, malformed, or expired. The text is for the person who sent it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    who: str
    session: str
    may: Deed
    exp: int
    """Seconds since 1970; the grant holds while `now < exp`."""
    origin: str = ""
    """To watch: the relay at which the stage is published, if it is not the one that is asked."""


def sign(grant: Grant, secret: bytes) -> str:
    """The grant as a Bearer token."""
    _check(secret)
    fields = {"exp": grant.exp, "may": grant.may, "session": grant.session, "who": grant.who}
    if grant.origin:
        fields["origin"] = grant.origin
    body = _encode(json.dumps(fields, separators=(",", ":"), sort_keys=True).encode())
    return f"{body}.{_signature(body, secret)}"


def verify(token: str, secret: bytes, *, now: float, expired: bool = False) -> Grant:
    """The grant behind a token, or `GrantRefused`. `expired=True` forgives age, for hanging up."""
    _check(secret)
    if len(token) > LARGEST_BYTES or not token.isascii():
        raise GrantRefused("the grant is malformed")
    body, _, signature = token.partition(".")
    # Compared as text: Base64 has spare bits, and no other spelling of a signature is accepted.
    if not hmac.compare_digest(signature.encode(), _signature(body, secret).encode()):
        raise GrantRefused("the grant is not signed by this server")
    grant = _read(body)
    if not expired and now >= grant.exp:
        raise GrantRefused("the grant has expired")
    return grant


def _read(body: str) -> Grant:
    try:
        fields = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        who, session, may, exp = (fields[name] for name in ("who", "session", "may", "exp"))
        origin = fields.get("origin", "")
    except (binascii.Error, ValueError, KeyError, TypeError) as refusal:
        raise GrantRefused("the grant is malformed") from refusal
    if not isinstance(who, str) or not isinstance(session, str) or may not in _DEEDS:
        raise GrantRefused("the grant is malformed")
    if type(exp) is not int or not isinstance(origin, str):
        raise GrantRefused("the grant is malformed")
    return Grant(who=who, session=session, may=may, exp=exp, origin=origin)


def _check(secret: bytes) -> None:
    assert len(secret) >= LEAST_SECRET_BYTES, "a secret shorter than its digest is a weak one"


def _signature(body: str, secret: bytes) -> str:
    return _encode(hmac.new(secret, b"rounds grant:" + body.encode(), hashlib.sha256).digest())


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
