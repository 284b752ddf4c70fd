"""Which mask set is in force for each camera: a pure register, told what is stored and what is withheld.

A camera is withheld unless a pointer that is not revoked names a mask set that has been read whole. While a newer
approved one is on its way the older stays in force; the switch is one assignment, between frames.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from proto.messages import MaskPointer, MaskSet, WithheldReason, Withhold
from proto.names import CameraId
from services.mask.errors import UnreadableMaskSet
from services.mask.masks.maskset import read_pointer
from services.mask.masks.verdict import Approved, Verdict, Withheld

MAX_CAMERAS: Final = 16_384
"""Of one site; masks of further cameras are not taken, so that these stay withheld."""

MISSES_ALLOWED: Final = 4
"""Answers that there is no such revision before the camera is withheld: a replica may lag behind the pointer."""

_UNKNOWN: Final = Withheld(WithheldReason.NO_MASK_SET)


@dataclass(slots=True)
class _Camera:
    pointer: MaskPointer | None = None
    masks: MaskSet | None = None
    fault: WithheldReason | None = None
    """What is wrong with the stored pointer, or with the revision that it names."""
    is_final: bool = False
    """The fault lies in an immutable revision: reading it again is no use."""
    misses: int = 0
    withhold: Withhold | None = None

    def standing(self) -> Verdict:
        revision = self.pointer.revision if self.pointer else 0
        if self.withhold is not None:
            return Withheld(self.withhold.reason, self.withhold.mask_revision)
        if self.pointer is not None and self.pointer.is_revoked:
            return Withheld(WithheldReason.REVOKED, revision)
        if self.fault is not None:
            return Withheld(self.fault, revision)
        if self.pointer is None or self.masks is None:
            return Withheld(WithheldReason.NO_MASK_SET, revision)
        return Approved(self.masks)

    def wants(self) -> int | None:
        """The revision that must be read, if any."""
        if self.pointer is None or self.pointer.is_revoked or self.is_final:
            return None
        if self.masks is not None and self.masks.revision == self.pointer.revision:
            return None
        return self.pointer.revision


class MaskRegister:
    """One event loop. `on_change` is called with a camera and its new standing."""

    def __init__(self, on_change: Callable[[CameraId, Verdict], None]) -> None:
        self._cameras: dict[CameraId, _Camera] = {}
        self._standing: dict[CameraId, Verdict] = {}
        self._on_change = on_change

    def standing(self, camera: CameraId) -> Verdict:
        return self._standing.get(camera, _UNKNOWN)

    def wanted(self) -> Iterator[tuple[CameraId, int]]:
        """Revisions that must be read."""
        for camera, held in list(self._cameras.items()):
            if (revision := held.wants()) is not None:
                yield camera, revision

    def point(self, camera: CameraId, value: bytes | None) -> None:
        """The camera's pointer as it is now stored; None for none.

        Raises UnreadableMaskSet, when the camera has been withheld for it.
        """
        if (held := self._camera(camera)) is None:
            return
        held.fault, held.is_final, held.misses = None, False, 0
        try:
            held.pointer = None if value is None else read_pointer(value, camera)
        except UnreadableMaskSet:
            held.pointer, held.fault = None, WithheldReason.MASK_UNREADABLE
            raise
        finally:
            if held.pointer is None or held.pointer.is_revoked:
                held.masks = None
            elif held.withhold is not None and held.pointer.revision > held.withhold.mask_revision:
                held.withhold = None
            self._settle(camera, held)

    def load(self, masks: MaskSet) -> None:
        """A revision has been read whole. Ignored when the pointer has moved on meanwhile."""
        held = self._cameras.get(masks.camera)
        if held is not None and held.wants() == masks.revision:
            held.masks, held.fault, held.misses = masks, None, 0
            self._settle(masks.camera, held)

    def refuse(self, camera: CameraId, revision: int) -> None:
        """What is stored as this revision is no mask set: the camera is withheld until its pointer changes."""
        self._fail(camera, revision, is_final=True)

    def miss(self, camera: CameraId, revision: int) -> None:
        """The store answered that there is no such revision."""
        held = self._cameras.get(camera)
        if held is not None and held.wants() == revision:
            held.misses += 1
            if held.misses > MISSES_ALLOWED:
                self._fail(camera, revision, is_final=False)

    def _fail(self, camera: CameraId, revision: int, *, is_final: bool) -> None:
        held = self._cameras.get(camera)
        if held is not None and held.wants() == revision:
            held.masks, held.fault, held.is_final = None, WithheldReason.MASK_UNREADABLE, is_final
            self._settle(camera, held)

    def withhold(self, camera: CameraId, order: Withhold) -> None:
        """Withhold at once, until a pointer comes that approves a newer revision than the one withheld.

        An order without a revision concerns whichever is in force. One that concerns an older revision than the
        one that has been approved since came too late to matter.
        """
        if (held := self._camera(camera)) is None:
            return
        known = held.pointer.revision if held.pointer else 0
        revision = order.mask_revision or known
        if held.pointer is not None and not held.pointer.is_revoked and revision < known:
            return
        if held.withhold is not None:
            revision = max(revision, held.withhold.mask_revision)
        held.withhold = order.model_copy(update={"mask_revision": revision})
        self._settle(camera, held)

    def _camera(self, camera: CameraId) -> _Camera | None:
        if camera not in self._cameras:
            if len(self._cameras) >= MAX_CAMERAS:
                return None
            self._cameras[camera] = _Camera()
        return self._cameras[camera]

    def _settle(self, camera: CameraId, held: _Camera) -> None:
        standing = held.standing()
        if standing != self._standing.get(camera, _UNKNOWN):
            self._standing[camera] = standing
            self._on_change(camera, standing)
