"""A plain RTSP client for tests that look at the packets themselves."""

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Packet:
    """An interleaved packet: RTP on even channels, RTCP on odd ones."""

    channel: int
    data: bytes

    @property
    def is_rtp(self) -> bool:
        return self.channel % 2 == 0

    @property
    def has_marker(self) -> bool:
        return bool(self.data[1] & 0x80)

    @property
    def sequence(self) -> int:
        return int(struct.unpack(">H", self.data[2:4])[0])

    @property
    def timestamp(self) -> int:
        return int(struct.unpack(">I", self.data[4:8])[0])

    @property
    def nal_type(self) -> int:
        """Of the NAL unit that the payload is, or is a fragment of."""
        kind = self.data[12] & 0x1F
        return self.data[13] & 0x1F if kind == 28 else kind


@dataclass(slots=True)
class Client:
    """Sends requests and reads answers and packets from one connection."""

    url: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    session: str = ""
    packets: list[Packet] = field(default_factory=list)
    _cseq: int = 0

    async def ask(self, method: str, url: str | None = None, **headers: str) -> Answer:
        """Send a request; packets that come before its answer are kept in `packets`."""
        self._cseq += 1
        lines = [f"{method} {url or self.url} RTSP/1.0", f"CSeq: {self._cseq}"]
        lines += [f"Session: {self.session}"] if self.session else []
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        async with asyncio.timeout(TIMEOUT_S):
            while not isinstance(message := await self._message(), Answer):
                self.packets.append(message)
        return message

    async def play(self, transport: str = "RTP/AVP/TCP;unicast;interleaved=0-1") -> Answer:
        """Set up and play; returns the answer to PLAY."""
        answer = await self.ask("SETUP", f"{self.url}/trackID=0", Transport=transport)
        assert answer.status == 200
        self.session = answer.headers["session"].partition(";")[0]
        return await self.ask("PLAY", Range="npt=0.000-")

    async def packet(self) -> Packet:
        if self.packets:
            return self.packets.pop(0)
        async with asyncio.timeout(TIMEOUT_S):
            message = await self._message()
        assert isinstance(message, Packet), message
        return message

    async def until_end(self) -> None:
        """Read packets until the connection ends."""
        while not self.reader.at_eof():
            await self._message()

    @property
    def reader_transport(self) -> asyncio.ReadTransport:
        transport = self.writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        return transport

    async def unit(self) -> list[Packet]:
        """Return the RTP packets of the next access unit that ends."""
        packets: list[Packet] = []
        while not packets or not packets[-1].has_marker:
            packet = await self.packet()
            if packet.is_rtp:
                packets.append(packet)
        return packets

    async def _message(self) -> Answer | Packet:
        first = await self.reader.readexactly(1)
        if first == b"$":
            channel, size = struct.unpack(">BH", await self.reader.readexactly(3))
            return Packet(channel, await self.reader.readexactly(size))
        head = (first + await self.reader.readuntil(b"\r\n\r\n")).decode()
        status, *lines = head.strip().split("\r\n")
        assert status.startswith("RTSP/1.0 "), status
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(status.split()[1]), headers, body.decode())


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Client]:
    """Connect to a camera by its URL."""
    host, port = url.removeprefix("rtsp://").partition("/")[0].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Client(url, reader, writer)
    finally:
        writer.transport.abort()
