"""What an operator is told of a camera: the worst of what ingest and mask say, and of what is known here."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from proto.limits import STATUS_INTERVAL_S
from proto.messages import CameraState, CameraStatus, MaskPointer, WithheldReason
from proto.names import CameraId
from services.runtime.clock import Clock, utc

NOT_HEARD_S = 3 * STATUS_INTERVAL_S
NOT_HEARD = "not-heard"
"""Reason of a camera of which nobody has said anything for that long."""

MAX_HEARD = 10_000


class MaskState(StrEnum):
    """What is to be said of a camera's masks in a list."""

    NONE = "none"
    APPROVED = "approved"
    MASK_FREE = "mask-free"
    REVOKED = "revoked"
    UNREADABLE = "unreadable"


_BY_SEVERITY = (
    CameraState.LIVE,
    CameraState.DEGRADED,
    CameraState.FROZEN,
    CameraState.DARK,
    CameraState.MOVED,
    CameraState.WITHHELD,
    CameraState.CONNECTING,
    CameraState.DOWN,
)

_NO_MASKS = {
    MaskState.NONE: WithheldReason.NO_MASK_SET,
    MaskState.REVOKED: WithheldReason.REVOKED,
    MaskState.UNREADABLE: WithheldReason.MASK_UNREADABLE,
}


def state_of(pointer: MaskPointer | None, *, is_stored: bool) -> MaskState:
    """`is_stored` says whether there is a pointer at all, which cannot be read where `pointer` is None."""
    if pointer is None:
        return MaskState.UNREADABLE if is_stored else MaskState.NONE
    if pointer.is_revoked:
        return MaskState.REVOKED
    return MaskState.MASK_FREE if pointer.is_mask_free else MaskState.APPROVED


@dataclass(frozen=True, slots=True)
class Health:
    """A camera's state and why; size and codec as ingest last saw them, 0 and empty if it never did."""

    state: CameraState
    reason: str | None = None
    detail: str = ""
    since: datetime | None = None
    width: int = 0
    height: int = 0
    codec: str = ""


@dataclass(frozen=True, slots=True)
class _Heard:
    status: CameraStatus
    at_s: float
    at_us: int


class HealthBoard:
    """The last status of each camera and source. Pure; bounded: the one longest unheard of is forgotten."""

    def __init__(self, clock: Clock, limit: int = MAX_HEARD) -> None:
        self._clock = clock
        self._limit = limit
        self._since_s = clock.monotonic_s()
        self._heard: dict[tuple[CameraId, str], _Heard] = {}

    def note(self, status: CameraStatus) -> None:
        key = (status.camera, status.source)
        self._heard.pop(key, None)
        self._heard[key] = _Heard(status, self._clock.monotonic_s(), self._clock.utc_us())
        if len(self._heard) > self._limit:
            del self._heard[next(iter(self._heard))]

    def of(self, camera: CameraId, masks: MaskState) -> Health:
        """Size and codec come from ingest, whatever the state. Mask says something only of cameras in use."""
        base = self._ingest(camera)
        found = [base]
        if (reason := _NO_MASKS.get(masks)) is not None:
            found.append(Health(CameraState.WITHHELD, reason))
        mask = self._heard.get((camera, "mask"))
        if mask is not None and self._is_fresh(mask):
            found.append(_health(mask.status))
        worst = max(found, key=lambda health: _BY_SEVERITY.index(health.state))
        return replace(worst, width=base.width, height=base.height, codec=base.codec)

    def _ingest(self, camera: CameraId) -> Health:
        heard = self._heard.get((camera, "ingest"))
        if heard is None:
            is_new = self._clock.monotonic_s() - self._since_s <= NOT_HEARD_S
            return Health(CameraState.CONNECTING) if is_new else Health(CameraState.DOWN, NOT_HEARD)
        if self._is_fresh(heard):
            return _health(heard.status)
        return replace(
            _health(heard.status),
            state=CameraState.DOWN,
            reason=NOT_HEARD,
            detail="no service has told of this camera since",
            since=utc(heard.at_us),
        )

    def _is_fresh(self, heard: _Heard) -> bool:
        return self._clock.monotonic_s() - heard.at_s <= NOT_HEARD_S


def _health(status: CameraStatus) -> Health:
    return Health(
        state=status.state,
        reason=None if status.reason is None else status.reason.value,
        detail=status.detail,
        since=status.since,
        width=status.width,
        height=status.height,
        codec=status.codec,
    )
