"""An ingest in the test's own process on a real nats-server, and all who speak with it: registry, relay and mask."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.local.camera import stamp
from proto import subjects
from proto.limits import DEMAND_INTERVAL_S
from proto.messages import (
    Camera,
    CameraState,
    CameraStatus,
    Credentials,
    Demand,
    Doorbell,
    DownReason,
    Transport,
)
from proto.names import CameraId, Layer, camera_id, pod_id, site_id
from proto.subjects import Bucket
from services.ingest.service import make
from services.ingest.settings import IngestSettings
from services.runtime.bus import Bus, BusSettings, Message
from services.runtime.errors import RingFault
from services.runtime.health import Readiness
from services.runtime.kv import Keys
from services.runtime.metrics import Metrics
from services.runtime.process import Process
from services.runtime.ring import FrameFlag, RingReader
from tests.support.nats import NatsSite, RunningSite
from tests.support.waiting import until

SITE = site_id("islington")
POD = pod_id("pod-1")
CAM = camera_id("cam1")

Luma = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame out of the ring, as the mask service would find it; `number` is the stamp, None if unreadable."""

    seq: int
    pts_90k: int
    captured_utc_us: int
    flags: FrameFlag
    size: tuple[int, int]
    number: int | None
    luma: Luma | None


@dataclass(slots=True)
class Consumer:
    """Reads the rings whose doorbells ring, in place of the mask service."""

    folder: Path
    keeps_luma: bool = False
    is_reading: bool = True
    doorbells: list[Doorbell] = field(default_factory=list)
    frames: dict[CameraId, list[Seen]] = field(default_factory=dict)
    _rings: dict[CameraId, tuple[str, RingReader]] = field(default_factory=dict)

    def on_doorbell(self, message: Message) -> None:
        doorbell = Doorbell.from_wire(message.payload)
        self.doorbells.append(doorbell)
        if self.is_reading:
            with contextlib.suppress(RingFault):  # a ring that has gone again: its successor rings too
                self._read(doorbell)

    def of(self, camera: CameraId = CAM) -> list[Seen]:
        return self.frames.get(camera, [])

    def pictures(self, camera: CameraId = CAM) -> list[Seen]:
        """Frames that somebody may see."""
        return [frame for frame in self.of(camera) if not frame.flags]

    def die(self) -> None:
        """Let go of all rings, as a mask service that ends does."""
        self.is_reading = False
        self._rings.clear()

    def _read(self, doorbell: Doorbell) -> None:
        name, ring = self._rings.get(doorbell.camera, ("", None))
        if ring is None or name != doorbell.ring:
            ring = RingReader.attach(self.folder, doorbell.ring, head=doorbell.head)
            self._rings[doorbell.camera] = (doorbell.ring, ring)
        for frame in ring.frames(doorbell.head):
            luma = frame.planes()[0] if frame.i420.size else None
            self.frames.setdefault(doorbell.camera, []).append(
                Seen(
                    frame.seq,
                    frame.pts_90k,
                    frame.captured_utc_us,
                    frame.flags,
                    (frame.width, frame.height),
                    None if luma is None else stamp.read(luma),
                    luma.copy() if self.keeps_luma and luma is not None else None,
                )
            )


