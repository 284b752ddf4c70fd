"""The gateway as a process: HTTP until it drains, with sweeps each second.

Its viewers go on after it: they are stored, and another gateway, or the next one here, ends those who must go.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from services.gateway.gateway import Gateway, open_gateway
from services.gateway.http import app, client, server
from services.gateway.settings import GatewaySettings
from services.runtime import logs
from services.runtime.clock import Clock, SystemClock
from services.runtime.process import Process, Service

SWEEP_INTERVAL_S: Final = 1.0
"""A running look ends at most this and one request to its relay after the right to it."""

_log = logs.logger(__name__)


def make(settings: GatewaySettings, clock: Clock | None = None, dist: Path = client.DIST) -> Service:
    """`clock` and `dist` are for tests."""

    async def service(process: Process) -> None:
        process.readiness.set("views", met=False, why="people, sessions, cameras and masks are not read yet")
        async with open_gateway(settings, process.bus, clock or SystemClock(), process.metrics) as gateway:
            await _serve(gateway, settings, process, dist)

    return service


async def _serve(gateway: Gateway, settings: GatewaySettings, process: Process, dist: Path) -> None:
    async with asyncio.TaskGroup() as tasks:
        sweeps = (
            tasks.create_task(_repeat(gateway.whep.sweep), name="sweep viewers"),
            tasks.create_task(_repeat(gateway.access.sweep), name="sweep sessions"),
        )
        async with server.serve(app.build(gateway, process.metrics, dist), settings) as port:
            process.readiness.set("views", met=True)
            _log.info("serving", host=settings.http_host, port=port)
            await process.draining.wait()
        for sweep in sweeps:
            sweep.cancel()


async def _repeat(sweep: Callable[[], Awaitable[None]]) -> None:
    while True:
        await sweep()
        await asyncio.sleep(SWEEP_INTERVAL_S)
