"""From a camera's thread to the loop."""

from proto.codec import AccessUnitHeaders
from proto.names import Epoch, Layer
from services.mask.media.layer import AccessUnit
from services.mask.media.outbox import MAX_BYTES, MAX_UNITS, Outbox
from services.mask.media.still import Still


class Box:
    """An outbox and what it has told."""

    def __init__(self) -> None:
        self.announced = 0
        self.dropped = 0
        self.outbox = Outbox(self._ready, self._drop)

    def _ready(self) -> None:
        self.announced += 1

    def _drop(self, count: int) -> None:
        self.dropped += count


def unit(seq: int, *, is_keyframe: bool = False, layer: Layer = Layer.MAIN, size: int = 10) -> AccessUnit:
    headers = AccessUnitHeaders(Epoch(1), seq, -1 if is_keyframe else seq - 1, seq * 3600, 0, is_keyframe, 640, 360, 1)
    return AccessUnit(layer, headers, b"x" * size)


def test_units_come_out_in_order_and_one_wake_up_stands_for_many() -> None:
    box = Box()
    for seq in range(5):
        box.outbox.put(unit(seq))
    assert [u.headers.seq for u in box.outbox.take().units] == [0, 1, 2, 3, 4]
    assert box.announced == 1
    box.outbox.put(unit(5))
    assert box.announced == 2


def test_a_full_outbox_drops_everything_up_to_the_next_keyframe_of_each_layer() -> None:
    box = Box()
    for seq in range(MAX_UNITS + 1):
        box.outbox.put(unit(seq))
    assert box.dropped == MAX_UNITS + 1
    assert box.outbox.take().units == ()
    assert box.outbox.needs_keyframe(Layer.MAIN)
    assert box.outbox.needs_keyframe(Layer.TILE)
    box.outbox.put(unit(50, layer=Layer.TILE))
    box.outbox.put(unit(51, is_keyframe=True))
    box.outbox.put(unit(52))
    assert [u.headers.seq for u in box.outbox.take().units] == [51, 52]
    assert not box.outbox.needs_keyframe(Layer.MAIN)
    assert box.outbox.needs_keyframe(Layer.TILE)


def test_bytes_are_bounded_too() -> None:
    box = Box()
    for seq in range(6):
        box.outbox.put(unit(seq, is_keyframe=True, size=MAX_BYTES // 4))
    assert len(box.outbox.take().units) <= 4
    assert box.dropped == 4


def test_only_the_newest_still_is_held() -> None:
    box = Box()
    for at in range(3):
        box.outbox.put_still(Still(b"jpeg", at, 1))
    still = box.outbox.take().still
    assert still is not None
    assert still.captured_utc_us == 2
    assert box.outbox.take().still is None
