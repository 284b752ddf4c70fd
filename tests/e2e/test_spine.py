"""The main job on real parts: a masked street, from an RTSP camera to a browser, through all four services."""

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from deploy.local.camera import stamp
from deploy.local.camera.scene import dwellings
from deploy.local.provision import WantedCamera
from proto import subjects
from proto.names import SiteId
from services.runtime.bus import Bus, BusSettings
from services.runtime.metrics import Metrics
from tests.support.browser import Operator, sign_in
from tests.support.mesh import RunningMesh, run_mesh
from tests.support.polygons import far_outside, inside
from tests.support.waiting import until

BLACK = 30
"""Full-range luma that H.264 may make of black; the dimmest lit thing of the scenes is above 60."""

DEVICE = ("--camera", "cam1=terrace", "--camera", "cam2=estate", "--size", "1280x720", "--loop", "4", "--gop", "2")
TERRACE = WantedCamera("cam1", "Terrace", "device:cam1", masks=dwellings("terrace"))
ESTATE = WantedCamera("cam2", "Estate", "device:cam2", masks=dwellings("estate"))


async def assert_masked(operator: Operator, camera: WantedCamera, *, frames: int = 8) -> None:
    """Every polygon's inside is black in each of some frames, the rest is a picture, and it moves."""
    assert camera.masks is not None
    seen: set[int | None] = set()
    for _ in range(frames):
        await operator.next_frame(camera.camera)
        luma = await operator.luma(camera.camera)
        height, width = luma.shape
        assert luma[inside(camera.masks, width, height)].max() <= BLACK
        rest = luma[far_outside(camera.masks, width, height, 24)]
        assert rest.std() > 20
        assert np.median(rest) > BLACK
        seen.add(stamp.read(luma))
    assert len(seen - {None}) >= frames // 2, f"frame numbers read back: {seen}"


async def test_masked_street_plays_in_a_browser_and_two_cameras_stay_apart(tmp_path: Path) -> None:
    async with (
        run_mesh(tmp_path, [TERRACE, ESTATE], device=DEVICE) as mesh,
        sign_in(mesh.origin, mesh.person, mesh.password) as operator,
    ):
        await mesh.until_state("cam1", "live")
        await operator.open("cam1")
        await assert_masked(operator, TERRACE)
        await operator.open("cam2")
        await assert_masked(operator, ESTATE)
        await assert_masked(operator, TERRACE, frames=2)


async def test_revoked_mask_set_shows_a_slate_at_once_and_a_new_one_the_picture_again(tmp_path: Path) -> None:
    async with (
        run_mesh(tmp_path, [TERRACE], device=DEVICE) as mesh,
        sign_in(mesh.origin, mesh.person, mesh.password) as operator,
    ):
        await operator.open("cam1")
        await assert_masked(operator, TERRACE, frames=2)
        (await mesh.client.delete("/api/cameras/cam1/mask-set")).raise_for_status()
        await until_slate(operator, "cam1")
        await mesh.until_state("cam1", "withheld")
        polygons = [[list(point) for point in polygon] for polygon in TERRACE.masks or ()]
        answer = await mesh.client.put(
            "/api/cameras/cam1/mask-set", json={"polygons": polygons, "aspect": 16 / 9, "is_mask_free": False}
        )
        answer.raise_for_status()
        await until_picture(operator, "cam1")
        await assert_masked(operator, TERRACE, frames=2)


async def until_slate(operator: Operator, camera: str) -> None:
    """Wait until the video shows a slate. One frame of it is enough: what was ended may soon be back."""
    async with asyncio.timeout(15):
        while not is_slate(await operator.luma(camera)):
            await operator.next_frame(camera)


def is_slate(luma: NDArray[np.uint8]) -> bool:
    """Almost all of one dark grey, but for its words, and no frame number."""
    background = int(np.median(luma))
    share = np.mean(np.abs(luma.astype(np.int16) - background) <= 8)
    return bool(5 < background < 60 and 0.7 < share < 0.999 and stamp.read(luma) is None)


async def until_picture(operator: Operator, camera: str) -> None:
    async with asyncio.timeout(20):
        while stamp.read(await operator.luma(camera)) is None:
            await operator.next_frame(camera)


async def test_camera_without_a_mask_set_shows_a_slate_and_never_the_picture(tmp_path: Path) -> None:
    unmasked = WantedCamera("cam1", "Terrace", "device:cam1")
    async with (
        run_mesh(tmp_path, [unmasked], device=DEVICE) as mesh,
        sign_in(mesh.origin, mesh.person, mesh.password) as operator,
    ):
        await operator.open("cam1")
        await until_slate(operator, "cam1")
        for _ in range(3):
            await operator.next_frame("cam1")
            assert is_slate(await operator.luma("cam1"))
        found = await mesh.until_state("cam1", "withheld")
        assert found["reason"] == "no-mask-set"


async def kill(mesh: RunningMesh, service: str, number: signal.Signals) -> None:
    pid = mesh.children[service].pid
    assert pid is not None
    os.kill(pid, number)


async def test_mask_service_that_dies_costs_a_slate_and_comes_back(tmp_path: Path) -> None:
    async with (
        run_mesh(tmp_path, [TERRACE], device=DEVICE) as mesh,
        sign_in(mesh.origin, mesh.person, mesh.password) as operator,
    ):
        await operator.open("cam1")
        await until_picture(operator, "cam1")
        await kill(mesh, "mask", signal.SIGKILL)
        await until_slate(operator, "cam1")
        await until_picture(operator, "cam1")
        await assert_masked(operator, TERRACE, frames=2)
        assert mesh.children["mask"].starts == 2


