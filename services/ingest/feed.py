"""Where one camera's reader and decoder meet: the cached GOP, and the decoder's backlog, under one lock."""

import threading

from services.ingest.stream.backlog import Backlog, Taken
from services.ingest.stream.gop import Gop
from services.ingest.stream.unit import AccessUnit


class Feed:
    """Filled by the reader's thread, emptied by the decoder's. Nobody waits for anybody but the decoder for units."""

    def __init__(self, gop: Gop) -> None:
        self._changed = threading.Condition()
        self._gop = gop
        self._backlog: Backlog | None = None
        self._dropped_before = 0

    def put(self, unit: AccessUnit) -> None:
        with self._changed:
            self._gop.put(unit)
            if self._backlog is not None:
                self._backlog.put(unit)
                self._changed.notify()

    def clear(self) -> None:
        """The session has ended: its GOP is the past, and no instant start may show it."""
        with self._changed:
            self._gop.clear()

    def attach(self) -> None:
        """A decoder begins, with the cached GOP."""
        with self._changed:
            self._backlog = Backlog(self._gop.units)

    def detach(self) -> None:
        with self._changed:
            if self._backlog is not None:
                self._dropped_before += self._backlog.dropped
            self._backlog = None

    def take(self, timeout_s: float) -> Taken | None:
        """The decoder's next access unit; None when none came within the time-out."""
        with self._changed:
            backlog = self._backlog
            if backlog is None:
                return None
            if not backlog:
                self._changed.wait(timeout_s)
            return backlog.take()

    def keyframe(self) -> AccessUnit | None:
        with self._changed:
            return self._gop.keyframe

    def dropped(self) -> int:
        """Access units that decoders have fallen behind of, ever."""
        with self._changed:
            return self._dropped_before + (self._backlog.dropped if self._backlog else 0)

    def gops_let_go(self) -> int:
        with self._changed:
            return self._gop.let_go
