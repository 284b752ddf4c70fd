"""The frame ring: what it must never do with either side dying, late or hostile."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proto.names import CameraId, Epoch
from services.runtime.errors import RingFault
from services.runtime.ring import FrameFlag, RingReader, RingWriter, i420_size, remove_stale, ring_name, split_i420

CAMERA = CameraId("cam1")
NAME = ring_name(CAMERA, Epoch(7), 0)


def make(folder: Path, *, width: int = 32, height: int = 18, slots: int = 4) -> RingWriter:
    return RingWriter.create(folder, NAME, epoch=Epoch(7), width=width, height=height, slots=slots)


def write(ring: RingWriter, seq: int, *, flags: FrameFlag = FrameFlag.NONE) -> int | None:
    planes = ring.planes()
    if planes is None:
        return None
    for plane in planes:
        plane[:] = seq % 256
    return ring.commit(seq=seq, pts_90k=seq * 3600, captured_utc_us=1_000_000 + seq, flags=flags)


def test_frame_comes_out_as_it_went_in(tmp_path: Path) -> None:
    writer = make(tmp_path, width=33, height=17)
    head = write(writer, 5)
    assert head == 1
    [frame] = [(f.seq, f.pts_90k, f.captured_utc_us, f.flags, f.i420.copy()) for f in reader(tmp_path).frames(head)]
    assert frame[:4] == (5, 18000, 1_000_005, FrameFlag.NONE)
    assert frame[4].size == i420_size(33, 17) == 33 * 17 + 2 * 17 * 9
    assert (frame[4] == 5).all()


def reader(folder: Path, head: int = 0) -> RingReader:
    return RingReader.attach(folder, NAME, head=head)


def test_second_consumer_is_refused_while_the_first_one_lives(tmp_path: Path) -> None:
    writer = make(tmp_path)
    write(writer, 1)
    first = reader(tmp_path)
    with pytest.raises(RingFault, match="somebody else"):
        reader(tmp_path)
    assert writer.tail == 0
    first.close()
    assert [f.seq for f in reader(tmp_path).frames(1)] == [1]


def test_planes_of_odd_sizes_round_up() -> None:
    y, u, v = split_i420(np.zeros(i420_size(161, 121), np.uint8), 161, 121)
    assert (y.shape, u.shape, v.shape) == ((121, 161), (61, 81), (61, 81))


def test_full_ring_refuses_the_new_frame_and_keeps_the_old(tmp_path: Path) -> None:
    writer = make(tmp_path, slots=2)
    assert [write(writer, n) for n in (1, 2, 3)] == [1, 2, None]
    assert writer.dropped == 1
    assert [f.seq for f in reader(tmp_path).frames(2)] == [1, 2]


def test_slot_being_read_is_not_overwritten(tmp_path: Path) -> None:
    writer, consumer = make(tmp_path, slots=2), None
    write(writer, 1)
    consumer = reader(tmp_path)
    frames = consumer.frames(1)
    held = next(frames)
    for seq in (2, 3, 4):
        write(writer, seq)
    assert (held.i420 == 1).all()
    assert writer.dropped == 2
    frames.close()
    assert write(writer, 5) is not None


def test_reader_goes_no_further_than_the_doorbell(tmp_path: Path) -> None:
    writer = make(tmp_path)
    for seq in (1, 2, 3):
        write(writer, seq)
    consumer = reader(tmp_path)
    assert [f.seq for f in consumer.frames(2)] == [1, 2]
    assert [f.seq for f in consumer.frames(3)] == [3]


def test_doorbell_beyond_the_head_is_not_believed(tmp_path: Path) -> None:
    write(make(tmp_path), 1)
    assert [f.seq for f in reader(tmp_path).frames(99)] == [1]


def test_first_reader_starts_at_the_tail_and_a_returning_one_at_the_head(tmp_path: Path) -> None:
    writer = make(tmp_path)
    for seq in (1, 2):
        write(writer, seq)
    first = reader(tmp_path, head=2)
    assert next(first.frames(2)).seq == 1
    first.close()
    write(writer, 3)
    assert [f.seq for f in reader(tmp_path, head=3).frames(3)] == [3]


def test_reader_that_dies_holding_a_frame_does_not_block_the_writer_for_ever(tmp_path: Path) -> None:
    writer = make(tmp_path, slots=2)
    write(writer, 1)
    script = (
        "import sys; from pathlib import Path; from services.runtime.ring import RingReader;"
        "r = RingReader.attach(Path(sys.argv[1]), sys.argv[2], head=1); f = r.frames(1); next(f);"
        "import os; os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path), NAME], check=False).returncode == 9
    assert write(writer, 2) == 2
    assert write(writer, 3) is None
    assert [f.seq for f in reader(tmp_path, head=2).frames(2)] == [2]
    assert write(writer, 4) == 3


def test_late_reader_skips_to_the_newest(tmp_path: Path) -> None:
    writer = make(tmp_path)
    for seq in range(4):
        write(writer, seq)
    consumer = reader(tmp_path)
    assert consumer.skip_to(4) == 3
    assert [f.seq for f in consumer.frames(4)] == [3]


def test_damaged_frame_carries_no_pixels(tmp_path: Path) -> None:
    writer = make(tmp_path)
    write(writer, 1, flags=FrameFlag.DAMAGED)
    frame = next(reader(tmp_path).frames(1))
    assert frame.flags is FrameFlag.DAMAGED
    assert frame.i420.size == 0


def test_ring_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "rings"
    remove_stale(folder)
    ring = make(folder)
    assert stat.S_IMODE(ring.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_stale_rings_are_removed_and_other_files_left(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "other").touch()
    assert remove_stale(tmp_path) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["other"]


def test_existing_ring_is_never_taken_over(tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(RingFault, match="File exists"):
        make(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_no_room_is_refused_with_a_reason_and_leaves_nothing_behind(tmp_path: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path], check=False).returncode:
        pytest.skip("this machine does not allow mounts")
    try:
        with pytest.raises(RingFault, match="No space left"):
            make(tmp_path, width=1920, height=1080)
        assert list(tmp_path.iterdir()) == []
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_ring_that_has_gone_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(RingFault, match="No such file"):
        reader(tmp_path)


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 5000, b"USRING\x00\x02" + b"\xff" * 5000])
def test_file_that_is_no_ring_is_a_fault(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(RingFault):
        reader(tmp_path)


def test_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "rings"
    folder.mkdir()
    make(tmp_path)
    (folder / NAME).symlink_to(tmp_path / NAME)
    with pytest.raises(RingFault):
        reader(folder)


def test_slot_header_that_lies_about_its_size_is_a_fault(tmp_path: Path) -> None:
    writer = make(tmp_path)
    write(writer, 1)
    raw = bytearray(writer.path.read_bytes())
    raw[4096 + 28 : 4096 + 32] = (10**9).to_bytes(4, "little")
    writer.path.write_bytes(raw)
    with pytest.raises(RingFault, match="not a frame"):
        next(reader(tmp_path).frames(1))


def test_writer_that_removes_its_ring_leaves_the_reader_its_frames(tmp_path: Path) -> None:
    writer = make(tmp_path)
    write(writer, 1)
    consumer = reader(tmp_path)
    writer.remove()
    assert [(f.seq, int(f.i420[0])) for f in consumer.frames(1)] == [(1, 1)]
    consumer.close()


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.sampled_from(["write", "read", "reattach"]), max_size=60), slots=st.integers(1, 5))
def test_no_frame_is_torn_repeated_or_out_of_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], slots: int
) -> None:
    folder = tmp_path_factory.mktemp("ring")
    writer = make(folder, slots=slots)
    consumer = reader(folder)
    head, seen, seq = 0, -1, 0
    for step in steps:
        if step == "write":
            head = write(writer, seq) or head
            seq += 1
        elif step == "reattach":
            consumer.close()
            consumer = reader(folder, head)
        else:
            for frame in consumer.frames(head):
                assert frame.seq > seen
                assert (frame.i420 == frame.seq % 256).all()
                seen = frame.seq
                del frame  # whoever holds a view of a slot still reads
    assert 0 <= writer.head - writer.tail <= slots
    consumer.close()
    writer.remove()
