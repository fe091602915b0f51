"""Writes WHIP and WHEP answers (RFC 9725, RFC 9429 §5.3): which codec, which extensions. Pure.

One transport for all media, ours is ICE-lite, and the payload types are the offerer's.
"""

import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from realtime.relay.bounds import MOST_LAYERS
from realtime.relay.offer import Codec, Fingerprint, Media, Offer, OfferRefused

ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_CODECS, VIDEO_CODECS = ("opus",), ("vp8", "h264")

_HOST_PRIORITY = 2130706431
_SPELLING = {"opus": "opus/48000/2", "vp8": "VP8/90000", "h264": "H264/90000"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """Our side of the transport."""

    addresses: Sequence[str]
    port: int
    ufrag: str
    password: str
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """By which header extensions a packet says what it is of (RFC 8852): their ids."""

    rid: int
    repaired: int | None
    section: int | None
    mid: str
    """The section's own name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One stream as negotiated."""

    kind: str
    codec: str
    rate: int
    payload_type: int
    resend_payload_type: int | None
    """RTX (RFC 4588), if both sides speak it."""
    resend_ssrcs: Sequence[int]
    transport_cc: int | None
    """The header extension's id, if feedback of that kind is negotiated."""
    abs_send_time: int | None
    nack: bool = True
    """Whether what is lost may be asked for again."""
    layers: Sequence[str] = ()
    """RIDs of the sizes that are sent at once; empty for a single stream."""
    names: Names | None = None
    """By which their packets say it, from a publisher."""
    ssrcs: Sequence[int] = ()
    """Of these sizes, in their order, between relays: there the answer says them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sends:
    """A stream the relay sends, for the answer to a subscriber."""

    codec: str
    ssrc: int
    resend_ssrc: int
    several: bool = False
    """Whether there are sizes to choose from, and what fits is worth knowing."""
    apart: Sequence[int] = ()
    """SSRCs of the sizes, for whoever gets each as a stream of its own if it takes so many."""


def answer_publisher(offer: Offer, here: Here) -> tuple[str, dict[str, Chosen]]:
    """Take what the publisher offers first among what everybody can play."""
    lines: list[str] = []
    chosen: dict[str, Chosen] = {}
    for media in offer.media:
        pick = None
        if not media.refused and media.direction in ("sendonly", "sendrecv"):
            pick = _pick(media, VIDEO_CODECS if media.kind == "video" else AUDIO_CODECS)
        if pick is None:
            lines += _refused(media)
            continue
        taken = _layered(_chosen(media, pick), media)
        chosen[media.kind] = taken
        lines += [*_section(media, here, pick, taken), "a=recvonly", _setup(offer)]
        lines += _feedback(media, taken, publisher=True)
        for uri, number in (
            (TRANSPORT_CC, taken.transport_cc),
            (ABS_SEND_TIME, taken.abs_send_time),
        ):
            if number is not None:
                lines.append(f"a=extmap:{number} {uri}")
        lines += _simulcast(taken)
    if not chosen:
        raise OfferRefused("the offer sends neither Opus audio nor VP8 or H.264 video")
    return _joined(_head(offer, here, chosen) + lines), chosen


def answer_subscriber(
    offer: Offer, here: Here, sends: dict[str, Sends]
) -> tuple[str, dict[str, Chosen]]:
    """Send what there is, in the codec it is in: nothing is ever transcoded."""
    lines: list[str] = []
    chosen: dict[str, Chosen] = {}
    for media in offer.media:
        stream = sends.get(media.kind)
        pick = None
        if not media.refused and stream and media.direction in ("recvonly", "sendrecv"):
            pick = _pick(media, (stream.codec,))
            if pick is None:
                raise OfferRefused(f"the stage sends {stream.codec}, which the offer does not take")
        if pick is None or stream is None:
            lines += _refused(media)
            continue
        taken = _apart(_chosen(media, pick), media, stream)
        if not (stream.several and _estimates(media, taken)):
            taken = replace(taken, abs_send_time=None)
        chosen[media.kind] = taken
        lines += [*_section(media, here, pick, taken), "a=sendonly", _setup(offer)]
        lines += _feedback(media, taken, publisher=False)
        if taken.abs_send_time is not None:
            lines.append(f"a=rtcp-fb:{taken.payload_type} goog-remb")
            lines.append(f"a=extmap:{taken.abs_send_time} {ABS_SEND_TIME}")
        lines.append(f"a=msid:rounds {media.kind}")
        if taken.ssrcs:
            lines += _each(taken)
            continue
        lines.append(f"a=ssrc:{stream.ssrc} cname:rounds")
        if taken.resend_payload_type is not None:
            lines.append(f"a=ssrc:{stream.resend_ssrc} cname:rounds")
            lines.append(f"a=ssrc-group:FID {stream.ssrc} {stream.resend_ssrc}")
    if not chosen:
        raise OfferRefused("the offer takes nothing that the stage sends")
    return _joined(_head(offer, here, chosen) + lines), chosen


def _pick(media: Media, names: Sequence[str]) -> Codec | None:
    known = [codec for codec in media.preferred() if codec.name in names and _usable(codec)]
    if not known:
        return None
    first = known[0].name
    # Of several H.264 profiles, constrained baseline is what every receiver decodes.
    return min((codec for codec in known if codec.name == first), key=_unlikely)


def _usable(codec: Codec) -> bool:
    if codec.name == "h264":
        return codec.rate == 90000 and codec.parameter("packetization-mode") == "1"  # noqa: PLR2004
    if codec.name == "opus":
        return codec.rate == 48000 and codec.channels == 2  # noqa: PLR2004 - RFC 7587 §7
    return codec.rate == 90000  # noqa: PLR2004 - RFC 7741 §6.1


def _unlikely(codec: Codec) -> int:
    profile = (codec.parameter("profile-level-id") or "42e0").lower()
    return 0 if profile.startswith("42e0") else 1 if profile.startswith("42") else 2


def _chosen(media: Media, codec: Codec) -> Chosen:
    resend = next(
        (
            each.payload_type
            for each in media.preferred()
            if each.name == "rtx" and each.parameter("apt") == str(codec.payload_type)
        ),
        None,
    )
    feedback = media.has_feedback(codec.payload_type, "transport-cc")
    return Chosen(
        kind=media.kind,
        codec=codec.name,
        rate=codec.rate,
        payload_type=codec.payload_type,
        resend_payload_type=resend if media.kind == "video" else None,
        resend_ssrcs=tuple(media.ssrcs[1:]),
        transport_cc=media.extensions.get(TRANSPORT_CC) if feedback else None,
        abs_send_time=media.extensions.get(ABS_SEND_TIME),
        nack=media.has_feedback(codec.payload_type, "nack"),
    )


def _estimates(media: Media, taken: Chosen) -> bool:
    """Whether a viewer says how much fits, if packets say when they were sent.

    What is sent again needs a stream of its own: it is sent at another time, and the same number
    never has other bytes.
    """
    if taken.abs_send_time is None or taken.resend_payload_type is None:
        return False
    return media.has_feedback(taken.payload_type, "goog-remb")


def _apart(taken: Chosen, media: Media, stream: Sends) -> Chosen:
    """Every size as a stream of its own, to whoever takes all there are.

    What is lost is sent again byte by byte: one stream of retransmissions for all of them would
    count each of them by the same numbers.
    """
    if not 1 < len(stream.apart) <= len(media.takes):
        return taken
    layers, ssrcs = tuple(media.takes[: len(stream.apart)]), tuple(stream.apart)
    return replace(taken, layers=layers, ssrcs=ssrcs, resend_payload_type=None)


def _each(taken: Chosen) -> list[str]:
    """Which SSRC is whose: a group of semantics `SIM`, in the order of the names."""
    return [
        *(f"a=ssrc:{ssrc} cname:rounds" for ssrc in taken.ssrcs),
        f"a=ssrc-group:SIM {' '.join(map(str, taken.ssrcs))}",
        *(f"a=rid:{each} send" for each in taken.layers),
        f"a=simulcast:send {';'.join(taken.layers)}",
    ]


def _layered(taken: Chosen, media: Media) -> Chosen:
    """Take its layers too, where each packet can say which it is of."""
    rid = media.extensions.get(RID)
    layers = [each for each in media.layers if _may_be(taken.payload_type, media.rids[each])]
    if rid is None or not layers:
        return taken
    names = Names(
        rid=rid,
        repaired=media.extensions.get(REPAIRED_RID),
        section=media.extensions.get(MID),
        mid=media.mid,
    )
    return replace(taken, layers=tuple(layers[:MOST_LAYERS]), names=names)


def _may_be(payload_type: int, restrictions: str) -> bool:
    """Whether a layer comes in this format; without `pt` in any (RFC 8851 §10)."""
    for each in restrictions.split(";"):
        name, _, value = each.partition("=")
        if name == "pt":
            return str(payload_type) in value.split(",")
    return True


def _simulcast(taken: Chosen) -> list[str]:
    if taken.names is None:
        return []
    names = taken.names
    numbers = ((MID, names.section), (RID, names.rid), (REPAIRED_RID, names.repaired))
    lines = [f"a=extmap:{number} {uri}" for uri, number in numbers if number is not None]
    lines += [f"a=rid:{each} recv" for each in taken.layers]
    return [*lines, f"a=simulcast:recv {';'.join(taken.layers)}"]


def our_role_is_server(offer: Offer) -> bool:
    """Passive unless the offer insists on it for itself (RFC 8842 §5.3)."""
    return offer.setup != "passive"


def _setup(offer: Offer) -> str:
    return "a=setup:passive" if our_role_is_server(offer) else "a=setup:active"


def _head(offer: Offer, here: Here, chosen: dict[str, Chosen]) -> list[str]:
    accepted = [media for media in offer.media if not media.refused and media.kind in chosen]
    mids = " ".join(media.mid for media in accepted)
    return [
        "v=0",
        f"o=- {secrets.randbits(62)} 1 {_connection(here.addresses[0])}",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=group:BUNDLE {mids}",
        "a=msid-semantic:WMS *",
    ]


def _section(media: Media, here: Here, codec: Codec, taken: Chosen) -> list[str]:
    formats = [taken.payload_type]
    if taken.resend_payload_type is not None:
        formats.append(taken.resend_payload_type)
    lines = [
        f"m={media.kind} {here.port} UDP/TLS/RTP/SAVPF {' '.join(map(str, formats))}",
        f"c={_connection(here.addresses[0])}",
        f"a=mid:{media.mid}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=ice-ufrag:{here.ufrag}",
        f"a=ice-pwd:{here.password}",
        f"a=fingerprint:{here.fingerprint.algorithm} {here.fingerprint.value}",
    ]
    lines += [
        f"a=candidate:{at} 1 udp {_HOST_PRIORITY - at} {address} {here.port} typ host"
        for at, address in enumerate(here.addresses, 1)
    ]
    lines += ["a=end-of-candidates", f"a=rtpmap:{codec.payload_type} {_SPELLING[codec.name]}"]
    if codec.parameters:
        lines.append(f"a=fmtp:{codec.payload_type} {codec.parameters}")
    if taken.resend_payload_type is not None:
        lines.append(f"a=rtpmap:{taken.resend_payload_type} rtx/90000")
        lines.append(f"a=fmtp:{taken.resend_payload_type} apt={codec.payload_type}")
    return lines


def _feedback(media: Media, taken: Chosen, *, publisher: bool) -> list[str]:
    names = ["nack"]
    if media.kind == "video":
        names += ["nack pli", "ccm fir"]
    if publisher:
        names.append("transport-cc" if taken.transport_cc is not None else "goog-remb")
    return [
        f"a=rtcp-fb:{taken.payload_type} {name}"
        for name in names
        if media.has_feedback(taken.payload_type, name)
    ]


def _refused(media: Media) -> list[str]:
    formats = " ".join(map(str, media.order[:1])) or "0"
    lines = [f"m={media.kind} 0 UDP/TLS/RTP/SAVPF {formats}", "c=IN IP4 0.0.0.0", "a=inactive"]
    return [*lines, f"a=mid:{media.mid}"] if media.mid else lines


def _connection(address: str) -> str:
    return f"IN IP{ipaddress.ip_address(address).version} {address}"


def _joined(lines: Sequence[str]) -> str:
    return "\r\n".join(lines) + "\r\n"
