"""Which of a picture's sizes a packet is of, where they share payload types (RFC 8853 §6.1).

A sender names the layer in a header extension (RFC 8852) until it knows that we have understood;
from then on the SSRC says it. Between relays it says so from the beginning. It knows no media.
"""

from collections.abc import Iterator, Sequence

from realtime.relay.bounds import LAYER_SSRCS
from realtime.relay.sdp import Names
from realtime.relay.uptrack import UpTrack

_FIXED_BYTES = 12
_ONE_BYTE_EXTENSIONS = 0xBEDE


class Demux:
    """Of one publisher's connection."""

    def __init__(self, tracks: Sequence[UpTrack]) -> None:
        self._by_rid = {track.rid: track for track in tracks}
        self._chosen = tracks[0].chosen
        self._by_ssrc = dict(zip(self._chosen.ssrcs, tracks, strict=False))

    def find(self, payload_type: int, ssrc: int, packet: bytes) -> UpTrack | None:
        """The layer, or `None` for what is of none or of one that is not known yet."""
        again = payload_type == self._chosen.resend_payload_type
        if not again and payload_type != self._chosen.payload_type:
            return None
        return self._by_ssrc.get(ssrc) or self._learn(ssrc, packet, again=again)

    def _learn(self, ssrc: int, packet: bytes, *, again: bool) -> UpTrack | None:
        names = self._chosen.names
        if names is None:
            return None
        said = dict(_extensions(packet))
        if _is_foreign(said, names):
            return None
        rid = said.get(names.repaired or 0) if again else said.get(names.rid)
        track = self._by_rid.get(rid.decode("ascii", "replace")) if rid else None
        if track is not None:
            self._by_ssrc[ssrc] = track
            if len(self._by_ssrc) > LAYER_SSRCS:
                del self._by_ssrc[next(iter(self._by_ssrc))]
        return track


def _is_foreign(said: dict[int, bytes], names: Names) -> bool:
    """Whether a packet says that it is of another section."""
    mid = said.get(names.section or 0)
    return mid is not None and mid != names.mid.encode()


def _extensions(packet: bytes) -> Iterator[tuple[int, bytes]]:
    """Id and value of each of a packet's one-byte header extensions (RFC 8285 §4.2)."""
    at = _FIXED_BYTES + 4 * (packet[0] & 0x0F)
    if not packet[0] & 0x10 or at + 4 > len(packet):
        return
    if int.from_bytes(packet[at : at + 2], "big") != _ONE_BYTE_EXTENSIONS:
        return
    end = min(len(packet), at + 4 + 4 * int.from_bytes(packet[at + 2 : at + 4], "big"))
    at += 4
    while at < end:
        number, size = packet[at] >> 4, (packet[at] & 0x0F) + 1
        if not packet[at]:
            at += 1
            continue
        if number == 15 or at + 1 + size > end:  # noqa: PLR2004 - §4.2: stop there
            return
        yield number, packet[at + 1 : at + 1 + size]
        at += 1 + size
