"""Viewers from their offer to their end: admission, the task that owns each, and the record of the end."""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from proto.messages import Answer, AuditEvent, Close, Closed, Offer, RelayErrorKind
from proto.names import RelayId, SessionId, SiteId
from proto.subjects import AuditKind
from services.relay.audit import LookRecord
from services.relay.errors import Draining, InvalidOffer, NoRoom, RelayFault
from services.relay.forwarder import Forwarder
from services.relay.layers import Layers
from services.relay.measures import Measures
from services.relay.peer import Peer
from services.runtime import logs
from services.runtime.bus import Message
from services.runtime.clock import Clock, utc

CONNECT_LIMIT_S: Final = 10.0
"""A viewer whose connection is not up by then is ended."""

_log = logs.logger(__name__)


class Viewer:
    """One admitted viewer. Told by its peer what happens; `end` may come from anywhere, any number of times."""

    def __init__(self, offer: Offer, forwarder: Forwarder, since_s: float) -> None:
        self.offer = offer
        self.forwarder = forwarder
        self.since_s = since_s
        self.peer: Peer | None = None
        self.why = ""
        self.is_connected = False
        self.settled = asyncio.Event()
        """Connected or ended."""
        self.ended = asyncio.Event()
        self.gone = asyncio.Event()
        """Everything of it has been closed."""

    def on_connected(self) -> None:
        if self.peer is not None and not self.ended.is_set():
            self.is_connected = True
            self.settled.set()
            self.forwarder.join(self.peer)

    def on_keyframe_request(self) -> None:
        self.forwarder.wish("loss")

    def on_ended(self) -> None:
        self.end("left" if self.is_connected else "connection failed")

    def end(self, why: str) -> None:
        self.why = self.why or why
        self.ended.set()
        self.settled.set()

    async def run(self) -> None:
        """Wait for the viewer's end."""
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                await self.settled.wait()
        except TimeoutError:
            self.end("never connected")
        await self.ended.wait()


class Viewers:
    """Every viewer of this relay: `offer` and `close` answer the gateway."""

    def __init__(
        self,
        layers: Layers,
        record: LookRecord,
        clock: Clock,
        measures: Measures,
        *,
        site: SiteId,
        relay: RelayId,
        addresses: Sequence[str],
        limit: int,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._layers, self._record, self._clock, self._measures = layers, record, clock, measures
        self._site, self._relay, self._addresses, self._limit = site, relay, addresses, limit
        self._tasks = tasks
        self._viewers: dict[SessionId, Viewer] = {}
        self._is_draining = False

    def __len__(self) -> int:
        return len(self._viewers)

    async def offer(self, message: Message) -> bytes:
        """Let a viewer in, or say why not: an Answer."""
        try:
            answer = await self._admit(message)
        except RelayFault as fault:
            answer = Answer(relay=self._relay, error=fault.kind, detail=str(fault))
        except Exception as exc:  # noqa: BLE001 - supervisor: the gateway gets an answer, the log the cause
            _log.error("an offer failed", exc_info=exc)
            answer = Answer(relay=self._relay, error=RelayErrorKind.INTERNAL, detail="the relay could not answer")
        self._measures.offers.labels(answer.error or "accepted").inc()
        return answer.to_wire()

    async def close(self, message: Message) -> bytes:
        """End a viewer now: a Closed, sent once it is gone."""
        try:
            close = Close.from_wire(message.payload)
        except ValidationError:
            return Closed(was_open=False).to_wire()
        viewer = self._viewers.get(close.session)
        if viewer is not None:
            viewer.end(close.reason or "closed")
            await viewer.gone.wait()
        return Closed(was_open=viewer is not None).to_wire()

    def refuse_new(self) -> None:
        self._is_draining = True

    async def drain(self) -> None:
        """End everybody, and wait until they are gone."""
        self.refuse_new()
        viewers = list(self._viewers.values())
        for viewer in viewers:
            viewer.end("the relay is ending")
        for viewer in viewers:
            await viewer.gone.wait()

    async def _admit(self, message: Message) -> Answer:
        if self._is_draining:
            raise Draining("this relay is ending")
        try:
            offer = Offer.from_wire(message.payload)
        except ValidationError as exc:
            raise InvalidOffer("the message is not an offer") from exc
        if offer.session in self._viewers:
            raise InvalidOffer("the session has a viewer already")
        if len(self._viewers) >= self._limit:
            raise NoRoom(f"this relay has its {self._limit} viewers")
        return await self._open(offer)

    async def _open(self, offer: Offer) -> Answer:
        forwarder = self._layers.acquire(offer.camera, offer.layer)
        viewer = Viewer(offer, forwarder, self._clock.monotonic_s())
        self._keep(viewer)
        try:
            viewer.peer = peer = await Peer.accept(
                offer.sdp, viewer, history=forwarder.history, measures=self._measures, addresses=self._addresses
            )
        except BaseException:
            self._forget(viewer)
            raise
        self._tasks.create_task(self._own(viewer), name=f"viewer {offer.session}")
        return Answer(relay=self._relay, sdp=peer.answer)

    async def _own(self, viewer: Viewer) -> None:
        """The viewer's task."""
        assert viewer.peer is not None
        try:
            await viewer.run()
        finally:
            viewer.forwarder.leave(viewer.peer)
            try:
                await viewer.peer.close()
            except Exception as exc:  # noqa: BLE001 - supervisor: one viewer must not end the others
                _log.error("a connection did not close", session=viewer.offer.session, exc_info=exc)
            finally:
                self._record.add(self._look_stop(viewer))
                self._forget(viewer)

    def _keep(self, viewer: Viewer) -> None:
        self._viewers[viewer.offer.session] = viewer
        self._measures.viewers.set(len(self._viewers))

    def _forget(self, viewer: Viewer) -> None:
        del self._viewers[viewer.offer.session]
        self._layers.release(viewer.forwarder)
        self._measures.viewers.set(len(self._viewers))
        viewer.gone.set()

    def _look_stop(self, viewer: Viewer) -> AuditEvent:
        offer = viewer.offer
        return AuditEvent(
            id=uuid.uuid4().hex,
            at=utc(self._clock.utc_us()),
            site=self._site,
            kind=AuditKind.LOOK_STOP,
            actor=offer.person,
            camera=offer.camera,
            session=offer.session,
            layer=offer.layer,
            seconds=self._clock.monotonic_s() - viewer.since_s,
            detail=viewer.why[:200],
        )
