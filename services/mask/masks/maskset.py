"""Reading what is stored about masks; anything but a whole, valid mask set of the right camera is refused."""

from proto.messages import MaskPointer, MaskSet
from proto.names import CameraId
from proto.polygons import InvalidPolygon, check
from services.mask.errors import UnreadableMaskSet


def read_pointer(value: bytes, camera: CameraId) -> MaskPointer:
    """Raises UnreadableMaskSet, also for another camera's."""
    try:
        pointer = MaskPointer.from_wire(value)
    except ValueError as exc:
        raise UnreadableMaskSet(f"the pointer cannot be read: {_brief(exc)}") from exc
    if pointer.camera != camera:
        raise UnreadableMaskSet(f"the pointer is of {pointer.camera}")
    return pointer


def read_mask_set(value: bytes, camera: CameraId, revision: int) -> MaskSet:
    """Raises UnreadableMaskSet. Takes up to 60 ms for the largest mask set that there may be."""
    try:
        masks = MaskSet.from_wire(value)
    except ValueError as exc:
        raise UnreadableMaskSet(f"revision {revision} cannot be read: {_brief(exc)}") from exc
    if (masks.camera, masks.revision) != (camera, revision):
        raise UnreadableMaskSet(f"revision {revision} is of {masks.camera}, revision {masks.revision}")
    for number, polygon in enumerate(masks.polygons, start=1):
        try:
            check(polygon)
        except InvalidPolygon as exc:
            raise UnreadableMaskSet(f"revision {revision}, polygon {number}: {exc.reason}") from exc
    return masks


def _brief(exc: ValueError) -> str:
    return " ".join(str(exc).split())[:200]
