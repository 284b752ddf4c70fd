"""Bad cameras and bad entries: a clear state, no credential anywhere, and the other cameras undisturbed."""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.camera.auth import Credentials, Scheme
from deploy.local.camera.clip import ClipSpec
from deploy.local.camera.faults import Refusal
from deploy.local.camera.server import ServerOptions
from deploy.local.camera.simulated import SimulatedCamera
from proto.messages import CameraState, DownReason
from proto.names import camera_id
from tests.component.ingest.site import CAM, ingest_at_work
from tests.support.waiting import until

PASSWORD = "opensesame-9f2c"
OTHER = camera_id("cam2")
TINY = ClipSpec("terrace", width=160, height=120, fps=25, loop_s=2.0, gop_s=1.0, bitrate_bps=200_000)


def guarded(scheme: Scheme) -> SimulatedCamera:
    return SimulatedCamera(options=ServerOptions(credentials=Credentials(scheme, "admin", PASSWORD)))


@contextlib.asynccontextmanager
async def answering(reply: bytes, *, closes: bool = True) -> AsyncIterator[int]:
    """Something that is no camera: answers anything with `reply`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4_096)
        writer.write(reply)
        if not closes:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize("scheme", [Scheme.BASIC, Scheme.DIGEST])
async def test_a_camera_that_asks_for_credentials_gets_them(tmp_path: Path, scheme: Scheme) -> None:
    async with guarded(scheme) as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url, credentials=("admin", PASSWORD))
        async with ingest.watching():
            await ingest.until_pictures(5)


async def test_wrong_credentials_are_said_to_be_wrong_and_shown_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with guarded(Scheme.DIGEST) as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url, credentials=("admin", "wrong-" + PASSWORD))
        status = await ingest.until_state(CameraState.DOWN, DownReason.BAD_CREDENTIALS)
        assert "password" in status.detail
        await ingest.register(camera.url, credentials=("admin", PASSWORD))
        await ingest.until_state(CameraState.LIVE)
        camera.close()
        await ingest.until_state(CameraState.DOWN, DownReason.CLOSED_BY_CAMERA)
        said = b"".join(ingest.raw_statuses).decode() + "".join(capsys.readouterr()) + caplog.text
    assert "camera state" in said
    assert PASSWORD not in said
    assert "admin" not in said


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"", DownReason.GARBAGE),
        (b"SSH-2.0-OpenSSH_9.2\r\n", DownReason.GARBAGE),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", DownReason.GARBAGE),
        (bytes(range(256)) * 8, DownReason.GARBAGE),
        (b"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n", DownReason.NOT_FOUND),
        (b"RTSP/1.0 403 Forbidden\r\nCSeq: 1\r\n\r\n", DownReason.BAD_CREDENTIALS),
        (b"RTSP/1.0 503 Busy\r\nCSeq: 1\r\n\r\n", DownReason.UNREACHABLE),
    ],
)
async def test_what_is_no_camera_is_named_for_what_it_does(tmp_path: Path, reply: bytes, reason: DownReason) -> None:
    async with answering(reply) as port, ingest_at_work(tmp_path) as ingest:
        await ingest.register(f"rtsp://127.0.0.1:{port}/x", credentials=("admin", PASSWORD))
        status = await ingest.until_state(CameraState.DOWN, reason)
        assert status.detail
        assert "127.0.0.1" not in status.detail


@pytest.mark.parametrize("address", ["rtsp://no-such-host.invalid/x", "rtsp://127.0.0.1:9/x"])
async def test_a_wrong_host_or_port_is_unreachable(tmp_path: Path, address: str) -> None:
    async with ingest_at_work(tmp_path) as ingest:
        await ingest.register(address)
        await ingest.until_state(CameraState.DOWN, DownReason.UNREACHABLE)


async def test_something_that_accepts_and_says_nothing_is_unreachable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with ingest_at_work(tmp_path) as ingest:
            await ingest.register(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/x")
            await ingest.until_state(CameraState.DOWN, DownReason.UNREACHABLE)


async def test_a_stream_that_is_not_there_is_not_found_until_it_is(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        camera.refuse(Refusal.NOT_FOUND)
        await ingest.register(camera.url)
        await ingest.until_state(CameraState.DOWN, DownReason.NOT_FOUND)
        camera.resume()
        await ingest.until_state(CameraState.LIVE)


async def test_a_connection_that_is_cut_is_opened_again_in_the_same_epoch(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        async with ingest.watching():
            before = await ingest.until_pictures(5)
            camera.close()
            await ingest.until_state(CameraState.DOWN, DownReason.CLOSED_BY_CAMERA)
            await ingest.until_state(CameraState.LIVE)
            after = await ingest.until_pictures(5)
        assert after[-1].seq > before[-1].seq
        assert after[-1].pts_90k > before[-1].pts_90k
        assert {bell.epoch for bell in ingest.consumer.doorbells} == {ingest.consumer.doorbells[0].epoch}


async def test_a_camera_that_stalls_is_down_and_comes_back(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        await ingest.until_state(CameraState.LIVE)
        loop = asyncio.get_running_loop()
        camera.stall()
        began_s = loop.time()
        await ingest.until_state(CameraState.DOWN, DownReason.STALLED)
        assert loop.time() - began_s < 7
        camera.resume()
        await ingest.until_state(CameraState.LIVE)


async def test_a_camera_that_talks_garbage_is_down_and_comes_back(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        await ingest.until_state(CameraState.LIVE)
        camera.garbage()
        await until(lambda: ingest.states()[-1][0] is CameraState.DOWN, what="down")
        camera.resume()
        async with ingest.watching():
            await ingest.until_pictures(5)


@pytest.mark.parametrize("broken", [b"{", b'{"camera": "cam1"}', json.dumps({"address": "ftp://x"}).encode()])
async def test_a_broken_entry_disturbs_no_other_camera(tmp_path: Path, broken: bytes) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url, OTHER)
        async with ingest.watching(OTHER):
            await ingest.until_pictures(5, OTHER)
            await ingest.store(CAM, broken)
            await ingest.until_state(CameraState.DOWN, DownReason.BAD_ADDRESS)
            epochs = {bell.epoch for bell in ingest.consumer.doorbells}
            seen = await ingest.until_pictures(20, OTHER)
        assert [frame.seq for frame in seen] == list(range(seen[0].seq, seen[0].seq + len(seen)))
        assert {bell.epoch for bell in ingest.consumer.doorbells} == epochs
        assert {state for state, _ in ingest.states(OTHER)} <= {CameraState.CONNECTING, CameraState.LIVE}


async def test_a_changed_address_restarts_the_camera_in_a_new_epoch(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, SimulatedCamera(TINY) as replaced, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        async with ingest.watching():
            await ingest.until_pictures()
            await ingest.register(replaced.url)
            await until(lambda: ingest.consumer.of()[-1].size == (160, 120), what="pictures of the new camera")
            await until(lambda: camera.readers == 0, what="the old session's end")
        epochs = [bell.epoch for bell in ingest.consumer.doorbells]
        assert epochs[-1] > epochs[0]
        assert len(ingest.rings()) == 1


async def test_a_removed_camera_is_let_go_of(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        async with ingest.watching():
            await ingest.until_pictures()
            await ingest.remove()
            await until(lambda: camera.readers == 0, what="the session's end")
            await until(lambda: not ingest.rings(), what="the ring's end")


async def test_a_picture_of_another_size_is_another_ring(tmp_path: Path) -> None:
    async with SimulatedCamera(TINY) as small, ingest_at_work(tmp_path) as ingest:
        port = int(small.url.rsplit(":", 1)[1].split("/")[0])
        await ingest.register(small.url)
        async with ingest.watching():
            await ingest.until_pictures(5)
            await small.__aexit__(None, None, None)
            async with SimulatedCamera(port=port):
                await until(lambda: ingest.consumer.of()[-1].size == (320, 240), what="the new size")
        assert ingest.consumer.doorbells[0].epoch == ingest.consumer.doorbells[-1].epoch
        assert len(ingest.rings()) == 1


async def test_want_of_ring_space_is_a_state_and_passes(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        away = tmp_path / "away"
        ingest.folder.rename(away)
        await ingest.register(camera.url)
        async with ingest.watching():
            status = await ingest.until_state(CameraState.DOWN, DownReason.NO_RING_SPACE)
            assert "memory" in status.detail
            away.rename(ingest.folder)
            await ingest.until_state(CameraState.LIVE)
            await ingest.until_pictures(5)


async def test_the_store_out_of_reach_changes_nothing_for_running_cameras(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        async with ingest.watching():
            before = await ingest.until_pictures(5)
            await ingest.nats.restart()
            after = await ingest.until_pictures(10)
        assert after[-1].seq > before[-1].seq
        assert {bell.epoch for bell in ingest.consumer.doorbells} == {ingest.consumer.doorbells[0].epoch}
        assert {state for state, _ in ingest.states()} <= {CameraState.CONNECTING, CameraState.LIVE}
        assert camera.readers == 1


async def test_ingest_ends_promptly_with_cameras_in_every_state(tmp_path: Path) -> None:
    async with SimulatedCamera() as camera, SimulatedCamera(TINY) as stalled, ingest_at_work(tmp_path) as ingest:
        await ingest.register(camera.url)
        await ingest.register(stalled.url, OTHER)
        await ingest.register("rtsp://127.0.0.1:9/x", camera_id("cam3"))
        await ingest.until_state(CameraState.LIVE, camera=OTHER)
        stalled.stall()
        async with ingest.watching():
            await ingest.until_pictures()
            ingest.process.draining.set()
            async with asyncio.timeout(4):
                await ingest.task
        assert ingest.rings() == []
        assert camera.readers == 0
