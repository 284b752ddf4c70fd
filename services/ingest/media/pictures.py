"""Decoded frames as I420 of limited range, which is what the ring holds.

Many cameras send full-range video (`yuvj420p`, or the flag in the VUI). Everything behind the ring takes 16 for black
and 235 for white: libswscale converts the range, at some 2.5 ms a 1080p picture; so it does other chroma and depths.
"""

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from services.ingest.sink import Planes

_I420 = "yuv420p"


def fill(planes: Planes, frame: VideoFrame) -> None:
    """Copy a frame into a slot's planes, whose size it has."""
    for target, source in zip(planes, _as_i420(frame).planes, strict=True):
        height, width = target.shape
        rows = np.frombuffer(memoryview(source), np.uint8).reshape(-1, source.line_size)
        target[:] = rows[:height, :width]


def _as_i420(frame: VideoFrame) -> VideoFrame:
    if frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG:
        return frame.reformat(format=_I420, src_color_range="JPEG", dst_color_range="MPEG")
    return frame if frame.format.name == _I420 else frame.reformat(format=_I420)
