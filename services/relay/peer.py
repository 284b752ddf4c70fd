"""WebRTC peers: the one module that imports aiortc, for ICE, DTLS, SDP and RTCP; RTP is written and sent by us.

aiortc's sender pulls a track, packetises it and awaits for every packet. Ours takes packets that were made once
for all viewers, and writes them to the socket of the nominated candidate pair. What that takes of aiortc's and
aioice's insides is listed in `INSIDES`; a test holds the list to the installed versions.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import pylibsrtp
from aioice import Candidate
from aioice.ice import get_host_addresses
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCRtpTransceiver, RTCSessionDescription
from aiortc.exceptions import InternalError, InvalidAccessError, InvalidStateError, OperationError
from aiortc.rtcrtpparameters import RTCRtpCodecCapability, RTCRtpCodecParameters

from services.relay import offer
from services.relay.errors import InvalidOffer, PeerFault
from services.relay.history import History, PacketisedUnit
from services.relay.measures import Measures
from services.relay.pair_socket import PairSocket
from services.relay.rtp_stream import RtpStream, Rtx, StreamParameters
from services.runtime import logs

ANSWER_LIMIT_S: Final = 4.0
"""Below the time in which the bus lets a relay answer."""

CLOSE_LIMIT_S: Final = 3.0

INSIDES: Final[dict[str, tuple[str, ...]]] = {
    "RTCRtpSender": (
        "_ssrc",
        "_rtx_ssrc",
        "_run_rtp",
        "_retransmit",
        "_send_keyframe",
        "_RTCRtpSender__rtp_started",
        "_RTCRtpSender__rtp_exited",
        "_RTCRtpSender__ntp_timestamp",
        "_RTCRtpSender__rtp_timestamp",
        "_RTCRtpSender__octet_count",
        "_RTCRtpSender__packet_count",
    ),
    "RTCRtpTransceiver": ("_codecs", "_headerExtensions"),
    "RTCDtlsTransport": ("_tx_srtp", "_rtp_router"),
    "RTCIceTransport": ("_connection",),
    "aioice.Connection": ("_nominated", "get_component_candidates"),
    "aioice.CandidatePair": ("protocol", "remote_addr"),
}
"""Every attribute used here and in pair_socket.py that is outside aiortc's and aioice's public interface, by class."""

LOOPBACK: Final = "127.0.0.1"

_MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
_ABS_SEND_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
_PROFILES: Final = ("42e01f", "42001f")

# What aiortc raises over an offer that it does not understand: its parser asserts, indexes and compares with None.
_NOT_UNDERSTOOD: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    InternalError,
    InvalidAccessError,
    InvalidStateError,
    LookupError,
    OperationError,
    RuntimeError,
    TypeError,
    ValueError,
)


_log = logs.logger(__name__)


class PeerOwner(Protocol):
    """Who is told about a peer. Called on the event loop; must not block."""

    def on_connected(self) -> None:
        """Packets may flow."""

    def on_keyframe_request(self) -> None:
        """The viewer sent a PLI or FIR, or lost packets on their way out."""

    def on_ended(self) -> None:
        """The viewer has gone, or the connection has failed. May come more than once."""


class Peer:
    """One viewer's connection. Made by `accept`; `close` ends it."""

    def __init__(self, owner: PeerOwner, history: History, measures: Measures, addresses: Sequence[str]) -> None:
        self._owner = owner
        self._history = history
        self._measures = measures
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connection.on("connectionstatechange", self._on_state)
        self._transceiver = self._connection.addTransceiver("video", direction="sendonly")
        self._transceiver.setCodecPreferences(_h264())
        self._sender = _Sender(self._transceiver, self._transceiver.sender, self)
        self._addresses = addresses
        self.answer = ""
        self.is_waiting_for_keyframe = True

    @classmethod
    async def accept(
        cls, sdp: str, owner: PeerOwner, *, history: History, measures: Measures, addresses: Sequence[str] = ()
    ) -> "Peer":
        """Answer an offer; `answer` then holds an SDP answer with all candidates. Raises InvalidOffer, PeerFault.

        `addresses` are gathered on; none means all of the host's interfaces but loopback.
        """
        cleaned = offer.clean(sdp)
        peer = cls(owner, history, measures, addresses)
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                await peer._answer(cleaned)
        except TimeoutError as exc:
            await peer.close()
            raise PeerFault("no answer could be made in time") from exc
        except BaseException:
            await peer.close()
            raise
        return peer

    async def _answer(self, sdp: str) -> None:
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            answer = await self._connection.createAnswer()
        except _NOT_UNDERSTOOD as exc:
            raise InvalidOffer("the offer cannot be answered") from exc
        for transceiver in self._connection.getTransceivers():
            _gather_on(transceiver, self._addresses)
        await self._connection.setLocalDescription(answer)
        self.answer = self._connection.localDescription.sdp
        if "a=candidate:" not in self.answer:
            raise PeerFault("this relay has no address to offer")

    def send(self, unit: PacketisedUnit) -> None:
        """Send one unit now, or drop to the next keyframe. Never waits."""
        if self.is_waiting_for_keyframe and not unit.is_keyframe:
            return
        self.is_waiting_for_keyframe = not self._sender.send(unit)
        if self.is_waiting_for_keyframe:
            self._owner.on_keyframe_request()

    def catch_up(self, units: Sequence[PacketisedUnit]) -> None:
        """Send the layer's last keyframe and what followed it, to a viewer who has just joined."""
        self._sender.squeeze(units)
        for unit in units:
            self.send(unit)

    async def close(self) -> None:
        """End the connection, telling the viewer so (RTCP BYE, DTLS close)."""
        try:
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await self._connection.close()
        except TimeoutError:
            _log.warning("a connection did not close in time")
        finally:
            self._sender.close()

    def _on_state(self) -> None:
        if self._connection.connectionState in ("failed", "closed"):
            self._owner.on_ended()

    # What the sender reports

    def on_started(self) -> None:
        self._owner.on_connected()

    def on_keyframe_request(self) -> None:
        self._measures.keyframe_requests.inc()
        self._owner.on_keyframe_request()


