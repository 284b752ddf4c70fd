"""RTSP 1.0 messages (RFC 2326) as a camera sees them: requests in, responses out, transports, the SDP."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from deploy.local.camera.clip import Clip
from deploy.local.camera.rtp import CLOCK_RATE_HZ, PAYLOAD_TYPE

MAX_MESSAGE_BYTES = 16_384
"""Of one request; whoever sends more without ending it is cut off."""

METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER")
TRACK = "trackID=0"

_REASONS = {
    451: "Parameter Not Understood",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
    505: "RTSP Version Not Supported",
}


class BadRequest(Exception):
    """What came in is no RTSP; nothing after it can be understood either."""


@dataclass(frozen=True, slots=True)
class Request:
    """Header names are in lower case."""

    method: str
    url: str
    version: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        """Path of the URL without slashes at its ends, the track's name included."""
        rest = self.url.partition("://")[2] or self.url
        return rest.partition("/")[2].partition("?")[0].strip("/")


@dataclass(frozen=True, slots=True)
class Interleaved:
    """A reader's RTP or RTCP packet between his requests (section 10.12)."""

    channel: int
    packet: bytes


@dataclass(slots=True)
class RequestReader:
    """Cuts a connection's bytes into requests and interleaved packets."""

    _pending: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[Request | Interleaved]:
        """Yield what is complete. Raises BadRequest for what cannot become a request."""
        self._pending += data
        while self._pending:
            message = self._interleaved() if self._pending[0] == ord("$") else self._request()
            if message is None:
                return
            yield message

    def _interleaved(self) -> Interleaved | None:
        if len(self._pending) < 4:
            return None
        end = 4 + int.from_bytes(self._pending[2:4], "big")
        if len(self._pending) < end:
            return None
        channel, packet = self._pending[1], bytes(self._pending[4:end])
        del self._pending[:end]
        return Interleaved(channel, packet)

    def _request(self) -> Request | None:
        head, separator, rest = bytes(self._pending).partition(b"\r\n\r\n")
        if len(head) > MAX_MESSAGE_BYTES:
            raise BadRequest("a request without an end")
        if not separator:
            if b"\0" in head:
                raise BadRequest("not text")
            return None
        request = parse_request(head)
        length = _content_length(request)
        if len(rest) < length:
            return None
        self._pending[:] = rest[length:]
        return request


def parse_request(head: bytes) -> Request:
    """Parse a request's lines, without its body. Raises BadRequest."""
    try:
        first, *lines = head.decode("utf-8").lstrip("\r\n").split("\r\n")
    except UnicodeDecodeError as error:
        raise BadRequest("not text") from error
    words = first.split(" ")
    if len(words) != 3 or not words[0].isascii() or not words[2].startswith("RTSP/"):
        raise BadRequest("no request line")
    headers: dict[str, str] = {}
    for line in lines:
        name, separator, value = line.partition(":")
        if not separator:
            raise BadRequest("a header without a colon")
        headers[name.strip().lower()] = value.strip()
    return Request(words[0], words[1], words[2], headers)


def _content_length(request: Request) -> int:
    text = request.headers.get("content-length", "0")
    if not text.isdecimal() or int(text) > MAX_MESSAGE_BYTES:
        raise BadRequest("a content length that is none")
    return int(text)


def response(status: int, cseq: str, headers: Mapping[str, str] | None = None, body: str = "") -> bytes:
    reason = _REASONS.get(status) or HTTPStatus(status).phrase
    lines = [f"RTSP/1.0 {status} {reason}", f"CSeq: {cseq}", "Server: Upper Street simulated camera"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines += ["Content-Type: application/sdp", f"Content-Length: {len(body.encode())}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@dataclass(frozen=True, slots=True)
class Transport:
    """Numbers of a reader's two interleaved channels, or of his two UDP ports."""

    is_tcp: bool
    rtp: int
    rtcp: int


def parse_transport(value: str) -> Transport | None:
    """Return the first offered transport that the device has: interleaved TCP, or unicast UDP; None for none."""
    for offer in value.split(","):
        parts = [part.strip() for part in offer.split(";")]
        options = dict(part.split("=", 1) for part in parts if "=" in part)
        if "multicast" in parts:
            continue
        if parts[0].upper() == "RTP/AVP/TCP":
            pair = _pair(options.get("interleaved", "0-1"), 255)
        elif parts[0].upper() in ("RTP/AVP", "RTP/AVP/UDP"):
            pair = _pair(options.get("client_port", ""), 65_535)
        else:
            continue
        if pair is not None:
            return Transport(parts[0].upper().endswith("TCP"), *pair)
    return None


def _pair(text: str, highest: int) -> tuple[int, int] | None:
    first, _, second = text.partition("-")
    if not first.isdecimal() or (second and not second.isdecimal()):
        return None
    pair = int(first), int(second or int(first) + 1)
    return pair if max(pair) <= highest else None


def sdp(clip: Clip, address: str, name: str) -> str:
    """Describe a camera (RFC 4566, RFC 6184 section 8.2)."""
    sets = ",".join(base64.b64encode(nal).decode() for nal in (clip.sps, clip.pps))
    profile = clip.sps[1:4].hex()
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {address}",
        f"s={name}",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"b=AS:{clip.spec.bitrate_bps // 1000}",
        f"a=rtpmap:{PAYLOAD_TYPE} H264/{CLOCK_RATE_HZ}",
        f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={sets}",
        f"a=framerate:{clip.spec.fps}",
        f"a=control:{TRACK}",
    ]
    return "\r\n".join(lines) + "\r\n"
