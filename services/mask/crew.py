"""The cameras' threads, as the event loop sees them: one for each camera whose doorbell rings."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from proto import subjects
from proto.messages import Doorbell
from proto.names import CameraId, InvalidName
from services.mask.gate import MediaGate
from services.mask.masks.register import MaskRegister
from services.mask.measures import Measures
from services.mask.media.layer import layer_specs
from services.mask.media.outbox import Outbox
from services.mask.pipeline import Orders, Pipeline
from services.mask.settings import MaskSettings
from services.mask.worker import Worker
from services.runtime import logs
from services.runtime.bus import Message
from services.runtime.clock import Clock
from services.runtime.demand import DemandTable

MAX_WORKERS: Final = 2_048
"""Doorbells of further cameras are refused."""

JOIN_LIMIT_S: Final = 2.0

_log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class Hand:
    """One camera's worker and what it puts out."""

    worker: Worker
    outbox: Outbox


class Crew:
    """Starts a worker on a doorbell, keeps its orders current, and lets go of those that have ended.

    One event loop. `on_ready` is called on it with a camera whose outbox or sight has news.
    """

    def __init__(
        self,
        settings: MaskSettings,
        register: MaskRegister,
        demand: DemandTable,
        gate: MediaGate,
        names: Mapping[CameraId, str],
        on_ready: Callable[[CameraId], None],
        *,
        clock: Clock,
        measures: Measures,
    ) -> None:
        self._settings = settings
        self._register = register
        self._demand = demand
        self._gate = gate
        self._names = names
        self._on_ready = on_ready
        self._clock = clock
        self._measures = measures
        self._hands: dict[CameraId, Hand] = {}
        self._specs = layer_specs(
            main_bit_rate=settings.main_bit_rate, tile_bit_rate=settings.tile_bit_rate, preset=settings.preset
        )

    def __iter__(self) -> Iterator[tuple[CameraId, Hand]]:
        return iter(list(self._hands.items()))

    def hand(self, camera: CameraId) -> Hand | None:
        return self._hands.get(camera)

    def ring(self, message: Message) -> None:
        """A doorbell, from the bus."""
        try:
            doorbell = read_doorbell(message)
        except ValueError:
            self._measures.refused.labels("doorbell").inc()
            return
        hand = self._hands.get(doorbell.camera)
        if hand is not None:
            hand.worker.give(self._orders(doorbell.camera))
            if hand.worker.ring(doorbell):
                return
        if hand is None and len(self._hands) >= MAX_WORKERS:
            self._measures.refused.labels("too-many-cameras").inc()
            return
        self._start(doorbell.camera).worker.ring(doorbell)

    def wish(self, message: Message) -> None:
        """A keyframe wish, from the bus. What it says matters to nobody: the subject names the layer."""
        try:
            address = subjects.parse_layer(message.subject)
        except InvalidName:
            self._measures.refused.labels("keyframe-wish").inc()
            return
        if (hand := self._hands.get(address.camera)) is not None:
            hand.worker.wish(address.layer)

    def refresh(self, camera: CameraId) -> None:
        """The camera's standing or name has changed."""
        if (hand := self._hands.get(camera)) is not None:
            hand.worker.give(self._orders(camera))

    def on_disconnect(self) -> None:
        """What was not sent is not sent later; each layer begins with an IDR on the next connection."""
        for camera, hand in self:
            hand.worker.give(self._orders(camera))
            self._measures.unpublished.labels("disconnect").inc(len(hand.outbox.take().units))
            hand.worker.begin_anew()

    def on_connect(self) -> None:
        for _, hand in self:
            hand.worker.nudge()

    def reap(self) -> tuple[CameraId, ...]:
        """Let go of workers that have ended; returns their cameras."""
        gone = tuple(camera for camera, hand in self if hand.worker.has_ended)
        for camera in gone:
            del self._hands[camera]
        self._measures.cameras.set(len(self._hands))
        return gone

    async def close(self) -> None:
        """Stop all threads and wait for them, off the loop."""
        workers = [hand.worker for _, hand in self]
        for worker in workers:
            worker.stop()
        for worker in workers:
            if not await asyncio.to_thread(worker.join, JOIN_LIMIT_S):
                _log.error("a camera's thread did not end", camera=worker.camera)

    def _start(self, camera: CameraId) -> Hand:
        loop = asyncio.get_running_loop()

        def on_ready() -> None:
            loop.call_soon_threadsafe(self._on_ready, camera)

        outbox = Outbox(
            on_ready=on_ready,
            on_drop=lambda count: self._measures.unpublished.labels("outbox-full").inc(count),
        )
        pipeline = Pipeline(self._specs, self._settings.mask_margin_px, outbox, self._clock, self._measures)
        worker = Worker(
            camera, self._settings.ring_folder(), pipeline, self._orders(camera), self._clock, self._measures
        )
        self._hands[camera] = hand = Hand(worker, outbox)
        self._measures.cameras.set(len(self._hands))
        worker.start()
        return hand

    def _orders(self, camera: CameraId) -> Orders:
        return Orders(
            standing=self._register.standing(camera),
            wanted=self._demand.wanted(camera),
            name=self._names.get(camera, camera),
            is_gated=not self._gate.is_open,
        )


def read_doorbell(message: Message) -> Doorbell:
    """Raises ValueError unless it names a ring of the very camera and epoch that it is about.

    Another camera's ring would be shown under the wrong masks.
    """
    doorbell = Doorbell.from_wire(message.payload)
    if subjects.parse_camera(message.subject) != doorbell.camera:
        raise ValueError("a doorbell on another camera's subject")
    if not re.fullmatch(rf"{doorbell.camera}-{doorbell.epoch}-[0-9]+\.ring", doorbell.ring):
        raise ValueError("a doorbell with another camera's ring")
    return doorbell
