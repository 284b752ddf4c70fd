"""The device's RTSP side: one protocol object for each connection, no task, nothing that waits."""

import asyncio
import ipaddress
from dataclasses import dataclass, field
from typing import cast

from deploy.local.camera.auth import Credentials, Guard
from deploy.local.camera.faults import Mode, Refusal
from deploy.local.camera.playback import Playback
from deploy.local.camera.rtsp import (
    METHODS,
    TRACK,
    BadRequest,
    Request,
    RequestReader,
    Transport,
    parse_transport,
    response,
    sdp,
)
from deploy.local.camera.session import InterleavedWay, Session, UdpWay, Way

MAX_CONNECTIONS = 256


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How the device treats its readers."""

    credentials: Credentials = field(default_factory=Credentials)
    session_timeout_s: float = 60.0
    starts_at_keyframe: bool = False
    """Whether a reader waits for a keyframe instead of starting with the access unit that is live."""
    max_waiting_bytes: int = 4_000_000
    """What may wait for a reader over TCP before it is dropped: eight seconds at 4 Mbit/s."""


@dataclass(slots=True)
class Server:
    """What the connections share: cameras by path, and the two UDP sockets that all UDP readers are served from."""

    cameras: dict[str, Playback]
    options: ServerOptions
    rtp: asyncio.DatagramTransport | None = None
    rtcp: asyncio.DatagramTransport | None = None
    connections: set["Connection"] = field(default_factory=set)

    def camera(self, request: Request) -> Playback | None:
        """The camera whose name begins the request's path."""
        return self.cameras.get(request.path.removesuffix("/" + TRACK))

    def hear(self, address: tuple[str, int]) -> None:
        """Note a sign of life (a receiver report) from a UDP reader."""
        for connection in self.connections:
            connection.hear_udp(address)


