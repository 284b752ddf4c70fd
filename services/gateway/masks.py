"""Mask sets: approved as immutable revisions, put in force by a pointer, and revoked at once."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from proto import subjects
from proto.messages import (
    MaskPointer,
    MaskSet,
    WithheldReason,
    Withhold,
    mask_pointer_key,
    mask_revision_key,
)
from proto.names import CameraId, SiteId
from proto.polygons import InvalidPolygon, check
from proto.subjects import AuditKind, Bucket
from services.gateway.audit import Audit
from services.gateway.errors import Conflicted, Invalid, NotFound
from services.gateway.sessions import Caller
from services.gateway.states import MaskState, state_of
from services.gateway.tables import Table
from services.runtime.bus import Bus
from services.runtime.clock import Clock, utc
from services.runtime.errors import Conflict
from services.runtime.kv import Entry, Keys

POINTERS = "*.current"
"""Filter of the bucket's pointers."""

REVOKE_TRIES = 5

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class DrawnMasks:
    """What a person has drawn, on a picture of this width / height."""

    polygons: tuple[Points, ...]
    aspect: float
    is_mask_free: bool


class MaskSets:
    """The mask sets of all cameras. States come from memory, sets from the store."""

    def __init__(self, bus: Bus, site: SiteId, pointers: Table[MaskPointer], audit: Audit, clock: Clock) -> None:
        self._bus = bus
        self._site = site
        self._keys = Keys(bus, Bucket.MASKS)
        self._pointers = pointers
        self._audit = audit
        self._clock = clock

    def pointer(self, camera: CameraId) -> MaskPointer | None:
        pointer = self._pointers.get(mask_pointer_key(camera))
        return pointer if pointer is not None and pointer.camera == camera else None

    def state(self, camera: CameraId) -> MaskState:
        return state_of(self.pointer(camera), is_stored=mask_pointer_key(camera) in self._pointers)

    async def get(self, camera: CameraId) -> MaskSet:
        """The set in force. Raises NotFound, RuntimeFault."""
        pointer = self.pointer(camera)
        if pointer is None or pointer.is_revoked:
            raise NotFound("This camera has no mask set in force.")
        entry = await self._keys.get(mask_revision_key(camera, pointer.revision))
        if entry is None or entry.value is None:
            raise NotFound("This camera's mask set is missing; draw it again.")
        try:
            return MaskSet.from_wire(entry.value)
        except ValidationError as exc:
            raise NotFound("This camera's mask set cannot be read; draw it again.") from exc

    async def approve(self, caller: Caller, camera: CameraId, drawn: DrawnMasks) -> MaskSet:
        """Put a new set in force. Raises Invalid, Conflicted, OutOfReach, RuntimeFault."""
        # A polygon's check takes up to 0.1 s, in exact fractions, of which the loop has none to give.
        await asyncio.to_thread(_check, drawn)
        known = await self._keys.get(mask_pointer_key(camera))
        masks = self._new_set(caller, camera, drawn, await self._next(camera, known))
        await self._audit.record(
            AuditKind.MASK_APPROVED,
            actor=caller.person.id,
            camera=camera,
            address=caller.address,
            detail=f"{len(masks.polygons)} masks, revision {masks.revision}",
        )
        try:
            await self._keys.put(mask_revision_key(camera, masks.revision), masks.to_wire(), last=0)
            pointer = MaskPointer(camera=camera, revision=masks.revision, is_mask_free=masks.is_mask_free)
            await self._point(camera, pointer, known)
        except Conflict as exc:
            raise Conflicted("Somebody else has changed this camera's masks at the same time.") from exc
        return masks

    async def revoke(self, caller: Caller, camera: CameraId) -> None:
        """Withhold the camera, now. Returns once the store has it too.

        Raises NotFound, OutOfReach, RuntimeFault. When the store fails after the record was written, the camera
        is withheld all the same, by who has heard of it.
        """
        known = await self._keys.get(mask_pointer_key(camera))
        if known is None:
            raise NotFound("This camera has no mask set.")
        await self._audit.record(AuditKind.MASK_REVOKED, actor=caller.person.id, camera=camera, address=caller.address)
        for _ in range(REVOKE_TRIES):
            try:
                return await self._withhold(camera, known)
            except Conflict:
                # A set approved meanwhile: this revocation was asked for later, so it counts for that one.
                known = await self._keys.get(mask_pointer_key(camera))
        raise Conflicted("This camera's masks change too fast to be revoked; try again.")

    async def _withhold(self, camera: CameraId, known: Entry | None) -> None:
        pointer = _read_pointer(camera, known) or MaskPointer(camera=camera, revision=await self._next(camera, known))
        message = Withhold(reason=WithheldReason.REVOKED, mask_revision=pointer.revision)
        await self._bus.publish(subjects.withhold(self._site, camera), message.to_wire())
        await self._point(camera, pointer.model_copy(update={"is_revoked": True}), known)

    async def _point(self, camera: CameraId, pointer: MaskPointer, known: Entry | None) -> None:
        key, value = mask_pointer_key(camera), pointer.to_wire()
        last = await self._keys.last_revision(key) if known is None else known.revision
        self._pointers.took(key, value, await self._keys.put(key, value, last=last))

    async def _next(self, camera: CameraId, known: Entry | None) -> int:
        """The number after every revision that is stored, those too that were never put in force."""
        pointer = _read_pointer(camera, known)
        pointed = 0 if pointer is None else pointer.revision
        if await self._keys.get(mask_revision_key(camera, pointed + 1)) is None:
            return pointed + 1
        stored, _ = await self._keys.read_all(f"{camera}.*")
        return max(pointed, *map(_number, stored)) + 1

    def _new_set(self, caller: Caller, camera: CameraId, drawn: DrawnMasks, revision: int) -> MaskSet:
        try:
            return MaskSet(
                camera=camera,
                revision=revision,
                polygons=tuple(tuple((x, y) for x, y in polygon) for polygon in drawn.polygons),
                aspect=drawn.aspect,
                is_mask_free=drawn.is_mask_free,
                approved_by=caller.person.name,
                approved_at=utc(self._clock.utc_us()),
            )
        except ValidationError as exc:
            raise Invalid(_sentence(exc)) from exc


def _check(drawn: DrawnMasks) -> None:
    for number, polygon in enumerate(drawn.polygons, start=1):
        try:
            check(polygon)
        except InvalidPolygon as exc:
            raise Invalid(f"Mask {number}: {exc.reason}.") from exc


def _read_pointer(camera: CameraId, entry: Entry | None) -> MaskPointer | None:
    """None also for one that cannot be read, or is another camera's."""
    try:
        pointer = MaskPointer.from_wire((entry.value if entry else None) or b"")
    except ValidationError:
        return None
    return pointer if pointer.camera == camera else None


def _number(key: str) -> int:
    match = re.fullmatch(r"[^.]+\.r([0-9]{1,18})", key)
    return int(match[1]) if match else 0


def _sentence(exc: ValidationError) -> str:
    first = exc.errors()[0]
    where = ".".join(str(part) for part in first["loc"][:1])
    return f"{where}: {first['msg']}." if where else f"{first['msg'].removeprefix('Value error, ')}."
