"""The simulated device: makes its clips, opens its ports and plays all its cameras until it is left."""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.camera.clip import ClipSpec, Report
from deploy.local.camera.clip_maker import clips_for
from deploy.local.camera.errors import PortTaken
from deploy.local.camera.playback import Playback
from deploy.local.camera.programme import Programme
from deploy.local.camera.server import Connection, ReportReceiver, Server, ServerOptions

_PORT_TRIES = 50


def _quiet(_line: str) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """Cameras by name; a port of 0 is chosen by the kernel."""

    cameras: Mapping[str, ClipSpec]
    cache: Path
    host: str = "127.0.0.1"
    port: int = 0
    options: ServerOptions = field(default_factory=ServerOptions)


class Device:
    """One process's cameras on one RTSP port. An asynchronous context manager: it serves while entered.

    Entering takes some ten seconds where clips have to be made, and raises ClipNotMade or PortTaken.
    """

    def __init__(self, config: DeviceConfig, report: Report = _quiet) -> None:
        self._config = config
        self._report = report
        self._server = Server({}, config.options)
        self._runner: asyncio.Task[None] | None = None
        self._is_accepting, self._is_refusing = asyncio.Event(), asyncio.Event()
        self.port = config.port

    async def __aenter__(self) -> "Device":
        clips = await clips_for(self._config.cameras, self._config.cache, self._report)
        self._server.cameras = {name: Playback(name, Programme(clip)) for name, clip in clips.items()}
        listening = self._bound()
        self.port = listening.getsockname()[1]
        await self._open_udp()
        self._is_accepting.set()
        self._runner = asyncio.create_task(self._run(listening), name="camera-device")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        self._runner.cancel()
        with suppress(asyncio.CancelledError):
            await self._runner
        for transport in (self._server.rtp, self._server.rtcp):
            if transport is not None:
                transport.close()

    @property
    def cameras(self) -> Mapping[str, Playback]:
        return self._server.cameras

    def url(self, camera: str, user_info: str = "") -> str:
        return f"rtsp://{user_info}{self._config.host}:{self.port}/{camera}"

    def close_connections(self, camera: Playback | None = None) -> None:
        """End the connections of one camera's readers, or all of them."""
        for connection in tuple(self._server.connections):
            if camera is None or connection.serves(camera):
                connection.abort()

    def refuse_connections(self) -> None:
        """Close the port, for all cameras; running sessions go on."""
        self._is_accepting.clear()
        self._is_refusing.set()

    def accept_connections(self) -> None:
        self._is_refusing.clear()
        self._is_accepting.set()

    async def wait(self) -> None:
        """Wait for as long as the device runs: it ends by an error alone, which is raised here."""
        assert self._runner is not None
        await asyncio.shield(self._runner)

    async def _run(self, listening: socket.socket) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for playback in self._server.cameras.values():
                    group.create_task(playback.run(), name=f"play-{playback.name}")
                group.create_task(self._listen(listening), name="listen")
        finally:
            self.close_connections()

    async def _listen(self, listening: socket.socket) -> None:
        """Keep the port open except while connections are refused."""
        loop = asyncio.get_running_loop()
        while True:
            server = await loop.create_server(lambda: Connection(self._server), sock=listening)
            try:
                await self._is_refusing.wait()
            finally:
                server.close()
            await self._is_accepting.wait()
            listening = self._bound()

    def _bound(self) -> socket.socket:
        """Bind the RTSP port and listen, so that readers can connect from now on."""
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self._config.host, self.port))
            bound.listen()
        except OSError as error:
            bound.close()
            raise PortTaken(f"cannot listen on {self._config.host}:{self.port}: {error.strerror}") from error
        return bound

    async def _open_udp(self) -> None:
        """Open an even port for RTP and the next one for RTCP (RFC 3550 section 11)."""
        loop = asyncio.get_running_loop()
        pair = _udp_pair(self._config.host)
        self._server.rtp, _ = await loop.create_datagram_endpoint(lambda: ReportReceiver(self._server), sock=pair[0])
        self._server.rtcp, _ = await loop.create_datagram_endpoint(lambda: ReportReceiver(self._server), sock=pair[1])


def _udp_pair(host: str) -> tuple[socket.socket, socket.socket]:
    for _ in range(_PORT_TRIES):
        first, second = _udp_socket(), _udp_socket()
        try:
            first.bind((host, 0))
            port = first.getsockname()[1]
            if port % 2 == 0:
                second.bind((host, port + 1))
                return first, second
        except OSError:
            pass  # the neighbour is taken: the next pair may not be
        first.close()
        second.close()
    raise PortTaken(f"no pair of UDP ports is free on {host}")


def _udp_socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made
