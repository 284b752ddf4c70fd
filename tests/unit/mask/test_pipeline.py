"""What becomes of a frame: judged, blacked out, encoded or withheld."""

import io
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from proto.messages import MaskSet, WithheldReason
from proto.names import Epoch, Layer
from services.mask.masks.raster import luma_cover, margin_px
from services.mask.masks.verdict import Approved, Verdict, Withheld
from services.mask.measures import Measures
from services.mask.media.layer import AccessUnit, layer_specs
from services.mask.media.outbox import Outbox
from services.mask.media.still import Still
from services.mask.pipeline import Orders, Pipeline, Sight
from services.runtime.clock import VirtualClock
from services.runtime.metrics import Metrics
from services.runtime.ring import Frame, FrameFlag, i420_size, split_i420
from tests.unit.mask.decoding import see_all
from tests.unit.mask.samples import LEFT, RIGHT, mask_set, scene

WIDTH, HEIGHT = 640, 360
BOTH = frozenset(Layer)
MAIN = frozenset({Layer.MAIN})


class Camera:
    """A pipeline that is fed frames 40 ms apart, and what it has put out."""

    def __init__(self, standing: Verdict, wanted: frozenset[Layer] = BOTH) -> None:
        self.clock = VirtualClock()
        self.metrics = Metrics()
        self.outbox = Outbox(lambda: None, lambda _count: None)
        specs = layer_specs(main_bit_rate=3_000_000, tile_bit_rate=500_000, preset="ultrafast")
        self.pipeline = Pipeline(specs, 8.0, self.outbox, self.clock, Measures(self.metrics))
        self.orders = Orders(standing, wanted, "Upper Street")
        self.epoch = Epoch(4)
        self.seq = 0
        self.stills: list[Still] = []

    def feed(
        self,
        i420: NDArray[np.uint8] | None = None,
        *,
        flags: FrameFlag = FrameFlag.NONE,
        size: tuple[int, int] = (WIDTH, HEIGHT),
    ) -> list[AccessUnit]:
        pixels = scene(self.seq, *size) if i420 is None else i420.copy()
        frame = Frame(self.seq, self.seq * 3600, self.clock.utc_us(), flags, *size, pixels)
        self.pipeline.show(frame, self.epoch, self.orders)
        self.seq += 1
        self.clock.advance(0.04)
        outgoing = self.outbox.take()
        if outgoing.still is not None:
            self.stills.append(outgoing.still)
        return list(outgoing.units)

    def run(self, frames: int) -> list[AccessUnit]:
        return [unit for _ in range(frames) for unit in self.feed()]

    def order(self, standing: Verdict, wanted: frozenset[Layer] | None = None) -> None:
        self.orders = Orders(standing, self.orders.wanted if wanted is None else wanted, self.orders.name)


def cover_of(masks: MaskSet, margin_at_1080: float = 8.0) -> NDArray[np.bool_]:
    return luma_cover(masks.polygons, WIDTH, HEIGHT, margin_px(margin_at_1080, HEIGHT))


def of(units: list[AccessUnit], layer: Layer) -> list[AccessUnit]:
    return [unit for unit in units if unit.layer is layer]


def reasons(units: list[AccessUnit]) -> list[WithheldReason | None]:
    return [unit.headers.slate for unit in units]


def test_polygons_are_black_in_both_layers_and_the_rest_is_not() -> None:
    masks = mask_set(3, (LEFT, RIGHT))
    camera = Camera(Approved(masks))
    bright = np.full(i420_size(WIDTH, HEIGHT), 180, np.uint8)
    units = [unit for _ in range(6) for unit in camera.feed(bright)]
    for layer in Layer:
        assert {unit.headers.mask_revision for unit in of(units, layer)} == {3}
        for seen in see_all(unit.payload for unit in of(units, layer)):
            assert seen[cover_of(masks, 0)].max() < 40
            far = ~luma_cover(masks.polygons, WIDTH, HEIGHT, 24)
            assert seen[far].min() > 160


def test_no_pixel_behind_a_polygon_has_any_influence_on_what_goes_out() -> None:
    masks = mask_set(1, (LEFT, RIGHT))
    behind = cover_of(masks, 0)
    made: list[tuple[list[bytes], list[bytes]]] = []
    for value in (0, 255):
        camera = Camera(Approved(masks))
        payloads: list[bytes] = []
        for number in range(30):
            picture = scene(number)
            luma, u, v = split_i420(picture, WIDTH, HEIGHT)
            luma[behind] = value if number % 2 else 255 - value
            u[behind[::2, ::2]] = value
            v[behind[1::2, 1::2]] = 255 - value
            payloads += [unit.payload for unit in camera.feed(picture)]
        made.append((payloads, [still.jpeg for still in camera.stills]))
    assert len(made[0][0]) == 30 + 15
    assert len(made[0][1]) == 1
    assert made[0] == made[1]


