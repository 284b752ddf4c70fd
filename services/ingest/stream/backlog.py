"""Access units that wait for one camera's decoder, and what happens when it falls behind."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from proto.limits import CLOCK_RATE_HZ
from services.ingest.stream.gop import MAX_BYTES, MAX_UNITS
from services.ingest.stream.unit import AccessUnit

BEHIND_UNITS = 12
BEHIND_90K = CLOCK_RATE_HZ // 2
"""Waiting for more than either, the decoder is behind: its pictures would be older than anybody may see."""


class Taken(NamedTuple):
    """An access unit to decode; `is_shown` when its picture is to be shown, as the newest there is."""

    unit: AccessUnit
    is_shown: bool


class Backlog:
    """Starts with the cached GOP, and catches up: of what waits, only the newest picture is shown.

    A decoder that falls behind while live skips to the newest keyframe that waits, or else catches up again. With
    more than the bounds waiting all of it is dropped, and nothing is taken until the next keyframe. `dropped` counts.
    """

    def __init__(
        self, units: Iterable[AccessUnit] = (), *, max_bytes: int = MAX_BYTES, max_units: int = MAX_UNITS
    ) -> None:
        self.dropped = 0
        self.is_catching_up = True
        self._max_bytes = max_bytes
        self._max_units = max_units
        self._waiting = deque(units)
        self._bytes = sum(len(unit.data) for unit in self._waiting)
        self._needs_keyframe = not self._waiting

    def put(self, unit: AccessUnit) -> None:
        if self._needs_keyframe and not unit.is_keyframe:
            self.dropped += 1
            return
        self._needs_keyframe = False
        self._waiting.append(unit)
        self._bytes += len(unit.data)
        if self._bytes > self._max_bytes or len(self._waiting) > self._max_units:
            self._drop(len(self._waiting))
            self._needs_keyframe = True
        elif self._is_behind() and not self.is_catching_up:
            self.is_catching_up = True
            self._skip_to_keyframe()

    def take(self) -> Taken | None:
        if not self._waiting:
            return None
        unit = self._waiting.popleft()
        self._bytes -= len(unit.data)
        if not self._waiting:
            self.is_catching_up = False
        return Taken(unit, is_shown=not self.is_catching_up)

    def __len__(self) -> int:
        return len(self._waiting)

    def _is_behind(self) -> bool:
        span_90k = self._waiting[-1].pts_90k - self._waiting[0].pts_90k
        return len(self._waiting) > BEHIND_UNITS or span_90k > BEHIND_90K

    def _skip_to_keyframe(self) -> None:
        newest = max((at for at, unit in enumerate(self._waiting) if unit.is_keyframe), default=0)
        self._drop(newest)

    def _drop(self, count: int) -> None:
        for _ in range(count):
            self._bytes -= len(self._waiting.popleft().data)
        self.dropped += count
