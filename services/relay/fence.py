"""Which access units of a layer go on to its viewers: the newest epoch's, unbroken, and not withheld."""

from enum import StrEnum
from typing import Final

from proto.codec import AccessUnitHeaders
from proto.limits import FENCE_RESET_S
from proto.messages import WithheldReason
from proto.names import Epoch
from services.runtime.clock import Clock

MAX_AHEAD_S: Final = 10.0
MAX_BEHIND_S: Final = 60.0
"""How far a capture time may be from the relay's clock: what is older is no live picture."""

_MAX_PTS: Final = 1 << 62
_SAYS_SO_ITSELF: Final = (WithheldReason.REVOKED, WithheldReason.KILL_SWITCH)


class Refusal(StrEnum):
    """Why an access unit does not go on."""

    MALFORMED = "malformed"
    ABSURD_TIME = "absurd-time"
    WITHHELD = "withheld"
    OLD_EPOCH = "old-epoch"
    OLD_SEQUENCE = "old-sequence"
    NEEDS_KEYFRAME = "needs-keyframe"


class Fence:
    """One layer's fence. A newer epoch closes the way to the older at once, also before its first keyframe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard_s = clock.monotonic_s()
        self._epoch = Epoch(0)
        self._seq = -1
        self._revision = 0
        self._withheld_revision: int | None = None
        self.needs_keyframe = True

    def require_keyframe(self) -> None:
        """Viewers have been shown something else meanwhile: nothing but a keyframe can follow it."""
        self.needs_keyframe = True

    def withhold(self, mask_revision: int) -> None:
        """Refuse every picture made under this mask revision, the last one seen, or an older one.

        This ends when the mask service has evidently heard of it too: it uses a newer revision, or itself shows
        a slate for a revocation or a kill switch.
        """
        self._withheld_revision = max(mask_revision, self._revision, self._withheld_revision or 0)
        self.needs_keyframe = True

    def admit(self, unit: AccessUnitHeaders) -> Refusal | None:
        """None if the unit goes on. A unit that is refused leaves its mark only by needing a keyframe."""
        now_s = self._clock.monotonic_s()
        if self._is_absurd(unit):
            return Refusal.ABSURD_TIME
        if now_s - self._heard_s >= FENCE_RESET_S:
            self._heard_s, self._epoch, self._seq, self.needs_keyframe = now_s, Epoch(0), -1, True
        if self._is_withheld(unit):
            return Refusal.WITHHELD
        if (refusal := self._order(unit)) is not None:
            return refusal
        self._heard_s, self._seq, self.needs_keyframe = now_s, unit.seq, False
        if unit.slate is None:
            self._revision = unit.mask_revision
        elif unit.slate in _SAYS_SO_ITSELF:
            self._withheld_revision = None
        return None

    def _is_absurd(self, unit: AccessUnitHeaders) -> bool:
        age_s = (self._clock.utc_us() - unit.captured_utc_us) / 1_000_000
        return not (-MAX_AHEAD_S <= age_s <= MAX_BEHIND_S and abs(unit.pts_90k) < _MAX_PTS)

    def _is_withheld(self, unit: AccessUnitHeaders) -> bool:
        return (
            self._withheld_revision is not None and unit.slate is None and unit.mask_revision <= self._withheld_revision
        )

    def _order(self, unit: AccessUnitHeaders) -> Refusal | None:
        if unit.epoch < self._epoch:
            return Refusal.OLD_EPOCH
        if unit.epoch > self._epoch:
            self._epoch, self._seq, self.needs_keyframe = unit.epoch, -1, True
        elif unit.seq <= self._seq:
            return Refusal.OLD_SEQUENCE
        if not unit.is_keyframe and (self.needs_keyframe or unit.prev != self._seq):
            self.needs_keyframe = True
            return Refusal.NEEDS_KEYFRAME
        return None