class _Sender:
    """Takes the place of the RTP half of an aiortc sender, and leaves it the RTCP half."""

    def __init__(self, transceiver: RTCRtpTransceiver, inside: Any, peer: Peer) -> None:
        self._transceiver = transceiver
        self._peer = peer
        self._measures = peer._measures
        self._stream: RtpStream | None = None
        self._protect: Callable[[bytes], bytes] = bytes
        self._socket = PairSocket()
        self._inside = inside
        # Looked up on the instance by RTCRtpSender.send and ._handle_rtcp_packet.
        self._inside._run_rtp = self._run
        self._inside._retransmit = self._retransmit
        self._inside._send_keyframe = peer.on_keyframe_request

    async def _run(self, codec: RTCRtpCodecParameters) -> None:
        """Run by aiortc once DTLS is up, until the sender is stopped."""
        sender: RTCRtpSender = self._transceiver.sender
        transport: Any = sender.transport
        self._inside._RTCRtpSender__rtp_started.set()
        try:
            self._protect = transport._tx_srtp.protect
            # A FIR names its source inside (RFC 5104 section 4.3.1.2), and 0 where aiortc looks for it.
            transport._rtp_router.register_sender(self._inside, ssrc=0)
            self._socket.ice = transport.transport._connection
            self._stream = RtpStream(_parameters(self._transceiver, codec), self._peer._history)
            self._peer.on_started()
            await asyncio.Event().wait()
        finally:
            self._stream = None
            # RTCRtpSender.stop waits for this.
            self._inside._RTCRtpSender__rtp_exited.set()

    def squeeze(self, units: Sequence[PacketisedUnit]) -> None:
        if self._stream is not None:
            self._stream.squeeze(units)

    def send(self, unit: PacketisedUnit) -> bool:
        """False when the unit could not be written whole."""
        stream = self._stream
        if stream is None:
            return False
        write, protect = self._socket.writer(), self._protect
        sent = 0
        try:
            for packet in stream.packets(unit):
                write(protect(packet))
                sent += 1
        except (OSError, pylibsrtp.Error) as exc:
            self._measures.send_drops.labels("full" if isinstance(exc, BlockingIOError) else "error").inc()
        self._measures.packets.inc(sent)
        self._report(unit, stream, sent)
        return sent == len(unit.payloads)

    def _report(self, unit: PacketisedUnit, stream: RtpStream, sent: int) -> None:
        """What aiortc's sender reports say (RFC 3550 section 6.4.1)."""
        inside = self._inside
        inside._RTCRtpSender__ntp_timestamp = unit.ntp
        inside._RTCRtpSender__rtp_timestamp = stream.timestamp(unit)
        inside._RTCRtpSender__packet_count += sent
        inside._RTCRtpSender__octet_count += sum(map(len, unit.payloads[:sent]))

    async def _retransmit(self, sequence_number: int) -> None:
        packet = self._stream.resend(sequence_number) if self._stream else None
        if packet is None:
            return
        # libsrtp refuses a number too far back: that loss is the viewer's next PLI.
        with contextlib.suppress(OSError, pylibsrtp.Error):
            self._socket.writer()(self._protect(packet))
            self._measures.resent.inc()

    def close(self) -> None:
        self._socket.close()


