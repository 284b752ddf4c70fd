"""Bounded mailboxes between a producer that must not wait and one consumer."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class KeyframeMailbox(Generic[T]):
    """Access units for one reader. When full, everything held is dropped and nothing is taken until a keyframe.

    Overload thus costs the reader a jump forward, never a growing delay or a picture that cannot be decoded.
    Single event loop; `put` never blocks.
    """

    def __init__(self, *, capacity: int, max_bytes: int, on_drop: Callable[[int], None] = lambda _n: None) -> None:
        self._items: deque[tuple[T, int]] = deque()
        self._capacity = capacity
        self._max_bytes = max_bytes
        self._bytes = 0
        self._on_drop = on_drop
        self._is_waiting_for_keyframe = False
        self._wake = asyncio.Event()
        self._is_closed = False
        self.dropped = 0

    @property
    def is_waiting_for_keyframe(self) -> bool:
        """True after an overflow, until a keyframe comes: the reader may want to ask for one."""
        return self._is_waiting_for_keyframe

    def put(self, item: T, size: int, *, is_keyframe: bool) -> None:
        if len(self._items) >= self._capacity or self._bytes + size > self._max_bytes:
            self._drop(len(self._items))
            self._items.clear()
            self._bytes = 0
            self._is_waiting_for_keyframe = True
        if self._is_waiting_for_keyframe and not is_keyframe:
            self._drop(1)
            return
        self._is_waiting_for_keyframe = False
        self._items.append((item, size))
        self._bytes += size
        self._wake.set()

    def _drop(self, count: int) -> None:
        self.dropped += count
        self._on_drop(count)

    def close(self) -> None:
        """Let the reader end once it has taken what is held."""
        self._is_closed = True
        self._wake.set()

    async def get(self) -> T | None:
        """The oldest item; None once closed and empty."""
        while not self._items:
            if self._is_closed:
                return None
            self._wake.clear()
            await self._wake.wait()
        item, size = self._items.popleft()
        self._bytes -= size
        return item
