"""Sends what the cameras' threads have made; the last place that a picture passes, and the last that may stop it."""

import asyncio
from typing import Final

from proto import subjects
from proto.limits import SLATE_AFTER_S
from proto.messages import CameraStatus
from proto.names import CameraId, SiteId
from proto.subjects import Bucket
from services.mask.crew import Crew, Hand
from services.mask.gate import MediaGate
from services.mask.masks.register import MaskRegister
from services.mask.masks.verdict import Approved
from services.mask.measures import Measures
from services.mask.media.layer import AccessUnit
from services.mask.media.still import Still
from services.mask.status import StatusBook
from services.runtime.bus import Bus
from services.runtime.clock import Clock
from services.runtime.errors import RuntimeFault
from services.runtime.kv import Keys

FLUSH_LIMIT_S: Final = 1.0


class Publisher:
    """One task sends for all cameras; it waits only when the connection's own buffer is full, and then the
    outboxes drop to the next keyframe. A second stores stills, newest only, since the store may take seconds."""

    def __init__(
        self, bus: Bus, site: SiteId, register: MaskRegister, gate: MediaGate, clock: Clock, measures: Measures
    ) -> None:
        self._bus = bus
        self._site = site
        self._register = register
        self._gate = gate
        self._clock = clock
        self._measures = measures
        self._book = StatusBook(clock)
        self._stills = Keys(bus, Bucket.STILLS)
        self._ready: dict[CameraId, None] = {}
        self._has_ready = asyncio.Event()
        self._unstored: dict[CameraId, Still] = {}
        self._has_unstored = asyncio.Event()

    def ready(self, camera: CameraId) -> None:
        """The camera's thread has news."""
        self._ready[camera] = None
        self._has_ready.set()

    async def run(self, crew: Crew) -> None:
        while True:
            await self._has_ready.wait()
            await self.flush(crew)

    async def flush(self, crew: Crew) -> None:
        """Send what there is now."""
        while self._ready:
            camera = next(iter(self._ready))
            del self._ready[camera]
            if (hand := crew.hand(camera)) is not None:
                await self._send(camera, hand)
        self._has_ready.clear()

    async def _send(self, camera: CameraId, hand: Hand) -> None:
        outgoing = hand.outbox.take()
        for unit in outgoing.units:
            if not await self._publish(camera, unit):
                hand.worker.begin_anew()
        if (still := outgoing.still) is not None and self._may_leave(camera, still.mask_revision, still.slate is None):
            await self._bus.publish(subjects.still(self._site, camera), still.jpeg, still.headers())
            self._unstored[camera] = still
            self._has_unstored.set()
        status, has_changed = self._status(camera, hand)
        if status is not None and has_changed:
            await self._bus.publish(subjects.status(self._site, camera), status.to_wire())

    async def _publish(self, camera: CameraId, unit: AccessUnit) -> bool:
        headers = unit.headers
        if not self._may_leave(camera, headers.mask_revision, headers.slate is None):
            self._measures.unpublished.labels("not-in-force").inc()
            return False
        if self._clock.utc_us() - headers.captured_utc_us > SLATE_AFTER_S * 1_000_000:
            # Held up on the way here, as by a process that was stopped: the relay shows its slate by now.
            self._measures.unpublished.labels("old").inc()
            return False
        subject = subjects.masked(self._site, camera, unit.layer)
        if not await self._bus.publish(subject, unit.payload, headers.to_wire()):
            self._measures.unpublished.labels("not-connected").inc()
            return False
        self._measures.published.labels(unit.layer, "picture" if headers.slate is None else "slate").inc()
        return True

    def _may_leave(self, camera: CameraId, mask_revision: int, is_picture: bool) -> bool:  # private
        """A picture leaves only under the mask set that is in force at this moment; a slate through an open gate."""
        if not self._gate.is_open:
            return False
        standing = self._register.standing(camera)
        is_in_force = isinstance(standing, Approved) and standing.masks.revision == mask_revision
        return is_in_force or not is_picture

    async def store_stills(self) -> None:
        """Keep the newest still of each camera. A store that refuses or does not answer costs that still alone."""
        while True:
            await self._has_unstored.wait()
            self._has_unstored.clear()
            while self._unstored:
                camera, still = self._unstored.popitem()
                if not self._may_leave(camera, still.mask_revision, still.slate is None):
                    continue
                try:
                    await self._stills.put(camera, still.jpeg, headers=still.headers())
                except RuntimeFault:
                    self._measures.stills.labels("not-stored").inc()

    async def report(self, crew: Crew) -> None:
        """Say how each active camera is: the heartbeat."""
        for camera, hand in crew:
            status, _ = self._status(camera, hand)
            if status is not None:
                await self._bus.publish(subjects.status(self._site, camera), status.to_wire())

    def _status(self, camera: CameraId, hand: Hand) -> tuple[CameraStatus | None, bool]:
        sight = hand.worker.pipeline.sight
        return (None, False) if sight is None else self._book.note(camera, sight, is_late=self._gate.is_late)

    def forget(self, camera: CameraId) -> None:
        """The camera's thread has ended."""
        self._book.forget(camera)
