"""Offers as browsers write them, shortened to the lines that matter."""

FINGERPRINT = ":".join(["AB"] * 32)

HEAD = """v=0
o=- 1329186258418780429 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS
"""

TRANSPORT = f"""c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:C3Hh
a=ice-pwd:X/j++/4k2DyHJjX8SoTD86F0
a=ice-options:trickle
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=rtcp-mux
a=rtcp-rsize
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
"""

AUDIO = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 63 111 9\n"
    + TRANSPORT
    + """a=mid:0
a={direction}
a=rtpmap:63 red/48000/2
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:9 G722/8000
"""
)

VIDEO = (
    "m=video 9 UDP/TLS/RTP/SAVPF 98 96 97 104 102 103 108 109\n"
    + TRANSPORT
    + """a=mid:1
a={direction}
a=rtpmap:98 VP9/90000
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 transport-cc
a=rtcp-fb:96 ccm fir
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:104 H264/90000
a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
a=rtpmap:102 H264/90000
a=rtcp-fb:102 nack
a=rtcp-fb:102 nack pli
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:103 rtx/90000
a=fmtp:103 apt=102
a=rtpmap:108 H264/90000
a=rtcp-fb:108 nack
a=rtcp-fb:108 nack pli
a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:109 rtx/90000
a=fmtp:109 apt=108
a=ssrc-group:FID 11 12
a=ssrc:11 cname:x
a=ssrc:12 cname:x
"""
)

DATA = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:2\na=sctp-port:5000\n"


def offer(direction: str = "sendonly", *, audio: str = AUDIO, video: str = VIDEO) -> str:
    body = (audio + video).replace("{direction}", direction)
    return (HEAD + body).replace("\n", "\r\n")


OBS = f"""v=0
o=rtc 3877212184 0 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=group:LS 0 1
a=msid-semantic:WMS *
a=setup:actpass
a=ice-ufrag:nxcM
a=ice-pwd:ezjAjgSSLLvbRhUA1zc6Se
a=ice-options:ice2,trickle
a=fingerprint:sha-256 {FINGERPRINT}
m=audio 57249 UDP/TLS/RTP/SAVPF 111
c=IN IP4 192.0.2.53
a=mid:0
a=sendonly
a=ssrc:3388068600 cname:Yuu1KDxQcc3L5CpY
a=ssrc:3388068600 msid:XmQSKutZo7zYcEQl XmQSKutZo7zYcEQl-audio
a=msid:XmQSKutZo7zYcEQl XmQSKutZo7zYcEQl-audio
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1
a=candidate:1 1 UDP 2122317823 192.0.2.53 57249 typ host
a=candidate:2 1 UDP 1686109951 203.0.113.9 57249 typ srflx raddr 0.0.0.0 rport 0
a=end-of-candidates
m=video 57249 UDP/TLS/RTP/SAVPF 96
c=IN IP4 192.0.2.53
a=mid:1
a=sendonly
a=ssrc:3388068601 cname:Yuu1KDxQcc3L5CpY
a=ssrc:3388068601 msid:XmQSKutZo7zYcEQl XmQSKutZo7zYcEQl-video
a=msid:XmQSKutZo7zYcEQl XmQSKutZo7zYcEQl-video
a=rtcp-mux
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtcp-fb:96 goog-remb
a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1
""".replace("\n", "\r\n")
"""As OBS Studio 30 writes it: the transport in the session's part, no RTX, no header extensions."""


RIDS = {"q": "send", "h": "send", "f": "send"}


def simulcast(line: str = "send q;h;f", rids: dict[str, str] = RIDS, video: str = VIDEO) -> str:
    """As Chromium offers several sizes of one picture: named by extensions, without SSRCs."""
    names = """a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
"""
    named = "".join(f"a=rid:{rid} {how}\n" for rid, how in rids.items())
    video = video[: video.index("a=ssrc-group")] + names + named + f"a=simulcast:{line}\n"
    return offer(video=video)
