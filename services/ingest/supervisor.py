"""One task a camera: started when it is registered, restarted when what opens it changes, stopped when it is removed.

The one place that catches whatever a camera's task raises: it logs it, and starts that camera again after a while.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from proto.messages import CameraState
from proto.names import CameraId
from services.ingest.registry import Wanted
from services.ingest.stream.backoff import Backoff
from services.runtime import logs

RESTART_FIRST_S: Final = 1.0
RESTART_MOST_S: Final = 30.0

_log = logs.logger(__name__)


class Run(Protocol):
    """A camera's life under one configuration: what CameraRun is."""

    async def run(self) -> None:
        """Until cancelled."""
        ...

    def want(self, *, is_wanted: bool) -> None: ...

    @property
    def state(self) -> CameraState: ...


MakeRun = Callable[[CameraId, Wanted], Run]


class _Kept:
    """One camera's task and what it is running."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.changed = asyncio.Event()
        self.run: Run | None = None
        self.task: asyncio.Task[None] | None = None


class Supervisor:
    """Keeps the cameras of one process. `apply` says which; `close` stops all, at the same time."""

    def __init__(
        self, make: MakeRun, is_demanded: Callable[[CameraId], bool], on_gone: Callable[[CameraId], None]
    ) -> None:
        self._make = make
        self._is_demanded = is_demanded
        self._on_gone = on_gone
        self._kept: dict[CameraId, _Kept] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    def apply(self, cameras: Mapping[CameraId, Wanted]) -> None:
        """Run exactly these. Cameras whose way to be opened has not changed do not notice."""
        for camera in [c for c in self._kept if c not in cameras]:
            self._stop(camera)
        for camera, wanted in cameras.items():
            kept = self._kept.get(camera)
            if kept is None:
                self._start(camera, wanted)
            elif not _is_same(kept.wanted, wanted):
                kept.wanted = wanted
                kept.changed.set()

    def demand(self, camera: CameraId) -> None:
        """Demand for this camera has come or gone."""
        kept = self._kept.get(camera)
        if kept is not None and kept.run is not None:
            kept.run.want(is_wanted=self._is_demanded(camera))

    def states(self) -> Counter[CameraState]:
        return Counter(kept.run.state for kept in self._kept.values() if kept.run is not None)

    def __contains__(self, camera: CameraId) -> bool:
        return camera in self._kept

    async def close(self) -> None:
        for camera in list(self._kept):
            self._stop(camera)
        await asyncio.gather(*self._stopping, return_exceptions=True)

    def _start(self, camera: CameraId, wanted: Wanted) -> None:
        kept = self._kept[camera] = _Kept(wanted)
        # A camera that is registered again waits for its former life to end: they share the ring's file names.
        before = {task for task in self._stopping if task.get_name() == _name(camera)}
        kept.task = asyncio.create_task(self._keep(camera, kept, before), name=_name(camera))

    def _stop(self, camera: CameraId) -> None:
        task = self._kept.pop(camera).task
        assert task is not None
        self._stopping.add(task)
        task.add_done_callback(lambda ended: self._stopped(camera, ended))
        task.cancel()

    def _stopped(self, camera: CameraId, task: asyncio.Task[None]) -> None:
        self._stopping.discard(task)
        if camera not in self._kept:
            self._on_gone(camera)

    async def _keep(self, camera: CameraId, kept: _Kept, before: set[asyncio.Task[None]]) -> None:
        if before:
            await asyncio.wait(before)
        backoff = Backoff(RESTART_FIRST_S, RESTART_MOST_S)
        while True:
            kept.changed.clear()
            life = asyncio.create_task(self._live(camera, kept), name=f"run {camera}")
            changed = asyncio.create_task(kept.changed.wait(), name=f"change {camera}")
            try:
                await asyncio.wait({life, changed}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
                life.cancel()
                await asyncio.gather(life, changed, return_exceptions=True)
            if kept.changed.is_set():
                backoff.reset()
            else:
                await asyncio.sleep(backoff.next_s())

    async def _live(self, camera: CameraId, kept: _Kept) -> None:
        kept.run = self._make(camera, kept.wanted)
        self.demand(camera)
        try:
            await kept.run.run()
        except Exception:  # noqa: BLE001  # the one supervisor: whatever a camera's task raises is its own affair
            _log.exception("a camera's task failed: it is started again", camera=camera)


def _name(camera: CameraId) -> str:
    return f"camera {camera}"


def _is_same(one: Wanted, other: Wanted) -> bool:
    if isinstance(one, Exception) and isinstance(other, Exception):
        return str(one) == str(other)
    return one == other
