"""A camera's thread: takes frames out of the ring and through the pipeline, and releases them."""

import math
import threading
from pathlib import Path
from typing import Final

from proto.limits import FENCE_RESET_S, FRAME_DEADLINE_S
from proto.messages import Doorbell, WithheldReason
from proto.names import CameraId, Epoch, Layer
from services.mask.masks.verdict import Approved, Withheld
from services.mask.measures import Measures
from services.mask.pipeline import Orders, Pipeline
from services.runtime import logs
from services.runtime.clock import Clock
from services.runtime.errors import RingFault
from services.runtime.ring import Frame, FrameFlag, RingReader

IDLE_S: Final = 10.0
"""A thread ends after so long without a doorbell."""

MAX_BEHIND: Final = 4
"""Frames waiting in the ring: with more, all but the newest are let go, so that latency never grows."""

STILL_DEADLINE_S: Final = 30.0
"""A frame for the still alone is the last keyframe, as old as the camera's GOP is long."""

MAX_CAUSES: Final = 64

_log = logs.logger(__name__)


class Worker:
    """Owns the ring reader, the pipeline and its encoders. The event loop calls the public methods.

    Doorbells: the newest replaces one that has not been answered. Whatever fails while a frame is masked or
    encoded withholds that frame, and is logged once for each cause.
    """

    def __init__(
        self, camera: CameraId, folder: Path, pipeline: Pipeline, orders: Orders, clock: Clock, measures: Measures
    ) -> None:
        self.camera = camera
        self.pipeline = pipeline
        self._folder = folder
        self._orders = orders
        self._clock = clock
        self._measures = measures
        self._wake = threading.Condition()
        self._doorbell: Doorbell | None = None
        self._wishes: set[Layer] = set()
        self._is_broken = False
        self._is_nudged = False
        self._is_stopping = False
        self._has_ended = False
        self._ring: RingReader | None = None
        self._epoch = Epoch(0)
        self._answered_s = -math.inf
        self._causes: set[str] = set()
        self._thread = threading.Thread(target=self._run, name=f"mask {camera}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ring(self, doorbell: Doorbell) -> bool:
        """There are frames. False when the thread has ended; another worker must take the camera."""
        with self._wake:
            if self._has_ended:
                return False
            self._doorbell = doorbell
            self._wake.notify()
            return True

    def give(self, orders: Orders) -> None:
        """Take effect with the next frame. One reference is replaced; the thread reads it once for each frame."""
        self._orders = orders

    def wish(self, layer: Layer) -> None:
        with self._wake:
            self._wishes.add(layer)

    def begin_anew(self) -> None:
        """What was encoded has not arrived: nobody can decode what would follow, so each layer starts with an IDR."""
        with self._wake:
            self._is_broken = True

    def nudge(self) -> None:
        """Doorbells may have been lost: make room in the ring, or a full one would never ring again."""
        with self._wake:
            self._is_nudged = True
            self._wake.notify()

    def stop(self) -> None:
        """End after the frame in hand. `join` waits for it."""
        with self._wake:
            self._is_stopping = True
            self._wake.notify()

    def join(self, timeout_s: float) -> bool:
        """Whether the thread has ended in time. Blocks: not for the event loop."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def has_ended(self) -> bool:
        return self._has_ended

    # On the thread

    def _run(self) -> None:
        while (doorbell := self._next()) is not None:
            try:
                self._answer(doorbell)
            except Exception as exc:  # noqa: BLE001  # a dead thread would take doorbells for ever, and show nothing
                self._close_ring()
                self._report("ring", exc)

    def _next(self) -> Doorbell | None:
        """The newest doorbell; None when the thread is to end, and the ring has been closed."""
        with self._wake:
            while True:
                is_awake = self._wake.wait_for(lambda: self._doorbell or self._is_nudged or self._is_stopping, IDLE_S)
                if self._is_stopping or not is_awake:
                    self._make_room()
                    self._close_ring()
                    self._has_ended = True
                    return None
                if self._is_nudged:
                    self._is_nudged = False
                    self._make_room()
                if self._doorbell is not None:
                    doorbell, self._doorbell = self._doorbell, None
                    return doorbell

    def _make_room(self) -> None:
        """Let go of all frames but the newest. None is read, so no doorbell is needed to order the memory."""
        if self._ring is not None:
            self._measures.dropped.labels("unannounced").inc(self._ring.skip_to(self._ring.head))

    def _close_ring(self) -> None:
        ring, self._ring = self._ring, None
        if ring is not None:
            ring.close()

    def _answer(self, doorbell: Doorbell) -> None:
        if doorbell.epoch < self._epoch and not self._is_fence_open():
            self._measures.refused.labels("old-epoch").inc()
            return
        ring = self._attached(doorbell)
        self._epoch = doorbell.epoch
        self._answered_s = self._clock.monotonic_s()
        if min(doorbell.head, ring.head) - ring.tail > MAX_BEHIND:
            self._measures.dropped.labels("behind").inc(ring.skip_to(doorbell.head))
        for frame in ring.frames(doorbell.head):
            if self._is_stopping:
                break
            self._take(frame)

    def _is_fence_open(self) -> bool:
        """Relays take any epoch after such a silence, and so do we: a lease store that was lost counts from 1 again."""
        return self._clock.monotonic_s() - self._answered_s >= FENCE_RESET_S

    def _attached(self, doorbell: Doorbell) -> RingReader:
        if self._ring is None or self._ring.path.name != doorbell.ring:
            self._close_ring()
            self._ring = RingReader.attach(self._folder, doorbell.ring, head=doorbell.head)
        if self._ring.epoch != doorbell.epoch:
            raise RingFault(f"{doorbell.ring} is of epoch {self._ring.epoch}")
        return self._ring

    def _take(self, frame: Frame) -> None:
        orders = self._orders
        deadline_s = STILL_DEADLINE_S if frame.flags & FrameFlag.STILL else FRAME_DEADLINE_S
        if orders.is_gated:
            self._measures.dropped.labels("gate").inc()
            return
        if self._clock.utc_us() - frame.captured_utc_us > deadline_s * 1_000_000:
            self._measures.dropped.labels("old").inc()
            return
        self._obey_wishes()
        try:
            self.pipeline.show(frame, self._epoch, orders)
        except Exception as exc:  # noqa: BLE001  # whatever it is, this camera is withheld and no other disturbed
            self._report("mask", exc)
            self._withhold(frame, orders)

    def _withhold(self, frame: Frame, orders: Orders) -> None:
        revision = orders.standing.masks.revision if isinstance(orders.standing, Approved) else 0
        try:
            self.pipeline.withhold(frame, self._epoch, orders, Withheld(WithheldReason.MASK_FAULT, revision))
        except Exception as exc:  # noqa: BLE001  # not even a slate: nothing is shown, and relays see silence
            self._report("slate", exc)

    def _obey_wishes(self) -> None:
        with self._wake:
            wishes, self._wishes = self._wishes, set()
            is_broken, self._is_broken = self._is_broken, False
        if is_broken:
            self.pipeline.restart()
        for layer in wishes:
            self.pipeline.wish(layer)

    def _report(self, cause: str, exc: Exception) -> None:
        """Count a failure, and log it once for each cause."""
        self._measures.faults.labels(cause).inc()
        key = f"{cause} {type(exc).__name__} {exc}"[:200]
        if key not in self._causes and len(self._causes) < MAX_CAUSES:
            self._causes.add(key)
            _log.error("frame withheld", camera=self.camera, cause=cause, exc_info=exc)
