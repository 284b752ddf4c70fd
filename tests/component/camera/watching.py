"""A reader of RTSP cameras for tests: PyAV in a thread, which keeps what it saw of each picture."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import av
import numpy as np

from deploy.local.camera import stamp

_OPTIONS = {"analyzeduration": "100000", "fflags": "nobuffer"}
"""FFmpeg listens for some two seconds before it opens a stream, unless it is told to be quick."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One decoded picture: its number as read, and a digest of its luma."""

    number: int | None
    pts: int | None
    digest: str


@dataclass(slots=True)
class Watcher:
    """Reads until it is told to stop or the stream ends; `error` says why it ended if not in peace."""

    url: str
    transport: str
    seen: list[Seen] = field(default_factory=list)
    error: av.FFmpegError | None = None
    has_ended: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def numbers(self) -> list[int | None]:
        return [seen.number for seen in self.seen]

    def stop(self) -> None:
        self._stop.set()

    def note(self, frame: av.VideoFrame) -> None:
        luma = frame.to_ndarray()[: frame.height].astype(np.uint8, copy=False)
        self.seen.append(Seen(stamp.read(luma), frame.pts, hashlib.sha256(luma.tobytes()).hexdigest()))

    def read(self) -> None:
        """Open, decode and note; runs in a thread."""
        try:
            with av.open(self.url, options={"rtsp_transport": self.transport, **_OPTIONS}, timeout=(5, 1)) as container:
                for frame in container.decode(video=0):
                    self.note(frame)
                    if self._stop.is_set():
                        break
        except av.FFmpegError as error:
            self.error = error
        finally:
            self.has_ended = True


@asynccontextmanager
async def watching(url: str, transport: str = "tcp") -> AsyncIterator[Watcher]:
    """Watch a camera while the body runs."""
    watcher = Watcher(url, transport)
    reading = asyncio.create_task(asyncio.to_thread(watcher.read), name="watch")
    try:
        yield watcher
    finally:
        watcher.stop()
        await reading


async def open_error(url: str, transport: str = "tcp") -> Exception | None:
    """Return what opening a camera fails with."""
    watcher = Watcher(url, transport)
    watcher.stop()
    await asyncio.to_thread(watcher.read)
    return watcher.error