def host_addresses() -> tuple[str, ...]:
    """Of all interfaces but loopback: what aioice gathers on."""
    return tuple(get_host_addresses(use_ipv4=True, use_ipv6=True))


def _h264() -> list[RTCRtpCodecCapability]:
    """Constrained baseline first, with retransmission; nothing else is ever answered."""
    codecs = RTCRtpSender.getCapabilities("video").codecs
    wanted = [c for p in _PROFILES for c in codecs if c.parameters.get("profile-level-id") == p]
    return wanted + [c for c in codecs if c.name == "rtx"]


def _parameters(transceiver: RTCRtpTransceiver, codec: RTCRtpCodecParameters) -> StreamParameters:
    inside: Any = transceiver
    sender: Any = transceiver.sender
    extensions = {extension.uri: extension.id for extension in inside._headerExtensions}
    rtx = [c for c in inside._codecs if c.name == "rtx" and c.parameters.get("apt") == codec.payloadType]
    return StreamParameters(
        payload_type=codec.payloadType or 0,
        ssrc=sender._ssrc,
        first_sequence=_first_sequence(),
        timestamp_offset=secrets.randbits(32),
        mid=transceiver.mid or "",
        mid_id=extensions.get(_MID, 0),
        abs_send_time_id=extensions.get(_ABS_SEND_TIME, 0),
        rtx=Rtx(rtx[0].payloadType, sender._rtx_ssrc, _first_sequence()) if rtx else None,
    )


def _first_sequence() -> int:
    """In the lower half: a wrap before the first packet arrives would leave the viewer's SRTP guessing."""
    return secrets.randbits(15)


def _gather_on(transceiver: RTCRtpTransceiver, addresses: Sequence[str]) -> None:
    """Have aioice gather on these addresses, loopback among them if named, instead of on all but loopback."""
    if not addresses:
        return
    ice: Any = transceiver.receiver.transport.transport
    connection = ice._connection
    gather: Callable[..., Awaitable[list[Candidate]]] = type(connection).get_component_candidates

    async def on_ours(component: int, addresses: list[str], timeout: int = 5) -> list[Candidate]:
        return await gather(connection, component, list(ours), timeout)

    ours = tuple(addresses)
    connection.get_component_candidates = on_ours
