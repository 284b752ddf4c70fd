"""A real nats-server for tests: a site's identity, accounts and streams, on a free port of loopback."""

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

from proto.names import site_id
from services.bootstrap import streams
from services.bootstrap.embedded import LOOPBACK, free_port
from services.bootstrap.identity import Identity, open_identity
from services.bootstrap.permissions import User
from services.bootstrap.server import ServerPlan
from services.bootstrap.supervisor import EmbeddedSite


class RunningSite:
    """A site's server that a test may stop, kill and start again; identity, port and store stay the same.

    What is kept in memory, the bucket `stills`, is empty after each start.
    """

    def __init__(self, site: EmbeddedSite) -> None:
        self._site = site
        self.url = site.url

    @property
    def identity(self) -> Identity:
        return self._site.identity

    def creds(self, user: str) -> Path:
        """Creds file of `ingest`, `mask`, `relay`, `gateway`, `bootstrap` or `system`."""
        return self.identity.creds(User(user))

    async def start(self) -> None:
        await self._site.start()

    async def stop(self) -> None:
        await self._site.stop()

    async def kill(self) -> None:
        """End the server as a crash would."""
        await self._site.kill()

    async def restart(self) -> None:
        await self.stop()
        await self.start()


class NatsSite:
    """`async with NatsSite.start(tmp_path) as nats:` gives a RunningSite."""

    @staticmethod
    @contextlib.asynccontextmanager
    async def start(
        folder: Path, *, site: str = "islington", monitor_port: int | None = None
    ) -> AsyncIterator[RunningSite]:
        """Make the identity in `folder`/nats if it has none, start the server and apply accounts and streams."""
        name = site_id(site)
        wanted = streams.wanted(name)
        plan = ServerPlan(
            name=f"{name}-test",
            host=LOOPBACK,
            port=free_port(),
            state=folder / "nats" / "server",
            max_memory_bytes=streams.reserved_bytes(wanted, "memory"),
            max_file_bytes=streams.reserved_bytes(wanted, "file"),
            monitor_port=monitor_port,
            log=folder / "nats" / "server" / "nats.log",
        )
        identity = open_identity(folder / "nats", name, now_s=int(time.time()))
        running = RunningSite(EmbeddedSite(identity, plan, wanted))
        await running.start()
        try:
            yield running
        finally:
            await running.stop()
