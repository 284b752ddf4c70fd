"""Damaged input: no picture that was made from it comes out unflagged, and good ones come again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from deploy.local.camera.clip import load, make
from deploy.local.camera.faults import Damage
from deploy.local.camera.simulated import CACHE, QUICK, SimulatedCamera
from proto.messages import CameraState, Transport
from services.runtime.ring import FrameFlag
from tests.component.ingest.site import Luma, Seen, ingest_at_work
from tests.support.waiting import until

Fault = Callable[[SimulatedCamera], None]

FAULTS: dict[str, Fault] = {
    "one unit lost": lambda camera: camera.drop_units(1),
    "three units lost": lambda camera: camera.drop_units(3),
    "a third of a second lost": lambda camera: camera.drop_units(8),
    "a packet lost": lambda camera: camera.drop_packets(1),
    "a packet of several units lost": lambda camera: camera.drop_packets(3),
    "bytes cut out": lambda camera: camera.corrupt(1, Damage.CUT),
    "bytes cut out of several units": lambda camera: camera.corrupt(4, Damage.CUT),
}


@pytest.fixture(scope="module")
def known() -> dict[int, Luma]:
    """Every picture of the loop by its number, as it is decoded from whole input."""
    clip = load(QUICK, CACHE)
    if clip is None:
        make(QUICK, CACHE, lambda _line: None)
        clip = load(QUICK, CACHE)
    assert clip is not None
    context = CodecContext.create("h264", "r")
    assert isinstance(context, VideoCodecContext)
    pictures: dict[int, Luma] = {}
    for number, unit in enumerate(clip.access_units):
        for frame in context.decode(Packet(b"".join(b"\0\0\0\1" + nal for nal in unit.nal_units) + bytes(64))):
            pictures[number] = frame.to_ndarray()[: QUICK.height].astype(np.uint8)
    assert len(pictures) == QUICK.frames
    return pictures


def wrong_pictures(frames: list[Seen], known: dict[int, Luma]) -> list[Seen]:
    """Unflagged frames that show anything else than the camera filmed."""

    def is_right(frame: Seen) -> bool:
        if frame.number is None or frame.luma is None:
            return False
        return np.array_equal(frame.luma, known[frame.number])

    return [frame for frame in frames if not frame.flags and not is_right(frame)]


@pytest.mark.parametrize(
    ("name", "transport"), [*((name, Transport.TCP) for name in FAULTS), ("a packet lost", Transport.UDP)]
)
async def test_no_damaged_picture_comes_out_unflagged(
    tmp_path: Path, known: dict[int, Luma], name: str, transport: Transport
) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path, keeps_luma=True) as ingest:
        await ingest.register(camera.url, transport=transport)
        async with ingest.watching():
            await ingest.until_pictures()
            # In the middle of a GOP, so that what is made from the damage is to be seen.
            await until(lambda: camera.frames(1)[0].number % QUICK.gop == 8)
            seen = len(ingest.consumer.of())
            FAULTS[name](camera)
            await until(
                lambda: any(f.flags & FrameFlag.DAMAGED for f in ingest.consumer.of()[seen:]), what="a damaged frame"
            )
            await ingest.until_pictures(25)
            frames = ingest.consumer.of()[seen:]
        damaged = [frame for frame in frames if frame.flags & FrameFlag.DAMAGED]
        assert wrong_pictures(frames, known) == []
        assert all(frame.luma is None for frame in damaged)
        assert len(damaged) <= QUICK.gop


@pytest.mark.parametrize(
    ("after", "count"),
    [(2, 16), (QUICK.gop - 4, QUICK.gop % 16)],
    ids=["as many as there are numbers", "a keyframe among them"],
)
async def test_a_loss_after_which_frame_num_fits_again_is_seen_by_the_time(
    tmp_path: Path, known: dict[int, Luma], after: int, count: int
) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path, keeps_luma=True) as ingest:
        await ingest.register(camera.url)
        async with ingest.watching():
            await ingest.until_pictures(2 * QUICK.gop)
            await until(lambda: camera.frames(1)[0].number % QUICK.gop == after)
            seen = len(ingest.consumer.of())
            camera.drop_units(count)
            await ingest.until_pictures(25)
            frames = ingest.consumer.of()[seen:]
        assert wrong_pictures(frames, known) == []
        assert any(frame.flags & FrameFlag.DAMAGED for frame in frames)


async def test_damage_is_a_state_until_the_next_clean_keyframe(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        async with ingest.watching():
            await ingest.until_pictures()
            await until(lambda: camera.frames(1)[0].number % QUICK.gop == 8)
            camera.drop_units(1)
            status = await ingest.until_state(CameraState.DEGRADED)
            assert "keyframe" in status.detail
            await ingest.until_state(CameraState.LIVE)
            (first, *_) = await ingest.until_pictures()
        assert first.number is not None


async def test_a_keyframe_that_is_damaged_itself_does_not_end_the_damage(
    tmp_path: Path, known: dict[int, Luma]
) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path, keeps_luma=True) as ingest:
        await ingest.register(camera.url)
        async with ingest.watching():
            await ingest.until_pictures()
            await until(lambda: camera.frames(1)[0].number % QUICK.gop == QUICK.gop - 2)
            seen = len(ingest.consumer.of())
            camera.corrupt(3, Damage.CUT)
            await ingest.until_pictures(20)
            frames = ingest.consumer.of()[seen:]
        assert wrong_pictures(frames, known) == []
        assert QUICK.gop <= sum(bool(frame.flags & FrameFlag.DAMAGED) for frame in frames) < 2 * QUICK.gop


async def test_a_damaged_keyframe_makes_no_still(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path, keeps_luma=True) as ingest:
        camera.corrupt(100_000, Damage.CUT)
        await ingest.register(camera.url)
        await until(lambda: ingest.consumer.of(), what="a still that is none")
        (frame, *_) = ingest.consumer.of()
        assert frame.flags == FrameFlag.STILL | FrameFlag.DAMAGED
        assert frame.luma is None
