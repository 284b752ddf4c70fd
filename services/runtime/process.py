"""The life of a process: signals, drain, and the order in which things end."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import uvloop
from pydantic import ValidationError

from services.runtime import logs
from services.runtime.bus import Bus, BusSettings
from services.runtime.health import HealthServer, Readiness
from services.runtime.metrics import Metrics
from services.runtime.settings import ServiceSettings

_log = logs.logger(__name__)

SETTINGS_ARE_WRONG = 78
"""Exit status EX_CONFIG of sysexits.h."""


class Process:
    """What a running service is given: its bus, metrics, readiness, and the event that asks it to drain."""

    def __init__(self, bus: Bus, metrics: Metrics, readiness: Readiness) -> None:
        self.bus = bus
        self.metrics = metrics
        self.readiness = readiness
        self.draining = asyncio.Event()


Service = Callable[[Process], Awaitable[None]]
"""Runs until `draining` is set, then takes nothing new, finishes what it holds, and returns."""


S = TypeVar("S", bound=ServiceSettings)


def run(name: str, settings: Callable[[], S], make: Callable[[S], Service]) -> None:
    """Read settings, run one service until SIGTERM or SIGINT, and exit.

    The first signal drains: readiness fails, the service finishes what it holds, within `drain_limit_s`. The
    second cancels. Whatever happens the bus is closed last. Exit status 78 for wrong settings, 1 for a failure.
    """
    try:
        read = settings()
    except ValidationError as exc:
        for error in exc.errors():
            setting = "US_" + ".".join(map(str, error["loc"])).upper()
            print(f"{name}: setting {setting}: {error['msg']}", file=sys.stderr)
        sys.exit(SETTINGS_ARE_WRONG)
    logs.configure(name, read.instance, read.log_level)
    try:
        uvloop.run(_main(name, read, make(read)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)


async def _main(name: str, settings: ServiceSettings, service: Service) -> None:
    metrics, readiness = Metrics(), Readiness()
    readiness.set("bus", met=False)
    bus_settings = BusSettings(url=settings.nats_url, creds=settings.nats_creds, name=f"{name}-{settings.instance}")
    async with (
        HealthServer(readiness, metrics).serve(settings.health_host, settings.health_port) as port,
        Bus.connect(bus_settings, user=name, metrics=metrics, readiness=readiness) as bus,
    ):
        process = Process(bus, metrics, readiness)
        _log.info("started", health_port=port, site=settings.site)
        async with _signals(process.draining):
            await _run_until_drained(service, process, settings.drain_limit_s)
    _log.info("ended")


async def _run_until_drained(service: Service, process: Process, drain_limit_s: float) -> None:
    task = asyncio.ensure_future(service(process))
    drain = asyncio.create_task(process.draining.wait(), name="drain")
    try:
        await asyncio.wait({task, drain}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            process.readiness.set("drain", met=False, why="draining")
            _log.info("draining", limit_s=drain_limit_s)
            await asyncio.wait({task}, timeout=drain_limit_s)
        if not task.done():
            _log.warning("drain took too long: cancelled")
    finally:
        drain.cancel()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def _signals(draining: asyncio.Event) -> AsyncIterator[None]:
    loop, main = asyncio.get_running_loop(), asyncio.current_task()

    def on_signal() -> None:
        if draining.is_set() and main is not None:
            main.cancel()
        draining.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