async def test_ingest_that_dies_comes_back_under_a_newer_epoch(tmp_path: Path) -> None:
    async with (
        run_mesh(tmp_path, [TERRACE], device=DEVICE) as mesh,
        sign_in(mesh.origin, mesh.person, mesh.password) as operator,
    ):
        await operator.open("cam1")
        await until_picture(operator, "cam1")
        await kill(mesh, "ingest", signal.SIGKILL)
        await until_slate(operator, "cam1")
        await until_picture(operator, "cam1")
        await assert_masked(operator, TERRACE, frames=2)


async def test_player_covers_a_picture_that_has_stopped(tmp_path: Path) -> None:
    async with (
        run_mesh(tmp_path, [TERRACE], device=DEVICE) as mesh,
        sign_in(mesh.origin, mesh.person, mesh.password) as operator,
    ):
        await operator.open("cam1")
        cover = operator.page.get_by_test_id("player-cover-cam1")
        await cover.wait_for(state="hidden")
        await kill(mesh, "relay", signal.SIGSTOP)
        try:
            await cover.wait_for(state="visible", timeout=5_000)
        finally:
            await kill(mesh, "relay", signal.SIGCONT)
        await cover.wait_for(state="hidden", timeout=15_000)


async def test_stalled_camera_is_shown_as_down_and_the_other_goes_on(tmp_path: Path) -> None:
    async with (
        run_mesh(tmp_path, [TERRACE, ESTATE], device=DEVICE) as mesh,
        sign_in(mesh.origin, mesh.person, mesh.password) as operator,
    ):
        await operator.open("cam1")
        await operator.open("cam2")
        await mesh.device(do="stall", camera="cam1")
        await until_slate(operator, "cam1")
        found = await mesh.until_state("cam1", "down")
        assert found["reason"] == "stalled"
        await assert_masked(operator, ESTATE, frames=2)
        await mesh.device(do="resume", camera="cam1")
        await until_picture(operator, "cam1")


async def test_nobody_watching_costs_no_decode_but_the_stills_and_no_message(tmp_path: Path) -> None:
    async with run_mesh(tmp_path, [TERRACE], device=DEVICE) as mesh:
        settings = BusSettings(
            url=f"nats://127.0.0.1:{mesh.mesh.ports.nats}",
            creds=tmp_path / "nats" / "creds" / "relay.creds",
            name="listener",
        )
        async with Bus.connect(settings, user="relay", metrics=Metrics()) as bus:
            heard: list[str] = []
            await bus.subscribe(subjects.masked_of_site(SiteId("islington")), lambda m: heard.append(m.subject))
            first = await captured_still(mesh, "")
            before = await mesh.metric("ingest", "us_ingest_decoded_frames_total", camera="cam1")
            second = await captured_still(mesh, first)
            await captured_still(mesh, second)
            after = await mesh.metric("ingest", "us_ingest_decoded_frames_total", camera="cam1")
            stills = await mesh.metric("ingest", "us_ingest_decoded_frames_total", camera="cam1", purpose="still")
            assert after == stills
            assert 1 <= after - before <= 3
            assert heard == []


async def captured_still(mesh: RunningMesh, other_than: str) -> str:
    """Capture time of the next still after the one taken at `other_than`."""
    captured = ""

    async def ask() -> bool:
        nonlocal captured
        answer = await mesh.client.get("/api/cameras/cam1/still")
        captured = answer.headers.get("Us-Captured", "")
        return answer.status_code == 200 and captured not in ("", other_than)

    async with asyncio.timeout(30):
        while not await ask():
            await asyncio.sleep(0.2)
    return captured


async def test_everything_ends_when_the_mesh_is_stopped(tmp_path: Path) -> None:
    async with run_mesh(tmp_path, [TERRACE], device=DEVICE) as mesh:
        pids = [child.pid for child in mesh.children.values()]
        rings = mesh.mesh.ring_folder
        await mesh.until_state("cam1", "live")
    await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    assert not rings.exists()


@pytest.mark.skipif(not Path("../shared/footage").is_dir(), reason="the street footage is not on this machine")
async def test_street_footage_by_gstreamer_is_masked_in_a_browser(tmp_path: Path) -> None:
    from tests.support.gst_camera import GstCamera  # only where there is footage to serve

    polygons = (((0.1, 0.15), (0.35, 0.1), (0.4, 0.5), (0.12, 0.45)), ((0.6, 0.6), (0.9, 0.62), (0.75, 0.95)))
    async with GstCamera.serve(Path("../shared/footage/one-by-one-person-detection.mp4")) as camera:
        wanted = WantedCamera("real1", "People walking", camera.url, masks=polygons)
        async with (
            run_mesh(tmp_path, [wanted]) as mesh,
            sign_in(mesh.origin, mesh.person, mesh.password) as operator,
        ):
            await operator.open("real1")
            for _ in range(8):
                await operator.next_frame("real1")
                luma = await operator.luma("real1")
                height, width = luma.shape
                assert luma[inside(polygons, width, height)].max() <= BLACK
                assert luma[far_outside(polygons, width, height, 24)].std() > 20