def test_the_frame_itself_is_blacked_out_in_the_ring() -> None:
    camera = Camera(Approved(mask_set()))
    pixels = scene(1)
    camera.pipeline.show(Frame(0, 0, 0, FrameFlag.NONE, WIDTH, HEIGHT, pixels), Epoch(1), camera.orders)
    assert (split_i420(pixels, WIDTH, HEIGHT)[0][cover_of(mask_set())] == 16).all()


def test_an_approved_set_without_polygons_shows_the_whole_picture() -> None:
    camera = Camera(Approved(mask_set(2, ())), MAIN)
    bright = np.full(i420_size(WIDTH, HEIGHT), 180, np.uint8)
    (unit,) = camera.feed(bright)
    (seen,) = see_all([unit.payload])
    assert seen.min() > 160


def test_main_takes_every_frame_and_tile_every_second() -> None:
    units = Camera(Approved(mask_set())).run(50)
    assert Counter(unit.layer for unit in units) == {Layer.MAIN: 50, Layer.TILE: 25}
    assert [unit.headers.seq for unit in of(units, Layer.TILE)] == list(range(0, 50, 2))
    assert [unit.headers.prev for unit in of(units, Layer.TILE)] == [-1, *range(0, 48, 2)]


def test_without_demand_nothing_is_encoded_but_a_still_every_five_seconds() -> None:
    camera = Camera(Approved(mask_set()), frozenset())
    assert camera.run(260) == []
    assert len(camera.stills) == 3
    masked = camera.metrics.registry.get_sample_value("us_mask_frames_masked_total", {"camera": "cam-1"})
    assert masked == 3


def test_a_layer_demanded_later_starts_with_an_idr_and_does_not_disturb_the_other() -> None:
    camera = Camera(Approved(mask_set()), MAIN)
    camera.run(10)
    camera.order(camera.orders.standing, BOTH)
    units = camera.run(4)
    assert of(units, Layer.TILE)[0].headers.is_keyframe
    assert not any(unit.headers.is_keyframe for unit in of(units, Layer.MAIN))


def test_a_layer_demanded_again_starts_anew() -> None:
    camera = Camera(Approved(mask_set()), MAIN)
    camera.run(3)
    camera.order(camera.orders.standing, frozenset())
    assert camera.run(3) == []
    camera.order(camera.orders.standing, MAIN)
    assert [unit.headers.is_keyframe for unit in camera.run(2)] == [True, False]


def test_a_new_mask_set_takes_effect_between_two_frames() -> None:
    camera = Camera(Approved(mask_set(1, (LEFT,))), MAIN)
    units = camera.run(3)
    camera.order(Approved(mask_set(2, (RIGHT,))))
    units += camera.run(3)
    assert [unit.headers.mask_revision for unit in units] == [1, 1, 1, 2, 2, 2]
    assert [unit.headers.is_keyframe for unit in units] == [True, False, False, True, False, False]
    left, right = cover_of(mask_set(1, (LEFT,)), 0), cover_of(mask_set(1, (RIGHT,)), 0)
    for number, seen in enumerate(see_all(unit.payload for unit in units)):
        masked, free = (left, right) if number < 3 else (right, left)
        assert seen[masked].max() < 40
        assert seen[free].max() > 100


@pytest.mark.parametrize("reason", [WithheldReason.NO_MASK_SET, WithheldReason.REVOKED, WithheldReason.KILL_SWITCH])
def test_a_withheld_camera_shows_a_slate_from_the_first_frame(reason: WithheldReason) -> None:
    camera = Camera(Withheld(reason, 2))
    first = camera.feed()
    assert reasons(first) == [reason, reason]
    assert all(unit.headers.is_keyframe and unit.headers.mask_revision == 2 for unit in first)
    assert camera.pipeline.sight == Sight(reason, Epoch(4), WIDTH, HEIGHT)


def test_a_slate_shows_nothing_of_the_picture() -> None:
    made = []
    for seed in (1, 2):
        camera = Camera(Withheld(WithheldReason.REVOKED, 2), MAIN)
        made.append([unit.payload for n in range(30) for unit in camera.feed(scene(seed + n))])
    assert made[0] == made[1]
    assert len(made[0]) == 3, "at once, and then twice a second"


def test_picture_slate_picture_each_start_with_an_idr() -> None:
    camera = Camera(Approved(mask_set()), MAIN)
    units = camera.run(3)
    camera.order(Withheld(WithheldReason.REVOKED, 1))
    units += camera.run(3)
    camera.order(Approved(mask_set(2)))
    units += camera.run(3)
    revoked = WithheldReason.REVOKED
    assert reasons(units) == [None, None, None, revoked, None, None, None]
    assert [unit.headers.is_keyframe for unit in units] == [True, False, False, True, True, False, False]
    seen = see_all(unit.payload for unit in units[3:4])
    assert seen[0].max() > 150, "the slate's writing is there without anything before it"


