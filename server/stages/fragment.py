"""Reads what a trickling client sends: an SDP fragment of candidates (RFC 8840 §9). Pure.

Nothing of it is used, since the relay is an ICE-lite agent that answers where it is asked from. It
is read so that nonsense is told from candidates.
"""

import re

BYTES = 16_384
"""A hundred candidates; a browser on three networks has a dozen."""

_LINE = re.compile(r"a=[a-z0-9-]+(:.*)?|[b-z]=.+")
_CANDIDATE = re.compile(r"a=candidate:[A-Za-z0-9+/]{1,32} \d{1,5} \S{1,16} \d{1,10} \S{1,255} \d.*")


class Malformed(ValueError):
    """The text is no SDP fragment."""


def check(text: str) -> None:
    """Return for candidates, of whatever transport, and for none at all; else raise `Malformed`."""
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line:
            continue
        if not line.isprintable() or not _LINE.fullmatch(line):
            raise Malformed("this is not an SDP fragment")
        if line.startswith("a=candidate:") and not _CANDIDATE.fullmatch(line):
            raise Malformed("a candidate is malformed")
