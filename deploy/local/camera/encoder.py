"""PyAV's libx264, set as a street camera's encoder is: no B-frames, fixed GOP, one slice a picture."""

from fractions import Fraction

import av
import numpy as np
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from deploy.local.camera.scenes.planes import Bytes

_BT709, _LIMITED = 1, 1


class Encoder:
    """Gives one Annex B access unit for each picture; each keyframe carries its parameter sets."""

    def __init__(self, width: int, height: int, fps: int, gop: int, bitrate_bps: int) -> None:
        context = CodecContext.create("libx264", "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base, context.framerate = Fraction(1, fps), Fraction(fps)
        context.bit_rate, context.gop_size, context.max_b_frames = bitrate_bps, gop, 0
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
        context.thread_count = 1
        context.options = {
            "preset": "superfast",
            "tune": "zerolatency",
            "profile": "main",
            "forced-idr": "1",
            "maxrate": str(bitrate_bps),
            "bufsize": str(bitrate_bps),
            # The still GOP's skipped pictures follow any keyframe, so nothing in them may depend on its content.
            "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0:repeat-headers=1:sliced-threads=0"
            ":weightp=0:ref=1",
        }
        self._context = context
        self._count = 0

    def encode(self, i420: Bytes, *, is_keyframe: bool = False) -> bytes:
        frame = VideoFrame.from_ndarray(i420, format="yuv420p")
        frame.pts, frame.time_base = self._count, self._context.time_base
        frame.pict_type = PictureType.I if is_keyframe else PictureType.NONE
        self._count += 1
        packets = self._context.encode(frame)
        assert len(packets) == 1, "zerolatency returns each picture at once"
        return bytes(packets[0])


def still_units(width: int, height: int, fps: int, gop: int, bitrate_bps: int) -> list[bytes]:
    """Encode `gop` - 1 access units that repeat the picture before them, bit for bit, behind any keyframe of a clip.

    Every block is skipped: what is encoded is what the keyframe before it decodes to, and it fills whole macroblocks,
    since in the rows that cropping hides no encoder can be made to skip. A skipped block says nothing about the
    picture, so that a grey one serves all.
    """
    coded_width, coded_height = -width % 16 + width, -height % 16 + height
    encoder = Encoder(coded_width, coded_height, fps, gop, bitrate_bps)
    grey = np.full((coded_height * 3 // 2, coded_width), 128, dtype=np.uint8)
    shown = _decoded(encoder.encode(grey))
    return [encoder.encode(shown) for _ in range(gop - 1)]


def _decoded(keyframe: bytes) -> Bytes:
    context = CodecContext.create("h264", "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1
    frames = [*context.decode(av.Packet(keyframe)), *context.decode(None)]
    i420 = frames[0].to_ndarray()
    assert i420.dtype == np.uint8
    return i420.astype(np.uint8, copy=False)
