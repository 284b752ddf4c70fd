"""A camera's thread and a real ring, without a bus."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import services.mask.worker
from proto.limits import FENCE_RESET_S
from proto.messages import Doorbell, WithheldReason
from proto.names import Epoch, Layer
from services.mask.masks.verdict import Approved, Withheld
from services.mask.measures import Measures
from services.mask.media.layer import layer_specs
from services.mask.media.outbox import Outbox, Outgoing
from services.mask.pipeline import Orders, Pipeline
from services.mask.worker import Worker
from services.runtime.clock import SystemClock
from services.runtime.metrics import Metrics
from services.runtime.ring import RingReader, RingWriter, ring_name, split_i420
from tests.unit.mask.samples import CAMERA, mask_set, scene

WIDTH, HEIGHT = 320, 180
LIMIT_S = 5.0


class MovedClock(SystemClock):
    """The host's clock, whose monotonic side a test may move on."""

    def __init__(self) -> None:
        self._moved_s = 0.0

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self._moved_s

    def advance(self, seconds: float) -> None:
        self._moved_s += seconds


class Rig:
    """One worker, the ring that feeds it, and what it puts out."""

    def __init__(self, folder: Path) -> None:
        self.metrics = Metrics()
        self.has_news = threading.Event()
        self.outbox = Outbox(self.has_news.set, lambda _count: None)
        self.folder = folder
        self.seq = 0
        self.clock = clock = MovedClock()
        measures = Measures(self.metrics)
        specs = layer_specs(main_bit_rate=3_000_000, tile_bit_rate=500_000, preset="ultrafast")
        pipeline = Pipeline(specs, 8.0, self.outbox, clock, measures)
        orders = Orders(Approved(mask_set()), frozenset({Layer.MAIN}))
        self.worker = Worker(CAMERA, folder, pipeline, orders, clock, measures)
        self.writer = self.new_ring(5, 1)

    def new_ring(self, epoch: int, generation: int) -> RingWriter:
        name = ring_name(CAMERA, Epoch(epoch), generation)
        self.writer = RingWriter.create(self.folder, name, epoch=Epoch(epoch), width=WIDTH, height=HEIGHT)
        return self.writer

    def write(self, frames: int = 1) -> None:
        for _ in range(frames):
            planes = self.writer.planes()
            assert planes is not None, "the ring is full"
            for plane, part in zip(planes, split_i420(scene(self.seq, WIDTH, HEIGHT), WIDTH, HEIGHT), strict=True):
                plane[:] = part
            now_us = SystemClock().utc_us()
            self.writer.commit(seq=self.seq, pts_90k=self.seq * 3600, captured_utc_us=now_us)
            self.seq += 1

    def ring(self) -> bool:
        writer = self.writer
        doorbell = Doorbell(camera=CAMERA, epoch=writer.epoch, ring=writer.path.name, head=writer.head)
        return self.worker.ring(doorbell)

    def wait(self, is_so: bool | None = None, *, tail: int | None = None) -> None:
        end = time.monotonic() + LIMIT_S
        while (self.writer.tail != tail) if tail is not None else not self.worker.has_ended:
            assert time.monotonic() < end, "did not happen in time"
            os.sched_yield()

    def dropped(self, cause: str) -> float:
        return self.metrics.registry.get_sample_value("us_mask_frames_dropped_total", {"cause": cause}) or 0.0

    def until_counted(self, name: str, **labels: str) -> None:
        end = time.monotonic() + LIMIT_S
        while not self.metrics.registry.get_sample_value(f"us_mask_{name}", labels):
            assert time.monotonic() < end, "did not happen in time"
            os.sched_yield()

    def take(self) -> Outgoing:
        return self.outbox.take()


@contextlib.contextmanager
def rig(folder: Path) -> Iterator[Rig]:
    held = Rig(folder)
    held.worker.start()
    try:
        yield held
    finally:
        held.worker.stop()
        assert held.worker.join(LIMIT_S)


def test_frames_are_encoded_in_order_and_released(tmp_path: Path) -> None:
    with rig(tmp_path) as held:
        for count in range(1, 6):
            held.write()
            assert held.ring()
            held.wait(tail=count)
        assert [unit.headers.seq for unit in held.take().units] == [0, 1, 2, 3, 4]


def test_a_worker_that_is_behind_goes_on_with_the_newest_frame(tmp_path: Path) -> None:
    with rig(tmp_path) as held:
        held.write(6)
        held.ring()
        held.wait(tail=6)
        assert [unit.headers.seq for unit in held.take().units] == [5]
        assert held.dropped("behind") == 5


