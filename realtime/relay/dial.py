"""What a caller offers to a WHIP or WHEP endpoint, and what it reads in the answer. Pure.

The other end of `offer.py` and `sdp.py`. Offers name no candidates: an ICE-lite server learns the
caller's address from its first check (RFC 8445 §2.5, RFC 9725 §4.2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aiortc.sdp import MediaDescription, SessionDescription

from realtime.relay.offer import Fingerprint

CodecName = Literal["VP8", "H264"]
MediaKind = Literal["audio", "video"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    name: str
    payload_type: int
    attributes: tuple[str, ...]


_VIDEO_FEEDBACK = ("rtcp-fb:{} nack", "rtcp-fb:{} nack pli", "rtcp-fb:{} ccm fir")
OPUS = Format(
    name="opus/48000/2",
    payload_type=111,
    attributes=("rtcp-fb:{} nack", "fmtp:{} minptime=10;useinbandfec=1"),
)
VIDEO: Mapping[CodecName, Format] = {
    "VP8": Format(name="VP8/90000", payload_type=96, attributes=_VIDEO_FEEDBACK),
    "H264": Format(
        name="H264/90000",
        payload_type=102,
        attributes=(
            *_VIDEO_FEEDBACK,
            "fmtp:{} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One side's half of an ICE session."""

    fragment: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One kind of media that the answer takes or gives."""

    kind: MediaKind
    codec: str
    payload_type: int
    rate: int
    nack: bool
    """Whether what is lost may be asked for again."""
    sizes: tuple[int, ...] = ()
    """SSRCs of the sizes in which it comes, if they come apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    login: Login
    fingerprints: tuple[Fingerprint, ...]
    addresses: tuple[tuple[str, int], ...]
    """Where to send, the preferred one first."""
    active: bool
    """Whether the far side begins the DTLS handshake."""
    media: tuple[Accepted, ...]


class BadAnswer(Exception):
    """The answer lacks what a connection needs."""


def write_offer(
    login: Login,
    fingerprint: Fingerprint,
    *,
    codecs: Sequence[CodecName],
    ssrcs: Mapping[MediaKind, int] | None,
    audio_only: bool = False,
    sizes: int = 0,
) -> str:
    """Sound, and pictures in one of the codecs; with `ssrcs` to send them, without to receive.

    With `sizes`, so many streams of one picture are taken at once (RFC 8853).
    """
    bundle = "0" if audio_only else "0 1"
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {bundle}"]
    sections: tuple[tuple[MediaKind, list[Format]], ...] = (
        ("audio", [OPUS]),
        ("video", [VIDEO[codec] for codec in codecs]),
    )
    for mid, (kind, formats) in enumerate(sections[:1] if audio_only else sections):
        numbers = " ".join(str(each.payload_type) for each in formats)
        lines += [
            f"m={kind} 9 UDP/TLS/RTP/SAVPF {numbers}",
            "c=IN IP4 0.0.0.0",
            f"a=ice-ufrag:{login.fragment}",
            f"a=ice-pwd:{login.password}",
            f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}",
            "a=setup:actpass",
            f"a=mid:{mid}",
            "a=rtcp-mux",
            "a=recvonly" if ssrcs is None else "a=sendonly",
        ]
        for each in formats:
            lines.append(f"a=rtpmap:{each.payload_type} {each.name}")
            lines += ["a=" + attribute.format(each.payload_type) for attribute in each.attributes]
        if kind == "video" and sizes:
            lines += [f"a=rid:{each} recv" for each in range(sizes)]
            lines.append(f"a=simulcast:recv {';'.join(map(str, range(sizes)))}")
        if ssrcs is not None:
            lines += [f"a=msid:talk {kind}", f"a=ssrc:{ssrcs[kind]} cname:rounds"]
    return "\r\n".join(lines) + "\r\n"


def read_answer(sdp: str) -> Answer:
    try:
        session = SessionDescription.parse(sdp)
    except (ValueError, AssertionError, KeyError, IndexError, StopIteration, TypeError) as failure:
        raise BadAnswer(f"the answer is not SDP: {failure!r}") from failure
    sections = [section for section in session.media if section.port and section.rtp.codecs]
    candidates = sorted(
        (
            candidate
            for section in sections
            for candidate in section.ice_candidates
            if candidate.component == 1 and candidate.protocol.lower() == "udp"
        ),
        key=lambda candidate: -candidate.priority,
    )
    if not candidates:
        raise BadAnswer("the answer accepts nothing, or says no address")
    ice, dtls = sections[0].ice, sections[0].dtls
    if not (ice and ice.usernameFragment and ice.password and dtls and dtls.fingerprints):
        raise BadAnswer("the answer has no login or no fingerprint")
    return Answer(
        login=Login(fragment=ice.usernameFragment, password=ice.password),
        fingerprints=tuple(
            Fingerprint(algorithm=each.algorithm, value=each.value) for each in dtls.fingerprints
        ),
        addresses=tuple(dict.fromkeys((each.ip, each.port) for each in candidates)),
        active=dtls.role == "client",
        media=tuple(
            Accepted(
                kind="audio" if section.kind == "audio" else "video",
                codec=codec.mimeType.split("/")[1],
                payload_type=codec.payloadType,
                rate=codec.clockRate,
                nack=any(each.type == "nack" for each in codec.rtcpFeedback),
                sizes=_sizes(section),
            )
            for section in sections
            for codec in section.rtp.codecs
            if codec.payloadType is not None
        ),
    )


def _sizes(section: MediaDescription) -> tuple[int, ...]:
    groups = (each.items for each in section.ssrc_group if each.semantic == "SIM")
    return tuple(dict.fromkeys(map(int, next(groups, []))))
