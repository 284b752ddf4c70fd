"""The embedded server's life: started, brought to what it should hold, started again when it ends by itself."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from services.bootstrap import server, service
from services.bootstrap.embedded import LOOPBACK, EmbeddedServer
from services.bootstrap.errors import ServerFailed
from services.bootstrap.identity import Identity
from services.bootstrap.server import ServerPlan
from services.bootstrap.streams import Config
from services.runtime import logs

MAX_ENDS = 5
ENDS_WITHIN_S = 60.0
"""A server that has ended this often within this time is given up."""

_log = logs.logger(__name__)


class EmbeddedSite:
    """A site on one embedded server. `start` brings its accounts and streams too, each time: streams in memory
    end with a server that is alone."""

    def __init__(self, identity: Identity, plan: ServerPlan, streams: Sequence[Config]) -> None:
        self.identity = identity
        self.url = f"nats://{LOOPBACK}:{plan.port}"
        self._streams = streams
        self._server = EmbeddedServer(plan.state, server.config(identity, plan), plan.port)

    async def start(self) -> service.Report:
        """Raises ServerFailed, AccountRefused, StreamRefused or Unavailable, with nothing left running."""
        await self._server.start()
        try:
            return await self._apply()
        except BaseException:
            await self._server.stop()
            raise

    async def _apply(self) -> service.Report:
        """Apply, and do not wait for a server that has ended meanwhile."""
        applying = asyncio.create_task(service.apply(self.identity, self.url, self._streams), name="apply")
        ending = asyncio.create_task(self._server.wait(), name="nats-server")
        try:
            await asyncio.wait({applying, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not applying.done():
                raise ServerFailed(f"nats-server ended with status {ending.result()} while it was set up")
            return applying.result()
        finally:
            for task in (applying, ending):
                task.cancel()
            await asyncio.gather(applying, ending, return_exceptions=True)

    async def stop(self) -> None:
        await self._server.stop()

    async def kill(self) -> None:
        await self._server.kill()

    async def run(self, stopping: asyncio.Event, on_ready: Callable[[], None]) -> None:
        """Keep the server until `stopping` is set; `on_ready` is called after the first start.

        Raises what `start` raises, later on only when the server keeps ending.
        """
        ends: deque[float] = deque(maxlen=MAX_ENDS)
        try:
            await self.start()
            on_ready()
            while not await self._ended(stopping):
                await self._start_again(ends)
        finally:
            await self.stop()

    async def _start_again(self, ends: deque[float]) -> None:
        while True:
            now = asyncio.get_running_loop().time()
            ends.append(now)
            if len(ends) == MAX_ENDS and now - ends[0] < ENDS_WITHIN_S:
                raise ServerFailed(f"nats-server ended {MAX_ENDS} times within {ENDS_WITHIN_S:.0f} s")
            try:
                await self.start()
            except ServerFailed as exc:
                _log.error("nats-server did not start again", error=str(exc))
            else:
                return

    async def _ended(self, stopping: asyncio.Event) -> bool:
        """Wait for either end. True when it is ours, False when it is the server's own."""
        ours = asyncio.create_task(stopping.wait(), name="stopping")
        its = asyncio.create_task(self._server.wait(), name="nats-server")
        try:
            await asyncio.wait({ours, its}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ours.cancel()
            its.cancel()
        if not stopping.is_set():
            _log.error("nats-server ended by itself: starting it again", status=its.result())
        return stopping.is_set()
