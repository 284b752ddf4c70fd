"""From a camera's thread to the event loop: bounded, and only a wake-up crosses over."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from proto.names import Layer
from services.mask.media.layer import AccessUnit
from services.mask.media.still import Still

MAX_UNITS: Final = 32
"""Of one camera: some three quarters of a second of both layers. The loop takes them within milliseconds."""

MAX_BYTES: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What an outbox gives at once: access units in order, and the newest still."""

    units: tuple[AccessUnit, ...]
    still: Still | None


class Outbox:
    """Access units and a still of one camera; `put` on its thread, `take` on the loop.

    When full, everything held is dropped and each layer takes nothing more until a keyframe; `needs_keyframe`
    tells the encoder to make one. `on_ready` is called once for what may be many puts, on the putting thread.
    """

    def __init__(self, on_ready: Callable[[], None], on_drop: Callable[[int], None]) -> None:
        self._lock = threading.Lock()
        self._units: deque[AccessUnit] = deque()
        self._bytes = 0
        self._still: Still | None = None
        self._waiting: set[Layer] = set()
        self._is_announced = False
        self._on_ready = on_ready
        self._on_drop = on_drop

    def put(self, unit: AccessUnit) -> None:
        with self._lock:
            dropped = self._make_room(len(unit.payload))
            if unit.headers.is_keyframe:
                self._waiting.discard(unit.layer)
            if unit.layer in self._waiting:
                dropped += 1
            else:
                self._units.append(unit)
                self._bytes += len(unit.payload)
        if dropped:
            self._on_drop(dropped)
        self.announce()

    def put_still(self, still: Still) -> None:
        """Replaces one that has not been taken yet."""
        with self._lock:
            self._still = still
        self.announce()

    def _make_room(self, size: int) -> int:
        if len(self._units) < MAX_UNITS and self._bytes + size <= MAX_BYTES:
            return 0
        dropped = len(self._units)
        self._units.clear()
        self._bytes = 0
        self._waiting.update(Layer)
        return dropped

    def needs_keyframe(self, layer: Layer) -> bool:
        with self._lock:
            return layer in self._waiting

    def announce(self) -> None:
        """Let the loop know that there is something to see here, unless it knows."""
        with self._lock:
            is_news, self._is_announced = not self._is_announced, True
        if is_news:
            self._on_ready()

    def take(self) -> Outgoing:
        with self._lock:
            outgoing = Outgoing(tuple(self._units), self._still)
            self._units.clear()
            self._bytes = 0
            self._still = None
            self._is_announced = False
        return outgoing