def test_a_damaged_frame_is_withheld_and_the_picture_comes_back_by_itself() -> None:
    camera = Camera(Approved(mask_set()), MAIN)
    units = camera.run(2)
    for _ in range(3):
        units += camera.feed(np.zeros(0, np.uint8), flags=FrameFlag.DAMAGED)
    units += camera.run(2)
    damaged = WithheldReason.DAMAGED_INPUT
    assert reasons(units) == [None, None, damaged, None, None]
    assert [unit.headers.is_keyframe for unit in units] == [True, False, True, True, False]


def test_a_picture_of_another_shape_is_withheld() -> None:
    camera = Camera(Approved(mask_set(1, aspect=4 / 3)), MAIN)
    assert reasons(camera.feed()) == [WithheldReason.MASK_MISFIT]
    assert reasons(camera.feed(size=(640, 480))) == [None]


def test_another_picture_size_is_masked_too() -> None:
    camera = Camera(Approved(mask_set()), MAIN)
    camera.run(2)
    bright = np.full(i420_size(320, 180), 180, np.uint8)
    (unit,) = camera.feed(bright, size=(320, 180))
    assert unit.headers.is_keyframe
    (seen,) = see_all([unit.payload])
    assert seen[luma_cover([LEFT], 320, 180, 0)].max() < 40


def test_a_frame_for_the_still_alone_is_never_encoded_into_a_layer() -> None:
    camera = Camera(Approved(mask_set()))
    assert camera.feed(flags=FrameFlag.STILL) == []
    assert len(camera.stills) == 1


def test_a_still_is_masked_small_and_says_what_it_is() -> None:
    masks = mask_set(5)
    camera = Camera(Approved(masks), frozenset())
    bright = np.full(i420_size(1280, 720), 180, np.uint8)
    camera.feed(bright, size=(1280, 720))
    (still,) = camera.stills
    assert still.headers() == {"Us-Captured": "1700000000000000", "Us-Mask": "5"}
    seen = np.asarray(Image.open(io.BytesIO(still.jpeg)).convert("L"))
    assert seen.shape == (360, 640)
    assert seen[cover_of(masks, 0)].max() < 24
    assert seen[~luma_cover(masks.polygons, 640, 360, 16)].min() > 120


def test_the_still_of_a_camera_that_is_withheld_is_replaced_at_once() -> None:
    camera = Camera(Approved(mask_set()))
    camera.run(5)
    camera.order(Withheld(WithheldReason.REVOKED, 1))
    camera.run(5)
    assert [still.slate for still in camera.stills] == [None, WithheldReason.REVOKED]
    assert camera.stills[1].headers()["Us-Slate"] == "revoked"


def test_a_burst_of_lost_packets_does_not_replace_the_still() -> None:
    camera = Camera(Approved(mask_set()))
    camera.run(5)
    camera.feed(np.zeros(0, np.uint8), flags=FrameFlag.DAMAGED)
    assert [still.slate for still in camera.stills] == [None]


def test_a_new_epoch_starts_with_an_idr_whatever_its_times() -> None:
    camera = Camera(Approved(mask_set()), MAIN)
    camera.run(3)
    camera.epoch, camera.seq = Epoch(8), 0
    (unit,) = camera.feed()
    assert (unit.headers.is_keyframe, unit.headers.epoch, unit.headers.pts_90k) == (True, 8, 0)


def test_many_wishes_make_at_most_two_idrs_a_second() -> None:
    camera = Camera(Approved(mask_set()), MAIN)
    keyframes = 0
    for _ in range(50):
        camera.pipeline.wish(Layer.MAIN)
        camera.pipeline.wish(Layer.TILE)
        keyframes += sum(unit.headers.is_keyframe for unit in camera.feed())
    assert keyframes == 4


def test_a_frame_without_its_pixels_raises_and_a_slate_can_take_its_place() -> None:
    camera = Camera(Approved(mask_set()), MAIN)
    camera.run(2)
    frame = Frame(9, 9 * 3600, camera.clock.utc_us(), FrameFlag.NONE, WIDTH, HEIGHT, np.zeros(0, np.uint8))
    with pytest.raises(ValueError, match="does not fit"):
        camera.pipeline.show(frame, camera.epoch, camera.orders)
    camera.pipeline.withhold(frame, camera.epoch, camera.orders, Withheld(WithheldReason.MASK_FAULT, 1))
    assert reasons(list(camera.outbox.take().units)) == [WithheldReason.MASK_FAULT]