def test_frames_behind_a_closed_gate_are_released_unseen(tmp_path: Path) -> None:
    with rig(tmp_path) as held:
        held.worker.give(Orders(Approved(mask_set()), frozenset({Layer.MAIN}), is_gated=True))
        held.write(2)
        held.ring()
        held.wait(tail=2)
        assert held.take() == Outgoing((), None)
        assert held.dropped("gate") == 2


def test_orders_take_effect_with_the_next_frame(tmp_path: Path) -> None:
    with rig(tmp_path) as held:
        held.write()
        held.ring()
        held.wait(tail=1)
        held.worker.give(Orders(Withheld(WithheldReason.REVOKED, 1), frozenset({Layer.MAIN})))
        held.write()
        held.ring()
        held.wait(tail=2)
        assert [unit.headers.slate for unit in held.take().units] == [None, WithheldReason.REVOKED]


def test_a_full_ring_whose_doorbells_were_lost_is_emptied_after_an_outage(tmp_path: Path) -> None:
    with rig(tmp_path) as held:
        held.write()
        held.ring()
        held.wait(tail=1)
        held.write(6)
        held.worker.nudge()
        held.wait(tail=6)
        assert held.writer.planes() is not None


def test_a_new_ring_is_followed_and_an_older_epoch_is_not(tmp_path: Path) -> None:
    with rig(tmp_path) as held:
        held.write()
        held.ring()
        held.wait(tail=1)
        old = held.writer
        held.new_ring(7, 1)
        held.write()
        held.ring()
        held.wait(tail=1)
        held.writer = old
        held.write()
        held.ring()
        held.writer = held.new_ring(7, 2)
        held.write()
        held.ring()
        held.wait(tail=1)
        assert {int(unit.headers.epoch) for unit in held.take().units} == {5, 7}
        assert old.tail == 1


def test_a_ring_that_lies_about_its_epoch_shows_nothing(tmp_path: Path) -> None:
    with rig(tmp_path) as held:
        held.write()
        (tmp_path / "cam-1-9-1.ring").symlink_to(held.writer.path)
        os.link(held.writer.path, tmp_path / "cam-1-9-2.ring")
        for name in ("cam-1-9-1.ring", "cam-1-9-2.ring", "cam-1-9-3.ring"):
            held.worker.ring(Doorbell(camera=CAMERA, epoch=Epoch(9), ring=name, head=1))
            count = {"cause": "ring"}
            end = time.monotonic() + LIMIT_S
            faults = ("cam-1-9-1.ring", "cam-1-9-2.ring", "cam-1-9-3.ring").index(name) + 1
            while (held.metrics.registry.get_sample_value("us_mask_faults_total", count) or 0) < faults:
                assert time.monotonic() < end
                os.sched_yield()
        assert held.take() == Outgoing((), None)


def test_a_doorbell_of_a_later_epoch_without_a_ring_does_not_shut_out_the_real_one(tmp_path: Path) -> None:
    with rig(tmp_path) as held:
        held.worker.ring(Doorbell(camera=CAMERA, epoch=Epoch(10**18), ring="cam-1-1000000000000000000-1.ring", head=1))
        held.until_counted("faults_total", cause="ring")
        held.write()
        held.ring()
        held.wait(tail=1)
        assert len(held.take().units) == 1


def test_an_older_epoch_is_taken_after_as_long_a_silence_as_relays_wait(tmp_path: Path) -> None:
    with rig(tmp_path) as held:
        held.write()
        held.ring()
        held.wait(tail=1)
        held.new_ring(1, 1)
        held.write()
        held.ring()
        held.until_counted("messages_refused_total", kind="old-epoch")
        held.clock.advance(FENCE_RESET_S)
        held.write()
        held.ring()
        held.wait(tail=2)
        assert [int(unit.headers.epoch) for unit in held.take().units] == [5, 1, 1]


def test_a_thread_survives_whatever_goes_wrong_with_its_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with rig(tmp_path) as held:
        held.write()

        def fail(*_args: object, **_kwargs: object) -> None:
            raise MemoryError

        with monkeypatch.context() as patched:
            patched.setattr(RingReader, "attach", fail)
            held.ring()
            held.until_counted("faults_total", cause="ring")
        held.ring()
        held.wait(tail=1)
        assert len(held.take().units) == 1


def test_a_worker_without_doorbells_ends_and_leaves_room_in_the_ring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.mask.worker, "IDLE_S", 0.1)
    with rig(tmp_path) as held:
        held.write()
        held.ring()
        held.wait(tail=1)
        held.write(6)
        held.wait()
        assert held.worker.has_ended
        assert not held.ring(), "another worker must take the camera"
        assert held.writer.planes() is not None
