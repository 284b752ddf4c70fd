"""One camera's time: presentation times that go on over reconnects, and when each picture was captured.

A camera's own clock counts steadily but has no known zero, and packets come when the network lets them. The capture
time is therefore the stream's time plus an offset that follows the least delay seen: at once when a packet comes
sooner than thought, slowly when all come later, so that a camera's clock may drift but jitter does not show.
"""

from dataclasses import dataclass
from fractions import Fraction

from proto.limits import CLOCK_RATE_HZ

JUMP_90K = CLOCK_RATE_HZ
"""A step in the stream's time larger than this, either way, says nothing: the time of arrival stands in for it."""

WRAPS = (1 << 32, 1 << 33)
"""In ticks of the stream's own clock: RTP's 32 bits, and MPEG's 33."""

RISE_PER_S_US = 2_000
"""How fast the offset follows later packets. A camera that is slower than this falls behind until all its pictures
count as too old: 1,000 ppm for 29.97 pictures a second that are stamped as 30, 500 for a clock of ours that is being
slewed, 200 for a crystal."""

DEFAULT_STEP_90K = CLOCK_RATE_HZ // 25


@dataclass(frozen=True, slots=True)
class Arrival:
    """One moment on the host's two clocks."""

    monotonic_us: int
    utc_us: int


@dataclass(frozen=True, slots=True)
class Stamp:
    pts_90k: int
    captured_utc_us: int


class Timeline:
    """Stamps access units in the order in which they arrive, which is decoding order.

    With B-frames presentation times step back by a few pictures: they may here too, and `PresentationOrder` holds
    what comes out of the decoder to its law. `begin` each RTSP session; times go on from the one before.
    """

    def __init__(self) -> None:
        self._time_base = Fraction(1, CLOCK_RATE_HZ)
        self._raw: int | None = None
        self._step_90k = DEFAULT_STEP_90K
        self._pts_90k = 0
        self._highest_90k = 0
        self._arrived_us: int | None = None
        self._offset_us: int | None = None
        self._is_held_back = False

    def begin(self, time_base: Fraction, *, is_held_back: bool = False) -> None:
        """A new session: its times have nothing to do with the last one's, nor has its delay.

        `is_held_back`: each unit comes when the next one begins to arrive, which is one step late.
        """
        self._time_base = time_base
        self._is_held_back = is_held_back
        self._raw = None
        self._offset_us = None

    def stamp(self, pts: int | None, arrival: Arrival) -> Stamp:
        """`pts` is in the session's time base, None where the stream gives none."""
        step = self._step(pts)
        if step is None:
            self._anchor(arrival)
        else:
            self._pts_90k += step
        self._raw = self._raw_after(pts, step)
        self._highest_90k = max(self._highest_90k, self._pts_90k)
        captured_us = self._captured_us(arrival)
        self._arrived_us = arrival.monotonic_us
        return Stamp(self._pts_90k, arrival.utc_us - (arrival.monotonic_us - captured_us))

    def _step(self, pts: int | None) -> int | None:
        """How far the stream has moved on, in 90 kHz ticks; None when it cannot tell."""
        if self._raw is None:
            return None
        if pts is None:
            return self._step_90k
        for wrap in (0, *WRAPS):
            for moved in (pts - self._raw + wrap, pts - self._raw - wrap):
                step = self._in_90k(moved)
                if abs(step) <= JUMP_90K:
                    if step > 0:
                        self._step_90k = step
                    return step
        return None

    def _raw_after(self, pts: int | None, step: int | None) -> int | None:
        """The stream's own time of this unit: what it said, or what it would have said."""
        if pts is not None or self._raw is None or step is None:
            return pts
        return self._raw + round(Fraction(step, CLOCK_RATE_HZ) / self._time_base)

    def _in_90k(self, ticks: int) -> int:
        return round(ticks * self._time_base * CLOCK_RATE_HZ)

    def _anchor(self, arrival: Arrival) -> None:
        """Go on from the highest time so far, by as much as has passed since then on our own clock."""
        if self._arrived_us is not None:
            passed_90k = (arrival.monotonic_us - self._arrived_us) * CLOCK_RATE_HZ // 1_000_000
            self._pts_90k = self._highest_90k + max(1, passed_90k)
        self._offset_us = None

    def _captured_us(self, arrival: Arrival) -> int:
        """On the monotonic clock, so that a step of the host's UTC is no delay."""
        pts_us = self._pts_90k * 1_000_000 // CLOCK_RATE_HZ
        delay_us = arrival.monotonic_us - pts_us
        if self._offset_us is None or self._arrived_us is None:
            self._offset_us = delay_us
        else:
            passed_us = max(0, arrival.monotonic_us - self._arrived_us)
            risen_us = self._offset_us + passed_us * RISE_PER_S_US // 1_000_000
            self._offset_us = min(delay_us, risen_us)
        held_us = self._step_90k * 1_000_000 // CLOCK_RATE_HZ if self._is_held_back else 0
        return pts_us + self._offset_us - held_us


class PresentationOrder:
    """Makes the times of frames that leave the decoder strictly increase, whatever the camera said."""

    def __init__(self) -> None:
        self._last_90k = -1

    def next(self, pts_90k: int) -> int:
        self._last_90k = max(pts_90k, self._last_90k + 1)
        return self._last_90k
