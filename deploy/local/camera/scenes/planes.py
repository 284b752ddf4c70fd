"""I420 pictures and the sprites that are laid over them, all in numpy: quick enough for 1080p at 50 pictures/s."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint16]

# BT.709, limited range: what browsers assume of HD pictures that carry no colour tags.
_OFFSET = np.array([16.0, 128.0, 128.0], dtype=np.float32)
_FROM_RGB = np.array(
    [[0.18259, 0.61423, 0.06201], [-0.10064, -0.33857, 0.43922], [0.43922, -0.39894, -0.04027]],
    dtype=np.float32,
)


@dataclass(frozen=True, slots=True)
class Planes:
    """One I420 picture; the three planes are views of `whole`, which is `height * 3 / 2` rows of `width`."""

    whole: Bytes
    y: Bytes
    u: Bytes
    v: Bytes

    @classmethod
    def over(cls, whole: Bytes) -> "Planes":
        """View an I420 array as its planes. Width and height must be even."""
        rows, width = whole.shape
        height = rows * 2 // 3
        chroma = whole[height:].reshape(2, height // 2, width // 2)
        return cls(whole=whole, y=whole[:height], u=chroma[0], v=chroma[1])

    def copy(self) -> "Planes":
        return Planes.over(self.whole.copy())


@dataclass(frozen=True, slots=True)
class Layer:
    """One plane of a sprite: values already multiplied by their opacity (0..256), and what shines through."""

    weighted: Words
    through: Words

    def blend(self, plane: Bytes, left: int, top: int) -> None:
        """Lay this over `plane`; what falls outside is cut off."""
        height, width = self.weighted.shape
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(plane.shape[1], left + width), min(plane.shape[0], top + height)
        if x0 >= x1 or y0 >= y1:
            return
        part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        below = plane[y0:y1, x0:x1]
        mixed = below * self.through[part]
        mixed += self.weighted[part]
        mixed >>= 8
        below[...] = mixed


@dataclass(frozen=True, slots=True)
class Sprite:
    """A small picture with opacity, ready to be laid over an I420 picture at even coordinates."""

    y: Layer
    u: Layer
    v: Layer

    def blend(self, picture: Planes, left: float, top: float) -> None:
        half_left, half_top = round(left / 2), round(top / 2)
        self.y.blend(picture.y, half_left * 2, half_top * 2)
        self.u.blend(picture.u, half_left, half_top)
        self.v.blend(picture.v, half_left, half_top)


def from_image(image: Image.Image) -> Planes:
    """Convert an RGB picture of even size to I420."""
    y, u, v = _yuv(np.asarray(image.convert("RGB"), dtype=np.float32))
    height, width = y.shape
    picture = Planes.over(np.empty((height * 3 // 2, width), dtype=np.uint8))
    picture.y[...] = _rounded(y)
    picture.u[...] = _rounded(_quarter(u))
    picture.v[...] = _rounded(_quarter(v))
    return picture


def sprite_from_image(image: Image.Image) -> Sprite:
    """Convert an RGBA picture to a sprite, padded to an even size."""
    rgba = np.asarray(image.convert("RGBA"), dtype=np.float32)
    rgba = np.pad(rgba, ((0, rgba.shape[0] % 2), (0, rgba.shape[1] % 2), (0, 0)))
    opacity = rgba[..., 3] * (256 / 255)
    y, u, v = _yuv(rgba[..., :3])
    chroma_opacity = _quarter(opacity)
    return Sprite(
        y=_layer(y * opacity, opacity),
        u=_layer(_quarter(u * opacity), chroma_opacity),
        v=_layer(_quarter(v * opacity), chroma_opacity),
    )


def _layer(weighted: npt.NDArray[np.float32], opacity: npt.NDArray[np.float32]) -> Layer:
    return Layer(weighted=np.rint(weighted).astype(np.uint16), through=np.rint(256 - opacity).astype(np.uint16))


def _yuv(rgb: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.moveaxis(rgb @ _FROM_RGB.T + _OFFSET, -1, 0)


def _quarter(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mean of each 2x2 square, as 4:2:0 chroma is sampled."""
    return (plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]) / np.float32(4)


def _rounded(plane: npt.NDArray[np.float32]) -> Bytes:
    return np.rint(plane).clip(0, 255).astype(np.uint8)
