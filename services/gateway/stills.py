"""The last masked still of each camera, and whether it may still be shown."""

from collections.abc import Mapping
from dataclasses import dataclass

from proto.limits import MAX_STILL_BYTES
from proto.messages import MaskPointer
from proto.names import CameraId
from services.runtime.clock import Clock

MAX_HELD_BYTES = 256 * 1024 * 1024
"""Of all stills; beyond, those that came longest ago go."""

RECORD_EVERY_S = 60.0
"""Looking at a camera's stills goes on the record at most this often for each person."""

MAX_RECENT = 20_000


@dataclass(frozen=True, slots=True)
class Still:
    """A JPEG, when it was taken, and the mask revision burned in; a slate shows no picture."""

    jpeg: bytes
    captured_utc_us: int
    mask_revision: int
    is_slate: bool


def read_still(payload: bytes, headers: Mapping[str, str]) -> Still | None:
    """None for what is no still: too large, no JPEG, or without the headers that say what it is."""
    if not 4 <= len(payload) <= MAX_STILL_BYTES or not payload.startswith(b"\xff\xd8\xff"):
        return None
    try:
        captured, revision = int(headers["Us-Captured"]), int(headers["Us-Mask"])
    except (KeyError, ValueError):
        return None
    is_slate = "Us-Slate" in headers
    if not 0 <= captured < 1 << 53 or revision < (0 if is_slate else 1):
        return None
    return Still(payload, captured, revision, is_slate)


def may_show(still: Still, pointer: MaskPointer | None) -> bool:
    """Whether the masks burned in are those in force. A slate may always be shown.

    One made under an older set is not: the newer may cover more. It is gone with the next still.
    """
    if still.is_slate:
        return True
    return pointer is not None and not pointer.is_revoked and still.mask_revision == pointer.revision


class StillShelf:
    """The newest still of each camera. Pure; bounded in bytes."""

    def __init__(self, limit_bytes: int = MAX_HELD_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._stills: dict[CameraId, Still] = {}
        self._bytes = 0

    def put(self, camera: CameraId, still: Still) -> None:
        """One taken before the one that is held is dropped."""
        held = self._stills.get(camera)
        if held is not None and held.captured_utc_us > still.captured_utc_us:
            return
        self.forget(camera)
        self._stills[camera] = still
        self._bytes += len(still.jpeg)
        while self._bytes > self._limit_bytes:
            self.forget(next(iter(self._stills)))

    def get(self, camera: CameraId) -> Still | None:
        return self._stills.get(camera)

    def forget(self, camera: CameraId) -> None:
        still = self._stills.pop(camera, None)
        if still is not None:
            self._bytes -= len(still.jpeg)


class Recent:
    """Which looks at stills are on the record already. Pure; bounded: forgotten ones are recorded again."""

    def __init__(self, clock: Clock, limit: int = MAX_RECENT) -> None:
        self._clock = clock
        self._limit = limit
        self._at_s: dict[tuple[str, CameraId], float] = {}

    def is_recorded(self, person: str, camera: CameraId) -> bool:
        at_s = self._at_s.get((person, camera))
        return at_s is not None and self._clock.monotonic_s() - at_s < RECORD_EVERY_S

    def note(self, person: str, camera: CameraId) -> None:
        self._at_s.pop((person, camera), None)
        self._at_s[person, camera] = self._clock.monotonic_s()
        if len(self._at_s) > self._limit:
            del self._at_s[next(iter(self._at_s))]
