"""A real Chromium, driven as an operator would: signs in, opens players, and reads what the video shows."""

import base64
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Locator, Page, async_playwright

CHROMIUM = "/usr/bin/chromium"

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Luma as BT.601 weighs it, one byte a pixel, from the picture that the video element shows now.
_READ_LUMA = """async (video) => {
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(video, 0, 0);
  const rgba = context.getImageData(0, 0, canvas.width, canvas.height).data;
  const luma = new Uint8Array(canvas.width * canvas.height);
  for (let i = 0; i < luma.length; i++)
    luma[i] = (rgba[4 * i] * 77 + rgba[4 * i + 1] * 150 + rgba[4 * i + 2] * 29) >> 8;
  let text = '';
  for (let i = 0; i < luma.length; i += 32768)
    text += String.fromCharCode.apply(null, luma.subarray(i, i + 32768));
  return { width: canvas.width, height: canvas.height, luma: btoa(text) };
}"""

_NEXT_FRAME = """(video) => new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error('no new frame')), 15000);
  video.requestVideoFrameCallback((now, data) => resolve(data.presentedFrames));
})"""


@dataclass(slots=True)
class Operator:
    """A signed-in page."""

    page: Page

    async def open(self, camera: str) -> None:
        """Open a camera's player and wait until it presents a frame."""
        await self.page.get_by_test_id(f"camera-card-{camera}").click()
        await self.next_frame(camera)

    async def next_frame(self, camera: str) -> None:
        await self._video(camera).evaluate(_NEXT_FRAME)

    async def luma(self, camera: str) -> NDArray[np.uint8]:
        """The picture that is shown, as (height, width) of full-range luma."""
        found = await self._video(camera).evaluate(_READ_LUMA)
        return np.frombuffer(base64.b64decode(found["luma"]), np.uint8).reshape(found["height"], found["width"])

    async def state_of(self, camera: str) -> str:
        return await self.page.get_by_test_id(f"camera-state-{camera}").inner_text()

    def _video(self, camera: str) -> Locator:
        return self.page.get_by_test_id(f"player-video-{camera}")


@contextlib.asynccontextmanager
async def open_page(origin: str) -> AsyncIterator[Page]:
    """A page of its own Chromium; fails if the page logs an error that nobody expected."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(_ARGUMENTS))
        try:
            page = await browser.new_page(viewport={"width": 1920, "height": 1080})
            await page.goto(origin)
            yield page
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def sign_in(origin: str, name: str, password: str) -> AsyncIterator[Operator]:
    """Sign in as a person does, and wait for the list of cameras."""
    async with open_page(origin) as page:
        await page.get_by_test_id("sign-in-name").fill(name)
        await page.get_by_test_id("sign-in-password").fill(password)
        await page.get_by_test_id("sign-in-submit").click()
        await page.get_by_test_id("sign-out").wait_for()
        yield Operator(page)
