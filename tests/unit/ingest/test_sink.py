"""The ring's producer side of one camera."""

from pathlib import Path

import pytest

from proto.messages import DownReason
from proto.names import Epoch, camera_id
from services.ingest.errors import PictureRefused
from services.ingest.sink import FULL_BELL_S, RETRY_S, STILL_SLOTS, FrameSink, Planes
from services.runtime.clock import VirtualClock
from services.runtime.ring import FrameFlag, RingReader

CAM = camera_id("cam1")
SMALL = (32, 18)


def grey(planes: Planes) -> None:
    for plane in planes:
        plane[:] = 99


class Rig:
    """A sink, what it announced, and a reader of its rings."""

    def __init__(self, folder: Path, slots: int = 3) -> None:
        self.clock = VirtualClock()
        self.announced = 0
        self.folder = folder
        self.sink = FrameSink(folder, CAM, Epoch(5), slots, self.clock, self._announce)

    def _announce(self) -> None:
        self.announced += 1

    def put(self, pts_90k: int = 0, size: tuple[int, int] = SMALL, flags: FrameFlag = FrameFlag.NONE) -> bool:
        return self.sink.put(size, grey, pts_90k=pts_90k, captured_utc_us=1, flags=flags)

    def read(self) -> list[tuple[int, int, int, FrameFlag]]:
        """Sequence, time, first pixel (-1 for none) and flags of all that waits."""
        rung = self.sink.doorbell()
        assert rung is not None
        name, head = rung
        ring = RingReader.attach(self.folder, name, head=0)
        return [(f.seq, f.pts_90k, int(f.i420[0]) if f.i420.size else -1, f.flags) for f in ring.frames(head)]


def test_frames_are_numbered_and_announced_once_until_the_bell_is_asked_for(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    assert rig.put(0)
    assert rig.put(3_600)
    assert rig.announced == 1
    assert rig.read() == [(0, 0, 99, FrameFlag.NONE), (1, 3_600, 99, FrameFlag.NONE)]
    rig.put(7_200)
    assert rig.announced == 2


def test_a_ring_whose_file_was_deleted_is_made_anew_once_nobody_reads_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    while rig.put():
        pass
    for path in tmp_path.iterdir():
        path.unlink()
    rig.clock.advance(FULL_BELL_S)
    assert not rig.put()
    assert rig.put()
    assert len(rig.read()) == 1


def test_a_damaged_frame_carries_no_pixels(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.sink.put(SMALL, None, pts_90k=0, captured_utc_us=1, flags=FrameFlag.DAMAGED)
    assert rig.read() == [(0, 0, -1, FrameFlag.DAMAGED)]


def test_a_full_ring_drops_the_new_frame_and_rings_now_and_then_for_a_reader_that_comes_back(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    assert [rig.put(n) for n in range(5)] == [True, True, True, False, False]
    assert rig.sink.dropped == 2
    rig.sink.doorbell()
    announced = rig.announced
    rig.put(6)
    assert rig.announced == announced
    rig.clock.advance(FULL_BELL_S)
    rig.put(7)
    assert rig.announced == announced + 1
    assert [seq for seq, *_ in rig.read()] == [0, 1, 2]


def test_another_size_is_another_file_and_the_old_one_goes(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.put()
    rig.put(size=(64, 36))
    assert [path.name for path in tmp_path.iterdir()] == ["cam1-5-1.ring"]
    assert rig.sink.size == (64, 36)
    assert rig.read()[0][0] == 1


def test_a_camera_that_nobody_watches_has_a_small_ring(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    assert [rig.put(n, flags=FrameFlag.STILL) for n in range(STILL_SLOTS + 1)] == [True] * STILL_SLOTS + [False]
    rig.put(9)
    assert rig.read() == [(STILL_SLOTS + 1, 9, 99, FrameFlag.NONE)]


def test_times_increase_over_rings(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.put(500, flags=FrameFlag.STILL)
    rig.put(400)
    rig.put(400)
    assert [pts for _, pts, *_ in rig.read()] == [501, 502]


@pytest.mark.parametrize("size", [(15, 100), (100, 15), (3_841, 100), (100, 2_161)])
def test_pictures_too_small_or_too_large_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    with pytest.raises(PictureRefused) as refused:
        Rig(tmp_path).put(size=size)
    assert refused.value.reason is DownReason.UNSUPPORTED_SIZE


def test_want_of_space_is_said_and_tried_again_after_a_while(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    rig = Rig(folder)
    with pytest.raises(PictureRefused) as refused:
        rig.put()
    assert refused.value.reason is DownReason.NO_RING_SPACE
    folder.mkdir()
    with pytest.raises(PictureRefused):
        rig.put()
    rig.clock.advance(RETRY_S)
    assert rig.put()


def test_a_closed_sink_leaves_nothing_and_takes_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.put()
    rig.sink.close()
    assert not rig.put()
    assert list(tmp_path.iterdir()) == []
