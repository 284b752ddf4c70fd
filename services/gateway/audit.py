"""The record: each event is stored, and acknowledged, before the act that it tells of."""

import uuid

from proto import subjects
from proto.messages import AuditEvent
from proto.names import CameraId, Layer, SiteId
from proto.subjects import AuditKind
from services.gateway.errors import OutOfReach
from services.runtime import logs
from services.runtime.bus import Bus
from services.runtime.clock import Clock, utc
from services.runtime.errors import RuntimeFault
from services.runtime.metrics import Metrics

NOBODY = "unknown"
"""Actor of what somebody did who is not signed in."""

MAX_TEXT = 200

_log = logs.logger(__name__)


class Audit:
    """Appends events to the site's record."""

    def __init__(self, bus: Bus, site: SiteId, clock: Clock, metrics: Metrics) -> None:
        self._bus = bus
        self._site = site
        self._clock = clock
        self._events = metrics.counter("audit_events_total", "Audit events, by kind and end", ("kind", "end"))

    async def record(
        self,
        kind: AuditKind,
        *,
        actor: str,
        camera: CameraId | None = None,
        session: str = "",
        layer: Layer | None = None,
        address: str = "",
        detail: str = "",
    ) -> None:
        """Return once the event is stored. Raises OutOfReach if it is not known to be: then do not act."""
        event = AuditEvent(
            id=uuid.uuid4().hex,
            at=utc(self._clock.utc_us()),
            site=self._site,
            kind=kind,
            actor=actor,
            camera=camera,
            session=session,
            layer=layer,
            address=address[:MAX_TEXT],
            detail=detail[:MAX_TEXT],
        )
        try:
            await self._bus.append(subjects.audit(self._site, camera, kind), event.to_wire())
        except RuntimeFault as exc:
            self._events.labels(kind, "lost").inc()
            _log.error("the record cannot be written", kind=kind, error=str(exc))
            raise OutOfReach("The record cannot be written, and without it this is not done.") from exc
        self._events.labels(kind, "stored").inc()

    async def note(
        self,
        kind: AuditKind,
        *,
        actor: str,
        camera: CameraId | None = None,
        session: str = "",
        layer: Layer | None = None,
        address: str = "",
        detail: str = "",
    ) -> bool:
        """For what has been refused, or has ended: nothing depends on whether it is stored, which is returned."""
        try:
            await self.record(
                kind, actor=actor, camera=camera, session=session, layer=layer, address=address, detail=detail
            )
        except OutOfReach:
            return False
        return True
