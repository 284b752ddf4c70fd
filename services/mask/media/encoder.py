"""Pictures and libx264: the one module of this service that imports PyAV."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeVar

import av
import numpy as np
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from numpy.typing import NDArray

from proto.limits import CLOCK_RATE_HZ
from services.mask.errors import EncoderFault
from services.runtime.ring import split_i420

GOP_S: Final = 10
"""A viewer who joins asks for a keyframe; this one is for readers who cannot ask."""

VBV_S: Final = 0.5
"""Seconds of the bit rate that one access unit may take at most: 190 kB at 3 Mbit/s, of the wire's 999 kB."""

_TIME_BASE: Final = Fraction(1, CLOCK_RATE_HZ)
_HD_HEIGHT: Final = 720
_BT_709: Final = "colorprim=bt709:transfer=bt709:colormatrix=bt709"
_BT_601: Final = "colorprim=smpte170m:transfer=smpte170m:colormatrix=smpte170m"
"""What cameras mean where they say nothing: BT.709 from 720 lines on (BT.709-6), BT.601 below."""

T = TypeVar("T")


def is_hd(height: int) -> bool:
    return height >= _HD_HEIGHT


class Picture:
    """An I420 picture of even size, limited range; independent of the memory that it was copied from."""

    def __init__(self, frame: av.VideoFrame, *, is_hd: bool) -> None:
        self._frame = frame
        self.is_hd = is_hd
        self.width, self.height = frame.width, frame.height

    @classmethod
    def of_i420(cls, i420: NDArray[np.uint8], width: int, height: int) -> "Picture":
        """Copy a picture (0.1 ms at 1080p). The last column or row of an odd size is cropped.

        4:2:0 encoders take even sizes only, and padding would invent picture. Cropping moves no pixel.
        """
        even_width, even_height = width & ~1, height & ~1
        frame = av.VideoFrame(even_width, even_height, "yuv420p")
        for number, plane in enumerate(split_i420(i420, width, height)):
            rows, columns = (even_height, even_width) if number == 0 else (even_height // 2, even_width // 2)
            target = np.frombuffer(memoryview(frame.planes[number]), np.uint8).reshape(
                -1, frame.planes[number].line_size
            )
            target[:rows, :columns] = plane[:rows, :columns]
        return cls(frame, is_hd=is_hd(height))

    def scaled(self, width: int, height: int) -> "Picture":
        """Averaged over areas, 0.4 ms from 1080p to 360p; itself when it has this size already."""
        if (width, height) == (self.width, self.height):
            return self
        scaled = _translated(lambda: self._frame.reformat(width, height, interpolation="AREA"))
        return Picture(scaled, is_hd=self.is_hd)

    def to_rgb(self) -> NDArray[np.uint8]:
        """Rows, columns and the colours R, G, B in full range."""
        matrix = "ITU709" if self.is_hd else "ITU601"
        rgb = _translated(lambda: self._frame.reformat(format="rgb24", src_colorspace=matrix, dst_colorspace=matrix))
        return np.asarray(rgb.to_ndarray(), np.uint8)

    def stamped(self, pts_90k: int, *, is_idr: bool) -> av.VideoFrame:
        self._frame.pts = pts_90k
        self._frame.time_base = _TIME_BASE
        self._frame.pict_type = PictureType.I if is_idr else PictureType.NONE
        return self._frame


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """What an encoder is made for; another plan is another encoder."""

    width: int
    height: int
    fps: Fraction
    bit_rate: int
    preset: str
    is_hd: bool


class Encoder:
    """libx264, constrained baseline, one frame in and one access unit out. One thread.

    Starts with an IDR; each IDR brings its parameter sets. Annex B. Single-threaded: sliced threads took a third
    off the time of a lone 1080p picture, and cost 5 % more when there is more than one camera.
    """

    def __init__(self, plan: EncoderPlan) -> None:
        self.plan = plan
        self._context = _translated(lambda: _context(plan))

    def encode(self, picture: Picture, pts_90k: int, *, is_idr: bool) -> tuple[bytes, bool]:
        """The access unit and whether it is a keyframe. `pts_90k` must grow. Raises EncoderFault."""
        frame = picture.stamped(pts_90k, is_idr=is_idr)
        packets = _translated(lambda: self._context.encode(frame))
        if len(packets) != 1:
            raise EncoderFault(f"the encoder made {len(packets)} access units of one frame")
        return bytes(packets[0]), packets[0].is_keyframe


def _context(plan: EncoderPlan) -> VideoCodecContext:
    context = VideoCodecContext.create("libx264", "w")
    context.width, context.height = plan.width, plan.height
    context.pix_fmt = "yuv420p"
    context.time_base = _TIME_BASE
    context.framerate = plan.fps
    context.gop_size = int(GOP_S * plan.fps)
    context.bit_rate = plan.bit_rate
    context.thread_count = 1
    context.options = {
        "preset": plan.preset,
        "tune": "zerolatency",
        "profile": "baseline",
        "forced-idr": "1",
        "maxrate": str(plan.bit_rate),
        "bufsize": str(int(plan.bit_rate * VBV_S)),
        "x264-params": f"scenecut=0:repeat-headers=1:annexb=1:fullrange=off:{_BT_709 if plan.is_hd else _BT_601}",
    }
    context.open()
    return context


def _translated(call: Callable[[], T]) -> T:
    try:
        return call()
    except (FFmpegError, ValueError) as exc:
        raise EncoderFault(str(exc)) from exc
