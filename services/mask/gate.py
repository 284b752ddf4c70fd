"""Whether media may be published: not until, after an outage, the mask sets have been read again."""

import math
from collections.abc import Callable
from typing import Final

from services.runtime.clock import Clock

GATE_LIMIT_S: Final = 10.0
"""A store that does not answer is no revocation: after so long the mask sets in memory hold."""


class MediaGate:
    """Open while `is_current()`, and from GATE_LIMIT_S after a connection was made. Pure, on a Clock."""

    def __init__(self, is_current: Callable[[], bool], clock: Clock) -> None:
        self._is_current = is_current
        self._clock = clock
        self._connected_s = clock.monotonic_s()

    def on_disconnect(self) -> None:
        self._connected_s = math.inf

    def on_connect(self) -> None:
        self._connected_s = self._clock.monotonic_s()

    @property
    def is_open(self) -> bool:
        return self._is_current() or self.is_late

    @property
    def is_late(self) -> bool:
        """The store has had its time: whatever is published rests on what was last known."""
        return not self._is_current() and self._clock.monotonic_s() - self._connected_s >= GATE_LIMIT_S
