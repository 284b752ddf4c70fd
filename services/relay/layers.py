"""The forwarders of this relay, one per camera and layer while somebody watches it."""

import asyncio
from collections import OrderedDict
from typing import Final

from pydantic import ValidationError

from proto.messages import Withhold
from proto.names import CameraId, InvalidName, Layer, SiteId
from proto.subjects import parse_camera
from services.relay.forwarder import Forwarder, SlatePayloads
from services.relay.measures import Measures
from services.runtime import logs
from services.runtime.bus import Bus, Message
from services.runtime.clock import Clock

MAX_WITHHELD: Final = 1_024
"""Cameras whose last withhold is remembered for layers that begin after it; the oldest is forgotten first."""

WITHHOLD_MEMORY_S: Final = 10.0
"""By then the mask service has heard of it too, or publishes nothing."""

RESTART_S: Final = 1.0

_log = logs.logger(__name__)


class Layers:
    """Starts a layer's forwarder with its first viewer, and ends it with its last. One event loop."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        measures: Measures,
        slates: SlatePayloads,
        *,
        site: SiteId,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._bus, self._clock, self._measures, self._slates, self._site = bus, clock, measures, slates, site
        self._tasks = tasks
        self._running: dict[tuple[CameraId, Layer], tuple[Forwarder, asyncio.Task[None]]] = {}
        self._withheld: OrderedDict[CameraId, tuple[Withhold, float]] = OrderedDict()

    def acquire(self, camera: CameraId, layer: Layer) -> Forwarder:
        """The layer's forwarder, for one viewer until `release`."""
        running = self._running.get((camera, layer))
        forwarder = running[0] if running else self._start(camera, layer)
        forwarder.watchers += 1
        return forwarder

    def release(self, forwarder: Forwarder) -> None:
        forwarder.watchers -= 1
        if not forwarder.watchers:
            _, task = self._running.pop((forwarder.camera, forwarder.layer))
            task.cancel()
            self._measures.layers.set(len(self._running))

    def renew_demand(self) -> None:
        """After a lost connection: mask and ingest may have forgotten."""
        for forwarder, _task in self._running.values():
            forwarder.renew_demand()

    def take_withhold(self, message: Message) -> None:
        """A `withhold` message of this site."""
        try:
            camera, withhold = parse_camera(message.subject), Withhold.from_wire(message.payload)
        except (InvalidName, ValidationError):
            _log.warning("not a withhold message", subject=message.subject[:80])
            return
        self._withheld.pop(camera, None)
        self._withheld[camera] = (withhold, self._clock.monotonic_s())
        while len(self._withheld) > MAX_WITHHELD:
            self._withheld.popitem(last=False)
        for forwarder, _task in self._running.values():
            if forwarder.camera == camera:
                forwarder.withhold(withhold.reason, withhold.mask_revision)

    def _start(self, camera: CameraId, layer: Layer) -> Forwarder:
        forwarder = Forwarder(
            self._bus, self._clock, self._measures, self._slates, site=self._site, camera=camera, layer=layer
        )
        withhold, at_s = self._withheld.get(camera, (None, 0.0))
        if withhold is not None and self._clock.monotonic_s() - at_s < WITHHOLD_MEMORY_S:
            forwarder.withhold(withhold.reason, withhold.mask_revision)
        task = self._tasks.create_task(self._supervise(forwarder), name=f"layer {camera} {layer}")
        self._running[camera, layer] = forwarder, task
        self._measures.layers.set(len(self._running))
        return forwarder

    async def _supervise(self, forwarder: Forwarder) -> None:
        """A layer that fails must not take the others with it: the one supervisor of forwarders."""
        while True:
            try:
                await forwarder.run()
            except Exception as exc:  # noqa: BLE001 - supervisor
                _log.error("a layer failed", camera=forwarder.camera, layer=forwarder.layer, exc_info=exc)
            await asyncio.sleep(RESTART_S)
