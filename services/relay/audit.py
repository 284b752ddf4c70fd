"""The end of each look, written to the record: kept and tried again while the stream cannot be written."""

import asyncio
import contextlib
from collections import deque
from typing import Final

from proto import subjects
from proto.messages import AuditEvent
from services.relay.measures import Measures
from services.runtime import logs
from services.runtime.bus import Bus
from services.runtime.errors import Conflict, Refused, RuntimeFault

MAX_WAITING: Final = 1_000
"""Events held while the stream does not answer. When full the oldest is lost, logged and counted."""

RETRY_S: Final = 1.0

_log = logs.logger(__name__)


class LookRecord:
    """Appends audit events in order. `add` never waits; one task runs `run`."""

    def __init__(self, bus: Bus, measures: Measures) -> None:
        self._bus = bus
        self._dropped = measures.audit_dropped
        self._waiting: deque[AuditEvent] = deque()
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()

    def add(self, event: AuditEvent) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._lose(self._waiting.popleft(), "full")
        self._waiting.append(event)
        self._written.clear()
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._write(self._waiting[0])
            self._written.set()

    async def flush(self, limit_s: float) -> None:
        """Wait until everything is written, at most `limit_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._written.wait()

    async def _write(self, event: AuditEvent) -> None:
        subject = subjects.audit(event.site, event.camera, event.kind)
        try:
            # The stream knows an event that came twice by its id: after a deadline it may have been stored or not.
            await self._bus.append(subject, event.to_wire(), headers={"Nats-Msg-Id": event.id})
        except (Refused, Conflict):
            self._lose(event, "refused")
        except RuntimeFault:
            await asyncio.sleep(RETRY_S)
            return
        if self._waiting and self._waiting[0] is event:
            self._waiting.popleft()

    def _lose(self, event: AuditEvent, cause: str) -> None:
        self._dropped.labels(cause).inc()
        _log.error("an audit event is lost", cause=cause, session=event.session, kind=event.kind)
