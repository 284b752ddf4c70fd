"""Looking: an offer goes to a relay once the look is on the record, and a viewer stays only while he may.

Which relay a viewer hangs on is stored before he is let in, so that every gateway can end him, and each ends all who
must go: twice does no harm. So a gateway that drains leaves viewers running, and so does one that is killed.
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from proto import subjects
from proto.messages import Answer, Camera, Offer, RelayErrorKind
from proto.names import CameraId, Layer, SessionId
from proto.subjects import AuditKind
from services.gateway.access import Access
from services.gateway.audit import Audit
from services.gateway.closing import Closing
from services.gateway.errors import (
    Denied,
    GatewayFault,
    Malformed,
    NotFound,
    OutOfReach,
    Throttled,
    TooLate,
    Unauthenticated,
)
from services.gateway.policy import Right
from services.gateway.registry import Registry
from services.gateway.sessions import Caller
from services.gateway.throttle import Pace, Throttle
from services.gateway.viewer_store import ViewerStore
from services.gateway.viewers import Viewer, Viewers
from services.runtime.bus import Bus
from services.runtime.clock import Clock, utc
from services.runtime.errors import DeadlineExceeded, RuntimeFault
from services.runtime.metrics import Metrics

OFFER_LIMIT_S: Final = 5.0
MAX_OPENING: Final = 64
"""Offers under way at once; further ones are told to come again."""

BY_PERSON = Pace(burst=60, refill_s=1)
"""Each look is an event of the record. A wall of tiles is opened at once."""

SHARE_WAIT_S: Final = 5.0
SETTLE_S: Final = 0.75
"""How long a viewer is known here before it counts that his session or his camera is not."""

_BEFORE_A_PAUSE: Final = 500


@dataclass(frozen=True, slots=True)
class Opened:
    """A viewer that was let in, and the relay's SDP answer."""

    session: SessionId
    sdp: str


