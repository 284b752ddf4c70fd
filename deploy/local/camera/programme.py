"""Which access unit a camera sends at which tick: the loop, and what the faults make of it. Pure."""

from dataclasses import dataclass, field

from deploy.local.camera.clip import AccessUnit, Clip
from deploy.local.camera.faults import Faults, Mode
from deploy.local.camera.rtp import CLOCK_RATE_HZ, payloads


@dataclass(frozen=True, slots=True)
class Sending:
    """One access unit on its way; `lost` are the indices of payloads that are not to arrive."""

    number: int
    timestamp: int
    is_keyframe: bool
    payloads: tuple[bytes, ...]
    lost: frozenset[int]


@dataclass(slots=True)
class Programme:
    """Follows a clip round its loop; tick n is the n-th picture since the device started."""

    clip: Clip
    faults: Faults = field(default_factory=Faults)
    _shift: int = 0
    _frozen_since: int | None = None
    _frozen_number: int = 0

    def number(self, tick: int) -> int:
        """Frame number of the picture that is live at a tick."""
        return (tick + self._shift) % self.clip.spec.frames

    def timestamp(self, tick: int) -> int:
        """RTP time, continuous over the loop's seam."""
        return tick * CLOCK_RATE_HZ // self.clip.spec.fps

    def take(self, tick: int) -> Sending | None:
        """Return what is to be sent at a tick; None for nothing."""
        if self.faults.mode is Mode.FROZEN:
            number, unit = self._frozen(tick)
        else:
            self._thaw(tick)
            number = self.number(tick)
            unit = self.clip.access_units[number]
        if self.faults.mode in (Mode.STALLED, Mode.GARBAGE) or self.faults.is_unit_dropped():
            return None
        unit = self.faults.spoiled(unit)
        parts = payloads(unit.nal_units)
        return Sending(number, self.timestamp(tick), unit.is_keyframe, parts, self.faults.lost_packets(parts))

    def _frozen(self, tick: int) -> tuple[int, AccessUnit]:
        """The last keyframe, then pictures that change nothing in it, then the keyframe again after a GOP."""
        gop = self.clip.spec.gop
        if self._frozen_since is None:
            number = self.number(tick)
            self._frozen_since, self._frozen_number = tick, number - number % gop
        step = (tick - self._frozen_since) % gop
        unit = self.clip.access_units[self._frozen_number] if step == 0 else self.clip.still[step - 1]
        return self._frozen_number, unit

    def _thaw(self, tick: int) -> None:
        """Go on with the GOP after the frozen one: a picture from its middle would refer to others than were sent."""
        if self._frozen_since is None:
            return
        self._frozen_since = None
        self._shift += self._frozen_number + self.clip.spec.gop - self.number(tick)
