"""Candidates are told from nonsense, and nothing else is made of them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.stages import fragment

TRICKLED = """a=ice-ufrag:EsAw
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1
m=audio 9 RTP/AVP 0
a=mid:0
a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw
a=candidate:3 1 udp 2122194687 4c1d7e6a-0f4b.local 61765 typ host
a=candidate:473322822 1 tcp 1518280447 2001:db8::1 9 typ host tcptype active
a=end-of-candidates
"""


@pytest.mark.parametrize("text", ["", "\r\n", TRICKLED, TRICKLED.replace("\n", "\r\n")])
def test_candidates_of_any_transport_are_welcome(text: str) -> None:
    fragment.check(text)


@pytest.mark.parametrize(
    "text", ["nonsense", "a=candidate:", "a=candidate:1 1 udp\n", "a=\x00", "{}"]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(fragment.Malformed):
        fragment.check(text)


@given(st.text(max_size=200))
def test_no_text_does_anything_else(text: str) -> None:
    with contextlib.suppress(fragment.Malformed):
        fragment.check(text)