class ReportReceiver(asyncio.DatagramProtocol):
    """Receives UDP readers' RTCP; its content is of no interest, only that it came."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.hear((addr[0], addr[1]))


class Refused(Exception):
    """A request that is answered with an error status."""

    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers or {}


class Connection(asyncio.Protocol):
    """One RTSP connection with at most one session, which ends with it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._reader = RequestReader()
        self._guard = Guard(server.options.credentials)
        self._session: Session | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # By type alone: the transports of uvloop are none of asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)
        if len(self._server.connections) >= MAX_CONNECTIONS:
            self._transport.abort()
            return
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        if self._session is not None:
            self._session.pause()

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._reader.feed(data):
                if self._session is not None:
                    self._session.hear()
                if isinstance(message, Request):
                    self._answer(message)
        except BadRequest:
            self._write(response(400, "0"))
            self.close()

    def serves(self, playback: Playback) -> bool:
        return self._session is not None and self._session.playback is playback

    def hear_udp(self, address: tuple[str, int]) -> None:
        way = self._session.way if self._session else None
        if self._session and isinstance(way, UdpWay) and (way.address, way.rtcp_port) == address:
            self._session.hear()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _write(self, message: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(message)

    def _answer(self, request: Request) -> None:
        camera = self._server.camera(request)
        mode = camera.programme.faults.mode if camera else Mode.LIVE
        if mode is Mode.STALLED:
            return
        if camera is not None and mode is Mode.GARBAGE:
            self._write(camera.programme.faults.noise(400))
            return
        self._write(self._response(request, camera))

    def _response(self, request: Request, camera: Playback | None) -> bytes:
        cseq = request.headers.get("cseq", "")
        try:
            if not cseq.isdecimal():
                raise Refused(400)
            headers, body = self._handled(request, camera)
        except Refused as refused:
            return response(refused.status, cseq if cseq.isdecimal() else "0", refused.headers)
        return response(200, cseq, headers, body)

    def _handled(self, request: Request, camera: Playback | None) -> tuple[dict[str, str], str]:
        if request.version != "RTSP/1.0":
            raise Refused(505)
        if request.method not in METHODS:
            raise Refused(501)
        if request.method == "OPTIONS":
            return {"Public": ", ".join(METHODS)}, ""
        refusal = camera.programme.faults.refusal if camera else Refusal.NONE
        if refusal is Refusal.UNAUTHORIZED or not self._guard.admits(request):
            raise Refused(401, {"WWW-Authenticate": self._guard.challenge})
        if camera is None or refusal is Refusal.NOT_FOUND:
            raise Refused(404)
        if request.method == "DESCRIBE":
            return {"Content-Base": _base(request.url)}, sdp(camera.programme.clip, self._local_address(), camera.name)
        if request.method == "SETUP":
            return self._set_up(request, camera), ""
        return self._handled_in_session(request, camera), ""

    def _set_up(self, request: Request, camera: Playback) -> dict[str, str]:
        wanted = parse_transport(request.headers.get("transport", ""))
        if wanted is None:
            raise Refused(461)
        if self._session is not None and self._session.is_playing:
            raise Refused(455)
        options = self._server.options
        assert self._transport is not None
        self._session = Session(
            camera, self._transport, self._way(wanted), options.session_timeout_s, options.starts_at_keyframe
        )
        return {"Transport": self._transport_header(wanted), "Session": self._session_header(self._session)}

    def _handled_in_session(self, request: Request, camera: Playback) -> dict[str, str]:
        session = self._session
        given = request.headers.get("session", "").partition(";")[0]
        if request.method == "GET_PARAMETER" and not given:
            return {}
        if session is None or given != session.id or session.playback is not camera:
            raise Refused(454)
        headers = {"Session": self._session_header(session)}
        match request.method:
            case "PLAY":
                return {**headers, **self._play(session, request)}
            case "PAUSE":
                session.pause()
            case "TEARDOWN":
                session.pause()
                self._session = None
                return {}
        return headers

    def _play(self, session: Session, request: Request) -> dict[str, str]:
        track = f"{_base(request.url)}{TRACK}"
        start = f"url={track};seq={session.stream.sequence};rtptime={session.playback.next_timestamp & 0xFFFFFFFF}"
        # The answer has to be on its way before the first packet is.
        asyncio.get_running_loop().call_soon(session.play)
        return {"Range": "npt=now-", "RTP-Info": start}

    def _way(self, wanted: Transport) -> Way:
        assert self._transport is not None
        if wanted.is_tcp:
            return InterleavedWay(self._transport, wanted.rtp, wanted.rtcp, self._server.options.max_waiting_bytes)
        assert self._server.rtp is not None
        assert self._server.rtcp is not None
        peer = self._transport.get_extra_info("peername")[0]
        return UdpWay(self._server.rtp, self._server.rtcp, peer, wanted.rtp, wanted.rtcp)

    def _transport_header(self, wanted: Transport) -> str:
        assert self._session is not None
        ssrc = f"ssrc={self._session.stream.ssrc:08X}"
        if wanted.is_tcp:
            return f"RTP/AVP/TCP;unicast;interleaved={wanted.rtp}-{wanted.rtcp};{ssrc}"
        ports = (_port(self._server.rtp), _port(self._server.rtcp))
        return f"RTP/AVP;unicast;client_port={wanted.rtp}-{wanted.rtcp};server_port={ports[0]}-{ports[1]};{ssrc}"

    def _session_header(self, session: Session) -> str:
        return f"{session.id};timeout={max(1, round(session.timeout_s))}"

    def _local_address(self) -> str:
        assert self._transport is not None
        return str(ipaddress.ip_address(self._transport.get_extra_info("sockname")[0]))


def _base(url: str) -> str:
    """URL of the camera with a slash at its end, the track cut off: the base of relative control URLs."""
    return url.partition("?")[0].rstrip("/").removesuffix("/" + TRACK) + "/"


def _port(transport: asyncio.DatagramTransport | None) -> int:
    assert transport is not None
    return int(transport.get_extra_info("sockname")[1])
