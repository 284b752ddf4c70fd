"""Time: a seam, so that rules about time are tested with a clock that the test moves."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What a rule about time may ask."""

    def monotonic_s(self) -> float:
        """Seconds that never go back; no meaning beyond differences within this process."""
        ...

    def utc_us(self) -> int:
        """Microseconds since 1970-01-01 UTC, as the host believes."""
        ...


class SystemClock:
    """The host's clocks."""

    def monotonic_s(self) -> float:
        return time.monotonic()

    def utc_us(self) -> int:
        return time.time_ns() // 1000


class VirtualClock:
    """A clock for tests: stands still until `advance`."""

    def __init__(self, utc_us: int = 1_700_000_000_000_000) -> None:
        self._elapsed_s = 0.0
        self._start_utc_us = utc_us

    def monotonic_s(self) -> float:
        return self._elapsed_s

    def utc_us(self) -> int:
        return self._start_utc_us + round(self._elapsed_s * 1_000_000)

    def advance(self, seconds: float) -> None:
        self._elapsed_s += seconds


def utc(us: int) -> datetime:
    """A UTC datetime of microseconds since 1970."""
    return datetime.fromtimestamp(us / 1_000_000, tz=UTC)


def utc_now() -> datetime:
    return datetime.now(tz=UTC)
