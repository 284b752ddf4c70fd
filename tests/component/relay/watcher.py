"""A real aiortc peer that watches: its offer, the RTP that it gets, and the pictures that it decodes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from itertools import groupby, pairwise
from typing import Any

import av
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.rtp import RTCP_PSFB_FIR, RtcpPsfbPacket, RtpPacket
from av import VideoFrame
from av.video.codeccontext import VideoCodecContext

from tests.support.waiting import WAIT_S
from tests.unit.relay.depacketise import depacketise


class Watcher:
    """Made by `watching`. `packets` are those of the media stream in the order of arrival, `frames` are decoded."""

    def __init__(self, *, rtx: bool = True) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.packets: list[RtpPacket] = []
        self.resent: list[RtpPacket] = []
        self.frames: list[VideoFrame] = []
        self.lose_number = -1
        """Count of the media packet that the network loses."""
        self.lost: int | None = None
        """Its sequence number."""
        self._changed = asyncio.Condition()
        self._unit: list[RtpPacket] = []
        self._decoder: VideoCodecContext = _decoder()
        self._transceiver = self.connection.addTransceiver("video", direction="recvonly")
        wanted = ("H264", "rtx") if rtx else ("H264",)
        codecs = [c for c in RTCRtpSender.getCapabilities("video").codecs if c.name in wanted]
        self._transceiver.setCodecPreferences(codecs)
        receiver: Any = self._transceiver.receiver
        self._handle = receiver._handle_rtp_packet
        receiver._handle_rtp_packet = self._on_packet
        ice = receiver.transport.transport._connection
        self._receive = ice.data_received
        ice.data_received = self._on_datagram

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def take(self, answer: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    def _on_datagram(self, data: bytes, component: int) -> None:
        """Below SRTP, which would take a packet lost above it for a replay."""
        is_rtp = 128 <= data[0] < 192 and not 64 <= data[1] & 0x7F < 96
        if is_rtp and self.lost is None and len(self.packets) == self.lose_number:
            self.lost = int.from_bytes(data[2:4], "big")
            return
        self._receive(data, component)

    async def _on_packet(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        types = {c.payloadType: c.name for c in self._codecs()}
        if types.get(packet.payload_type) == "rtx":
            self.resent.append(packet)
        else:
            self.packets.append(packet)
            self._decode(packet)
        await self._notify()
        await self._handle(packet, arrival_time_ms=arrival_time_ms)

    def _decode(self, packet: RtpPacket) -> None:
        """By the marker, where aiortc's own receiver waits for the next picture before it decodes one."""
        if self._unit and self._unit[-1].timestamp != packet.timestamp:
            self._unit.clear()
        self._unit.append(packet)
        if packet.marker:
            with contextlib.suppress(ValueError, av.error.InvalidDataError):
                nals = depacketise(p.payload for p in self._unit)
                stream = b"".join(b"\x00\x00\x00\x01" + nal for nal in nals)
                self.frames += self._decoder.decode(av.Packet(stream))

    def _codecs(self) -> list[Any]:
        inside: Any = self._transceiver
        return list(inside._codecs)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition: Callable[[], object], *, what: str, timeout_s: float = WAIT_S) -> None:
        """Wait until something that arrived makes the condition true."""
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(lambda: bool(condition()))
        except TimeoutError:
            raise AssertionError(f"did not happen within {timeout_s} s: {what}") from None

    async def frame_after(self, count: int, *, width: int, timeout_s: float = WAIT_S) -> VideoFrame:
        """The first decoded picture of this width after the first `count`."""
        await self.until(
            lambda: any(f.width == width for f in self.frames[count:]),
            what=f"a picture {width} wide",
            timeout_s=timeout_s,
        )
        return next(f for f in self.frames[count:] if f.width == width)

    def units(self) -> list[list[bytes]]:
        """NAL units of each access unit so far that came to its end."""
        whole = (list(packets) for _stamp, packets in groupby(self.packets, key=lambda p: p.timestamp))
        return [depacketise(p.payload for p in packets) for packets in whole if packets[-1].marker]

    async def send_pli(self) -> None:
        receiver: Any = self._transceiver.receiver
        await receiver._send_rtcp_pli(self.packets[-1].ssrc)

    async def send_fir(self) -> None:
        """As browsers do: no media source in the header, the source in the message (RFC 5104 section 4.3.1)."""
        fci = self.packets[-1].ssrc.to_bytes(4, "big") + b"\x01\x00\x00\x00"
        transport: Any = self._transceiver.receiver.transport
        await transport._send_rtp(bytes(RtcpPsfbPacket(fmt=RTCP_PSFB_FIR, ssrc=1, media_ssrc=0, fci=fci)))

    async def close(self) -> None:
        await self.connection.close()


def assert_continuous(watcher: Watcher) -> None:
    """Sequence numbers without a gap, timestamps that never go back."""
    numbers = [packet.sequence_number for packet in watcher.packets]
    assert all((after - before) & 0xFFFF == 1 for before, after in pairwise(numbers))
    stamps = [packet.timestamp for packet in watcher.packets]
    assert all((after - before) & 0xFFFFFFFF < 1 << 31 for before, after in pairwise(stamps))


def _decoder() -> VideoCodecContext:
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.options = {"flags": "low_delay"}
    return decoder


@contextlib.asynccontextmanager
async def watching(*, rtx: bool = True) -> AsyncIterator[Watcher]:
    watcher = Watcher(rtx=rtx)
    try:
        yield watcher
    finally:
        await watcher.close()
