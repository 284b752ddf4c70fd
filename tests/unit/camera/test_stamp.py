"""Frame numbers are read back from pictures that were scaled and encoded, and never made up."""

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.camera import stamp
from deploy.local.camera.encoder import Encoder

NUMBERS = st.integers(0, stamp.MAX_NUMBER)
SIZES = st.sampled_from([(1080, 1920), (720, 1280), (360, 640), (240, 320), (576, 704), (2160, 3840)])


def street(height: int, width: int) -> stamp.Luma:
    """Something that is anything but flat."""
    return np.random.default_rng(1).integers(16, 235, (height, width), dtype=np.uint8)


@given(NUMBERS, SIZES)
def test_number_is_read_back_at_any_size(number: int, size: tuple[int, int]) -> None:
    luma = street(*size)
    stamp.draw(luma, number)
    assert stamp.read(luma) == number


@pytest.mark.parametrize("number", [0, 1, 299, 0x5555, 0xAAAA, 0xFFFF])
@pytest.mark.parametrize(("width", "height"), [(640, 360), (960, 540), (320, 180), (1280, 720)])
def test_number_survives_scaling_and_a_low_bit_rate(number: int, width: int, height: int) -> None:
    large = np.full((1620, 1920), 128, dtype=np.uint8)
    large[:1080] = street(1080, 1920) // 2 + 64
    stamp.draw(large[:1080], number)
    small = VideoFrame.from_ndarray(large, format="yuv420p").reformat(width, height)
    encoder = Encoder(width, height, 25, 50, 150_000)
    decoder = av.CodecContext.create("h264", "r")
    packets = [av.Packet(encoder.encode(small.to_ndarray().astype(np.uint8))) for _ in range(4)]
    frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    assert len(frames) == 4
    for frame in frames:
        assert isinstance(frame, VideoFrame)
        assert stamp.read(frame.to_ndarray()[:height].astype(np.uint8)) == number


@given(NUMBERS, st.integers(0, stamp.CELLS - 1))
def test_one_wrong_cell_is_noticed(number: int, cell: int) -> None:
    luma = street(360, 640)
    stamp.draw(luma, number)
    left = round((stamp.LEFT + cell * stamp.CELL_WIDTH) * 640)
    right = round((stamp.LEFT + (cell + 1) * stamp.CELL_WIDTH) * 640)
    rows = slice(round(stamp.TOP * 360), round((stamp.TOP + stamp.CELL_HEIGHT) * 360))
    luma[rows, left:right] = 251 - luma[rows, left:right]
    assert stamp.read(luma) is None


@pytest.mark.parametrize("level", [0, 16, 128, 235, 255])
def test_flat_picture_has_no_number(level: int) -> None:
    assert stamp.read(np.full((360, 640), level, dtype=np.uint8)) is None


def test_picture_without_a_stamp_has_no_number() -> None:
    rng = np.random.default_rng(2)
    assert [stamp.read(rng.integers(0, 256, (360, 640), dtype=np.uint8)) for _ in range(50)] == [None] * 50


def test_half_masked_stamp_has_no_number() -> None:
    luma = street(360, 640)
    stamp.draw(luma, 0xFFFF)
    luma[:, 150:] = 16
    assert stamp.read(luma) is None


@pytest.mark.parametrize("shape", [(0, 0), (10, 10), (2, 640)])
def test_picture_that_is_too_small_has_no_number(shape: tuple[int, int]) -> None:
    assert stamp.read(np.zeros(shape, dtype=np.uint8)) is None


@pytest.mark.parametrize("number", [-1, stamp.MAX_NUMBER + 1])
def test_number_that_does_not_fit_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        stamp.draw(street(360, 640), number)
