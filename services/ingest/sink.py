"""The frame ring's producer side of one camera: its files by epoch and picture size, and when to ring the doorbell."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from proto.messages import DownReason
from proto.names import CameraId, Epoch
from services.ingest.errors import PictureRefused
from services.ingest.stream.timeline import PresentationOrder
from services.runtime.clock import Clock
from services.runtime.errors import RingFault
from services.runtime.ring import FrameFlag, Plane, RingWriter, ring_name

MAX_WIDTH: Final = 3840
MAX_HEIGHT: Final = 2160
MIN_SIDE: Final = 16

STILL_SLOTS: Final = 2
"""Of the ring of a camera that nobody watches: a thousand of them take 6 MB each, not 19."""

RETRY_S: Final = 2.0
"""How long a camera that found no room waits before it asks again: taking the room costs time itself."""

FULL_BELL_S: Final = 0.5
"""How often a full ring is rung for: a mask service that comes back hears of the ring by its doorbell alone."""

Planes = tuple[Plane, Plane, Plane]
Fill = Callable[[Planes], None]


class FrameSink:
    """Takes frames from one thread at a time: the decoder's, or while there is none, the still's.

    A full ring drops the new frame, counted in `dropped`. `announce` is called from that thread for the first frame
    after `doorbell` was asked for, so that any number of frames makes one wake-up.
    """

    def __init__(
        self, folder: Path, camera: CameraId, epoch: Epoch, slots: int, clock: Clock, announce: Callable[[], None]
    ) -> None:
        self.epoch = epoch
        self.dropped = 0
        self.size = (0, 0)
        self._folder = folder
        self._camera = camera
        self._slots = slots
        self._clock = clock
        self._announce = announce
        self._lock = threading.Lock()
        self._order = PresentationOrder()
        self._ring: RingWriter | None = None
        self._generation = 0
        self._seq = 0
        self._is_announced = False
        self._is_closed = False
        self._refused_until_s = 0.0
        self._full_bell_at_s = 0.0

    def put(
        self,
        size: tuple[int, int],
        fill: Fill | None,
        *,
        pts_90k: int,
        captured_utc_us: int,
        flags: FrameFlag = FrameFlag.NONE,
    ) -> bool:
        """Put one frame in, `fill` writing its planes; no `fill` for a damaged one, whose pixels are not copied.

        False when it was dropped. Raises PictureRefused when there can be no ring for it.
        """
        _check(size)
        with self._lock:
            if self._is_closed:
                return False
            ring = self._fitting(size, STILL_SLOTS if flags & FrameFlag.STILL else self._slots)
            seq, self._seq = self._seq, self._seq + 1
            planes = ring.planes()
            if planes is None:
                self.dropped += 1
                self._ring_for_full(ring)
                return False
            if fill is not None:
                fill(planes)
            ring.commit(
                seq=seq, pts_90k=self._order.next(pts_90k), captured_utc_us=max(0, captured_utc_us), flags=flags
            )
            self._wake()
            return True

    def doorbell(self) -> tuple[str, int] | None:
        """Name and head of the ring, to be told to the mask service; None when there is none."""
        with self._lock:
            self._is_announced = False
            return None if self._ring is None else (self._ring.path.name, self._ring.head)

    def close(self) -> None:
        """Remove the ring's file; later frames are dropped."""
        with self._lock:
            self._is_closed = True
            self._remove()

    def _fitting(self, size: tuple[int, int], slots: int) -> RingWriter:
        ring = self._ring
        if ring is not None and (ring.width, ring.height) == size and ring.slots == slots:
            return ring
        self._remove()
        if self._clock.monotonic_s() < self._refused_until_s:
            raise PictureRefused(DownReason.NO_RING_SPACE)
        name = ring_name(self._camera, self.epoch, self._generation)
        self._generation += 1
        width, height = size
        try:
            self._ring = RingWriter.create(
                self._folder, name, epoch=self.epoch, width=width, height=height, slots=slots
            )
        except RingFault:
            self._refused_until_s = self._clock.monotonic_s() + RETRY_S
            raise PictureRefused(DownReason.NO_RING_SPACE) from None
        self.size = size
        return self._ring

    def _remove(self) -> None:
        ring, self._ring = self._ring, None
        if ring is not None:
            ring.remove()

    def _ring_for_full(self, ring: RingWriter) -> None:
        now_s = self._clock.monotonic_s()
        if now_s < self._full_bell_at_s:
            return
        self._full_bell_at_s = now_s + FULL_BELL_S
        if ring.path.exists():
            self._wake()
        else:
            # Somebody has deleted the file: no mask service that starts can find it. The next frame makes another.
            self._remove()

    def _wake(self) -> None:
        if not self._is_announced:
            self._is_announced = True
            self._announce()


def _check(size: tuple[int, int]) -> None:
    if min(size) < MIN_SIDE or size[0] > MAX_WIDTH or size[1] > MAX_HEIGHT:
        raise PictureRefused(DownReason.UNSUPPORTED_SIZE)
