"""One camera's state as an operator sees it, from what the reader, the decoder and the ring say. Pure."""

from dataclasses import dataclass, replace

from proto.messages import CameraState, CameraStatus, DownReason
from proto.names import CameraId, Epoch
from services.ingest.errors import SENTENCES, IngestFault
from services.runtime.clock import Clock, utc

_WAITS_FOR_STORE = "Waiting for the lease store."
_DAMAGED = "The camera's stream is damaged: pictures are withheld until its next clean keyframe."


@dataclass(frozen=True, slots=True)
class _Said:
    """Everything that decides about the state."""

    has_epoch: bool = False
    is_playing: bool = False
    ended: IngestFault | None = None
    refused: IngestFault | None = None
    is_damaged: bool = False


class CameraHealth:
    """Changed by `note_…`, each of which returns whether the state or its reason is another than before."""

    def __init__(self, camera: CameraId, clock: Clock) -> None:
        self.epoch = Epoch(0)
        self.codec = ""
        self.size = (0, 0)
        self.decoded_frames = 0
        self._camera = camera
        self._clock = clock
        self._said = _Said()
        self._state = self._decide()
        self._since_us = clock.utc_us()

    def note_epoch(self, epoch: Epoch) -> bool:
        self.epoch = epoch
        return self._note(replace(self._said, has_epoch=True))

    def note_playing(self, codec: str, width: int, height: int) -> bool:
        self.codec = codec
        if width and height:
            self.size = (width, height)
        return self._note(replace(self._said, is_playing=True, ended=None))

    def note_ended(self, ended: IngestFault) -> bool:
        return self._note(replace(self._said, is_playing=False, ended=ended))

    def note_refused(self, refused: IngestFault | None) -> bool:
        """Why pictures cannot go into the ring; None when they can."""
        return self._note(replace(self._said, refused=refused))

    def note_damage(self, *, is_damaged: bool) -> bool:
        return self._note(replace(self._said, is_damaged=is_damaged))

    def status(self) -> CameraStatus:
        state, reason, detail = self._state
        return CameraStatus(
            camera=self._camera,
            source="ingest",
            state=state,
            reason=reason,
            since=utc(self._since_us),
            detail=detail,
            epoch=self.epoch,
            width=self.size[0],
            height=self.size[1],
            codec=self.codec,
            decoded_frames=self.decoded_frames,
        )

    @property
    def state(self) -> CameraState:
        return self._state[0]

    @property
    def reason(self) -> DownReason | None:
        return self._state[1]

    def _note(self, said: _Said) -> bool:
        self._said = said
        before, self._state = self._state, self._decide()
        if before == self._state:
            return False
        if before[:2] != self._state[:2]:
            self._since_us = self._clock.utc_us()
        return True

    def _decide(self) -> tuple[CameraState, DownReason | None, str]:
        said = self._said
        if said.ended is not None:
            # It stays down while it is tried again: an operator wants the reason, not each try.
            return CameraState.DOWN, said.ended.reason, said.ended.detail
        if not said.is_playing:
            return CameraState.CONNECTING, None, "" if said.has_epoch else _WAITS_FOR_STORE
        if said.refused is not None:
            return CameraState.DOWN, said.refused.reason, SENTENCES[said.refused.reason]
        if said.is_damaged:
            return CameraState.DEGRADED, None, _DAMAGED
        return CameraState.LIVE, None, ""
