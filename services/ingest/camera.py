"""One camera's life: an epoch, a reader for ever, a decoder while somebody watches, a still now and then."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from proto import subjects
from proto.limits import STATUS_INTERVAL_S, STILL_INTERVAL_S
from proto.messages import CameraState, Doorbell
from proto.names import CameraId, PodId, SiteId
from services.ingest.counters import Counters, DropCause
from services.ingest.errors import PictureRefused, SessionEnded
from services.ingest.feed import Feed
from services.ingest.health import CameraHealth
from services.ingest.leases import Leases
from services.ingest.media.decoder import Decoder, decode_still
from services.ingest.media.rtsp import STOP_LIMIT_S, Playing, Reader, ReaderState
from services.ingest.registry import Wanted
from services.ingest.sink import FrameSink
from services.ingest.source import Source
from services.ingest.stream.backoff import Backoff
from services.ingest.stream.gop import Gop
from services.ingest.stream.unit import AccessUnit, Purpose
from services.ingest.thread import running
from services.runtime import logs
from services.runtime.bus import Bus
from services.runtime.clock import Clock
from services.runtime.errors import RuntimeFault

DECODER_STOP_LIMIT_S: Final = 2.0

NO_KEYFRAME_S: Final = 1.0
"""How long a still waits when there is no keyframe that has not been decoded for one."""

_log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class CameraBounds:
    """Bounds of one camera, from the settings."""

    ring_slots: int
    gop_max_bytes: int
    gop_max_units: int
    backoff_first_s: float
    backoff_most_s: float

    def backoff(self) -> Backoff:
        return Backoff(self.backoff_first_s, self.backoff_most_s)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all cameras of a process share."""

    site: SiteId
    pod: PodId
    folder: Path
    bounds: CameraBounds
    bus: Bus
    leases: Leases
    stills: Executor
    counters: Counters
    clock: Clock


