"""The cameras that there are: stored for all services, their credentials where ingest alone can read them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from proto.messages import Camera, Credentials
from proto.names import CameraId
from proto.subjects import AuditKind, Bucket
from services.gateway.addresses import CameraAddress
from services.gateway.audit import Audit
from services.gateway.errors import Conflicted, NotFound
from services.gateway.sessions import Caller
from services.gateway.tables import Table
from services.runtime import logs
from services.runtime.bus import Bus
from services.runtime.errors import Conflict, RuntimeFault
from services.runtime.kv import Keys

MAX_CAMERAS = 5_000

_log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class CameraEntry:
    """What a person enters for a camera. Credentials are None where nothing is said of them."""

    camera: Camera
    address: CameraAddress
    username: str | None
    password: str | None = field(repr=False)

    def credentials(self) -> Credentials | None:
        """What was entered, or stood in the address; None for nothing at all."""
        if self.username is None and self.password is None:
            username, password = self.address.username, self.address.password
        else:
            username, password = self.username, self.password
        if username is None and password is None:
            return None
        return Credentials(username=username or "", password=password or "")


class Registry:
    """Reads from memory; writes by compare-and-set."""

    def __init__(self, bus: Bus, cameras: Table[Camera], audit: Audit) -> None:
        self._keys = Keys(bus, Bucket.CAMERAS)
        self._credentials = Keys(bus, Bucket.CREDENTIALS)
        self._cameras = cameras
        self._audit = audit

    def get(self, camera: CameraId) -> Camera:
        """Raises NotFound."""
        found = self._cameras.get(camera)
        if found is None:
            raise NotFound("There is no such camera.")
        return found

    def knows(self, camera: CameraId) -> bool:
        return self._cameras.get(camera) is not None

    def all(self) -> Iterator[Camera]:
        """In the order of their ids."""
        return iter(sorted((camera for _, camera in self._cameras.items()), key=lambda camera: camera.camera))

    async def put(self, caller: Caller, entry: CameraEntry) -> bool:
        """Store a camera; True if it is new. Raises Conflicted, OutOfReach, RuntimeFault.

        Credentials that nothing is said of are kept while the address stays as it is, and dropped when it
        changes: else whoever may change an address could have a password sent wherever he likes.
        """
        camera, key = entry.camera, entry.camera.camera
        known = self._cameras.get(key)
        if known is None and sum(1 for _ in self._cameras.items()) >= MAX_CAMERAS:
            raise Conflicted(f"There are {MAX_CAMERAS} cameras already.")
        last = await self._last(key)
        detail = "added" if known is None else "changed " + ", ".join(_changed(known, camera, entry))
        await self._audit.record(
            AuditKind.CAMERA_CHANGED, actor=caller.person.id, camera=key, address=caller.address, detail=detail
        )
        await self._put_credentials(entry, known)
        value = camera.to_wire()
        try:
            revision = await self._keys.put(key, value, last=last)
        except Conflict as exc:
            raise Conflicted("Somebody else has changed this camera at the same time.") from exc
        self._cameras.took(key, value, revision)
        return known is None

    async def _put_credentials(self, entry: CameraEntry, known: Camera | None) -> None:
        key, credentials = entry.camera.camera, entry.credentials()
        if credentials is not None and (credentials.username or credentials.password):
            await self._credentials.put(key, credentials.to_wire())
        elif credentials is not None or known is None or known.address != entry.camera.address:
            await self._credentials.delete(key)

    async def _last(self, key: CameraId) -> int:
        """What a compare-and-set has to name: the revision of our view, if the key is in it.

        One that was deleted has a last revision too, which only the store knows; there is none to compare with.
        """
        known = self._cameras.revision(key)
        if known:
            return known
        return await self._keys.last_revision(key)

    async def remove(self, caller: Caller, camera: CameraId) -> None:
        """Raises NotFound, OutOfReach, RuntimeFault."""
        self.get(camera)
        await self._audit.record(
            AuditKind.CAMERA_REMOVED, actor=caller.person.id, camera=camera, address=caller.address
        )
        revision = await self._keys.delete(camera)
        self._cameras.took(camera, None, revision)
        try:
            await self._credentials.delete(camera)
        except RuntimeFault as exc:
            # Of no use to anybody but a camera of the same id, and adding that one clears them.
            _log.warning("credentials of a removed camera are still stored", camera=camera, error=str(exc))


def _changed(before: Camera, after: Camera, entry: CameraEntry) -> list[str]:
    """Names of what has changed; never the values."""
    old, new = before.model_dump(), after.model_dump()
    fields = [name for name in new if old[name] != new[name]]
    return (fields + (["credentials"] if entry.credentials() else [])) or ["nothing"]
