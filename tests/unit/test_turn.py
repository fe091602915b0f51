"""TURN servers are named with credentials that coturn can check by itself."""

import base64
import hashlib
import hmac
import re
from pathlib import Path

import pytest

from server.errors import Invalid
from server.settings import Settings
from server.turn import HOLDS_SECONDS, BadTurn, Turn, open_turn, read_addresses

SECRET = b"north" * 8


def test_credentials_are_an_expiry_and_its_signature() -> None:
    """As coturn computes them with `use-auth-secret`: base64 of the HMAC-SHA1 of the name."""
    header = Turn(addresses=["turn:turn.example:3478"], secret=SECRET).links("a1b2", 1_700_000_000)
    found = re.fullmatch(
        r'<turn:turn\.example:3478>; rel="ice-server"; username="(\d+):a1b2"; '
        r'credential="([^"]+)"; credential-type="password"',
        header,
    )
    assert found is not None
    assert int(found[1]) == 1_700_000_000 + HOLDS_SECONDS
    signed = hmac.new(SECRET, f"{found[1]}:a1b2".encode(), hashlib.sha1).digest()
    assert base64.b64decode(found[2]) == signed


def test_a_known_answer() -> None:
    """From `printf 1700000300:ada | openssl dgst -sha1 -hmac north -binary | base64`."""
    header = Turn(addresses=["turn:t.example"], secret=b"north").links("ada", 1_700_000_000.9)
    assert 'username="1700000300:ada"; credential="oxbXP5eWG8BRjkbmSjcDOgXeuj4="' in header


def test_every_server_has_its_link() -> None:
    named = read_addresses("turn:turn.example?transport=udp, turns:[2001:db8::1]:443?transport=tcp")
    header = Turn(addresses=named, secret=SECRET).links("x", 0)
    assert header.count('rel="ice-server"') == 2
    assert "<turns:[2001:db8::1]:443?transport=tcp>" in header


@pytest.mark.parametrize(
    "text", ["stun:stun.example", "turn.example", 'turn:a">; rel="x', "turn:a?transport=sctp"]
)
def test_what_is_no_turn_server_is_refused(text: str) -> None:
    with pytest.raises(BadTurn):
        read_addresses(text)
    with pytest.raises(Invalid, match="ROUNDS_TURN_URL"):
        Settings.from_environment({"ROUNDS_TURN_URL": text, "ROUNDS_TURN_SECRET_FILE": "x"})


def test_addresses_and_secret_come_together(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="ROUNDS_TURN_SECRET_FILE"):
        Settings.from_environment({"ROUNDS_TURN_URL": "turn:turn.example"})
    assert open_turn("", "") is None
    file = tmp_path / "turn"
    file.write_bytes(SECRET + b"\n")
    file.chmod(0o644)
    with pytest.raises(Invalid, match="others can read"):
        open_turn("turn:turn.example", str(file))
    file.chmod(0o600)
    opened = open_turn("turn:turn.example", str(file))
    assert opened is not None
    assert opened.secret == SECRET
