"""SDP offers as browsers write them, and many kinds that are broken."""

from typing import Final

FINGERPRINT: Final = "sha-256 " + ":".join(["AB"] * 32)
UFRAG: Final = "a=ice-ufrag:Ab1/"
PASSWORD: Final = "a=ice-pwd:" + "p" * 24

CHROMIUM: Final = "\r\n".join(
    [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 102 103 106 107 108 109",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=candidate:1 1 udp 2113937151 0f2f7d9c-5d8c-4a6f-bb5b-9f4ec43d0a2f.local 40960 typ host generation 0",
        "a=candidate:2 1 udp 2113937151 192.0.2.77 40961 typ host generation 0",
        "a=candidate:3 1 tcp 1518280447 192.0.2.77 9 typ host tcptype active generation 0",
        "a=end-of-candidates",
        UFRAG,
        PASSWORD,
        "a=ice-options:trickle",
        "a=fingerprint:" + FINGERPRINT,
        "a=setup:actpass",
        "a=mid:0",
        "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=recvonly",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:96 nack",
        "a=rtpmap:102 H264/90000",
        "a=rtcp-fb:102 goog-remb",
        "a=rtcp-fb:102 ccm fir",
        "a=rtcp-fb:102 nack",
        "a=rtcp-fb:102 nack pli",
        "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
        "a=rtpmap:103 rtx/90000",
        "a=fmtp:103 apt=102",
        "a=rtpmap:106 H264/90000",
        "a=rtcp-fb:106 nack",
        "a=rtcp-fb:106 nack pli",
        "a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        "a=rtpmap:107 rtx/90000",
        "a=fmtp:107 apt=106",
        "a=rtpmap:108 H264/90000",
        "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f",
        "a=rtpmap:109 H264/90000",
        "a=fmtp:109 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f",
        "",
    ]
)


def without(*starts: str) -> str:
    """Chromium's offer without the lines that start so."""
    return "".join(line for line in CHROMIUM.splitlines(keepends=True) if not line.startswith(starts))


def with_(old: str, new: str) -> str:
    assert old in CHROMIUM
    return CHROMIUM.replace(old, new)


BROKEN: Final = {
    "empty": "",
    "blank": "\r\n\r\n",
    "prose": "hello, please let me watch",
    "json": '{"type": "offer", "sdp": "v=0"}',
    "html": "<html><body>502 Bad Gateway</body></html>",
    "binary": "\x00\x01\x02" * 40,
    "only a version": "v=0\r\n",
    "no media": CHROMIUM[: CHROMIUM.index("m=video")],
    "no version": without("v="),
    "line that is not SDP": CHROMIUM + "zzz\r\n",
    "too many lines": CHROMIUM + "a=x\r\n" * 3_000,
    "line too long": CHROMIUM + "a=x:" + "y" * 3_000 + "\r\n",
    "port zero": with_("m=video 9", "m=video 0"),
    "port that is no number": with_("m=video 9", "m=video nine"),
    "truncated media line": with_("m=video 9 UDP/TLS/RTP/SAVPF 96 102 103 106 107 108 109", "m=video"),
    "audio alone": CHROMIUM.replace("video", "audio"),
    "data channel": CHROMIUM + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n",
    "two videos": CHROMIUM + CHROMIUM[CHROMIUM.index("m=video") :].replace("a=mid:0", "a=mid:1"),
    "sixty media sections": CHROMIUM + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" * 60,
    "sends and does not receive": with_("a=recvonly", "a=sendonly"),
    "inactive": with_("a=recvonly", "a=inactive"),
    "no direction": without("a=recvonly"),
    "no H.264": CHROMIUM.replace("H264/90000", "AV1/90000"),
    "H.264 in the other packetisation": CHROMIUM.replace("packetization-mode=1", "packetization-mode=0"),
    "H.264 of profiles that nobody here makes": CHROMIUM.replace("42001f", "64001f").replace("42e01f", "4d001f"),
    "H.264 at another clock": CHROMIUM.replace("H264/90000", "H264/8000"),
    "no user name fragment": without("a=ice-ufrag"),
    "user name fragment of strange characters": with_(UFRAG, "a=ice-ufrag:äöü\u202e:"),
    "no ICE password": without("a=ice-pwd"),
    "ICE password too short": with_(PASSWORD, "a=ice-pwd:short"),
    "no fingerprint": without("a=fingerprint"),
    "fingerprint that is none": with_(FINGERPRINT, "sha-256 ZZ"),
    "fingerprint of an unknown kind": with_(FINGERPRINT, "md5 " + ":".join(["AB"] * 16)),
    "no DTLS role": without("a=setup"),
    "unknown DTLS role": with_("a=setup:actpass", "a=setup:holdconn"),
    "no RTCP mux": without("a=rtcp-mux"),
    "no mid": without("a=mid"),
    "mid with spaces": with_("a=mid:0", "a=mid:0 1"),
    "rtpmap that is none": CHROMIUM + "a=rtpmap:x\r\n",
    "rtpmap without a clock": CHROMIUM + "a=rtpmap:99 H264\r\n",
    "fmtp of an unknown payload type": CHROMIUM + "a=fmtp:77 apt=1\r\n",
    "rtx of no number": with_("apt=102", "apt=many"),
    "extension without an address": CHROMIUM + "a=extmap:5\r\n",
    "extension id that is no number": CHROMIUM + "a=extmap:x urn:y\r\n",
    "candidate of no number": CHROMIUM + "a=candidate:1 one udp 1 192.0.2.1 2 typ host\r\n",
    "ssrc without an attribute": CHROMIUM + "a=ssrc:1\r\n",
    "connection line that is none": with_("c=IN IP4 0.0.0.0", "c=nowhere"),
    "payload type out of range": with_("SAVPF 96", "SAVPF 999"),
    "payload type of RTCP": with_("SAVPF 96", "SAVPF 72"),
}
"""Every one of these is refused as invalid, some before aiortc sees it and some by aiortc."""
