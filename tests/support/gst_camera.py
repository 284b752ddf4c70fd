"""GStreamer's RTSP server as a camera for tests: its process, its media and what can be done to it."""

import asyncio
import hashlib
import io
import itertools
import math
import signal
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import numpy as np

from deploy.local.camera import stamp
from deploy.local.camera.clip import ClipSpec, load, make
from deploy.local.camera.encoder import Encoder
from deploy.local.camera.scenes.planes import Bytes

PROJECT = Path(__file__).resolve().parents[2]
BUILD = PROJECT / "build" / "gst"

FOOTAGE = PROJECT.parent / "shared" / "footage"
"""Folder of real street footage, which is no part of the project and may be missing."""

PACKAGES = (
    "libgstrtspserver-1.0-0 python3-gi gir1.2-gst-rtsp-server-1.0 gir1.2-gst-plugins-base-1.0 gstreamer1.0-tools"
    " gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly"
)
"""Debian's packages that the server needs."""

_PYTHON = "/usr/bin/python3"
_SERVER = Path(__file__).with_name("gst_server.py")
_LEAST_LOOP_S = 20
"""GStreamer 1.22 takes a jump back in a stream's clock for a new beginning from some ten seconds on; after a shorter
loop its timestamps stand still and go back. At the seam of a longer one they skip a tenth of a second."""

_START_TIMEOUT_S = 20.0
_ACT_TIMEOUT_S = 5.0


class GstUnavailable(Exception):
    """GStreamer's RTSP server did not start."""


class GstCamera:
    """A camera process: `async with GstCamera(scene_pieces(spec)) as camera: camera.url`.

    Each reader gets the media from its beginning.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "cam1",
        auth: str = "none",
        user: str = "admin",
        password: str = "secret",
        transport: str = "both",
    ) -> None:
        self.name = name
        self._credentials = f"{user}:{password}@" if auth != "none" else ""
        options = ("--auth", auth, "--user", user, "--password", password, "--transport", transport)
        self._command = (_PYTHON, str(_SERVER), name, str(folder), *options)
        self._process: Process | None = None
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def serve(cls, footage: Path, *, auth: str = "none", transport: str = "both") -> AsyncIterator[Self]:
        """Serve a video file as a 1080p25 camera does."""
        folder = await asyncio.to_thread(footage_pieces, footage)
        async with cls(folder, auth=auth, transport=transport) as camera:
            yield camera

    @property
    def url(self) -> str:
        """Address without credentials."""
        return f"rtsp://127.0.0.1:{self.port}/{self.name}"

    @property
    def url_with_credentials(self) -> str:
        return f"rtsp://{self._credentials}127.0.0.1:{self.port}/{self.name}"

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        try:
            words = (await self._line(_START_TIMEOUT_S)).split()
            if len(words) != 2 or words[0] != "ready":
                raise GstUnavailable(await self._complaint())
        except BaseException:
            await self.__aexit__()
            raise
        self.port = int(words[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._running
        if process.returncode is None:
            process.kill()
        await process.wait()

    async def kick(self) -> None:
        """Cut all readers off; they may come back."""
        await self._act("kick")

    async def remove(self) -> None:
        """Cut all readers off and answer 404 until `restore`."""
        await self._act("remove")

    async def restore(self) -> None:
        await self._act("restore")

    def freeze(self) -> None:
        """Stop the process where it is: connections stay open and say nothing."""
        self._running.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._running.send_signal(signal.SIGCONT)

    @property
    def _running(self) -> Process:
        assert self._process is not None, "the camera was not entered"
        return self._process

    async def _act(self, verb: str) -> None:
        assert self._running.stdin is not None
        self._running.stdin.write(verb.encode() + b"\n")
        answer = await self._line(_ACT_TIMEOUT_S)
        assert answer == "ok", f"{verb}: {answer!r}"

    async def _line(self, timeout_s: float) -> str:
        assert self._running.stdout is not None
        async with asyncio.timeout(timeout_s):
            return (await self._running.stdout.readline()).decode().strip()

    async def _complaint(self) -> str:
        assert self._running.stderr is not None
        said = (await self._running.stderr.read()).decode(errors="replace").strip().rpartition("\n")[2]
        return f"GStreamer's RTSP server did not start ({said}); it needs: apt-get install {PACKAGES}"


def scene_pieces(spec: ClipSpec, build: Path = BUILD) -> Path:
    """Return a folder of the pieces of a drawn scene. Blocks for as long as drawing takes; kept in `build`.

    The GOP should be a second long: a piece ends at a keyframe.
    """
    clip = load(spec, build)
    if clip is None:
        make(spec, build, lambda _line: None)
        clip = load(spec, build)
    assert clip is not None
    units = [b"".join(b"\0\0\0\1" + nal for nal in unit.nal_units) for unit in clip.access_units]
    return _kept(build, f"{spec}", lambda: units, spec.fps)


def footage_pieces(
    footage: Path,
    *,
    width: int = 1920,
    height: int = 1080,
    fps: int = 25,
    seconds: int = 20,
    bitrate_bps: int = 4_000_000,
    is_stamped: bool = False,
    build: Path = BUILD,
) -> Path:
    """Return a folder of the pieces of a video file, scaled, each frame of it one picture; started again at its end.

    Scaled-up footage compresses better than a camera's own 1080p. Blocks while it encodes; kept in `build`.
    """

    def encoded() -> list[bytes]:
        encoder = Encoder(width, height, fps, fps, bitrate_bps)
        units: list[bytes] = []
        for number, picture in enumerate(itertools.islice(_looped(footage, width, height), fps * seconds)):
            if is_stamped:
                stamp.draw(picture[:height], number)
            units.append(encoder.encode(picture))
        return units

    key = f"{footage.name} {footage.stat().st_size} {width}x{height} {fps} {seconds} {bitrate_bps} {is_stamped}"
    return _kept(build, key, encoded, fps)


def _looped(footage: Path, width: int, height: int) -> Iterator[Bytes]:
    while True:
        with av.open(str(footage)) as container:
            for frame in container.decode(video=0):
                yield frame.reformat(width, height, "yuv420p").to_ndarray().astype(np.uint8, copy=False)


def _kept(build: Path, key: str, encoded: Callable[[], list[bytes]], fps: int) -> Path:
    """Return the folder of that key, made first where there is none; a folder that is there is complete."""
    folder = build / hashlib.sha256(key.encode()).hexdigest()[:20]
    if folder.is_dir():
        return folder
    build.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build) as unfinished:
        made = Path(unfinished) / "pieces"
        made.mkdir()
        _write_pieces(made, encoded(), fps)
        try:
            made.rename(folder)
        except OSError:
            assert folder.is_dir(), "only another process that made the same can be in the way"
    return folder


def _write_pieces(folder: Path, units: list[bytes], fps: int) -> None:
    """Cut access units into MPEG-TS pieces at the keyframes, repeated until they last long enough."""
    whole = units * math.ceil(_LEAST_LOOP_S * fps / len(units))
    options = {"segment_time": "0.5", "segment_format": "mpegts"}
    with (
        av.open(io.BytesIO(b"".join(whole)), "r", format="h264") as source,
        av.open(str(folder / "%04d.ts"), "w", format="segment", options=options) as pieces,
    ):
        stream = pieces.add_stream_from_template(source.streams.video[0])
        packets = (packet for packet in source.demux(video=0) if packet.size)
        for number, packet in enumerate(packets):
            packet.time_base = Fraction(1, 90_000)
            packet.pts = packet.dts = number * 90_000 // fps
            packet.stream = stream
            pieces.mux(packet)
