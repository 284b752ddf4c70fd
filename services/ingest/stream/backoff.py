"""How long to wait before the next try: doubling, bounded, and jittered so that cameras do not come back as one."""

import random


class Backoff:
    """Waits of `first_s`, twice that, and so on up to `most_s`, each shortened at random by up to a half."""

    def __init__(self, first_s: float = 0.5, most_s: float = 15.0, rng: random.Random | None = None) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._rng = rng or random.Random()
        self._tries = 0

    def next_s(self) -> float:
        # Past 32 doublings any bound is reached, and a float would overflow in the end.
        longest_s = min(self._most_s, self._first_s * 2.0 ** min(self._tries, 32))
        self._tries += 1
        return longest_s * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        self._tries = 0
