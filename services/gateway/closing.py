"""The end of viewers at their relays: each relay has a line of its own, so that a silent one delays no other."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from pydantic import ValidationError

from proto import subjects
from proto.messages import Close, Closed
from proto.names import RelayId, SessionId
from proto.subjects import RelayCall
from services.gateway.errors import OutOfReach, TooLate
from services.gateway.viewer_store import ViewerStore
from services.gateway.viewers import Viewer, Viewers
from services.runtime import logs
from services.runtime.bus import Bus
from services.runtime.clock import Clock
from services.runtime.errors import DeadlineExceeded, RuntimeFault
from services.runtime.metrics import Metrics

CLOSE_LIMIT_S: Final = 1.5
GIVE_UP_S: Final = 60.0
"""Of a relay that is not there while NATS is: one that restarts with NATS is away for some seconds and keeps its
viewers, one that is away for longer has lost them. One that is there and silent is asked for ever."""

MAX_LINES: Final = 64
"""Relays with something to close at one time; those of further ones are handed over by a later sweep."""

MAX_WAITING: Final = 256
"""Of one relay. Beyond it the oldest leaves the line, and is handed over again by the next sweep."""

_AT_ONCE: Final = 16

_log = logs.logger(__name__)


@dataclass(slots=True, eq=False)
class _Ending:
    """A viewer that has to go, until its relay has said so and the store has forgotten it."""

    viewer: Viewer
    reason: str
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    is_under_way: bool = False
    is_reported: bool = False
    away_since_s: float | None = None


class Closing:
    """Viewers to be closed. One event loop; `run` owns one task for each relay that has any."""

    def __init__(self, bus: Bus, viewers: Viewers, store: ViewerStore, clock: Clock, metrics: Metrics) -> None:
        self._bus = bus
        self._viewers = viewers
        self._store = store
        self._clock = clock
        self._tasks: asyncio.TaskGroup | None = None
        self._endings: dict[SessionId, _Ending] = {}
        self._lines: dict[RelayId, dict[SessionId, _Ending]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._dropped = metrics.counter("closes_dropped_total", "Closes put off to the next sweep for want of room")

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Close while the block runs. At its end what waits is tried once more, no longer than CLOSE_LIMIT_S: another
        gateway, or the next one here, finds the rest in the store."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                yield
            finally:
                self._tasks = None
                lines = list(self._running)
                if lines:
                    await asyncio.wait(lines, timeout=CLOSE_LIMIT_S)
                for line in lines:
                    line.cancel()

    def end(self, viewers: Iterable[Viewer], reason: str) -> None:
        """Hand viewers over. Each is tried until it is closed, as often as `again` is called."""
        for viewer in viewers:
            self._hand_over(self._ending(viewer, reason))

    async def end_now(self, viewers: Iterable[Viewer], reason: str) -> None:
        """The same, and wait until each was tried once, no longer than CLOSE_LIMIT_S."""
        endings = [self._ending(viewer, reason) for viewer in viewers]
        for ending in endings:
            ending.tried.clear()
            self._hand_over(ending)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_LIMIT_S):
                for ending in endings:
                    await ending.tried.wait()

    async def close(self, viewer: Viewer, reason: str) -> None:
        """Ahead of the line. Raises OutOfReach, TooLate: then it is handed over."""
        await self._try(self._ending(viewer, reason))

    def again(self) -> None:
        """Hand over once more whom no relay has closed yet; those whom another gateway has closed are forgotten."""
        for ending in list(self._endings.values()):
            if self._viewers.get(ending.viewer.session) is None:
                self._forget(ending)
            else:
                self._hand_over(ending)

    def _ending(self, viewer: Viewer, reason: str) -> _Ending:
        return self._endings.setdefault(viewer.session, _Ending(viewer, reason))

    # Lines

    def _hand_over(self, ending: _Ending) -> None:
        relay = ending.viewer.relay
        if self._tasks is None or ending.is_under_way:
            return
        line = self._lines.get(relay)
        if line is None:
            if len(self._lines) >= MAX_LINES:
                self._dropped.inc()
                return
            line = self._lines[relay] = {}
            task = self._tasks.create_task(self._work(relay, line), name=f"close at {relay}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        line.setdefault(ending.viewer.session, ending)
        if len(line) > MAX_WAITING:
            del line[next(iter(line))]
            self._dropped.inc()

    async def _work(self, relay: RelayId, line: dict[SessionId, _Ending]) -> None:
        """Ends with its line: the next viewer to be closed there begins another."""
        try:
            while line:
                batch = list(islice(line.values(), _AT_ONCE))
                for ending in batch:
                    del line[ending.viewer.session]
                faults = await asyncio.gather(*(self._attempt(ending) for ending in batch))
                if new := [fault for fault in faults if fault is not None]:
                    _log.warning("viewers are not closed yet", relay=relay, viewers=len(new), error=str(new[0]))
        finally:
            del self._lines[relay]

    async def _attempt(self, ending: _Ending) -> OutOfReach | None:
        """Returns what it failed for, the first time that it does."""
        if self._viewers.get(ending.viewer.session) is None:
            self._forget(ending)
            return None
        was_reported = ending.is_reported
        try:
            await self._try(ending)
        except OutOfReach as exc:
            ending.is_reported = True
            return None if was_reported else exc
        return None

    # One viewer

    async def _try(self, ending: _Ending) -> None:
        """Raises OutOfReach, TooLate: then the viewer stays in the table and in the store."""
        session = ending.viewer.session
        ending.is_under_way = True
        try:
            await self._tell(ending)
            await self._store.remove(session)
        except RuntimeFault as exc:
            raise OutOfReach("Upper Street's store cannot be reached just now.") from exc
        else:
            self._viewers.discard(session)
            self._forget(ending)
        finally:
            ending.is_under_way = False
            ending.tried.set()

    def _forget(self, ending: _Ending) -> None:
        self._endings.pop(ending.viewer.session, None)
        ending.tried.set()

    async def _tell(self, ending: _Ending) -> None:
        try:
            await self._ask(ending.viewer, ending.reason)
        except TooLate:
            ending.away_since_s = None
            raise
        except OutOfReach:
            if not self._is_given_up(ending):
                raise

    def _is_given_up(self, ending: _Ending) -> bool:
        if not self._bus.is_connected:
            ending.away_since_s = None
            return False
        now_s = self._clock.monotonic_s()
        if ending.away_since_s is None:
            ending.away_since_s = now_s
        return now_s - ending.away_since_s >= GIVE_UP_S

    async def _ask(self, viewer: Viewer, reason: str) -> None:
        call = subjects.relay_call(viewer.relay, RelayCall.CLOSE)
        message = Close(session=viewer.session, reason=reason)
        try:
            reply = await self._bus.request(call, message.to_wire(), timeout_s=CLOSE_LIMIT_S)
            Closed.from_wire(reply.payload)
        except DeadlineExceeded as exc:
            raise TooLate("The relay did not answer in time.") from exc
        except (RuntimeFault, ValidationError) as exc:
            raise OutOfReach("The relay cannot be reached.") from exc
