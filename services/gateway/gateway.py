"""The parts of the gateway, joined: what the HTTP side is given."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from proto import subjects
from proto.messages import Camera, CameraStatus, MaskPointer
from proto.names import CameraId, InvalidName, camera_id
from proto.subjects import REST, AuditKind, Bucket
from services.gateway.access import Access
from services.gateway.accounts import Person
from services.gateway.audit import Audit
from services.gateway.closing import Closing
from services.gateway.errors import NotFound
from services.gateway.masks import POINTERS, MaskSets
from services.gateway.passwords import Passwords
from services.gateway.registry import Registry
from services.gateway.sessions import SESSIONS, Caller, Lengths, SessionRecord
from services.gateway.settings import GatewaySettings
from services.gateway.signin import SignIn
from services.gateway.states import HealthBoard
from services.gateway.stills import Recent, Still, StillShelf, may_show, read_still
from services.gateway.tables import Table
from services.gateway.viewer_store import VIEWERS, ViewerStore
from services.gateway.viewers import Viewers
from services.gateway.whep import Whep
from services.runtime import logs
from services.runtime.bus import Bus, Message
from services.runtime.clock import Clock
from services.runtime.errors import RuntimeFault
from services.runtime.kv import Keys, Watch, watch
from services.runtime.metrics import Metrics

_log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class Gateway:
    """Made by `open_gateway`; one event loop."""

    settings: GatewaySettings
    access: Access
    sign_in: SignIn
    registry: Registry
    masks: MaskSets
    health: HealthBoard
    stills: StillShelf
    recent: Recent
    whep: Whep
    audit: Audit

    async def still(self, caller: Caller, camera: CameraId) -> Still:
        """The camera's last still, the look at it on the record. Raises NotFound, OutOfReach."""
        still = self.stills.get(camera)
        if still is None or not may_show(still, self.masks.pointer(camera)):
            raise NotFound("There is no still of this camera yet.")
        who = caller.person.id
        if not self.recent.is_recorded(who, camera):
            await self.audit.record(
                AuditKind.STILL, actor=who, camera=camera, session=caller.session.id, address=caller.address
            )
            self.recent.note(who, camera)
        return still

    async def remove_camera(self, caller: Caller, camera: CameraId) -> None:
        """Its masks are revoked first: they must not be in force for another camera that is given the same id.

        Raises NotFound, Conflicted, OutOfReach, RuntimeFault.
        """
        self.registry.get(camera)
        if self.masks.pointer(camera) is not None:
            await self.masks.revoke(caller, camera)
        await self.registry.remove(caller, camera)
        self.stills.forget(camera)


@contextlib.asynccontextmanager
async def open_gateway(settings: GatewaySettings, bus: Bus, clock: Clock, metrics: Metrics) -> AsyncIterator[Gateway]:
    """Enters once people, sessions, viewers, cameras and mask pointers have been read; watches them while the block
    runs."""
    people, records = Table(Person), Table(SessionRecord)
    cameras, pointers = Table(Camera), Table(MaskPointer)
    viewers, store = Viewers(clock), ViewerStore(bus, clock)
    views: list[Watch] = []

    def is_current() -> bool:
        return all(view.is_synced for view in views)

    async with contextlib.AsyncExitStack() as stack:
        passwords = await stack.enter_async_context(Passwords.start())
        audit = Audit(bus, settings.site, clock, metrics)
        lengths = Lengths(settings.session_length_s, settings.session_idle_s, settings.token_length_max_s)
        access = Access(bus, people, records, clock, lengths)
        registry = Registry(bus, cameras, audit)
        closing = Closing(bus, viewers, store, clock, metrics)
        await stack.enter_async_context(closing.run())
        gateway = Gateway(
            settings=settings,
            access=access,
            sign_in=SignIn(people, access, passwords, audit, clock, metrics),
            registry=registry,
            masks=MaskSets(bus, settings.site, pointers, audit, clock),
            health=HealthBoard(clock),
            stills=StillShelf(),
            recent=Recent(clock),
            whep=Whep(bus, access, registry, audit, viewers, store, closing, clock, metrics, is_current),
            audit=audit,
        )
        await _listen(stack, gateway, bus, metrics)
        for bucket, filter_, on_change in (
            (Bucket.PEOPLE, REST, people.take),
            (Bucket.SESSIONS, SESSIONS, records.take),
            (Bucket.SESSIONS, VIEWERS, viewers.take),
            (Bucket.CAMERAS, REST, cameras.take),
            (Bucket.MASKS, POINTERS, pointers.take),
        ):
            views.append(await stack.enter_async_context(watch(bus, bucket, filter_, on_change=on_change)))
        for view in views:
            await view.synced()
        await _read_stills(gateway, bus)
        yield gateway


async def _listen(stack: contextlib.AsyncExitStack, gateway: Gateway, bus: Bus, metrics: Metrics) -> None:
    unreadable = metrics.counter("gateway_unreadable_total", "Messages that could not be read, by kind", ("kind",))

    def on_status(message: Message) -> None:
        try:
            status = CameraStatus.from_wire(message.payload)
            if status.camera != subjects.parse_camera(message.subject):
                raise InvalidName("a status of another camera than its subject's")
        except (ValidationError, InvalidName):
            unreadable.labels("status").inc()
            return
        gateway.health.note(status)

    def on_still(message: Message) -> None:
        if not _keep_still(gateway, subjects.parse_camera(message.subject), message.payload, message.headers):
            unreadable.labels("still").inc()

    for subject, handler in (
        (subjects.status_of_site(gateway.settings.site), on_status),
        (subjects.still_of_site(gateway.settings.site), on_still),
    ):
        stack.push_async_callback((await bus.subscribe(subject, handler)).close)


def _keep_still(gateway: Gateway, camera: CameraId, payload: bytes, headers: Mapping[str, str]) -> bool:
    still = read_still(payload, headers)
    if still is not None:
        gateway.stills.put(camera, still)
    return still is not None


async def _read_stills(gateway: Gateway, bus: Bus) -> None:
    """Those of before our start. Without them there are none until the next come, within seconds."""
    try:
        entries, _ = await Keys(bus, Bucket.STILLS).read_all()
    except RuntimeFault as exc:
        _log.warning("the stored stills were not read", error=str(exc))
        return
    for key, entry in entries.items():
        with contextlib.suppress(InvalidName):
            _keep_still(gateway, camera_id(key), entry.value or b"", entry.headers)
