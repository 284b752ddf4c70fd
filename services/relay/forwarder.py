"""One layer of one camera on its way to its viewers: takes access units from the bus, packetises each once."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, Literal, Protocol

from proto import subjects
from proto.codec import AccessUnitHeaders, MalformedHeaders
from proto.limits import DEMAND_INTERVAL_S, SLATE_AFTER_S
from proto.messages import Demand, KeyframeWish, WithheldReason
from proto.names import CameraId, Layer, SiteId
from services.relay.fence import Fence, Refusal
from services.relay.history import History, PacketisedUnit, ntp_time
from services.relay.measures import Measures
from services.relay.packetise import IDR, nal_type, packetise, split_nal_units
from services.relay.rtp_timeline import RtpTimeline
from services.runtime.bus import Bus, Message
from services.runtime.clock import Clock
from services.runtime.mailbox import KeyframeMailbox

MAILBOX_UNITS: Final = 60
MAILBOX_BYTES: Final = 8 * 1024 * 1024
"""Two seconds of access units, beyond which the layer jumps to the next keyframe."""

SLATE_INTERVAL_S: Final = 1.0
CATCH_UP_S: Final = 0.6
CATCH_UP_BYTES: Final = 512 * 1024
"""A viewer is caught up from the last keyframe if that is no older, and all since no larger. Longer than the half
second for which the encoder makes no second keyframe, so that nobody waits for that to pass."""

WISHES_PER_S: Final = 2
WISH_INTERVAL_S: Final = 0.1
"""Wishes that come closer together are one: by then the first has been answered."""

WishReason = Literal["join", "loss", "switch"]
SlatePayloads = Mapping[tuple[WithheldReason, Layer], tuple[bytes, ...]]


class Receiver(Protocol):
    """A connected viewer, as its layer sees it."""

    @property
    def is_waiting_for_keyframe(self) -> bool: ...

    def send(self, unit: PacketisedUnit) -> None:
        """Send now or drop; must not block."""

    def catch_up(self, units: Sequence[PacketisedUnit]) -> None:
        """Send these, from a keyframe on, as one."""


class Forwarder:
    """Forwards a layer from `run` until that is cancelled. Everything happens on one event loop, and what is sent
    to the viewers is sent by the loop's current callback whole, so that no viewer sees half a change."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        measures: Measures,
        slates: SlatePayloads,
        *,
        site: SiteId,
        camera: CameraId,
        layer: Layer,
    ) -> None:
        self.camera, self.layer = camera, layer
        self.history = History()
        self.watchers = 0
        """Viewers admitted, connected or not: what the demand says."""
        self._bus, self._clock, self._measures, self._slates, self._site = bus, clock, measures, slates, site
        self._fence = Fence(clock)
        self._timeline = RtpTimeline()
        self._receivers: set[Receiver] = set()
        self._next_index = 0
        self._reason = WithheldReason.NO_SIGNAL
        self._slate_due_s = clock.monotonic_s() + SLATE_AFTER_S
        self._demand_now = asyncio.Event()
        self._wished = asyncio.Event()
        self._wish_reason: WishReason = "join"
        self._mailbox: KeyframeMailbox[Message] = KeyframeMailbox(
            capacity=MAILBOX_UNITS, max_bytes=MAILBOX_BYTES, on_drop=measures.refused.labels("overflow").inc
        )

    # Viewers

    def join(self, receiver: Receiver) -> None:
        """Send to a viewer from the last keyframe on if that was just now, else from the next, wished for at once."""
        self._receivers.add(receiver)
        since = ntp_time(self._clock.utc_us() - round(CATCH_UP_S * 1_000_000))
        if units := self.history.since_keyframe(since_ntp=since, max_bytes=CATCH_UP_BYTES):
            receiver.catch_up(units)
        else:
            self.wish("join")

    def leave(self, receiver: Receiver) -> None:
        self._receivers.discard(receiver)

    def wish(self, reason: WishReason) -> None:
        """Ask the encoder for a keyframe, soon; forgotten when one comes first, or when nobody is connected."""
        if self._receivers:
            self._wish_reason = reason
            self._wished.set()

    def renew_demand(self) -> None:
        """Say at once that this layer is watched, as after a lost connection."""
        self._demand_now.set()

    def withhold(self, reason: WithheldReason, mask_revision: int) -> None:
        """Show a slate now, and no picture made under this mask revision or an older one."""
        self._fence.withhold(mask_revision)
        self._reason = reason
        self._show_slate()

    # Tasks

    async def run(self) -> None:
        masked = subjects.masked(self._site, self.camera, self.layer)
        name = f"{self.camera} {self.layer}"
        subscription = await self._bus.subscribe(masked, self._take)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._demand(), name=f"demand {name}")
                tasks.create_task(self._wishes(), name=f"wishes {name}")
                tasks.create_task(self._forward(), name=f"forward {name}")
        finally:
            await subscription.close()

    async def _demand(self) -> None:
        subject = subjects.demand(self._site, self._site, self.camera, self.layer)
        while True:
            self._demand_now.clear()
            await self._bus.publish(subject, Demand(viewers=max(1, self.watchers)).to_wire())
            try:
                async with asyncio.timeout(DEMAND_INTERVAL_S):
                    await self._demand_now.wait()
            except TimeoutError:
                continue

    async def _wishes(self) -> None:
        subject = subjects.keyframe(self._site, self._site, self.camera, self.layer)
        published_s: deque[float] = deque([-1.0] * WISHES_PER_S, maxlen=WISHES_PER_S)
        while True:
            await self._wished.wait()
            due_s = max(published_s[0] + 1.0, published_s[-1] + WISH_INTERVAL_S)
            if (wait_s := due_s - self._clock.monotonic_s()) > 0:
                await asyncio.sleep(wait_s)  # and see whether a keyframe has come meanwhile
                continue
            self._wished.clear()
            published_s.append(self._clock.monotonic_s())
            if await self._bus.publish(subject, KeyframeWish(reason=self._wish_reason).to_wire()):
                self._measures.wishes.inc()

    async def _forward(self) -> None:
        while True:
            try:
                async with asyncio.timeout(max(0.0, self._slate_due_s - self._clock.monotonic_s())):
                    message = await self._mailbox.get()
            except TimeoutError:
                # A withhold may have shown one while this was waiting.
                if self._clock.monotonic_s() >= self._slate_due_s:
                    self._show_slate()
                continue
            if message is not None:
                self._accept(message)
            await asyncio.sleep(0)  # a full mailbox must not keep the loop

    # Access units

    def _take(self, message: Message) -> None:
        self._mailbox.put(message, len(message.payload), is_keyframe=message.headers.get("Us-Key") == "1")
        if self._mailbox.is_waiting_for_keyframe:
            self.wish("loss")

    def _accept(self, message: Message) -> None:
        try:
            unit = AccessUnitHeaders.from_wire(message.headers)
        except MalformedHeaders:
            self._refuse(Refusal.MALFORMED)
            return
        nals = split_nal_units(message.payload)
        if not nals or (unit.is_keyframe and IDR not in map(nal_type, nals)):
            self._refuse(Refusal.MALFORMED)
        elif (refusal := self._fence.admit(unit)) is not None:
            self._refuse(refusal)
        else:
            now_s = self._clock.monotonic_s()
            self._slate_due_s = now_s + SLATE_AFTER_S
            self._reason = WithheldReason.NO_SIGNAL
            timestamp = self._timeline.picture(unit.epoch, unit.pts_90k, now_s)
            self._measures.forwarded.inc()
            if unit.is_keyframe:
                self._wished.clear()
            self._send(packetise(nals), timestamp, is_keyframe=unit.is_keyframe)

    def _refuse(self, refusal: Refusal) -> None:
        self._measures.refused.labels(refusal).inc()
        if refusal is Refusal.NEEDS_KEYFRAME:
            self.wish("loss")

    def _show_slate(self) -> None:
        now_s = self._clock.monotonic_s()
        self._slate_due_s = now_s + SLATE_INTERVAL_S
        self._fence.require_keyframe()
        self._measures.slates.labels(self._reason).inc()
        self._send(self._slates[self._reason, self.layer], self._timeline.slate(now_s), is_keyframe=True)

    def _send(self, payloads: tuple[bytes, ...], timestamp: int, *, is_keyframe: bool) -> None:
        ntp = ntp_time(self._clock.utc_us())
        unit = PacketisedUnit(self._next_index, payloads, timestamp, ntp, is_keyframe)
        self._next_index = unit.end
        self.history.add(unit)
        for receiver in self._receivers:
            receiver.send(unit)
        if not is_keyframe and any(receiver.is_waiting_for_keyframe for receiver in self._receivers):
            self.wish("join")
