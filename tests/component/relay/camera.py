"""Plays the mask service: real libx264 access units on `masked.`, and what a relay asks of it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from fractions import Fraction
from typing import Final

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from proto import subjects
from proto.codec import AccessUnitHeaders
from proto.messages import KeyframeWish, WithheldReason
from proto.names import CameraId, Epoch, Layer, SiteId
from services.runtime.bus import Bus, Message

SITE: Final = SiteId("islington")
CAMERA: Final = CameraId("cam7")
FRAME_S: Final = 0.04
WIDTH, HEIGHT = 320, 192
"""Unlike any slate of the relay."""


class MaskedCamera:
    """Publishes one layer at 25 fps while the block of `playing` runs, or unit by unit with `publish`."""

    def __init__(self, bus: Bus, layer: Layer = Layer.MAIN) -> None:
        self.layer = layer
        self.epoch, self.seq, self.revision = Epoch(1), 0, 1
        self.luma = 100
        self.slate: WithheldReason | None = None
        self.answers_wishes = True
        self.wishes: list[KeyframeWish] = []
        self.demands: list[float] = []
        self._bus = bus
        self._prev = -1
        self._is_wished = True
        self._started_s = time.monotonic()
        self._codec = _encoder()

    def restart(self, epoch: int) -> None:
        """Another lease: a new encoder and a new sequence."""
        self.epoch, self.seq, self._prev = Epoch(epoch), 0, -1
        self._is_wished = True
        self._codec = _encoder()

    async def publish(self, *, keyframe: bool = False, lost: bool = False) -> AccessUnitHeaders:
        """Encode the next picture; `lost` encodes it and does not send it."""
        is_keyframe = keyframe or self._prev < 0
        self.seq += 1
        pts_90k = round((time.monotonic() - self._started_s) * 90_000)
        headers = AccessUnitHeaders(
            epoch=self.epoch,
            seq=self.seq,
            prev=-1 if is_keyframe else self._prev,
            pts_90k=pts_90k,
            captured_utc_us=time.time_ns() // 1_000,
            is_keyframe=is_keyframe,
            width=WIDTH,
            height=HEIGHT,
            mask_revision=self.revision if self.slate is None else 0,
            slate=self.slate,
        )
        self._prev = self.seq
        payload = self._encode(is_keyframe=is_keyframe)
        if not lost:
            await self._bus.publish(subjects.masked(SITE, CAMERA, self.layer), payload, headers.to_wire())
        return headers

    def _encode(self, *, is_keyframe: bool) -> bytes:
        picture = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        # Noise, so that a picture takes several packets.
        noise = np.random.default_rng(self.seq).integers(-12, 13, (HEIGHT, WIDTH))
        picture[:HEIGHT] = (self.luma + noise).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pict_type = PictureType.I if is_keyframe else PictureType.NONE
        frame.pts = self.seq
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))

    @contextlib.asynccontextmanager
    async def playing(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._play(), name="masked camera")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _play(self) -> None:
        due_s = time.monotonic()
        while True:
            wished, self._is_wished = self._is_wished and self.answers_wishes, False
            await self.publish(keyframe=wished)
            due_s += FRAME_S
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))

    def _take_wish(self, message: Message) -> None:
        self.wishes.append(KeyframeWish.from_wire(message.payload))
        self._is_wished = True

    def _take_demand(self, _message: Message) -> None:
        self.demands.append(time.monotonic())

    @classmethod
    @contextlib.asynccontextmanager
    async def listening(cls, bus: Bus, layer: Layer = Layer.MAIN) -> AsyncIterator["MaskedCamera"]:
        """A camera that hears demands and wishes, and does not play yet."""
        camera = cls(bus, layer)
        wishes = await bus.subscribe(subjects.keyframe_of_site(SITE), camera._take_wish)
        demands = await bus.subscribe(subjects.demand_of_site(SITE), camera._take_demand)
        try:
            yield camera
        finally:
            await wishes.close()
            await demands.close()


def _encoder() -> VideoCodecContext:
    codec = av.CodecContext.create("libx264", "w")
    assert isinstance(codec, VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, 25), Fraction(25)
    codec.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": "baseline",
        "forced-idr": "1",
        "g": "100000",
        "sc_threshold": "0",
        "x264-params": "repeat-headers=1",
    }
    return codec
