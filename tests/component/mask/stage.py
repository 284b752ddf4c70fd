"""A mask service with a real server around it: the test plays ingest, gateway and relay, each as its own user."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from proto import subjects
from proto.codec import AccessUnitHeaders
from proto.messages import (
    CameraStatus,
    Demand,
    Doorbell,
    KeyframeWish,
    MaskSet,
    WithheldReason,
    Withhold,
    mask_pointer_key,
    mask_revision_key,
)
from proto.names import CameraId, Epoch, Layer, PodId, SiteId
from proto.subjects import Bucket
from services.mask.service import MaskService
from services.mask.settings import MaskSettings
from services.runtime.bus import Bus, BusSettings, Message
from services.runtime.clock import SystemClock
from services.runtime.health import Readiness
from services.runtime.kv import Keys
from services.runtime.metrics import Metrics
from services.runtime.process import Process
from services.runtime.ring import FrameFlag, RingWriter, i420_size, ring_name, split_i420
from tests.support.nats import NatsSite, RunningSite
from tests.support.waiting import until
from tests.unit.mask.samples import CAMERA, pointer, scene

SITE = SiteId("islington")
POD = PodId("pod-1")
WIDTH, HEIGHT = 640, 360
FRAME_S = 0.04
BOTH = (Layer.MAIN, Layer.TILE)


@dataclass(frozen=True, slots=True)
class Unit:
    """An access unit as a relay gets it."""

    camera: CameraId
    layer: Layer
    headers: AccessUnitHeaders
    payload: bytes

    @property
    def is_picture(self) -> bool:
        return self.headers.slate is None


class Ingest:
    """Writes frames of one camera into a ring and rings the doorbell."""

    def __init__(self, bus: Bus, folder: Path, camera: CameraId = CAMERA, epoch: int = 5) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.bus = bus
        self.camera = camera
        self.epoch = Epoch(epoch)
        self.seq = 0
        name = ring_name(camera, self.epoch, 1)
        self.writer = RingWriter.create(folder, name, epoch=self.epoch, width=WIDTH, height=HEIGHT)

    def write(
        self, i420: NDArray[np.uint8] | None = None, *, flags: FrameFlag = FrameFlag.NONE, age_s: float = 0.0
    ) -> bool:
        """One frame; False when the ring is full."""
        self.seq += 1
        planes = self.writer.planes()
        if planes is None:
            return False
        if not flags & FrameFlag.DAMAGED:
            picture = scene(self.seq) if i420 is None else i420
            for plane, part in zip(planes, split_i420(picture, WIDTH, HEIGHT), strict=True):
                plane[:] = part
        captured = SystemClock().utc_us() - round(age_s * 1_000_000)
        self.writer.commit(seq=self.seq, pts_90k=self.seq * 3600, captured_utc_us=captured, flags=flags)
        return True

    async def knock(self) -> None:
        doorbell = Doorbell(camera=self.camera, epoch=self.epoch, ring=self.writer.path.name, head=self.writer.head)
        await self.bus.publish(subjects.frames(POD, self.camera), doorbell.to_wire())

    async def released(self) -> None:
        await until(lambda: self.writer.tail == self.writer.head, what="every frame is released")

    async def feed(self, frames: int = 1, i420: NDArray[np.uint8] | None = None) -> None:
        """Write and ring for each frame, waiting until the service is done with it."""
        for _ in range(frames):
            assert self.write(i420)
            await self.knock()
            await self.released()

    @contextlib.asynccontextmanager
    async def playing(self, i420: NDArray[np.uint8] | None = None) -> AsyncIterator[None]:
        """Write and ring 25 times a second while the block runs, whatever the service does."""

        async def play() -> None:
            while True:
                self.write(i420)
                await self.knock()
                await asyncio.sleep(FRAME_S)

        task = asyncio.create_task(play(), name="play")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class Stage:
    """What the test holds in its hands. Made by `stage`."""

    def __init__(self, nats: RunningSite, folder: Path, ingest: Bus, gateway: Bus, relay: Bus) -> None:
        self.nats = nats
        self.rings = folder / "rings"
        self.ingest_bus, self.gateway, self.relay = ingest, gateway, relay
        self.masks = Keys(gateway, Bucket.MASKS)
        self.units: list[Unit] = []
        self.stills: list[Message] = []
        self.statuses: list[CameraStatus] = []
        self.metrics = Metrics()

    async def listen(self) -> None:
        await self.relay.subscribe(subjects.masked_of_site(SITE), self._take)
        await self.gateway.subscribe(subjects.still(SITE, CameraId(subjects.ANY)), self.stills.append)
        await self.gateway.subscribe(
            subjects.status_of_site(SITE), lambda m: self.statuses.append(CameraStatus.from_wire(m.payload))
        )

    def _take(self, message: Message) -> None:
        address = subjects.parse_layer(message.subject)
        headers = AccessUnitHeaders.from_wire(message.headers)
        self.units.append(Unit(address.camera, address.layer, headers, message.payload))

    def ingest(self, camera: CameraId = CAMERA, epoch: int = 5) -> Ingest:
        return Ingest(self.ingest_bus, self.rings, camera, epoch)

    def settings(self) -> MaskSettings:
        return MaskSettings(
            site=SITE, nats_url=self.nats.url, nats_creds=self.nats.creds("mask"), pod=POD, ring_dir=self.rings
        )

    @contextlib.asynccontextmanager
    async def mask(self, *, url: str | None = None) -> AsyncIterator[Process]:
        """The service in this process, ready; drained at the end of the block."""
        settings = self.settings()
        connection = BusSettings(url=url or settings.nats_url, creds=settings.nats_creds, name="mask-test")
        readiness = Readiness()
        readiness.set("mask-sets", met=False)
        async with Bus.connect(connection, user="mask", metrics=self.metrics, readiness=readiness) as bus:
            process = Process(bus, self.metrics, readiness)
            task = asyncio.create_task(MaskService(settings, process).run(), name="mask")
            try:
                await until(lambda: readiness.is_ready or task.done(), what="the service is ready")
                yield process
            finally:
                process.draining.set()
                await asyncio.wait_for(task, 10)

    # The gateway's part

    async def approve(self, masks: MaskSet) -> int:
        await self.masks.put(mask_revision_key(masks.camera, masks.revision), masks.to_wire(), last=0)
        return await self.masks.put(mask_pointer_key(masks.camera), pointer(masks.revision, camera=masks.camera))

    async def revoke(self, revision: int = 1) -> int:
        return await self.masks.put(mask_pointer_key(CAMERA), pointer(revision, is_revoked=True))

    async def withhold(self, reason: WithheldReason, mask_revision: int) -> None:
        order = Withhold(reason=reason, mask_revision=mask_revision)
        await self.gateway.publish(subjects.withhold(SITE, CAMERA), order.to_wire())

    # The relay's part

    async def demand(self, *layers: Layer, camera: CameraId = CAMERA) -> None:
        for layer in layers or BOTH:
            await self.relay.publish(subjects.demand(SITE, SITE, camera, layer), Demand().to_wire())
        # Answered by the server after the demands: whatever is published now comes after them.
        await self.settled()

    async def wish(self, layer: Layer) -> None:
        await self.relay.publish(subjects.keyframe(SITE, SITE, CAMERA, layer), KeyframeWish().to_wire())

    async def settled(self) -> None:
        """The server has handled what the relay and the gateway have sent, and delivered what it had for them."""
        for bus in (self.relay, self.gateway, self.ingest_bus):
            assert bus._client is not None
            await bus._client.flush()

    async def until_units(self, count: int, *, what: str = "access units") -> list[Unit]:
        await until(lambda: len(self.units) >= count, what=f"{count} {what}, not {len(self.units)}")
        return self.units

    def take_units(self) -> list[Unit]:
        taken, self.units[:] = list(self.units), []
        return taken

    def counted(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"us_mask_{name}", labels) or 0.0


@contextlib.asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """A server, and the three users that the test plays."""
    async with NatsSite.start(folder, site=SITE) as nats, contextlib.AsyncExitStack() as stack:
        buses = []
        for user in ("ingest", "gateway", "relay"):
            connection = BusSettings(url=nats.url, creds=nats.creds(user), name=f"test-{user}")
            buses.append(await stack.enter_async_context(Bus.connect(connection, user=user, metrics=Metrics())))
        held = Stage(nats, folder, *buses)
        await held.listen()
        yield held


def flat(value: int = 180) -> NDArray[np.uint8]:
    """A picture that is bright all over."""
    return np.full(i420_size(WIDTH, HEIGHT), value, np.uint8)
