"""A real browser as the viewer: headless Chromium, as it comes."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page, async_playwright

from proto.names import Layer
from services.relay.slates import SIZES
from tests.component.relay.camera import WIDTH, MaskedCamera
from tests.component.relay.running import Relay, relaying

CHROMIUM: Final = Path("/usr/bin/chromium")
WAIT_MS: Final = 15_000

PLAYER: Final = """
async () => {
  const started = performance.now();
  const video = document.body.appendChild(document.createElement('video'));
  video.muted = video.autoplay = video.playsInline = true;
  const peer = window.peer = new RTCPeerConnection();
  peer.addTransceiver('video', {direction: 'recvonly'});
  peer.ontrack = event => { video.srcObject = new MediaStream([event.track]); };
  const first = new Promise(shown => video.requestVideoFrameCallback(shown));
  await peer.setLocalDescription(await peer.createOffer());
  const sdp = peer.localDescription.sdp;
  await peer.setRemoteDescription({type: 'answer', sdp: await window.whep(sdp)});
  await first;
  return {first_ms: performance.now() - started, had_candidates: sdp.includes('a=candidate')};
}
"""

GREY: Final = """
() => {
  const video = document.querySelector('video');
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0;
  for (let i = 1; i < pixels.length; i += 4) sum += pixels[i];
  return sum / (pixels.length / 4);
}
"""

DECODED: Final = """
async () => [...(await window.peer.getStats()).values()].find(s => s.type == 'inbound-rtp').framesDecoded
"""


def own_address() -> str:
    """The address that this machine would reach others from: Chromium does not use loopback."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed"),
    pytest.mark.skipif(not own_address(), reason="this machine has no address but loopback"),
]


@contextlib.asynccontextmanager
async def browsing(relay: Relay) -> AsyncIterator[Page]:
    async def whep(sdp: str) -> str:
        answer = await relay.offer(sdp)
        assert answer.error is None, answer
        return answer.sdp

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True)
        try:
            page = await browser.new_page()
            await page.expose_function("whep", whep)
            yield page
        finally:
            await browser.close()


async def width_becomes(page: Page, width: int) -> None:
    condition = f"document.querySelector('video').videoWidth == {width}"
    await page.wait_for_function(condition, timeout=WAIT_MS)


async def test_offer_made_without_waiting_for_candidates_plays_at_once(tmp_path: Path) -> None:
    async with (
        relaying(tmp_path, relay_addresses=(own_address(),)) as relay,
        MaskedCamera.listening(relay.mask) as camera,
        browsing(relay) as page,
    ):
        async with camera.playing():
            seen: dict[str, Any] = await asyncio.wait_for(page.evaluate(PLAYER), WAIT_MS / 1_000)
            print(f"first picture in Chromium after {seen['first_ms']:.0f} ms")
            assert not seen["had_candidates"]
            assert seen["first_ms"] < 1_000, "no second is spent on resolving names"
            await width_becomes(page, WIDTH)
            # Luma 100 in limited range is grey 98 in full range.
            assert abs(await page.evaluate(GREY) - 98) < 12
            decoded = await page.evaluate(DECODED)
        await width_becomes(page, SIZES[Layer.MAIN][0])
        async with camera.playing():
            await camera.publish(keyframe=True)
            await width_becomes(page, WIDTH)
            assert await page.evaluate(DECODED) > decoded + 1
