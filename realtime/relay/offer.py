"""Reads an SDP offer (RFC 8866, RFC 9429), and only what an answer needs. Pure.

Candidates are not read at all: an ICE-lite agent answers where it is asked from, and an offer must
not be able to name a victim. What we cannot serve is refused here, with a text for its sender.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from realtime.relay.bounds import SDP_BYTES

KINDS = ("audio", "video")
_HASHES = frozenset(("sha-256", "sha-384", "sha-512"))
_TOKEN = re.compile(r"[!-~]{1,64}")
_RID = re.compile(r"[A-Za-z0-9_-]{1,16}")
"""As long as a header extension of one byte holds (RFC 8852 §3)."""
_ICE = re.compile(r"[A-Za-z0-9+/]{4,256}")
_FINGERPRINT = re.compile(r"([0-9A-Fa-f]{2}:){31,63}[0-9A-Fa-f]{2}")
_MOST_CODECS = 64
_MOST_EXTENSIONS = 32
_MOST_FEEDBACK = 256
_MOST_RIDS = 16
_ONE_BYTE_IDS = range(1, 15)
_DIRECTIONS = frozenset(("sendrecv", "sendonly", "recvonly", "inactive"))


class OfferRefused(Exception):
    """The offer is malformed or asks for what the relay does not do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    algorithm: str
    value: str


@dataclass(slots=True, kw_only=True)
class Codec:
    payload_type: int
    name: str
    """Lower case."""
    rate: int
    channels: int
    parameters: str = ""

    def parameter(self, name: str) -> str | None:
        for each in self.parameters.split(";"):
            key, _, value = each.strip().partition("=")
            if key.lower() == name:
                return value.strip()
        return None


