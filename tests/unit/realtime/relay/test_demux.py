"""Which size a packet is of: byte for byte, as Chromium names them."""

from dataclasses import replace

import pytest

from realtime.relay.bounds import LAYER_SSRCS
from realtime.relay.demux import Demux
from realtime.relay.sdp import Names
from realtime.relay.uptrack import UpTrack
from tests.unit.realtime.relay.offers import simulcast
from tests.unit.realtime.relay.test_feed import chosen
from tests.unit.realtime.relay.test_layers import Simulcast
from tests.unit.realtime.relay.test_sdp import published

VIDEO, AGAIN = 96, 97

# mid "1", rid "h", transport-wide number; the whole as a sender writes it.
NAMED = "90e0 0007 00000bb8 0000000a bede0003 4031 a068 31002a00 00000000 1000"
NAMED_AGAIN = "90e1 0001 00000bb8 0000000b bede0002 4031 b068 00000000 0007 1000"
UNNAMED = "80e0 0008 00000bb8 0000000a 1001"


def demux() -> tuple[Demux, dict[str, UpTrack]]:
    _, taken = published(simulcast("send q;h;f"))
    assert taken["video"].names == Names(rid=10, repaired=11, section=4, mid="1")
    feeds = Simulcast().layers.feeds
    tracks = [
        UpTrack(taken["video"], feed, rid)
        for feed, rid in zip(feeds, taken["video"].layers, strict=True)
    ]
    return Demux(tracks), {track.rid: track for track in tracks}


def find(found: Demux, packet: str, payload_type: int = VIDEO) -> UpTrack | None:
    data = bytes.fromhex(packet)
    return found.find(payload_type, int.from_bytes(data[8:12], "big"), data)


def test_a_size_is_known_by_its_name_and_from_then_on_by_its_source() -> None:
    found, tracks = demux()
    assert find(found, UNNAMED) is None
    assert find(found, NAMED) is tracks["h"]
    assert find(found, UNNAMED) is tracks["h"]
    assert find(found, UNNAMED, 111) is None, "sound is of no size"


def test_what_is_sent_again_names_what_it_repairs() -> None:
    found, tracks = demux()
    assert find(found, NAMED_AGAIN) is None, "as a picture it has no name"
    assert find(found, NAMED_AGAIN, AGAIN) is tracks["h"]
    assert find(found, NAMED, AGAIN) is None, "and a picture repairs nothing"


@pytest.mark.parametrize(
    "packet",
    [
        "90e0 0007 00000bb8 0000000a bede0001 a07a 0000 1000",  # a name that was not offered
        "90e0 0007 00000bb8 0000000a bede0001 a0ff 0000 1000",  # no text
        "90e0 0007 00000bb8 0000000a bede0002 4039 a068 00000000 1000",  # another section
        "90e0 0007 00000bb8 0000000a 10000001 0a016800 1000",  # two-byte headers
        "90e0 0007 00000bb8 0000000a bede0001 af68 0000",  # longer than its part
        "90e0 0007 00000bb8 0000000a bede0001 f068 0000 1000",  # reserved: stop
        "90e0 0007 00000bb8 0000000a bede",
        "9fe0 0007 00000bb8 0000000a",
    ],
)
def test_what_has_no_name_that_was_agreed_on_is_of_no_size(packet: str) -> None:
    found, _ = demux()
    assert find(found, packet) is None


def test_sources_are_not_remembered_without_end() -> None:
    found, tracks = demux()
    for ssrc in range(1, LAYER_SSRCS + 2):
        packet = bytes.fromhex(NAMED.replace("0000000a", f"{ssrc:08x}"))
        assert found.find(VIDEO, ssrc, packet) is tracks["h"]
    unnamed = bytes.fromhex(UNNAMED)
    assert found.find(VIDEO, 1, unnamed) is None
    assert found.find(VIDEO, 2, unnamed) is tracks["h"]


def test_between_relays_the_answer_says_which_source_is_of_which_size() -> None:
    taken = replace(chosen(), layers=("0", "1", "2"), ssrcs=(11, 13, 15))
    feeds = Simulcast().layers.feeds
    tracks = [UpTrack(taken, feed, rid) for feed, rid in zip(feeds, taken.layers, strict=True)]
    found = Demux(tracks)
    unnamed = bytes.fromhex(UNNAMED)
    assert [found.find(VIDEO, ssrc, unnamed) for ssrc in taken.ssrcs] == tracks
    assert found.find(VIDEO, 12, bytes.fromhex(NAMED)) is None, "names mean nothing there"
