"""Mask sets and pictures for the mask service's tests."""

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from proto.messages import MaskPointer, MaskSet
from proto.names import CameraId
from services.runtime.ring import i420_size

CAMERA = CameraId("cam-1")
LEFT = ((0.1, 0.2), (0.4, 0.2), (0.4, 0.7), (0.1, 0.7))
RIGHT = ((0.6, 0.3), (0.9, 0.3), (0.75, 0.9))
Polygon = tuple[tuple[float, float], ...]


def mask_set(
    revision: int = 1, polygons: tuple[Polygon, ...] = (LEFT,), camera: CameraId = CAMERA, aspect: float = 16 / 9
) -> MaskSet:
    return MaskSet(
        camera=camera,
        revision=revision,
        polygons=polygons,
        aspect=aspect,
        is_mask_free=not polygons,
        approved_by="Ada",
        approved_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def pointer(revision: int = 1, *, is_revoked: bool = False, camera: CameraId = CAMERA) -> bytes:
    return MaskPointer(camera=camera, revision=revision, is_revoked=is_revoked).to_wire()


def scene(seed: int, width: int = 640, height: int = 360) -> NDArray[np.uint8]:
    """A smooth random I420 picture, as bright everywhere; pure noise would be more than the bit rate carries."""
    rng = np.random.default_rng(seed)
    planes = []
    for rows, columns in (
        (height, width),
        ((height + 1) // 2, (width + 1) // 2),
        ((height + 1) // 2, (width + 1) // 2),
    ):
        coarse = rng.integers(110, 150, (rows // 40 + 1, columns // 40 + 1), np.uint8)
        planes.append(np.kron(coarse, np.ones((40, 40), np.uint8))[:rows, :columns].reshape(-1))
    picture = np.concatenate(planes)
    assert picture.size == i420_size(width, height)
    return picture
