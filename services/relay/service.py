"""The relay, joined: what it subscribes, the tasks that it owns, and the order in which it ends."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final

from proto import subjects
from proto.names import RelayId, relay_id
from proto.subjects import RelayCall
from services.relay import peer
from services.relay.audit import LookRecord
from services.relay.layers import Layers
from services.relay.measures import Measures
from services.relay.settings import RelaySettings
from services.relay.slates import Slates
from services.relay.viewers import Viewers
from services.runtime import logs
from services.runtime.clock import SystemClock
from services.runtime.process import Process, Service

OFFERS_AT_ONCE: Final = 8
"""Further ones wait in the subscription; each is some milliseconds of work."""

CALLS_AT_ONCE: Final = 64
FLUSH_LIMIT_S: Final = 2.0
"""How long a drain waits for the record of the last looks."""

_log = logs.logger(__name__)


def make(settings: RelaySettings) -> Service:
    async def service(process: Process) -> None:
        await _serve(settings, process)

    return service


async def _serve(settings: RelaySettings, process: Process) -> None:
    process.readiness.set("viewers", met=False)
    slates = await asyncio.to_thread(Slates.encode)
    bus, clock, measures = process.bus, SystemClock(), Measures(process.metrics)
    relay = _new_id(settings.instance)
    record = LookRecord(bus, measures)
    async with asyncio.TaskGroup() as tasks:
        recorder = tasks.create_task(record.run(), name="look record")
        layers = Layers(bus, clock, measures, slates.payloads, site=settings.site, tasks=tasks)
        viewers = Viewers(
            layers,
            record,
            clock,
            measures,
            site=settings.site,
            relay=relay,
            addresses=_addresses(settings),
            limit=settings.relay_viewers,
            tasks=tasks,
        )
        bus.on_connect(layers.renew_demand)
        withholds = await bus.subscribe(subjects.withhold_of_site(settings.site), layers.take_withhold)
        closing = subjects.relay_call(relay, RelayCall.CLOSE)
        calls = await bus.serve(closing, viewers.close, concurrency=CALLS_AT_ONCE)
        offers = await bus.serve(
            subjects.relay_offer(), viewers.offer, queue=subjects.RELAY_QUEUE, concurrency=OFFERS_AT_ONCE
        )
        process.readiness.set("viewers", met=True)
        _log.info("taking viewers", relay=relay, limit=settings.relay_viewers)

        await process.draining.wait()
        viewers.refuse_new()
        await offers.close()
        await viewers.drain()
        await record.flush(FLUSH_LIMIT_S)
        recorder.cancel()
        await calls.close()
        await withholds.close()
        bus.forget(layers.renew_demand)


def _new_id(instance: str) -> RelayId:
    """Unlike any other process's, a restarted one's of this name too: a close must reach the viewer's own relay."""
    return relay_id(f"{instance[:50].rstrip('-')}-{secrets.token_hex(4)}")


def _addresses(settings: RelaySettings) -> Sequence[str]:
    addresses = settings.relay_addresses
    if settings.relay_loopback:
        addresses = tuple(dict.fromkeys((*(addresses or peer.host_addresses()), peer.LOOPBACK)))
    return addresses
