"""From a camera's RTSP to frames in the ring: what comes, when, and what is not decoded."""

from itertools import pairwise
from pathlib import Path

import pytest

from deploy.local.camera.clip import ClipSpec
from deploy.local.camera.simulated import QUICK, SimulatedCamera
from proto.limits import STILL_INTERVAL_S
from proto.messages import CameraState, Transport
from proto.names import Layer, camera_id
from services.runtime.ring import FrameFlag
from tests.component.ingest.site import CAM, Seen, ingest_at_work
from tests.support.waiting import until

LONG_GOP = ClipSpec("terrace", width=320, height=240, fps=25, loop_s=8.0, gop_s=4.0, bitrate_bps=400_000)


def steps(frames: list[Seen], loop: int) -> set[int]:
    """By how much the stamped numbers grow from frame to frame."""
    numbers = [frame.number for frame in frames]
    assert None not in numbers
    return {(b - a) % loop for a, b in pairwise(numbers) if a is not None and b is not None}


@pytest.mark.parametrize("transport", Transport)
async def test_a_watched_camera_gives_every_picture_in_order(tmp_path: Path, transport: Transport) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url, transport=transport)
        async with ingest.watching():
            seen = await ingest.until_pictures(40)
        assert steps(seen, QUICK.frames) == {1}
        assert [frame.seq for frame in seen] == list(range(seen[0].seq, seen[0].seq + len(seen)))
        assert all(b.pts_90k - a.pts_90k == 3_600 for a, b in pairwise(seen[1:]))
        assert {frame.size for frame in seen} == {(320, 240)}


async def test_capture_times_are_those_of_sending(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        async with ingest.watching():
            await ingest.until_pictures(25)
            (frame, *_) = await ingest.until_pictures(1)
            assert frame.number is not None
            sent_s = camera.sent_utc(frame.number)
        assert sent_s is not None
        assert abs(frame.captured_utc_us / 1_000_000 - sent_s) < 0.1


async def test_a_doorbell_names_a_ring_of_the_cameras_epoch(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        status = await ingest.until_state(CameraState.LIVE)
        async with ingest.watching():
            await ingest.until_pictures()
        rung = ingest.consumer.doorbells[-1]
        assert (rung.camera, rung.epoch) == (CAM, status.epoch)
        assert ingest.rings() == [rung.ring]
        assert (ingest.folder / rung.ring).stat().st_mode & 0o777 == 0o600
        assert (status.codec, status.width, status.height) == ("h264", 320, 240)


async def test_a_viewer_does_not_wait_for_the_cameras_next_keyframe(tmp_path: Path) -> None:
    async with SimulatedCamera(LONG_GOP) as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        # Half a GOP after a keyframe, with the next one two seconds away.
        await until(lambda: ingest.consumer.of(), what="the still of the first keyframe")
        await until(lambda: camera.frames(1)[0].number % LONG_GOP.gop == LONG_GOP.gop // 2)
        async with ingest.watching():
            (first, *_) = await ingest.until_pictures(1, timeout_s=1.0)
        assert first.number is not None
        assert 0 < first.number % LONG_GOP.gop < LONG_GOP.gop - 10
        assert ingest.decoded("catch-up") > LONG_GOP.gop // 4
        # Of the pictures that were caught up with, none was shown.
        assert len(ingest.consumer.pictures()) <= ingest.decoded("live")


async def test_nobody_watching_nothing_is_decoded_but_a_keyframe_for_the_still(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        await until(lambda: len(ingest.consumer.of()) == 2, what="two stills", timeout_s=3 * STILL_INTERVAL_S)
        assert [ingest.decoded(p) for p in ("still", "live", "catch-up")] == [2, 0, 0]
        first, second = ingest.consumer.of()
        assert (first.flags, second.flags) == (FrameFlag.STILL, FrameFlag.STILL)
        assert first.number is not None
        assert first.number % QUICK.gop == 0
        assert 4 < (second.captured_utc_us - first.captured_utc_us) / 1_000_000 < 7
        last = ingest.last()
        assert last is not None
        assert last.decoded_frames <= 2


async def test_decoding_ends_when_the_demand_has_run_out(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        async with ingest.watching(layer=Layer.TILE):
            await ingest.until_pictures(5)
        await until(lambda: any(f.flags is FrameFlag.STILL for f in ingest.consumer.of()[5:]), what="stills again")
        decoded = ingest.decoded("live")
        async with ingest.watching():
            await ingest.until_pictures(5)
        assert ingest.decoded("live") < decoded + 30


async def test_a_demand_for_one_camera_wakes_no_other(tmp_path: Path) -> None:
    other = camera_id("cam2")
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        await ingest.register(camera.url, other)
        await ingest.until_state(CameraState.LIVE, camera=other)
        async with ingest.watching():
            await ingest.until_pictures(25)
        assert ingest.decoded("live", other) == 0


async def test_a_mask_service_that_dies_and_comes_back_gets_pictures_again(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        async with ingest.watching():
            await ingest.until_pictures(5)
            ingest.consumer.die()
            await until(lambda: ingest.dropped("ring-full") > 5, what="frames dropped at a full ring")
            ingest.consumer.is_reading = True
            seen = await ingest.until_pictures(10)
        assert steps(seen[1:], QUICK.frames) == {1}


async def test_what_a_former_process_left_is_removed_and_so_is_ones_own(tmp_path: Path) -> None:
    (tmp_path / "rings").mkdir()
    (tmp_path / "rings" / "cam9-3-0.ring").write_bytes(b"left behind")
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        async with ingest.watching():
            await ingest.until_pictures()
        assert [name for name in ingest.rings() if "cam9" in name] == []
    assert list((tmp_path / "rings").iterdir()) == []
