"""Benchmark `spine`: glass to glass, and the first picture warm and cold, in a real Chromium on loopback.

Glass to glass is the time from when the simulated camera began to send a frame until Chromium presents it: the frame's
number is drawn into the picture and read back from the video, the device tells when it sent that number, and both
use this machine's clock. First picture is from the operator's press (just before the offer is made) until the first
frame of the camera is presented; warm: another viewer watches already; cold: nobody has for longer than a demand lives.
The device plays 1080p at 25 frames/s, 4 Mbit/s, with a GOP of 4 s.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from deploy.local.camera.scene import dwellings
from deploy.local.provision import WantedCamera
from proto.limits import DEMAND_TTL_S
from tests.bench.report import percentile, write
from tests.support.browser import sign_in
from tests.support.mesh import RunningMesh, run_mesh

TARGETS = {
    "glass_ms_p50": 150.0,
    "glass_ms_p95": 250.0,
    "first_picture_warm_ms_p95": 400.0,
    "first_picture_cold_ms_p95": 900.0,
}
CAMERA = WantedCamera("cam1", "Terrace", "device:cam1", masks=dwellings("terrace"))
GOP_S = 4.0
DEVICE = ("--camera", "cam1=terrace", "--size", "1920x1080", "--fps", "25", "--gop", str(GOP_S), "--loop", "12")
VIEWER = Path(__file__).with_name("viewer.js")
SETTLE_S = 4.0
IDLE_S = DEMAND_TTL_S + 2.0


async def main() -> None:
    arguments = _parse()
    with tempfile.TemporaryDirectory(prefix="upper-street-bench-") as folder:
        async with run_mesh(Path(folder), [CAMERA], device=DEVICE) as mesh:
            await mesh.until_state("cam1", "live")
            figures, notes = await _measure(mesh, arguments)
    write("spine", figures, TARGETS, notes)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="of glass to glass")
    parser.add_argument("--warm", type=int, default=20, help="first pictures, warm")
    parser.add_argument("--cold", type=int, default=20, help="first pictures, cold")
    return parser.parse_args()


async def _measure(mesh: RunningMesh, arguments: argparse.Namespace) -> tuple[dict[str, float], dict[str, Any]]:
    async with sign_in(mesh.origin, mesh.person, mesh.password) as operator:
        page = operator.page
        await _prepare(page)
        await _open(page)  # the browser's first session pays for starting its decoder process: not counted
        await asyncio.sleep(SETTLE_S)
        glass, stats = await _glass(mesh, page, arguments.seconds)
        warm = await _warm(mesh, page, arguments.warm)
        await page.evaluate("benchClose()")
        cold = await _cold(page, arguments.cold)
    figures = {
        "glass_ms_p50": percentile(glass, 0.5),
        "glass_ms_p95": percentile(glass, 0.95),
        "first_picture_warm_ms_p95": percentile(warm, 0.95),
        "first_picture_cold_ms_p95": percentile(cold, 0.95),
        "glass_ms_min": min(glass),
        "glass_ms_max": max(glass),
        "first_picture_warm_ms_p50": statistics.median(warm),
        "first_picture_cold_ms_p50": statistics.median(cold),
        "first_picture_cold_ms_max": max(cold),
    }
    notes = {"frames": len(glass), "warm": len(warm), "cold": len(cold), "gop_s": GOP_S, "viewer": "Chromium", **stats}
    return figures, notes


async def _prepare(page: Page) -> None:
    await page.evaluate(VIEWER.read_text())


async def _open(page: Page) -> float:
    found: dict[str, Any] = await page.evaluate("benchOpen('cam1', 'main')")
    if os.environ.get("BENCH_TRACE"):
        print(found)
    first: float = found["firstPicture"]
    return first


async def _glass(mesh: RunningMesh, page: Page, seconds: float) -> tuple[list[float], dict[str, Any]]:
    """Milliseconds of each presented frame."""
    await page.evaluate("benchFrames()")
    found: list[float] = []
    for _ in range(max(1, round(seconds / 5))):
        await asyncio.sleep(5)
        frames = await page.evaluate("benchFrames()")
        sent = (await mesh.device(do="frames", camera="cam1", last=250))["frames"]
        found += [ms for number, shown, _at in frames if (ms := _since_sent(number, shown / 1000, sent)) is not None]
    return found, await page.evaluate("benchStats()")


def _since_sent(number: int, shown_s: float, sent: list[tuple[int, float]]) -> float | None:
    """The number comes round with the loop: the last time that it was sent before it was shown."""
    times = [at for other, at in sent if other == number and at <= shown_s]
    return 1000 * (shown_s - max(times)) if times else None


async def _warm(mesh: RunningMesh, page: Page, count: int) -> list[float]:
    """A second viewer, from a browser of its own, while the first goes on watching."""
    found = []
    async with sign_in(mesh.origin, mesh.person, mesh.password) as second:
        await _prepare(second.page)
        for number in range(count + 1):
            ms = await _open(second.page)
            await second.page.evaluate("benchClose()")
            found += [ms] if number else []  # the first pays for the decoder process, as above
            await asyncio.sleep(random.uniform(0.3, 0.7))
    return found


async def _cold(page: Page, count: int) -> list[float]:
    """Nobody has watched for longer than a demand lives, and the press comes anywhere in the GOP."""
    found = []
    for _ in range(count):
        await asyncio.sleep(IDLE_S + random.uniform(0, GOP_S))
        found.append(await _open(page))
        await page.evaluate("benchClose()")
    return found


if __name__ == "__main__":
    asyncio.run(main())