@dataclass(slots=True, kw_only=True)
class Media:
    kind: str
    mid: str = ""
    direction: str = "sendrecv"
    refused: bool = False
    """Offered with port 0, or inactive: it keeps its place in the answer and nothing else."""
    codecs: dict[int, Codec] = field(default_factory=dict)
    order: Sequence[int] = ()
    extensions: dict[str, int] = field(default_factory=dict)
    feedback: set[tuple[str, str]] = field(default_factory=set)
    """(payload type or `*`, feedback)."""
    ssrcs: list[int] = field(default_factory=list)
    rtcp_mux: bool = False
    rids: dict[str, str] = field(default_factory=dict)
    """What is sent under a name of its own (RFC 8851), and how it is restricted."""
    layers: Sequence[str] = ()
    """Of these, the sizes of one picture that are sent at once (RFC 8853), in the offer's order."""
    takes: Sequence[str] = ()
    """Names for as many sizes as are taken at once, each as a stream of its own."""

    def preferred(self) -> list[Codec]:
        return [self.codecs[each] for each in self.order if each in self.codecs]

    def has_feedback(self, payload_type: int, name: str) -> bool:
        return not self.feedback.isdisjoint(((str(payload_type), name), ("*", name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    media: Sequence[Media]
    ufrag: str
    password: str
    fingerprints: Sequence[Fingerprint]
    setup: str


def parse(text: str) -> Offer:
    """The offer, or `OfferRefused`."""
    if len(text.encode()) > SDP_BYTES:
        raise OfferRefused("the offer is too large")
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if line]
    if not lines or lines[0] != "v=0":
        raise OfferRefused("this is not an SDP offer")
    starts = [at for at, line in enumerate(lines) if line.startswith("m=")]
    if not starts:
        raise OfferRefused("the offer has no media")
    head = lines[: starts[0]]
    sections = [lines[a:b] for a, b in zip(starts, [*starts[1:], len(lines)], strict=True)]
    try:
        media = [_media(section) for section in sections]
    except (ValueError, IndexError) as malformed:
        raise OfferRefused("the offer is malformed") from malformed
    _check_media(media)
    _check_bundle(head, media)
    shared = [line for at, section in enumerate(sections) if _live(media, at) for line in section]
    return _transport(head + shared, media)


def _live(media: Sequence[Media], at: int) -> bool:
    return not media[at].refused


def _transport(lines: Sequence[str], media: Sequence[Media]) -> Offer:
    ufrag = _one(lines, "ice-ufrag")
    password = _one(lines, "ice-pwd")
    if not _ICE.fullmatch(ufrag) or not _ICE.fullmatch(password):
        raise OfferRefused("the offer has no ICE credentials")
    setup = _one(lines, "setup") or "actpass"
    if setup not in ("actpass", "active", "passive"):
        raise OfferRefused("the offer's DTLS role is unknown")
    found = dict.fromkeys(_values(lines, "fingerprint"))
    pairs = [value.split(" ") for value in found if value.count(" ") == 1]
    fingerprints = [
        Fingerprint(algorithm=algorithm.lower(), value=value.upper())
        for algorithm, value in pairs
        if algorithm.lower() in _HASHES and _FINGERPRINT.fullmatch(value)
    ]
    if not fingerprints:
        raise OfferRefused("the offer has no usable fingerprint")
    return Offer(
        media=media, ufrag=ufrag, password=password, fingerprints=fingerprints, setup=setup
    )


def _check_media(media: Sequence[Media]) -> None:
    for each in media:
        if each.kind == "application":
            raise OfferRefused("data channels are not offered here")
        if each.kind not in KINDS:
            raise OfferRefused("only audio and video are offered here")
        if not each.refused and not each.rtcp_mux:
            raise OfferRefused("RTP and RTCP have to share a port")
    live = [each.kind for each in media if not each.refused]
    if not live or len(live) != len(set(live)) or len(media) > 2 * len(KINDS):
        raise OfferRefused("one audio and one video are offered here, no more")


def _check_bundle(head: Sequence[str], media: Sequence[Media]) -> None:
    live = [each.mid for each in media if not each.refused]
    if not all(live) or len(set(live)) != len(live):
        raise OfferRefused("every media section needs its own mid")
    for group in _values(head, "group"):
        semantics, *mids = group.split(" ")
        if semantics == "BUNDLE" and set(live) <= set(mids):
            return
    if len(live) > 1:
        raise OfferRefused("all media have to be in one bundle")


def _media(lines: Sequence[str]) -> Media:
    kind, port, profile, *formats = lines[0][2:].split(" ")
    media = Media(kind=kind, refused=port == "0")
    if kind not in KINDS:
        return media
    if profile not in ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"):
        raise OfferRefused("only encrypted RTP is offered here")
    media.order = [int(each) for each in formats[:_MOST_CODECS]]
    if any(not 0 <= each <= 127 for each in media.order):  # noqa: PLR2004 - seven bits
        raise OfferRefused("a payload type is out of range")
    bundle_only = "a=bundle-only" in lines
    media.refused = media.refused and not bundle_only
    for line in lines[1:]:
        if line.startswith("a="):
            name, _, value = line[2:].partition(":")
            _attribute(media, name, value)
    media.refused = media.refused or media.direction == "inactive"
    media.layers = [each for each in media.layers if each in media.rids]
    return media


def _attribute(media: Media, name: str, value: str) -> None:
    if name in _DIRECTIONS:
        media.direction = name
    elif name == "rtcp-mux":
        media.rtcp_mux = True
    elif name == "mid":
        if not _TOKEN.fullmatch(value):
            raise ValueError
        media.mid = value
    elif name == "ssrc":
        ssrc = int(value.partition(" ")[0])
        if ssrc not in media.ssrcs and len(media.ssrcs) < len(KINDS) * 2:
            media.ssrcs.append(ssrc)
    elif name == "extmap":
        _extension(media, value)
    elif name in ("rid", "simulcast"):
        _several(media, name, value)
    elif name in ("rtpmap", "fmtp", "rtcp-fb"):
        payload_type, _, rest = value.partition(" ")
        _codec(media, name, payload_type, rest.strip())


def _extension(media: Media, value: str) -> None:
    number, _, uri = value.partition(" ")
    identifier = int(number.partition("/")[0])
    if len(media.extensions) < _MOST_EXTENSIONS and identifier in _ONE_BYTE_IDS:
        media.extensions.setdefault(uri.split(" ")[0], identifier)


def _several(media: Media, name: str, value: str) -> None:
    if name == "simulcast":
        media.layers, media.takes = _layers(value, "send"), _layers(value, "recv")
        return
    rid, _, rest = value.partition(" ")
    way, _, restrictions = rest.partition(" ")
    if way == "send" and _RID.fullmatch(rid) and len(media.rids) < _MOST_RIDS:
        media.rids.setdefault(rid, restrictions)


def _layers(value: str, way: str) -> list[str]:
    """Of each stream that goes this way, the first choice; one that is paused may go on later."""
    words = value.split(" ")
    named = next((b for a, b in pairwise(words) if a == way), "")
    firsts = [each.partition(",")[0].removeprefix("~") for each in named.split(";")]
    return [each for each in dict.fromkeys(firsts) if _RID.fullmatch(each)][:_MOST_RIDS]


def _codec(media: Media, name: str, payload_type: str, value: str) -> None:
    if name == "rtcp-fb":
        if len(media.feedback) < _MOST_FEEDBACK:
            media.feedback.add((payload_type, value))
        return
    number = int(payload_type)
    if name == "rtpmap":
        encoding, rate, *channels = value.split("/")
        media.codecs[number] = Codec(
            payload_type=number,
            name=encoding.lower(),
            rate=int(rate),
            channels=int(channels[0]) if channels else 1,
        )
    elif number in media.codecs and value.isprintable():
        media.codecs[number].parameters = value


def _values(lines: Sequence[str], name: str) -> list[str]:
    prefix = f"a={name}:"
    return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]


def _one(lines: Sequence[str], name: str) -> str:
    """The value all sections agree on; a bundle has one transport, so it has one of each."""
    return next(iter(_values(lines, name)), "")
