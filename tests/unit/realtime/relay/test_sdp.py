"""Offers are read without trust and answered with what everybody can play."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.relay import offer as offers
from realtime.relay.bounds import MOST_LAYERS
from realtime.relay.offer import Fingerprint, OfferRefused
from realtime.relay.sdp import Chosen, Here, Names, Sends, answer_publisher, answer_subscriber
from tests.unit.realtime.relay.offers import (
    AUDIO,
    DATA,
    FINGERPRINT,
    OBS,
    VIDEO,
    offer,
    simulcast,
)

HERE = Here(
    addresses=("192.0.2.7", "2001:db8::7"),
    port=4000,
    ufrag="ours",
    password="secret",
    fingerprint=Fingerprint(algorithm="sha-256", value="CD:EF"),
)
H264 = {"video": Sends(codec="h264", ssrc=21, resend_ssrc=22)}
BOTH = {
    "audio": Sends(codec="opus", ssrc=31, resend_ssrc=32),
    "video": Sends(codec="vp8", ssrc=21, resend_ssrc=22),
}


def published(text: str) -> tuple[list[str], dict[str, Chosen]]:
    answer, chosen = answer_publisher(offers.parse(text), HERE)
    return answer.split("\r\n"), chosen


def watched(text: str, sends: dict[str, Sends]) -> tuple[list[str], dict[str, Chosen]]:
    answer, chosen = answer_subscriber(offers.parse(text), HERE, sends)
    return answer.split("\r\n"), chosen


def test_a_publisher_gets_its_first_codec_that_all_can_play() -> None:
    lines, chosen = published(offer())
    assert (chosen["audio"].codec, chosen["audio"].payload_type) == ("opus", 111)
    assert (chosen["video"].codec, chosen["video"].payload_type) == ("vp8", 96)
    assert chosen["video"].resend_payload_type == 97
    assert (chosen["video"].transport_cc, chosen["video"].abs_send_time) == (3, 2)
    assert "m=video 4000 UDP/TLS/RTP/SAVPF 96 97" in lines
    assert "m=audio 4000 UDP/TLS/RTP/SAVPF 111" in lines
    assert "a=rtcp-fb:96 transport-cc" in lines
    assert "a=rtcp-fb:96 nack pli" in lines
    assert lines.count("a=recvonly") == lines.count("a=setup:passive") == 2
    assert "a=group:BUNDLE 0 1" in lines
    assert "a=ice-lite" in lines
    assert not any("VP9" in line or "allow-mixed" in line for line in lines)


def test_every_address_is_a_candidate() -> None:
    lines, _ = published(offer())
    found = [line for line in lines if line.startswith("a=candidate")]
    assert found[0] == "a=candidate:1 1 udp 2130706430 192.0.2.7 4000 typ host"
    assert found[1] == "a=candidate:2 1 udp 2130706429 2001:db8::7 4000 typ host"


def test_h264_is_taken_in_packetization_mode_1_and_the_baseline() -> None:
    video = VIDEO.replace("98 96 97 104", "104")
    lines, chosen = published(offer(video=video))
    assert (chosen["video"].codec, chosen["video"].payload_type) == ("h264", 108)
    assert chosen["video"].resend_payload_type == 109
    assert any("a=fmtp:108 " in line and "packetization-mode=1" in line for line in lines)


def test_obs_is_taken_as_it_writes() -> None:
    lines, chosen = published(OBS)
    assert {kind: each.codec for kind, each in chosen.items()} == {"audio": "opus", "video": "h264"}
    assert chosen["video"].resend_payload_type is None, "what it sends again, it repeats"
    assert (chosen["video"].transport_cc, chosen["video"].abs_send_time) == (None, None)
    assert {"a=group:BUNDLE 0 1", "a=ice-lite", "a=rtcp-fb:96 nack pli"} <= set(lines)
    assert lines.count("a=setup:passive") == lines.count("a=recvonly") == 2
    assert not any("192.0.2.53" in line or "203.0.113.9" in line for line in lines)


def test_h264_without_mode_1_is_not_taken() -> None:
    video = VIDEO.replace("98 96 97 104 102 103 108 109", "104")
    _, chosen = published(offer(video=video))
    assert chosen.keys() == {"audio"}


def test_a_viewer_gets_the_codec_that_is_on_the_stage() -> None:
    lines, chosen = watched(offer("recvonly"), H264)
    assert (chosen["video"].codec, chosen["video"].payload_type) == ("h264", 108)
    assert "m=audio 0 UDP/TLS/RTP/SAVPF 63" in lines
    assert "a=group:BUNDLE 1" in lines
    assert "a=ssrc-group:FID 21 22" in lines
    lines, chosen = watched(offer("recvonly"), BOTH)
    assert chosen.keys() == {"audio", "video"}
    assert lines.count("a=sendonly") == 2
    assert not any("extmap" in line or "transport-cc" in line for line in lines)


def test_a_viewer_without_the_codec_is_refused() -> None:
    video = VIDEO.replace("98 96 97 104 102 103 108 109", "96 97")
    with pytest.raises(OfferRefused, match="h264"):
        watched(offer("recvonly", video=video), H264)


def test_a_viewer_of_sound_only() -> None:
    text = offer("recvonly", video="").replace("BUNDLE 0 1", "BUNDLE 0")
    _, chosen = watched(text, BOTH)
    assert chosen.keys() == {"audio"}


def test_who_insists_on_being_passive_is_called() -> None:
    lines, _ = published(offer().replace("a=setup:actpass", "a=setup:passive"))
    assert "a=setup:active" in lines


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not an SDP offer"),
        ("v=0\r\n", "no media"),
        (offer() + DATA, "data channels"),
        (offer(video=VIDEO + AUDIO.replace("mid:0", "mid:2")), "no more"),
        (offer().replace("BUNDLE 0 1", "BUNDLE 0"), "one bundle"),
        (offer().replace("a=group:BUNDLE 0 1\r\n", ""), "one bundle"),
        (offer().replace("a=mid:1", "a=mid:0"), "its own mid"),
        (offer().replace("a=mid:1\r\n", ""), "its own mid"),
        (offer().replace("a=rtcp-mux\r\n", ""), "share a port"),
        (offer().replace("a=ice-pwd", "a=ice-other"), "ICE credentials"),
        (offer().replace("C3Hh", "C3\u00e9h"), "ICE credentials"),
        (offer().replace(FINGERPRINT, "AB:CD"), "fingerprint"),
        (offer().replace("sha-256", "md5"), "fingerprint"),
        (offer().replace("actpass", "holdconn"), "DTLS role"),
        (offer().replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "encrypted"),
        (offer().replace("m=video", "m=image"), "only audio and video"),
        (offer().replace("SAVPF 98", "SAVPF 980"), "out of range"),
        (offer().replace("SAVPF 98", "SAVPF x"), "malformed"),
        (offer().replace("rtpmap:96 VP8/90000", "rtpmap:96 VP8"), "malformed"),
        (offer().replace("a=mid:0", "a=mid:0 0"), "malformed"),
        (offer() + "a=x\r\n" * 20_000, "too large"),
        (offer("recvonly"), "neither Opus"),
        (offer("inactive"), "no more"),
    ],
)
def test_what_we_do_not_serve_is_refused(text: str, why: str) -> None:
    with pytest.raises(OfferRefused, match=why):
        published(text)


def test_candidates_are_not_even_read() -> None:
    hostile = "a=candidate:1 1 udp 1 192.0.2.66 9 typ host raddr nonsense\r\n"
    assert offers.parse(offer() + hostile) == offers.parse(offer())


def test_answers_repeat_no_line_break_of_the_offer() -> None:
    hostile = offer().replace("useinbandfec=1", "useinbandfec=1\x85a=injected\x0b")
    lines, _ = published(hostile)
    assert not any("injected" in line for line in lines)


LINES = offer().split("\r\n")


@given(
    lines=st.lists(
        st.one_of(
            st.sampled_from(LINES),
            st.text(max_size=30),
            st.sampled_from(LINES).flatmap(
                lambda line: st.integers(0, len(line)).map(lambda at: line[:at])
            ),
        ),
        max_size=60,
    ),
    whole=st.booleans(),
)
def test_no_offer_does_anything_but_be_answered_or_refused(
    lines: list[str], *, whole: bool
) -> None:
    text = "\r\n".join([*LINES[:-1], *lines] if whole else lines)
    for answer in (published, lambda text: watched(text, BOTH)):
        with contextlib.suppress(OfferRefused):
            answer(text)


def test_every_size_of_a_picture_is_taken() -> None:
    lines, chosen = published(simulcast())
    assert chosen["video"].layers == ("q", "h", "f")
    assert chosen["video"].names == Names(rid=10, repaired=11, section=4, mid="1")
    assert [line for line in lines if "rid" in line or "simulcast" in line] == [
        "a=rid:q recv",
        "a=rid:h recv",
        "a=rid:f recv",
        "a=simulcast:recv q;h;f",
    ]
    for number, name in ((4, "mid"), (10, "rtp-stream-id"), (11, "repaired-rtp-stream-id")):
        assert f"a=extmap:{number} urn:ietf:params:rtp-hdrext:sdes:{name}" in lines
    assert chosen["audio"].layers == ()


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("send h;m;l", ("h", "m", "l")),
        ("recv a;b send h;m;l", ("h", "m", "l")),
        ("send h,m;~l", ("h", "l")),  # alternatives, and one that is paused for now
        ("send h;x;l", ("h", "l")),  # one that no line describes
        ("send h;h;l", ("h", "l")),
        ("send h;m;l;p", ("h", "m", "l")),  # that comes in another format
        ("send h", ("h",)),
        ("recv h;m", ()),
        ("send", ()),
        ("", ()),
        (";;,~ send", ()),
    ],
)
def test_sizes_are_read_as_they_are_written(line: str, taken: tuple[str, ...]) -> None:
    rids = {"h": "send pt=96,97", "m": "send max-width=640", "l": "send", "p": "send pt=102"}
    lines, chosen = published(simulcast(line, rids))
    assert chosen["video"].layers == taken
    assert [each for each in lines if "simulcast" in each] == (
        [f"a=simulcast:recv {';'.join(taken)}"] if taken else []
    )


def test_no_more_sizes_are_taken_than_there_is_room_for() -> None:
    rids = {str(at): "send" for at in range(20)}
    _, chosen = published(simulcast("send " + ";".join(rids), rids))
    assert chosen["video"].layers == tuple(map(str, range(MOST_LAYERS)))


def test_sizes_that_no_packet_could_name_are_one() -> None:
    lines, chosen = published(simulcast().replace("rtp-stream-id", "another"))
    assert chosen["video"].layers == ()
    assert not any("simulcast" in line for line in lines)


def test_when_packets_were_sent_is_told_to_who_says_how_much_fits() -> None:
    """Only where there is a choice, and where what is sent again has numbers of its own."""
    extension = "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
    sends = {kind: replace(each, several=kind == "video") for kind, each in BOTH.items()}
    lines, chosen = watched(offer("recvonly"), sends)
    assert chosen["video"].abs_send_time == 2
    assert chosen["audio"].abs_send_time is None
    assert lines.count(extension) == lines.count("a=rtcp-fb:96 goog-remb") == 1
    for text, stage in (
        (offer("recvonly"), BOTH),
        (offer("recvonly").replace("goog-remb", "x"), sends),
        (offer("recvonly").replace("a=fmtp:97 apt=96", "a=fmtp:97 apt=95"), sends),
    ):
        lines, chosen = watched(text, stage)
        assert chosen["video"].abs_send_time is None
        assert extension not in lines


def apart(takes: str, ssrcs: tuple[int, ...] = (21, 23, 25)) -> tuple[list[str], Chosen]:
    sends = BOTH | {"video": replace(BOTH["video"], several=True, apart=ssrcs)}
    lines, chosen = watched(offer("recvonly") + takes, sends)
    return lines, chosen["video"]


def test_another_relay_gets_every_size_as_a_stream_of_its_own() -> None:
    rids = "".join(f"a=rid:{each} recv\n" for each in range(4))
    lines, taken = apart(f"{rids}a=simulcast:recv 0;1;2;3\n")
    assert (taken.layers, taken.ssrcs) == (("0", "1", "2"), (21, 23, 25))
    assert taken.names is None
    assert taken.resend_payload_type is None, "its numbers would be every size's"
    assert taken.abs_send_time is None
    assert [line for line in lines if line.startswith(("a=ssrc", "a=rid", "a=simulcast"))] == [
        "a=ssrc:31 cname:rounds",
        "a=ssrc:21 cname:rounds",
        "a=ssrc:23 cname:rounds",
        "a=ssrc:25 cname:rounds",
        "a=ssrc-group:SIM 21 23 25",
        "a=rid:0 send",
        "a=rid:1 send",
        "a=rid:2 send",
        "a=simulcast:send 0;1;2",
    ]


@pytest.mark.parametrize("takes", ["", "a=simulcast:recv 0;1\n", "a=simulcast:send 0;1;2\n"])
def test_who_does_not_take_all_sizes_gets_one_stream(takes: str) -> None:
    lines, taken = apart(takes)
    assert (taken.layers, taken.ssrcs) == ((), ())
    assert "a=ssrc-group:FID 21 22" in lines
    assert not any("simulcast" in line or "SIM" in line for line in lines)


def test_where_there_is_one_size_all_get_one_stream() -> None:
    lines, taken = apart("a=simulcast:recv 0;1;2;3\n", (21,))
    assert (taken.layers, taken.ssrcs) == ((), ())
    assert not any("simulcast" in line or "SIM" in line for line in lines)