class CameraRun:
    """One camera with one configuration, until cancelled. What its threads say is handed to the event loop."""

    def __init__(self, camera: CameraId, wanted: Wanted, around: Surroundings) -> None:
        self.health = CameraHealth(camera, around.clock)
        self._camera = camera
        self._source = wanted
        self._around = around
        self._loop = asyncio.get_running_loop()
        self._feed = Feed(Gop(around.bounds.gop_max_bytes, around.bounds.gop_max_units))
        self._sink: FrameSink | None = None
        self._is_wanted = asyncio.Event()
        self._is_unwanted = asyncio.Event()
        self._is_unwanted.set()
        self._status_due = asyncio.Event()
        self._bell = asyncio.Event()
        self._last_still: AccessUnit | None = None
        self._counted = dict.fromkeys(DropCause, 0)

    def want(self, *, is_wanted: bool) -> None:
        """Whether somebody wants any layer of this camera."""
        if is_wanted:
            self._is_unwanted.clear()
            self._is_wanted.set()
        else:
            self._is_wanted.clear()
            self._is_unwanted.set()

    @property
    def state(self) -> CameraState:
        return self.health.state

    async def run(self) -> None:
        """Until cancelled; by then decoder and reader have ended, in this order, and the ring is removed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publish_status(), name=f"status {self._camera}")
            if isinstance(self._source, SessionEnded):
                self._note(self.health.note_ended(self._source))
            else:
                await self._ingest(self._source)

    async def _ingest(self, source: Source) -> None:
        around = self._around
        epoch = await around.leases.take(self._camera, around.bounds.backoff(), self._on_no_lease)
        self._note(self.health.note_epoch(epoch))
        self._sink = sink = FrameSink(
            around.folder, self._camera, epoch, around.bounds.ring_slots, around.clock, self._announce
        )
        reader = Reader(source, self._feed, self._tell_reader_state, around.bounds.backoff())
        try:
            async with (
                running(f"rtsp {self._camera}", reader.run, stop_limit_s=STOP_LIMIT_S),
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(self._ring(sink), name=f"doorbell {self._camera}")
                tasks.create_task(self._decode(sink), name=f"decode {self._camera}")
        finally:
            sink.close()

    # Decoding

    async def _decode(self, sink: FrameSink) -> None:
        """Live while wanted, else a still every STILL_INTERVAL_S; never both, so that one thread writes the ring."""
        # Cameras that start together do not decode their stills together for ever.
        pause_s = random.uniform(0, STILL_INTERVAL_S)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._is_wanted.wait()
            if self._is_wanted.is_set():
                decoder = Decoder(self._feed, sink, self)
                async with running(f"decode {self._camera}", decoder.run, stop_limit_s=DECODER_STOP_LIMIT_S):
                    await self._is_unwanted.wait()
                self._note(self.health.note_damage(is_damaged=False))
                pause_s = STILL_INTERVAL_S
            else:
                pause_s = await self._still(sink)

    async def _still(self, sink: FrameSink) -> float:
        """Decode the newest keyframe if there is a new one; returns how long to wait before the next."""
        keyframe = self._feed.keyframe()
        if keyframe is None or keyframe is self._last_still:
            return NO_KEYFRAME_S
        self._last_still = keyframe
        await self._loop.run_in_executor(self._around.stills, decode_still, keyframe, sink, self)
        return STILL_INTERVAL_S

    async def _ring(self, sink: FrameSink) -> None:
        subject = subjects.frames(self._around.pod, self._camera)
        while True:
            await self._bell.wait()
            self._bell.clear()
            if (rung := sink.doorbell()) is not None:
                name, head = rung
                doorbell = Doorbell(camera=self._camera, epoch=sink.epoch, ring=name, head=head)
                await self._around.bus.publish(subject, doorbell.to_wire())

    # What the threads say, called in theirs

    def _announce(self) -> None:
        self._loop.call_soon_threadsafe(self._bell.set)

    def _tell_reader_state(self, state: ReaderState) -> None:
        self._loop.call_soon_threadsafe(self._on_reader_state, state)

    def on_decoded(self, purpose: Purpose, count: int) -> None:
        self.health.decoded_frames += count
        self._around.counters.decoded.labels(self._camera, purpose).inc(count)

    def on_damage(self, *, is_damaged: bool) -> None:
        self._tell(partial(self.health.note_damage, is_damaged=is_damaged))

    def on_refused(self, refused: PictureRefused | None) -> None:
        self._tell(partial(self.health.note_refused, refused))

    def _tell(self, note: Callable[[], bool]) -> None:
        self._loop.call_soon_threadsafe(lambda: self._note(note()))

    # State, on the event loop

    def _on_no_lease(self, fault: RuntimeFault) -> None:
        _log.warning("no lease yet", camera=self._camera, error=str(fault))

    def _on_reader_state(self, state: ReaderState) -> None:
        if isinstance(state, Playing):
            self._note(self.health.note_playing(state.codec, state.width, state.height))
        else:
            self._around.counters.sessions_ended.labels(self._camera, state.reason).inc()
            self._note(self.health.note_ended(state))

    def _note(self, is_changed: bool) -> None:
        if is_changed:
            health = self.health
            _log.info("camera state", camera=self._camera, state=health.state, reason=health.reason, epoch=health.epoch)
            self._status_due.set()

    async def _publish_status(self) -> None:
        subject = subjects.status(self._around.site, self._camera)
        while True:
            self._count_drops()
            if self._sink is not None and all(self._sink.size):
                self.health.size = self._sink.size
            await self._around.bus.publish(subject, self.health.status().to_wire())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STATUS_INTERVAL_S):
                    await self._status_due.wait()
            self._status_due.clear()

    def _count_drops(self) -> None:
        now = {
            DropCause.RING_FULL: self._sink.dropped if self._sink else 0,
            DropCause.BEHIND: self._feed.dropped(),
            DropCause.LONG_GOP: self._feed.gops_let_go(),
        }
        for cause, count in now.items():
            if count > self._counted[cause]:
                self._around.counters.dropped.labels(self._camera, cause).inc(count - self._counted[cause])
        self._counted = now
