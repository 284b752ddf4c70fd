"""How often somebody may try: a bounded table of token buckets, on a clock."""

from dataclasses import dataclass

from services.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Pace:
    """`burst` attempts at once, then one each `refill_s`."""

    burst: int
    refill_s: float


@dataclass(slots=True)
class _Bucket:
    left: float
    at_s: float


class Throttle:
    """Attempts per key. Pure; for one thread.

    Holds `capacity` keys: beyond, the one that has not tried for longest is forgotten, which lets its owner begin
    anew. So the table must hold more keys than one address can try, and addresses are throttled as well.
    """

    def __init__(self, clock: Clock, pace: Pace, capacity: int = 10_000) -> None:
        self._clock = clock
        self._pace = pace
        self._capacity = capacity
        self._buckets: dict[str, _Bucket] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def attempt(self, key: str) -> float:
        """Take one attempt and return 0, or the seconds until there is one to take."""
        bucket = self._filled(key)
        self._buckets[key] = bucket
        if len(self._buckets) > self._capacity:
            del self._buckets[next(iter(self._buckets))]
        if bucket.left < 1:
            return (1 - bucket.left) * self._pace.refill_s
        bucket.left -= 1
        return 0.0

    def give_back(self, key: str) -> None:
        """The last attempt shall not count, since it was in order."""
        if (bucket := self._buckets.get(key)) is not None:
            bucket.left = min(self._pace.burst, bucket.left + 1)

    def forget(self, key: str) -> None:
        self._buckets.pop(key, None)

    def _filled(self, key: str) -> _Bucket:
        """The key's bucket as of now, taken out of the table."""
        now_s = self._clock.monotonic_s()
        bucket = self._buckets.pop(key, None) or _Bucket(self._pace.burst, now_s)
        gained = (now_s - bucket.at_s) / self._pace.refill_s
        bucket.left, bucket.at_s = min(self._pace.burst, bucket.left + gained), now_s
        return bucket
