"""One layer: sizes, rates, IDRs and headers, with the real encoder."""

import re

import numpy as np
import pytest

from proto.codec import AccessUnitHeaders
from proto.limits import MAX_ACCESS_UNIT_BYTES
from proto.messages import WithheldReason
from proto.names import Epoch, Layer
from services.mask.errors import EncoderFault
from services.mask.media.encoder import Encoder, Picture
from services.mask.media.layer import AccessUnit, LayerStream, Shown, Source, layer_specs
from services.runtime.ring import i420_size
from tests.unit.mask.decoding import nal_types, see_all
from tests.unit.mask.samples import scene

SPECS = layer_specs(main_bit_rate=3_000_000, tile_bit_rate=500_000, preset="ultrafast")
FRAME = 3600


def source(number: int) -> Source:
    return Source(Epoch(9), 100 + number, number * FRAME, 1_700_000_000_000_000 + number * 40_000)


def picture(seed: int = 1, width: int = 320, height: int = 180) -> Picture:
    return Picture.of_i420(scene(seed, width, height), width, height)


def encode(stream: LayerStream, number: int, *, shown: Shown | None = None, of: Picture | None = None) -> AccessUnit:
    return stream.encode(of or picture(number), shown or Shown(7), source(number), now_s=number / 25)


@pytest.mark.parametrize(
    ("layer", "size", "expected"),
    [
        (Layer.MAIN, (1920, 1080), (1920, 1080)),
        (Layer.MAIN, (3840, 2160), (1920, 1080)),
        (Layer.MAIN, (1280, 720), (1280, 720)),
        (Layer.MAIN, (1080, 1920), (608, 1080)),
        (Layer.TILE, (1920, 1080), (640, 360)),
        (Layer.TILE, (768, 432), (640, 360)),
        (Layer.TILE, (640, 480), (480, 360)),
        (Layer.TILE, (352, 288), (352, 288)),
    ],
)
def test_pictures_are_fitted_into_the_layers_box(
    layer: Layer, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    plan = SPECS[layer].plan(*size, is_hd=True)
    assert (plan.width, plan.height) == expected


def test_smaller_pictures_take_less_of_the_bit_rate() -> None:
    spec = SPECS[Layer.MAIN]
    assert spec.plan(1920, 1080, is_hd=True).bit_rate == 3_000_000
    assert spec.plan(960, 540, is_hd=False).bit_rate == 750_000


def test_a_stream_starts_with_an_idr_and_chains_what_follows() -> None:
    stream = LayerStream(SPECS[Layer.MAIN])
    units = [encode(stream, number) for number in range(4)]
    assert [unit.headers.is_keyframe for unit in units] == [True, False, False, False]
    assert [unit.headers.prev for unit in units] == [-1, 100, 101, 102]
    assert units[2].headers == AccessUnitHeaders(
        epoch=Epoch(9),
        seq=102,
        prev=101,
        pts_90k=2 * FRAME,
        captured_utc_us=1_700_000_000_080_000,
        is_keyframe=False,
        width=320,
        height=180,
        mask_revision=7,
    )
    assert AccessUnitHeaders.from_wire(units[0].headers.to_wire()) == units[0].headers


def test_each_idr_brings_its_parameter_sets_and_a_profile_that_browsers_take() -> None:
    stream = LayerStream(SPECS[Layer.MAIN])
    first, later = encode(stream, 0), encode(stream, 1)
    stream.wish()
    again = encode(stream, 50)
    for unit in (first, again):
        assert {7, 8, 5} <= set(nal_types(unit.payload))
        parameters = re.split(b"\0\0\1", unit.payload)[1]
        assert parameters[1] == 66, "baseline"
        assert parameters[2] & 0x40, "constrained"
    assert nal_types(later.payload) == [1]


def test_one_access_unit_is_one_picture_without_delay() -> None:
    stream = LayerStream(SPECS[Layer.MAIN])
    seen = see_all(encode(stream, number).payload for number in range(6))
    assert len(seen) == 6
    wanted = scene(5, 320, 180)[: 320 * 180].reshape(180, 320).astype(int)
    assert np.abs(seen[5].astype(int) - wanted).mean() < 3


@pytest.mark.parametrize("shown", [Shown(8), Shown(7, WithheldReason.REVOKED)], ids=["another mask set", "a slate"])
def test_what_is_shown_next_starts_with_an_idr(shown: Shown) -> None:
    stream = LayerStream(SPECS[Layer.MAIN])
    encode(stream, 0)
    assert encode(stream, 1, shown=shown).headers.is_keyframe
    assert encode(stream, 2, shown=Shown(7)).headers.is_keyframe
    assert not encode(stream, 3, shown=Shown(7)).headers.is_keyframe


def test_another_picture_size_is_another_encoder() -> None:
    stream = LayerStream(SPECS[Layer.MAIN])
    encode(stream, 0)
    unit = encode(stream, 1, of=picture(1, 160, 120))
    assert unit.headers.is_keyframe
    assert (unit.headers.width, unit.headers.height) == (160, 120)


@pytest.mark.parametrize("size", [(321, 180), (320, 181), (321, 181), (322, 182)])
def test_odd_sizes_are_cropped_to_even_ones(size: tuple[int, int]) -> None:
    unit = encode(LayerStream(SPECS[Layer.MAIN]), 0, of=picture(3, *size))
    (seen,) = see_all([unit.payload])
    assert seen.shape == (size[1] & ~1, size[0] & ~1)
    wanted = scene(3, *size)[: size[0] * size[1]].reshape(size[1], size[0])[: seen.shape[0], : seen.shape[1]]
    assert np.abs(seen.astype(int) - wanted.astype(int)).mean() < 3


def test_many_wishes_make_at_most_two_idrs_a_second() -> None:
    stream = LayerStream(SPECS[Layer.TILE])
    keyframes = []
    for number in range(100):
        stream.wish()
        if encode(stream, number).headers.is_keyframe:
            keyframes.append(number)
    assert len(keyframes) == 8
    assert min(np.diff(keyframes)) >= 12


def test_a_wish_is_not_lost_but_answered_when_it_may_be() -> None:
    stream = LayerStream(SPECS[Layer.MAIN])
    encode(stream, 0)
    stream.wish()
    assert [encode(stream, n).headers.is_keyframe for n in range(1, 15)].index(True) == 12 - 0
    assert not encode(stream, 40).headers.is_keyframe, "and once"


def test_a_slate_comes_at_once_and_then_twice_a_second() -> None:
    stream = LayerStream(SPECS[Layer.TILE])
    shown = Shown(0, WithheldReason.REVOKED)
    slates = []
    for number in range(50):
        now_s = number / 25
        if stream.takes_slate(shown, number * FRAME, now_s):
            unit = stream.encode_slate((320, 180), lambda w, h: picture(1, w, h), shown, source(number), now_s)
            assert unit.headers.slate is WithheldReason.REVOKED
            slates.append(number)
    assert slates == [0, 13, 26, 39]


def test_a_wish_brings_a_slate_before_its_time() -> None:
    stream = LayerStream(SPECS[Layer.TILE])
    shown = Shown(0, WithheldReason.REVOKED)
    stream.encode_slate((320, 180), lambda w, h: picture(1, w, h), shown, source(0), 0.0)
    stream.encode_slate((320, 180), lambda w, h: picture(1, w, h), shown, source(1), 0.5)
    stream.wish()
    assert stream.takes_slate(shown, 5 * FRAME, 0.6)
    unit = stream.encode_slate((320, 180), lambda w, h: picture(1, w, h), shown, source(5), 0.6)
    assert unit.headers.is_keyframe


def test_frames_that_come_out_of_order_are_not_taken() -> None:
    stream = LayerStream(SPECS[Layer.MAIN])
    encode(stream, 5)
    assert not stream.takes(5 * FRAME)
    assert not stream.takes(4 * FRAME)
    assert stream.takes(6 * FRAME)


def test_an_access_unit_of_pure_noise_fits_into_a_message() -> None:
    raw = np.random.default_rng(1).integers(16, 236, i420_size(1920, 1080), np.uint8)
    stream = LayerStream(SPECS[Layer.MAIN])
    for number in range(3):
        unit = encode(stream, number, of=Picture.of_i420(raw, 1920, 1080))
        assert len(unit.payload) < MAX_ACCESS_UNIT_BYTES // 2


def test_after_a_failure_the_stream_begins_again_with_an_idr(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = LayerStream(SPECS[Layer.MAIN])
    encode(stream, 0)
    with monkeypatch.context() as patched:
        patched.setattr(Encoder, "encode", lambda *_args, **_kwargs: (b"", False))
        with pytest.raises(EncoderFault):
            encode(stream, 1, shown=Shown(8))
    assert encode(stream, 2).headers.is_keyframe
