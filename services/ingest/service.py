"""Joins the parts of ingest: the registry's watches, demand, the supervisor, and the order in which they end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from proto import subjects
from proto.messages import CameraState
from proto.names import CameraId
from proto.subjects import Bucket
from services.ingest.camera import CameraBounds, CameraRun, Surroundings
from services.ingest.counters import Counters
from services.ingest.leases import Leases
from services.ingest.registry import Registry, Wanted
from services.ingest.settings import IngestSettings
from services.ingest.supervisor import Supervisor
from services.runtime import logs
from services.runtime.bus import Message
from services.runtime.clock import SystemClock
from services.runtime.demand import DemandTable
from services.runtime.kv import Entry, Keys, Watch, watch
from services.runtime.process import Process, Service
from services.runtime.ring import remove_stale

DEMAND_CHECK_S: Final = 0.5
STILL_THREADS: Final = 2
"""A keyframe of 1080p takes some 15 ms: two threads make the stills of several hundred cameras."""

_log = logs.logger(__name__)


def make(settings: IngestSettings) -> Service:
    async def ingest(process: Process) -> None:
        await IngestService(settings, process).run()

    return ingest


class IngestService:
    """One ingest process."""

    def __init__(self, settings: IngestSettings, process: Process) -> None:
        self._settings = settings
        self._process = process
        self._registry = Registry(settings.site)
        self._demand = DemandTable(SystemClock())
        self._counters = Counters(process.metrics)
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Until the process drains, and then from the inside out: registry and demands are followed no more, their
        subscriptions closed; all cameras end at the same time, each its decoder, its reader, its ring; then the stills.
        """
        self._process.readiness.set("registry", met=False, why="not read yet")
        removed = remove_stale(self._settings.ring_folder)
        _log.info("ring folder is ready", stale_rings_removed=removed)
        async with (
            _stills() as stills,
            self._supervised(self._surroundings(stills)) as supervisor,
            self._demanded(supervisor),
            watch(self._process.bus, Bucket.CAMERAS, on_change=self._on_change) as cameras,
            watch(self._process.bus, Bucket.CREDENTIALS, on_change=self._on_change) as credentials,
        ):
            await self._serve(supervisor, cameras, credentials)

    async def _serve(self, supervisor: Supervisor, cameras: Watch, credentials: Watch) -> None:
        """Until the process drains: follow the registry, the demands, and count."""
        async with asyncio.TaskGroup() as tasks:
            followers = (
                tasks.create_task(self._follow_registry(supervisor, cameras, credentials), name="registry"),
                tasks.create_task(self._follow_demand(supervisor), name="demand"),
            )
            await self._process.draining.wait()
            for follower in followers:
                follower.cancel()

    async def _follow_registry(self, supervisor: Supervisor, cameras: Watch, credentials: Watch) -> None:
        await cameras.synced()
        await credentials.synced()
        self._process.readiness.set("registry", met=True)
        while True:
            self._changed.clear()
            supervisor.apply(self._registry.cameras(_values(cameras), _values(credentials)))
            await self._changed.wait()

    def _on_change(self, _entry: Entry) -> None:
        self._changed.set()

    async def _follow_demand(self, supervisor: Supervisor) -> None:
        while True:
            await asyncio.sleep(DEMAND_CHECK_S)
            for camera in self._demand.expire():
                supervisor.demand(camera)
            self._counters.demands_refused.set(self._demand.refused)
            states = supervisor.states()
            for state in CameraState:
                self._counters.cameras.labels(state).set(states[state])

    @contextlib.asynccontextmanager
    async def _demanded(self, supervisor: Supervisor) -> AsyncIterator[None]:
        def note(message: Message) -> None:
            address = self._demand.note(message.subject)
            if address is not None:
                supervisor.demand(address.camera)

        subscription = await self._process.bus.subscribe(subjects.demand_of_site(self._settings.site), note)
        try:
            yield
        finally:
            await subscription.close()

    @contextlib.asynccontextmanager
    async def _supervised(self, around: Surroundings) -> AsyncIterator[Supervisor]:
        def make_run(camera: CameraId, wanted: Wanted) -> CameraRun:
            return CameraRun(camera, wanted, around)

        supervisor = Supervisor(
            make_run,
            is_demanded=lambda camera: bool(self._demand.wanted(camera)),
            on_gone=self._counters.forget,
        )
        try:
            yield supervisor
        finally:
            await supervisor.close()

    def _surroundings(self, stills: ThreadPoolExecutor) -> Surroundings:
        settings, clock = self._settings, SystemClock()
        return Surroundings(
            site=settings.site,
            pod=settings.pod_id,
            folder=settings.ring_folder,
            bounds=CameraBounds(
                ring_slots=settings.ring_slots,
                gop_max_bytes=settings.gop_max_bytes,
                gop_max_units=settings.gop_max_units,
                backoff_first_s=settings.backoff_first_s,
                backoff_most_s=settings.backoff_most_s,
            ),
            bus=self._process.bus,
            leases=Leases(Keys(self._process.bus, Bucket.LEASES), settings.pod_id, clock),
            stills=stills,
            counters=self._counters,
            clock=clock,
        )


@contextlib.asynccontextmanager
async def _stills() -> AsyncIterator[ThreadPoolExecutor]:
    executor = ThreadPoolExecutor(STILL_THREADS, thread_name_prefix="still")
    try:
        yield executor
    finally:
        await asyncio.to_thread(executor.shutdown, cancel_futures=True)


def _values(view: Watch) -> dict[str, bytes]:
    return {key: entry.value for key, entry in view.entries.items() if entry.value is not None}
