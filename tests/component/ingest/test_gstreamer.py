"""ingest at GStreamer's RTSP server: a camera that nobody here wrote."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from deploy.local.camera.simulated import QUICK
from proto.messages import CameraState, DownReason, Transport
from tests.component.ingest.site import ingest_at_work
from tests.support.gst_camera import GstCamera, scene_pieces


@pytest.fixture(scope="module")
def pieces() -> Path:
    return scene_pieces(QUICK)


@pytest.mark.parametrize(
    ("transport", "auth"), [(Transport.TCP, "none"), (Transport.UDP, "none"), (Transport.TCP, "digest")]
)
async def test_every_picture_comes_in_order(tmp_path: Path, pieces: Path, transport: Transport, auth: str) -> None:
    async with GstCamera(pieces, auth=auth) as camera, ingest_at_work(tmp_path) as ingest:
        credentials = None if auth == "none" else ("admin", "secret")
        await ingest.register(camera.url, transport=transport, credentials=credentials)
        async with ingest.watching():
            seen = await ingest.until_pictures(30)
        numbers = [frame.number for frame in seen if frame.number is not None]
        assert len(numbers) == len(seen)
        assert {(b - a) % QUICK.frames for a, b in pairwise(numbers)} == {1}


async def test_it_is_opened_again_wherever_it_breaks(tmp_path: Path, pieces: Path) -> None:
    async with GstCamera(pieces, auth="basic") as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url, credentials=("admin", "wrong"))
        await ingest.until_state(CameraState.DOWN, DownReason.BAD_CREDENTIALS)
        await ingest.register(camera.url, credentials=("admin", "secret"))
        await ingest.until_state(CameraState.LIVE)
        await camera.kick()
        await ingest.until_state(CameraState.DOWN, DownReason.CLOSED_BY_CAMERA)
        await ingest.until_state(CameraState.LIVE)
        await camera.remove()
        await ingest.until_state(CameraState.DOWN, DownReason.NOT_FOUND)
        await camera.restore()
        async with ingest.watching():
            await ingest.until_pictures(5)


async def test_frozen_it_is_noticed_after_five_seconds(tmp_path: Path, pieces: Path) -> None:
    async with GstCamera(pieces) as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        await ingest.until_state(CameraState.LIVE)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        camera.freeze()
        await ingest.until_state(CameraState.DOWN, DownReason.STALLED)
        assert 4.5 < loop.time() - began_s < 7
        camera.thaw()
        await ingest.until_state(CameraState.LIVE)
