"""How often: frames of a layer by presentation time, slates, stills and keyframes by the clock. Pure."""

import math
from typing import Final

from proto.limits import CLOCK_RATE_HZ

_EARLY: Final = 0.3
"""Of an interval: cameras jitter by some milliseconds, and a frame that is a little early is not one too many."""


class FramePacer:
    """Takes at most `fps` frames a second of pts, evenly, from any higher rate."""

    def __init__(self, fps: float) -> None:
        self._interval = CLOCK_RATE_HZ / fps
        self._due = -math.inf

    def take(self, pts_90k: int) -> bool:
        """Whether this frame is one to show."""
        if pts_90k < self._due - _EARLY * self._interval:
            return False
        # After a pause the rhythm starts anew, so that the next frames do not come in a bunch.
        is_late = pts_90k > self._due + self._interval
        self._due = (pts_90k if is_late else self._due) + self._interval
        return True


class Limit:
    """At most once in `interval_s`."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._last_s = -math.inf

    def is_due(self, now_s: float) -> bool:
        return now_s - self._last_s >= self._interval_s

    def mark(self, now_s: float) -> None:
        """It happens now, whether due or not."""
        self._last_s = now_s
