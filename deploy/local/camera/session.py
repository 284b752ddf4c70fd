"""One reader's RTSP session: the way its packets take, and what it has been sent."""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Protocol

from deploy.local.camera.playback import Playback
from deploy.local.camera.programme import Sending
from deploy.local.camera.rtp import RtpStream


def _new_id() -> str:
    return secrets.token_hex(8)


class Way(Protocol):
    """How packets reach a reader."""

    @property
    def is_paced(self) -> bool: ...

    def send_rtp(self, packets: list[bytes]) -> bool:
        """Return whether the reader keeps up; one that does not is to be dropped."""
        ...

    def send_rtcp(self, packet: bytes) -> None: ...

    def send_raw(self, noise: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class InterleavedWay:
    """RTP between the RTSP messages of one TCP connection; at most `bound_bytes` wait in it."""

    transport: asyncio.Transport
    rtp_channel: int
    rtcp_channel: int
    bound_bytes: int
    is_paced: bool = False

    def send_rtp(self, packets: list[bytes]) -> bool:
        if self.transport.get_write_buffer_size() > self.bound_bytes:
            return False
        self.transport.write(b"".join(self._framed(self.rtp_channel, packet) for packet in packets))
        return True

    def send_rtcp(self, packet: bytes) -> None:
        self.transport.write(self._framed(self.rtcp_channel, packet))

    def send_raw(self, noise: bytes) -> None:
        if self.transport.get_write_buffer_size() <= self.bound_bytes:
            self.transport.write(noise)

    @staticmethod
    def _framed(channel: int, packet: bytes) -> bytes:
        return b"$" + bytes((channel,)) + len(packet).to_bytes(2, "big") + packet


@dataclass(frozen=True, slots=True)
class UdpWay:
    """RTP and RTCP to a reader's two ports; what the kernel does not take at once is lost, as on a network."""

    rtp: asyncio.DatagramTransport
    rtcp: asyncio.DatagramTransport
    address: str
    rtp_port: int
    rtcp_port: int
    is_paced: bool = True

    def send_rtp(self, packets: list[bytes]) -> bool:
        for packet in packets:
            self.rtp.sendto(packet, (self.address, self.rtp_port))
        return True

    def send_rtcp(self, packet: bytes) -> None:
        self.rtcp.sendto(packet, (self.address, self.rtcp_port))

    def send_raw(self, noise: bytes) -> None:
        self.rtp.sendto(noise, (self.address, self.rtp_port))


@dataclass(slots=True, eq=False)
class Session:
    """A reader of one camera, from SETUP to TEARDOWN; it plays while the playback counts it among its readers."""

    playback: Playback
    connection: asyncio.Transport
    way: Way
    timeout_s: float
    starts_at_keyframe: bool
    id: str = field(default_factory=_new_id)
    stream: RtpStream = field(default_factory=RtpStream)
    has_report: bool = False
    _is_waiting: bool = False
    _heard_s: float = 0.0

    @property
    def is_paced(self) -> bool:
        return self.way.is_paced

    @property
    def is_playing(self) -> bool:
        return self in self.playback.readers

    def play(self) -> None:
        self._is_waiting, self.has_report = self.starts_at_keyframe, False
        self.hear()
        self.playback.readers.add(self)

    def pause(self) -> None:
        self.playback.readers.discard(self)

    def hear(self) -> None:
        """Note that the reader is alive."""
        self._heard_s = asyncio.get_running_loop().time()

    def is_silent(self) -> bool:
        return asyncio.get_running_loop().time() - self._heard_s > self.timeout_s

    def packets(self, sending: Sending) -> list[bytes]:
        if self._is_waiting and not sending.is_keyframe:
            return []
        self._is_waiting = False
        return self.stream.packets(sending.payloads, sending.timestamp, sending.lost)

    def send(self, packets: list[bytes]) -> None:
        if not self.way.send_rtp(packets):
            self.playback.dropped_readers += 1
            self.pause()
            self.connection.abort()

    def send_noise(self, noise: bytes) -> None:
        self.way.send_raw(noise)

    def report(self, utc_s: float, timestamp: int) -> None:
        self.has_report = True
        self.way.send_rtcp(self.stream.sender_report(utc_s, timestamp))

    def end(self) -> None:
        """Say goodbye and close the reader's connection."""
        self.pause()
        self.way.send_rtcp(self.stream.goodbye())
        self.connection.close()