class Whep:
    """Viewers of the site, let in at this gateway or at another. They outlive the gateway that let them in."""

    def __init__(
        self,
        bus: Bus,
        access: Access,
        registry: Registry,
        audit: Audit,
        viewers: Viewers,
        store: ViewerStore,
        closing: Closing,
        clock: Clock,
        metrics: Metrics,
        is_current: Callable[[], bool],
    ) -> None:
        """`is_current` says whether what is read of people, sessions and cameras is as the store has it."""
        self._bus = bus
        self._access = access
        self._registry = registry
        self._audit = audit
        self._viewers = viewers
        self._store = store
        self._closing = closing
        self._clock = clock
        self._is_current = is_current
        self._by_person = Throttle(clock, BY_PERSON)
        self._opening = 0
        self._looks = metrics.counter("looks_total", "Offers made by people, by end", ("end",))
        metrics.gauge("viewers", "Viewers let in at any gateway and not closed").set_function(lambda: len(viewers))

    async def open(self, caller: Caller, camera: Camera, layer: Layer, sdp: str) -> Opened:
        """Record the look, let a relay answer, and store whom it has let in.

        Raises Throttled, Malformed, OutOfReach, TooLate, and as `_check`.
        """
        self._require_room(caller)
        self._opening += 1
        try:
            return await self._open(caller, camera, layer, sdp)
        finally:
            self._opening -= 1

    def _require_room(self, caller: Caller) -> None:
        """Before anything is recorded: else one person could fill the record. Raises Throttled, OutOfReach."""
        key = caller.session.person_key
        wait_s = self._by_person.attempt(key)
        if wait_s > 0:
            self._looks.labels("throttled").inc()
            raise Throttled("You are opening pictures too fast.", wait_s)
        if self._viewers.is_share_used_up(key, caller.session.id):
            self._looks.labels("throttled").inc()
            raise Throttled("You have too many pictures open elsewhere; close some there, or sign out.", SHARE_WAIT_S)
        if self._viewers.is_full or self._opening >= MAX_OPENING:
            self._looks.labels("full").inc()
            raise OutOfReach("Too many people are opening pictures at this moment.")

    async def _open(self, caller: Caller, camera: Camera, layer: Layer, sdp: str) -> Opened:
        session = SessionId(uuid.uuid4().hex)
        await self._record(AuditKind.LOOK_START, caller, camera, layer, session)
        offer = Offer(session=session, camera=camera.camera, layer=layer, person=caller.person.id, sdp=sdp)
        try:
            answer = await self._ask(offer)
            excess = await self._let_in(caller, offer, answer)
        except GatewayFault as fault:
            self._looks.labels("refused").inc()
            await self._note_refused(caller, camera, layer, session, fault)
            raise
        self._closing.end(excess, "too many viewers")
        self._looks.labels("opened").inc()
        return Opened(session, answer.sdp)

    async def _let_in(self, caller: Caller, offer: Offer, answer: Answer) -> list[Viewer]:
        """Store the viewer before anybody can watch; returns those who give way. Raises OutOfReach, and as `_check`."""
        viewer = Viewer(
            session=offer.session,
            relay=answer.relay,
            camera=offer.camera,
            layer=offer.layer,
            access=caller.session.id,
            person_key=caller.session.person_key,
            started=utc(self._clock.utc_us()),
        )
        excess = self._viewers.add(viewer)
        try:
            await self._store.put(viewer, caller.session)
        except RuntimeFault as exc:
            await self._closing.end_now([viewer], "not stored")
            raise OutOfReach("Who watches cannot be stored, and without that nobody is let in.") from exc
        await self._check(viewer)
        return excess

    async def _ask(self, offer: Offer) -> Answer:
        try:
            reply = await self._bus.request(subjects.relay_offer(), offer.to_wire(), timeout_s=OFFER_LIMIT_S)
            answer = Answer.from_wire(reply.payload)
        except DeadlineExceeded as exc:
            raise TooLate("No relay answered in time.") from exc
        except (RuntimeFault, ValidationError) as exc:
            raise OutOfReach("No relay is there to send the picture.") from exc
        match answer.error:
            case None:
                return answer
            case RelayErrorKind.INVALID:
                raise Malformed("The offer is no SDP offer that a relay could answer.")
            case RelayErrorKind.EXHAUSTED:
                raise OutOfReach("The relay has as many viewers as it can serve.", retry_after_s=5)
            case RelayErrorKind.UNAVAILABLE | RelayErrorKind.INTERNAL:
                raise OutOfReach("The relay could not take this viewer.")

    async def _check(self, viewer: Viewer) -> None:
        """What held before the offer may not hold after it. Raises Unauthenticated, Denied, NotFound."""
        why = self._why_not(viewer)
        if why is not None:
            await self._closing.end_now([viewer], "no longer allowed")
            raise why

    def _why_not(self, viewer: Viewer) -> GatewayFault | None:
        caller = self._access.current(viewer.access)
        if caller is None:
            return Unauthenticated("Your session has ended.")
        if not self._registry.knows(viewer.camera):
            return NotFound("There is no such camera.")
        if not caller.may(Right.SEE_LIVE, self._registry.get(viewer.camera)):
            return Denied("You may not watch this camera.")
        return None

    async def close(self, caller: Caller, camera: CameraId, session: SessionId) -> None:
        """Wherever it was opened. Raises NotFound, also for somebody else's viewer, OutOfReach, RuntimeFault."""
        viewer = await self._find(session)
        is_mine = viewer is not None and viewer.person_key == caller.session.person_key
        if viewer is None or viewer.camera != camera or not (is_mine or caller.may(Right.ADMINISTER)):
            raise NotFound("There is no such viewer.")
        await self._closing.close(viewer, "closed by its owner" if is_mine else "closed by an administrator")

    async def _find(self, session: SessionId) -> Viewer | None:
        """In the store too: a viewer that another gateway has just let in may not have come here yet."""
        viewer = self._viewers.get(session)
        if viewer is None and (viewer := await self._store.get(session)) is not None:
            self._viewers.hear_of(viewer)
        return viewer

    async def close_of(self, access: str) -> None:
        """Close every viewer of a signed-in session; those that cannot be told now are told by `sweep`."""
        await self._closing.end_now(self._viewers.of_access(access), "signed out")

    async def sweep(self) -> None:
        """End everybody who may not watch any longer, whoever let him in: signed out, expired, stripped of the right,
        camera gone. And those who were to be closed before, and whose relay did not answer."""
        self._closing.again()
        for number, viewer in enumerate(self._viewers.all(), start=1):
            if self._must_end(viewer):
                self._closing.end([viewer], "no longer allowed")
            if number % _BEFORE_A_PAUSE == 0:
                await asyncio.sleep(0)

    def _must_end(self, viewer: Viewer) -> bool:
        """What is not known here may have been made at another gateway just now, and be on its way."""
        if self._why_not(viewer) is None:
            return False
        is_known = self._access.knows(viewer.access) and self._registry.knows(viewer.camera)
        return is_known or (self._is_current() and self._viewers.known_for_s(viewer.session) >= SETTLE_S)

    async def _record(self, kind: AuditKind, caller: Caller, camera: Camera, layer: Layer, session: SessionId) -> None:
        await self._audit.record(
            kind,
            actor=caller.person.id,
            camera=camera.camera,
            session=session,
            layer=layer,
            address=caller.address,
        )

    async def _note_refused(
        self, caller: Caller, camera: Camera, layer: Layer, session: SessionId, fault: GatewayFault
    ) -> None:
        await self._audit.note(
            AuditKind.LOOK_REFUSED,
            actor=caller.person.id,
            camera=camera.camera,
            session=session,
            layer=layer,
            address=caller.address,
            detail=fault.detail,
        )
