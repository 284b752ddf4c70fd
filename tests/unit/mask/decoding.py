"""Decoding what the mask service made, as a viewer would."""

from collections.abc import Iterable

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

Luma = NDArray[np.uint8]


class Viewer:
    """A decoder that gives one luma plane for each access unit."""

    def __init__(self) -> None:
        self._context = VideoCodecContext.create("h264", "r")
        self._context.thread_count = 1
        self._context.options = {"flags": "low_delay"}

    def see(self, payload: bytes) -> Luma:
        frames = self._context.decode(av.Packet(payload))
        assert len(frames) == 1, "one access unit is one picture, at once"
        return luma_of(frames[0])


def luma_of(frame: av.VideoFrame) -> Luma:
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width].copy()


def see_all(payloads: Iterable[bytes]) -> list[Luma]:
    viewer = Viewer()
    return [viewer.see(payload) for payload in payloads]


def nal_types(payload: bytes) -> list[int]:
    """Types of the NAL units of an Annex B access unit."""
    return [part[0] & 0x1F for part in payload.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]]
