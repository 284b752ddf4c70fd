"""Packetised access units, and a layer's recent ones for retransmission: one history for all its viewers."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from proto.limits import CLOCK_RATE_HZ

HISTORY_S: Final = 2.5
HISTORY_BYTES: Final = 8 * 1024 * 1024
"""Four seconds at 16 Mbit/s; beyond it the oldest go first."""

_NTP_EPOCH_S: Final = 2_208_988_800  # from 1900 to 1970, RFC 5905 section 6


def ntp_time(utc_us: int) -> int:
    """A 64-bit NTP timestamp: seconds since 1900 and a binary fraction."""
    seconds, rest_us = divmod(utc_us, 1_000_000)
    return (seconds + _NTP_EPOCH_S) << 32 | (rest_us << 32) // 1_000_000


@dataclass(frozen=True, slots=True)
class PacketisedUnit:
    """One access unit as RTP payloads, the same for every viewer of the layer.

    `first` counts the layer's packets before this unit. `timestamp` is on the layer's timeline, unwrapped; `ntp`
    is when the unit was handed to the viewers. A viewer's packet is a function of these and of its own constants
    alone, so that a packet made again is byte-identical, as AEAD demands of a sequence number sent twice.
    """

    first: int
    payloads: tuple[bytes, ...]
    timestamp: int
    ntp: int
    is_keyframe: bool

    @property
    def end(self) -> int:
        return self.first + len(self.payloads)

    @property
    def size(self) -> int:
        return sum(map(len, self.payloads))


class History:
    """The last HISTORY_S of a layer, at most HISTORY_BYTES of payload. The newest unit is always kept."""

    def __init__(self, *, seconds: float = HISTORY_S, max_bytes: int = HISTORY_BYTES) -> None:
        self._units: deque[tuple[PacketisedUnit, int]] = deque()
        self._ticks = round(seconds * CLOCK_RATE_HZ)
        self._max_bytes = max_bytes
        self._bytes = 0

    def add(self, unit: PacketisedUnit) -> None:
        self._units.append((unit, unit.size))
        self._bytes += unit.size
        while len(self._units) > 1 and self._is_over(self._units[0][0], unit):
            self._bytes -= self._units.popleft()[1]

    def _is_over(self, oldest: PacketisedUnit, newest: PacketisedUnit) -> bool:
        return self._bytes > self._max_bytes or newest.timestamp - oldest.timestamp > self._ticks

    def since_keyframe(self, *, since_ntp: int, max_bytes: int) -> list[PacketisedUnit]:
        """The newest keyframe and all that followed it, if it is no older and they are no larger; else nothing."""
        units: list[PacketisedUnit] = []
        size = 0
        for unit, unit_size in reversed(self._units):
            size += unit_size
            if unit.ntp < since_ntp or size > max_bytes:
                return []
            units.append(unit)
            if unit.is_keyframe:
                return units[::-1]
        return []

    def find(self, index: int) -> PacketisedUnit | None:
        """The unit that holds the layer's packet `index`. Newest first, since a loss is reported soon."""
        for unit, _size in reversed(self._units):
            if index >= unit.first:
                return unit if index < unit.end else None
        return None
