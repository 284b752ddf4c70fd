"""A still is shown under the masks in force or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.limits import MAX_STILL_BYTES
from proto.messages import MaskPointer
from proto.names import CameraId, camera_id
from services.gateway.stills import RECORD_EVERY_S, Recent, Still, StillShelf, may_show, read_still
from services.runtime.clock import VirtualClock

CAM = camera_id("cam1")
JPEG = b"\xff\xd8\xff\xe0 picture"
HEADERS = {"Us-Captured": "1700000000000000", "Us-Mask": "3"}


def test_a_still_is_read_with_its_headers() -> None:
    assert read_still(JPEG, HEADERS) == Still(JPEG, 1_700_000_000_000_000, 3, is_slate=False)
    slate = read_still(JPEG, HEADERS | {"Us-Mask": "0", "Us-Slate": "revoked"})
    assert slate is not None
    assert slate.is_slate


@pytest.mark.parametrize(
    ("payload", "headers"),
    [
        (b"", HEADERS),
        (b"GIF89a", HEADERS),
        (JPEG + bytes(MAX_STILL_BYTES), HEADERS),
        (JPEG, {}),
        (JPEG, {"Us-Captured": "1700000000000000"}),
        (JPEG, HEADERS | {"Us-Mask": "0"}),
        (JPEG, HEADERS | {"Us-Mask": "three"}),
        (JPEG, HEADERS | {"Us-Captured": "-1"}),
        (JPEG, HEADERS | {"Us-Captured": "9" * 30}),
    ],
)
def test_what_does_not_say_what_it_is_is_no_still(payload: bytes, headers: dict[str, str]) -> None:
    assert read_still(payload, headers) is None


def test_a_still_is_shown_under_the_revision_in_force_alone() -> None:
    still = Still(JPEG, 1, 3, is_slate=False)
    assert may_show(still, MaskPointer(camera=CAM, revision=3))
    assert not may_show(still, MaskPointer(camera=CAM, revision=3, is_revoked=True))
    assert not may_show(still, MaskPointer(camera=CAM, revision=4))
    assert not may_show(still, MaskPointer(camera=CAM, revision=2))
    assert not may_show(still, None)


def test_a_slate_may_always_be_shown() -> None:
    assert may_show(Still(JPEG, 1, 0, is_slate=True), None)
    assert may_show(Still(JPEG, 1, 3, is_slate=True), MaskPointer(camera=CAM, revision=3, is_revoked=True))


def test_the_newest_still_is_kept() -> None:
    shelf = StillShelf()
    shelf.put(CAM, Still(b"new", 2, 1, is_slate=False))
    shelf.put(CAM, Still(b"old", 1, 1, is_slate=False))
    held = shelf.get(CAM)
    assert held is not None
    assert held.jpeg == b"new"
    shelf.forget(CAM)
    assert shelf.get(CAM) is None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 60)), max_size=60))
def test_the_shelf_never_holds_more_than_its_bytes(puts: list[tuple[int, int]]) -> None:
    shelf = StillShelf(limit_bytes=100)
    for at, (number, size) in enumerate(puts):
        shelf.put(CameraId(f"cam{number}"), Still(bytes(size), at, 1, is_slate=False))
        held = [shelf.get(CameraId(f"cam{n}")) for n in range(10)]
        assert sum(len(still.jpeg) for still in held if still is not None) <= 100
        assert shelf.get(CameraId(f"cam{number}")) is not None


def test_a_look_is_recorded_again_after_a_minute_and_for_each_person_and_camera() -> None:
    clock = VirtualClock()
    recent = Recent(clock)
    recent.note("ann", CAM)
    assert recent.is_recorded("ann", CAM)
    assert not recent.is_recorded("bob", CAM)
    assert not recent.is_recorded("ann", camera_id("cam2"))
    clock.advance(RECORD_EVERY_S)
    assert not recent.is_recorded("ann", CAM)


def test_what_is_remembered_of_recent_looks_is_bounded() -> None:
    recent = Recent(VirtualClock(), limit=2)
    for name in ("ann", "bob", "cat"):
        recent.note(name, CAM)
    assert not recent.is_recorded("ann", CAM)
    assert recent.is_recorded("cat", CAM)