@dataclass(slots=True)
class IngestAtWork:
    """What a test needs of a running ingest."""

    nats: RunningSite
    folder: Path
    gateway: Bus
    relay: Bus
    consumer: Consumer
    metrics: Metrics
    process: Process
    task: "asyncio.Task[None]"
    statuses: list[CameraStatus] = field(default_factory=list)
    raw_statuses: list[bytes] = field(default_factory=list)

    async def register(
        self,
        address: str,
        camera: CameraId = CAM,
        *,
        transport: Transport = Transport.TCP,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        if credentials is not None:
            username, password = credentials
            stored = Credentials(username=username, password=password).to_wire()
            await Keys(self.gateway, Bucket.CREDENTIALS).put(camera, stored)
        entry = Camera(camera=camera, site=SITE, name=f"Camera {camera}", address=address, transport=transport)
        await self.store(camera, entry.to_wire())

    async def store(self, camera: str, value: bytes) -> None:
        await Keys(self.gateway, Bucket.CAMERAS).put(camera, value)

    async def remove(self, camera: CameraId = CAM) -> None:
        await Keys(self.gateway, Bucket.CAMERAS).delete(camera)

    @contextlib.asynccontextmanager
    async def watching(self, camera: CameraId = CAM, layer: Layer = Layer.MAIN) -> AsyncIterator[None]:
        """Demand a layer while the block runs."""

        async def demand() -> None:
            while True:
                await self.relay.publish(subjects.demand(SITE, SITE, camera, layer), Demand().to_wire())
                await asyncio.sleep(DEMAND_INTERVAL_S)

        task = asyncio.create_task(demand(), name="demand")
        try:
            yield
        finally:
            task.cancel()

    def states(self, camera: CameraId = CAM) -> list[tuple[CameraState, str | None]]:
        """States in the order in which they came, repetitions left out."""
        said: list[tuple[CameraState, str | None]] = []
        for status in self.statuses:
            state = (status.state, status.reason)
            if status.camera == camera and (not said or said[-1] != state):
                said.append(state)
        return said

    def last(self, camera: CameraId = CAM) -> CameraStatus | None:
        return next((s for s in reversed(self.statuses) if s.camera == camera), None)

    async def until_state(
        self, state: CameraState, reason: DownReason | None = None, camera: CameraId = CAM, *, timeout_s: float = 15.0
    ) -> CameraStatus:
        """Wait for a status that comes after this call."""
        seen = len(self.statuses)

        def found() -> CameraStatus | None:
            fresh = self.statuses[seen:]
            return next((s for s in fresh if s.camera == camera and s.state == state and s.reason == reason), None)

        await until(found, what=f"{camera} {state} {reason}; said: {self.states(camera)}", timeout_s=timeout_s)
        status = found()
        assert status is not None
        return status

    async def until_pictures(self, count: int = 1, camera: CameraId = CAM, *, timeout_s: float = 15.0) -> list[Seen]:
        """Wait for `count` pictures that come after this call."""
        seen = len(self.consumer.pictures(camera))
        await until(
            lambda: len(self.consumer.pictures(camera)) >= seen + count,
            what=f"{count} pictures of {camera}; said: {self.states(camera)}",
            timeout_s=timeout_s,
        )
        return self.consumer.pictures(camera)[seen:]

    def decoded(self, purpose: str, camera: CameraId = CAM) -> float:
        name, labels = "us_ingest_decoded_frames_total", {"camera": camera, "purpose": purpose}
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def dropped(self, cause: str, camera: CameraId = CAM) -> float:
        name, labels = "us_ingest_dropped_total", {"camera": camera, "cause": cause}
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def rings(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*"))


@contextlib.asynccontextmanager
async def ingest_at_work(
    folder: Path, *, keeps_luma: bool = False, adjust: Callable[[dict[str, object]], None] = lambda _settings: None
) -> AsyncIterator[IngestAtWork]:
    """Run a nats-server, an ingest in this process, and those who speak with it."""
    async with NatsSite.start(folder) as nats, contextlib.AsyncExitStack() as stack:
        metrics, readiness = Metrics(), Readiness()

        async def connect(user: str, its: Metrics) -> Bus:
            settings = BusSettings(nats.url, nats.creds(user), f"{user}-test")
            return await stack.enter_async_context(Bus.connect(settings, user=user, metrics=its))

        bus = await connect("ingest", metrics)
        gateway, relay, mask = [await connect(user, Metrics()) for user in ("gateway", "relay", "mask")]
        values: dict[str, object] = {
            "site": SITE,
            "nats_url": nats.url,
            "nats_creds": nats.creds("ingest"),
            "pod": POD,
            "ring_dir": folder / "rings",
            "backoff_first_s": 0.1,
            "backoff_most_s": 0.5,
        }
        adjust(values)
        settings = IngestSettings.model_validate(values)
        consumer = Consumer(settings.ring_folder, keeps_luma)
        await mask.subscribe(subjects.frames_of_pod(POD), consumer.on_doorbell)
        process = Process(bus, metrics, readiness)
        task: asyncio.Task[None] = asyncio.ensure_future(make(settings)(process))
        at_work = IngestAtWork(nats, settings.ring_folder, gateway, relay, consumer, metrics, process, task)

        def on_status(message: Message) -> None:
            at_work.raw_statuses.append(message.payload)
            at_work.statuses.append(CameraStatus.from_wire(message.payload))

        await gateway.subscribe(subjects.status_of_site(SITE), on_status)
        try:
            yield at_work
        finally:
            process.draining.set()
            async with asyncio.timeout(15):
                await task
