"""Reading stored mask sets."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.names import CameraId
from services.mask.errors import UnreadableMaskSet
from services.mask.masks.maskset import read_mask_set, read_pointer
from tests.unit.mask.samples import CAMERA, mask_set, pointer


def test_a_whole_mask_set_is_read() -> None:
    assert read_mask_set(mask_set(4).to_wire(), CAMERA, 4) == mask_set(4)
    assert read_mask_set(mask_set(4, ()).to_wire(), CAMERA, 4).is_mask_free


def changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(mask_set(4).to_wire()) | fields).encode()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        mask_set(4).to_wire()[:-2],
        changed(v=2),
        changed(polygons=[]),
        changed(polygons=[], is_mask_free=None),
        changed(is_mask_free=True),
        changed(polygons=[[[0.1, 0.1], [0.5, 0.5]]]),
        changed(polygons=[[[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]]]),
        changed(polygons=[[[0.1, 0.1], [0.5, 0.5], [float("nan"), 0.9]]]),
        changed(polygons=[[[0.1, 0.1], [0.5, 0.5], [float("inf"), 0.9]]]),
        changed(polygons=[[[0.1, 0.1], [0.5, 0.5], [0.2, 1.1]]]),
        changed(polygons=[[[0.1, 0.1], [0.5, 0.5], [-0.1, 0.5]]]),
        changed(polygons=[[[0, 0], [1, 1], [1, 0], [0, 1]]]),
        changed(polygons=[[[0.1, 0.1], [0.5, 0.5], [0.2, "x"]]]),
        changed(aspect=0),
        changed(aspect=None),
        changed(approved_by=""),
        changed(approved_at="2026-01-01T00:00:00"),
        changed(camera="cam-2"),
        changed(revision=3),
    ],
)
def test_anything_else_is_refused(value: bytes) -> None:
    with pytest.raises(UnreadableMaskSet):
        read_mask_set(value, CAMERA, 4)


@given(st.binary())
def test_no_bytes_do_worse_than_being_refused(value: bytes) -> None:
    with pytest.raises(UnreadableMaskSet):
        read_mask_set(value, CAMERA, 1)
    with pytest.raises(UnreadableMaskSet):
        read_pointer(value, CAMERA)


def test_a_pointer_is_read() -> None:
    assert read_pointer(pointer(2), CAMERA).revision == 2
    assert read_pointer(pointer(2, is_revoked=True), CAMERA).is_revoked


def test_a_pointer_written_over_another_cameras_is_refused() -> None:
    """It may undo that camera's revocation."""
    with pytest.raises(UnreadableMaskSet):
        read_pointer(pointer(2, camera=CameraId("cam-2")), CAMERA)
