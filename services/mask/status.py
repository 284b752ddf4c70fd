"""What the mask service says of its cameras: pure, from what became of their last frames."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from proto.messages import CameraState, CameraStatus, WithheldReason
from proto.names import CameraId
from services.mask.pipeline import Sight
from services.runtime.clock import Clock, utc

STORE_IS_LATE: Final = "the store does not answer: the masks last read are in force"


@dataclass(frozen=True, slots=True)
class _Said:
    state: CameraState
    reason: WithheldReason | None
    since: datetime


class StatusBook:
    """Remembers since when each camera has been in its state. One event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: dict[CameraId, _Said] = {}

    def note(self, camera: CameraId, sight: Sight, *, is_late: bool) -> tuple[CameraStatus, bool]:
        """The camera's status now, and whether it is another than the last."""
        state = CameraState.LIVE if not is_late else CameraState.DEGRADED
        if sight.reason is not None:
            state = CameraState.WITHHELD
        said = self._said.get(camera)
        has_changed = said is None or (said.state, said.reason) != (state, sight.reason)
        if said is None or has_changed:
            said = self._said[camera] = _Said(state, sight.reason, utc(self._clock.utc_us()))
        status = CameraStatus(
            camera=camera,
            source="mask",
            state=state,
            reason=sight.reason,
            since=said.since,
            detail=STORE_IS_LATE if is_late else "",
            epoch=sight.epoch,
            width=sight.width,
            height=sight.height,
        )
        return status, has_changed

    def forget(self, camera: CameraId) -> None:
        self._said.pop(camera, None)
