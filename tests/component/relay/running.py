"""A relay in the test's process, on a real nats-server, with the gateway's and the mask service's ends of the bus."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proto import subjects
from proto.messages import Answer, Close, Closed, Offer, Withhold
from proto.names import Layer, SessionId
from proto.subjects import RelayCall
from services.relay.service import make
from services.relay.settings import RelaySettings
from services.runtime.bus import Bus, BusSettings
from services.runtime.health import Readiness
from services.runtime.metrics import Metrics
from services.runtime.process import Process
from tests.component.relay.camera import CAMERA, SITE
from tests.component.relay.watcher import Watcher
from tests.support.nats import NatsSite, RunningSite
from tests.support.waiting import until

REQUEST_LIMIT_S = 5.0


def new_session() -> SessionId:
    return SessionId(uuid.uuid4().hex)


@dataclass(slots=True)
class Relay:
    """The relay under test, and the others' ends of the bus."""

    nats: RunningSite
    process: Process
    task: asyncio.Task[None]
    mask: Bus
    gateway: Bus

    def metric(self, name: str, **labels: str) -> float:
        return self.process.metrics.registry.get_sample_value(f"us_relay_{name}", labels) or 0.0

    async def offer(self, sdp: str, *, session: SessionId | None = None, layer: Layer = Layer.MAIN) -> Answer:
        message = Offer(session=session or new_session(), camera=CAMERA, layer=layer, person="Ada", sdp=sdp)
        return await self.offer_raw(message.to_wire())

    async def offer_raw(self, payload: bytes) -> Answer:
        reply = await self.gateway.request(subjects.relay_offer(), payload, timeout_s=REQUEST_LIMIT_S)
        return Answer.from_wire(reply.payload)

    async def watch(self, watcher: Watcher, *, session: SessionId | None = None, layer: Layer = Layer.MAIN) -> Answer:
        answer = await self.offer(await watcher.offer(), session=session, layer=layer)
        assert answer.error is None, answer
        await watcher.take(answer.sdp)
        return answer

    async def close(self, answer: Answer, session: SessionId) -> Closed:
        subject = subjects.relay_call(answer.relay, RelayCall.CLOSE)
        close = Close(session=session, reason="revoked")
        return Closed.from_wire((await self.gateway.request(subject, close.to_wire(), timeout_s=5)).payload)

    async def withhold(self, withhold: Withhold) -> None:
        await self.gateway.publish(subjects.withhold(SITE, CAMERA), withhold.to_wire())


@contextlib.asynccontextmanager
async def relaying(folder: Path, **settings: Any) -> AsyncIterator[Relay]:
    async with (
        NatsSite.start(folder, site=SITE) as nats,
        _bus(nats, "mask") as mask,
        _bus(nats, "gateway") as gateway,
        _relay(nats, mask, gateway, settings) as relay,
    ):
        yield relay


@contextlib.asynccontextmanager
async def _bus(nats: RunningSite, user: str, metrics: Metrics | None = None) -> AsyncIterator[Bus]:
    settings = BusSettings(url=nats.url, creds=nats.creds(user), name=f"test-{user}")
    async with Bus.connect(settings, user=user, metrics=metrics or Metrics()) as bus:
        yield bus


@contextlib.asynccontextmanager
async def _relay(nats: RunningSite, mask: Bus, gateway: Bus, settings: dict[str, Any]) -> AsyncIterator[Relay]:
    metrics, readiness = Metrics(), Readiness()
    readiness.set("viewers", met=False)
    wanted = {"relay_addresses": ("127.0.0.1",), **settings}
    service = make(RelaySettings(site=SITE, nats_url=nats.url, nats_creds=nats.creds("relay"), **wanted))
    async with _bus(nats, "relay", metrics) as bus:
        process = Process(bus, metrics, readiness)
        task = asyncio.ensure_future(service(process))
        try:
            await until(lambda: readiness.is_ready or task.done(), what="the relay is ready")
            yield Relay(nats, process, task, mask, gateway)
        finally:
            process.draining.set()
            await asyncio.wait_for(task, 10)
