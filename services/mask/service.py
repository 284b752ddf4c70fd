"""The mask service: joins the store of mask sets, the cameras' threads and the publisher."""

import asyncio
import contextlib
from typing import Final

from pydantic import ValidationError

from proto import subjects
from proto.limits import STATUS_INTERVAL_S
from proto.messages import Camera
from proto.names import CameraId
from proto.subjects import Bucket
from services.mask.crew import Crew
from services.mask.gate import MediaGate
from services.mask.masks.register import MaskRegister
from services.mask.measures import Measures
from services.mask.publisher import Publisher
from services.mask.settings import MaskSettings
from services.mask.store import POINTERS, MaskStore
from services.runtime.bus import Message, Subscription
from services.runtime.clock import Clock, SystemClock
from services.runtime.demand import DemandTable
from services.runtime.kv import Entry, watch
from services.runtime.process import Process

TICK_S: Final = 0.25
NOT_READ: Final = "mask sets not read yet"


class MaskService:
    """One process. `run` until it is asked to drain."""

    def __init__(self, settings: MaskSettings, process: Process, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self._process = process
        self._settings = settings
        self._measures = Measures(process.metrics)
        self._names: dict[CameraId, str] = {}
        self._demand = DemandTable(clock)
        self._register = MaskRegister(lambda camera, _standing: self._crew.refresh(camera))
        self._store = MaskStore(process.bus, self._register)
        self._gate = MediaGate(lambda: self._store.is_current, clock)
        self._publisher = Publisher(process.bus, settings.site, self._register, self._gate, clock, self._measures)
        self._crew = Crew(
            settings,
            self._register,
            self._demand,
            self._gate,
            self._names,
            self._publisher.ready,
            clock=clock,
            measures=self._measures,
        )

    async def run(self) -> None:
        bus = self._process.bus
        self._process.readiness.set("mask-sets", met=False, why=NOT_READ)
        # The gate shuts, and the outboxes are emptied, before anything can be sent on a new connection.
        parts = (self._store, self._gate, self._crew)
        for part in parts:
            bus.on_disconnect(part.on_disconnect)
            bus.on_connect(part.on_connect)
        async with (
            watch(bus, Bucket.MASKS, POINTERS, on_change=self._store.on_pointer) as pointers,
            watch(bus, Bucket.CAMERAS, on_change=self._on_camera),
            asyncio.TaskGroup() as group,
        ):
            tasks = [
                group.create_task(self._store.run(pointers), name="mask sets"),
                group.create_task(self._publisher.run(self._crew), name="publisher"),
                group.create_task(self._publisher.store_stills(), name="stills"),
            ]
            subscriptions = await self._subscribe()
            # Says that we are ready, which is so once the subscriptions stand.
            tasks.append(group.create_task(self._tick(), name="tick"))
            try:
                await self._process.draining.wait()
            finally:
                # Take no more frames; end the threads; send what they have made; end the tasks. The bus is
                # closed by the process, last.
                for subscription in subscriptions:
                    await subscription.close()
                await self._crew.close()
                for task in tasks:
                    task.cancel()
        await self._publisher.flush(self._crew)
        for part in parts:
            bus.forget(part.on_disconnect, part.on_connect)

    async def _subscribe(self) -> list[Subscription]:
        bus, site = self._process.bus, self._settings.site
        return [
            await bus.subscribe(subjects.withhold_of_site(site), self._store.on_withhold),
            await bus.subscribe(subjects.demand_of_site(site), self._on_demand),
            await bus.subscribe(subjects.keyframe_of_site(site), self._crew.wish),
            await bus.subscribe(subjects.frames_of_pod(self._settings.pod_id()), self._crew.ring),
        ]

    def _on_demand(self, message: Message) -> None:
        self._demand.note(message.subject)

    def _on_camera(self, entry: Entry) -> None:
        """A camera's name stands on its slates; one that cannot be read goes by its id."""
        camera = CameraId(entry.key)
        self._names.pop(camera, None)
        if entry.value is not None:
            with contextlib.suppress(ValidationError):
                self._names[camera] = Camera.from_wire(entry.value).name
        self._crew.refresh(camera)

    async def _tick(self) -> None:
        """Four times a second: forget what has run out, let go of ended threads, say whether we are ready."""
        ticks = 0
        while True:
            self._demand.expire()
            for camera in self._crew.reap():
                self._publisher.forget(camera)
            self._measures.gate.set(int(self._gate.is_open))
            self._process.readiness.set("mask-sets", met=self._gate.is_open, why=NOT_READ)
            if ticks % round(STATUS_INTERVAL_S / TICK_S) == 0:
                await self._publisher.report(self._crew)
            ticks += 1
            await asyncio.sleep(TICK_S)
