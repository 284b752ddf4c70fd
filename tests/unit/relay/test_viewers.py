"""Admission, where no connection is needed."""

import asyncio
from pathlib import Path
from typing import Final

from proto.messages import Answer, Offer, RelayErrorKind
from proto.names import CameraId, Layer, RelayId, SessionId, SiteId
from services.relay.audit import LookRecord
from services.relay.layers import Layers
from services.relay.measures import Measures
from services.relay.viewers import Viewers
from services.runtime.bus import Bus, BusSettings, Message
from services.runtime.clock import VirtualClock
from services.runtime.metrics import Metrics
from tests.unit.relay.offers import CHROMIUM

SITE: Final = SiteId("islington")


def unconnected_viewers(tasks: asyncio.TaskGroup) -> Viewers:
    metrics = Metrics()
    bus = Bus(BusSettings(url="nats://127.0.0.1:1", creds=Path("none"), name="test"), "relay", metrics, None)
    clock, measures = VirtualClock(), Measures(metrics)
    layers = Layers(bus, clock, measures, {}, site=SITE, tasks=tasks)
    record = LookRecord(bus, measures)
    return Viewers(
        layers, record, clock, measures, site=SITE, relay=RelayId("r1"), addresses=("127.0.0.1",), limit=5, tasks=tasks
    )


async def test_draining_relay_is_unavailable() -> None:
    offer = Offer(session=SessionId("s1"), camera=CameraId("cam7"), layer=Layer.MAIN, person="Ada", sdp=CHROMIUM)
    async with asyncio.TaskGroup() as tasks:
        viewers = unconnected_viewers(tasks)
        viewers.refuse_new()
        answer = Answer.from_wire(await viewers.offer(Message("relay.offer", offer.to_wire(), {}, "")))
        assert answer.error is RelayErrorKind.UNAVAILABLE
        assert len(viewers) == 0
        await viewers.drain()
