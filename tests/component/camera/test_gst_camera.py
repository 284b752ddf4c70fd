"""GStreamer's RTSP server as a camera: the same reader, another stack."""

import asyncio
from itertools import pairwise
from pathlib import Path

import av
import pytest

from deploy.local.camera.simulated import QUICK
from tests.component.camera.watching import open_error, watching
from tests.support.gst_camera import FOOTAGE, GstCamera, GstUnavailable, footage_pieces, scene_pieces
from tests.support.waiting import until


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scene_pieces(QUICK, tmp_path_factory.mktemp("gst"))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_pictures_come_in_sequence(pieces: Path, transport: str) -> None:
    async with GstCamera(pieces) as camera, watching(camera.url, transport) as watcher:
        await until(lambda: len(watcher.seen) > 60)
        assert all(a is not None and b == (a + 1) % QUICK.frames for a, b in pairwise(watcher.numbers))
        times = [seen.pts for seen in watcher.seen if seen.pts is not None]
        assert all(abs(b - a - 3_600) < 200 for a, b in pairwise(times))


@pytest.mark.parametrize("auth", ["basic", "digest"])
async def test_credentials_are_wanted(pieces: Path, auth: str) -> None:
    async with GstCamera(pieces, auth=auth) as camera:
        async with watching(camera.url_with_credentials) as watcher:
            await until(lambda: watcher.seen)
        for wrong in (camera.url, camera.url_with_credentials.replace("secret", "wrong")):
            assert isinstance(await open_error(wrong), av.HTTPUnauthorizedError)


async def test_kicked_reader_may_come_back(pieces: Path) -> None:
    async with GstCamera(pieces) as camera:
        async with watching(camera.url) as watcher:
            await until(lambda: watcher.seen)
            await camera.kick()
            await until(lambda: watcher.has_ended)
        async with watching(camera.url) as watcher:
            await until(lambda: watcher.seen)


async def test_removed_camera_is_not_found_until_it_is_restored(pieces: Path) -> None:
    async with GstCamera(pieces) as camera:
        async with watching(camera.url) as watcher:
            await until(lambda: watcher.seen)
            await camera.remove()
            await until(lambda: watcher.has_ended)
        assert isinstance(await open_error(camera.url), av.HTTPNotFoundError)
        await camera.restore()
        assert await open_error(camera.url) is None


async def test_frozen_process_runs_its_reader_into_the_time_out_and_thaws(pieces: Path) -> None:
    async with GstCamera(pieces) as camera:
        async with watching(camera.url) as watcher:
            await until(lambda: watcher.seen)
            camera.freeze()
            await until(lambda: watcher.has_ended)
            assert watcher.error is not None
        camera.thaw()
        assert await open_error(camera.url) is None


async def test_camera_that_does_not_start_says_what_it_needs(pieces: Path) -> None:
    with pytest.raises(GstUnavailable, match="apt-get install"):
        async with GstCamera(pieces, transport="pigeon"):
            raise AssertionError("it started")


@pytest.mark.skipif(not FOOTAGE.is_dir(), reason="the street footage is not on this machine")
async def test_street_footage_is_served_with_numbers(tmp_path: Path) -> None:
    footage = next(FOOTAGE.glob("*.mp4"))
    size = {"width": 640, "height": 360, "seconds": 2}
    folder = await asyncio.to_thread(footage_pieces, footage, **size, is_stamped=True, build=tmp_path)
    async with GstCamera(folder) as camera, watching(camera.url) as watcher:
        await until(lambda: len(watcher.seen) > 60)
        assert {0, 49} <= set(watcher.numbers)
        assert len({seen.digest for seen in watcher.seen}) > 40
