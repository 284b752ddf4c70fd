"""The decoder with libav's own encoders for cameras: codecs, ranges, sizes and orders of pictures."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from proto.messages import DownReason
from proto.names import Epoch, camera_id
from services.ingest.errors import PictureRefused
from services.ingest.feed import Feed
from services.ingest.media.decoder import Decoder, decode_still
from services.ingest.sink import FrameSink
from services.ingest.stream.gop import Gop
from services.ingest.stream.unit import AccessUnit, Codec, Purpose, Session
from services.runtime.clock import SystemClock
from services.runtime.ring import FrameFlag, RingReader

Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]

WAIT_S = 10.0


class Watcher:
    """Hears what the decoder says."""

    def __init__(self) -> None:
        self.units = threading.Semaphore(0)
        self.decoded: dict[Purpose, int] = dict.fromkeys(Purpose, 0)
        self.damage: list[bool] = []
        self.refused: list[DownReason | None] = []

    def on_decoded(self, purpose: Purpose, count: int) -> None:
        self.decoded[purpose] += count
        self.units.release()

    def on_damage(self, *, is_damaged: bool) -> None:
        self.damage.append(is_damaged)

    def on_refused(self, refused: PictureRefused | None) -> None:
        self.refused.append(None if refused is None else refused.reason)


class Rig:
    """A decoder's surroundings; `frames` are all that came out of the ring so far."""

    def __init__(self, folder: Path, slots: int = 16) -> None:
        self.folder = folder
        self.seen: list[tuple[int, FrameFlag, Planes | None]] = []
        self.feed = Feed(Gop())
        self.watcher = Watcher()
        self.announced = threading.Event()
        self.sink = FrameSink(folder, camera_id("cam1"), Epoch(1), slots, SystemClock(), self.announced.set)

    def frames(self) -> list[tuple[int, FrameFlag, Planes | None]]:
        """Time, flags and planes."""
        rung = self.sink.doorbell()
        if rung is not None:
            name, head = rung
            for frame in RingReader.attach(self.folder, name, head=0).frames(head):
                planes: Planes | None = None
                if frame.i420.size:
                    luma, blue, red = frame.planes()
                    planes = luma.copy(), blue.copy(), red.copy()
                self.seen.append((frame.pts_90k, frame.flags, planes))
        return self.seen

    @contextmanager
    def decoding(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=Decoder(self.feed, self.sink, self.watcher).run, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(WAIT_S)
            assert not thread.is_alive()

    def decode(self, units: list[AccessUnit]) -> None:
        """Feed the units one by one, each when the one before it has been decoded."""
        for unit in units:
            self.feed.put(unit)
            assert self.watcher.units.acquire(timeout=WAIT_S), "an access unit was not decoded"

    def until_frame(self) -> tuple[int, FrameFlag, Planes | None]:
        assert self.announced.wait(WAIT_S), "no frame came"
        return self.frames()[-1]


def picture(width: int, height: int, number: int, pix_fmt: str) -> VideoFrame:
    """Grey, darker to the left, with a bright square that moves."""
    frame = VideoFrame(width, height, pix_fmt)
    for index, plane in enumerate(frame.planes):
        rows = np.full((plane.height, plane.line_size), 128, np.uint8)
        if index == 0:
            rows[:, : plane.width // 2] = 50
            rows[4:12, number * 4 : number * 4 + 8] = 200
        plane.update(rows.tobytes())
    frame.pts, frame.time_base = number, Fraction(1, 25)
    return frame


def encoded(
    codec: str,
    kind: Codec,
    *,
    count: int = 12,
    size: tuple[int, int] = (96, 64),
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    color_range: int = 0,
) -> list[AccessUnit]:
    context = CodecContext.create(codec, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = *size, pix_fmt
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.options = options or {}
    context.color_range = color_range
    context.thread_count = 1
    packets = [p for n in range(count) for p in context.encode(picture(*size, n, pix_fmt))]
    packets += context.encode(None)
    session = Session(kind, b"")
    return [
        AccessUnit(bytes(p), round(float((p.pts or 0) * p.time_base) * 90_000), 1, p.is_keyframe, False, session)
        for p in packets
    ]


H264 = {"preset": "ultrafast", "tune": "zerolatency", "g": "100", "qp": "4"}


@pytest.mark.parametrize(
    ("codec", "kind", "pix_fmt", "options"),
    [
        ("libx264", Codec.H264, "yuv420p", H264),
        ("libx264", Codec.H264, "yuv422p", H264),
        ("libx264", Codec.H264, "yuvj420p", H264),
        (
            "libx265",
            Codec.H265,
            "yuv420p",
            {"preset": "ultrafast", "x265-params": "log-level=error:pools=none:qp=4:bframes=0"},
        ),
        ("mjpeg", Codec.MJPEG, "yuvj420p", {"qmin": "1", "qmax": "1"}),
        ("mjpeg", Codec.MJPEG, "yuvj422p", {"qmin": "1", "qmax": "1"}),
    ],
)
def test_every_codec_and_format_comes_out_as_limited_range_i420(
    tmp_path: Path, codec: str, kind: Codec, pix_fmt: str, options: dict[str, str]
) -> None:
    rig = Rig(tmp_path)
    units = encoded(codec, kind, count=4, pix_fmt=pix_fmt, options=options, color_range=2 if "j" in pix_fmt else 1)
    for unit in units:
        rig.feed.put(unit)
    with rig.decoding():
        _, flags, planes = rig.until_frame()
    assert flags is FrameFlag.NONE
    assert planes is not None
    luma, blue, red = planes
    full = "j" in pix_fmt
    for value, at in ((50, luma[40, 10]), (128, luma[40, 80]), (200, luma[8, 15])):
        wanted = 16 + value * 219 / 255 if full else value
        assert abs(int(at) - wanted) <= 4
    assert blue.shape == (32, 48)
    assert np.all(np.abs(blue.astype(int) - 128) <= 2)
    assert np.all(np.abs(red.astype(int) - 128) <= 2)


def test_an_instant_start_decodes_the_cached_gop_and_shows_its_newest_picture(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    units = encoded("libx264", Codec.H264, options=H264)
    for unit in units:
        rig.feed.put(unit)
    with rig.decoding():
        rig.until_frame()
        assert [(pts, flags) for pts, flags, _ in rig.frames()] == [(units[-1].pts_90k, FrameFlag.NONE)]
    assert rig.watcher.decoded == {Purpose.LIVE: 1, Purpose.CATCH_UP: len(units) - 1, Purpose.STILL: 0}
    assert rig.watcher.damage == []


def test_b_frames_come_out_in_the_order_of_presentation(tmp_path: Path) -> None:
    rig = Rig(tmp_path, slots=40)
    units = encoded("libx264", Codec.H264, count=30, options={"preset": "veryfast", "bf": "2", "b_strategy": "0"})
    times = [unit.pts_90k for unit in units]
    assert times != sorted(times), "a stream without B-frames tests nothing"
    with rig.decoding():
        rig.decode(units)
    shown = [(pts, flags) for pts, flags, _ in rig.frames()]
    assert [pts for pts, _ in shown] == sorted({pts for pts, _ in shown} & set(times))
    assert {flags for _, flags in shown} == {FrameFlag.NONE}


def test_odd_sizes_keep_every_row_and_column(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    # 4:2:0 with odd sizes is what MJPEG cameras with a rotated or cropped picture send.
    for unit in encoded("mjpeg", Codec.MJPEG, count=1, size=(97, 63), pix_fmt="yuvj420p"):
        rig.feed.put(unit)
    with rig.decoding():
        _, _, planes = rig.until_frame()
    assert planes is not None
    assert [plane.shape for plane in planes] == [(63, 97), (32, 49), (32, 49)]


def test_a_lost_picture_in_a_stream_with_b_frames_lets_no_damaged_one_through(tmp_path: Path) -> None:
    options = {"preset": "veryfast", "bf": "2", "b_strategy": "0", "g": "12", "keyint_min": "12", "sc_threshold": "0"}
    units = encoded("libx264", Codec.H264, count=36, options=options | {"flags": "+cgop"})
    reference = [k for k, unit in enumerate(units[:12]) if k and unit.data[4] >> 5 & 3][1]
    rig = Rig(tmp_path, slots=60)
    with rig.decoding():
        rig.decode(units[:reference] + units[reference + 1 :])
    frames = rig.frames()
    # The next IDR is at 12: everything that is shown after the loss and before it is damaged.
    lost_90k, clean_90k = units[reference - 1].pts_90k, 12 * 3_600
    between = [flags for pts, flags, _ in frames if lost_90k < pts < clean_90k]
    assert between
    assert set(between) == {FrameFlag.DAMAGED}
    assert all(not flags for pts, flags, _ in frames if pts >= clean_90k)
    assert rig.watcher.damage[:2] == [True, False]


def test_garbage_for_an_access_unit_gives_a_damaged_frame_not_an_end(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    units = encoded("libx264", Codec.H264, options=H264)
    with rig.decoding():
        last = units[3]
        garbage = AccessUnit(b"\0\0\1\x41garbage", last.pts_90k, 1, False, False, last.session)
        rig.decode([*units[:3], garbage, units[4]])
    frames = rig.frames()
    assert [flags for _, flags, _ in frames] == [*[FrameFlag.NONE] * 3, *[FrameFlag.DAMAGED] * 2]
    assert frames[3][2] is None


def test_a_still_is_one_keyframe(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    for unit in encoded("libx264", Codec.H264, options={"preset": "veryfast", "bf": "2"}):
        rig.feed.put(unit)
    keyframe = rig.feed.keyframe()
    assert keyframe is not None
    decode_still(keyframe, rig.sink, rig.watcher)
    assert [(pts, flags) for pts, flags, _ in rig.frames()] == [(0, FrameFlag.STILL)]
    assert rig.watcher.decoded[Purpose.STILL] == 1


def test_a_picture_that_is_too_large_is_said_once(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    units = encoded("mjpeg", Codec.MJPEG, count=3, size=(3_856, 32), pix_fmt="yuvj420p")
    with rig.decoding():
        rig.decode(units)
    assert rig.watcher.refused == [DownReason.UNSUPPORTED_SIZE]
