"""A brush in the coordinates of a 1920x1080 street, whatever the size of the picture that is drawn."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int] | tuple[int, int, int, int]
Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

WIDTH, HEIGHT = 1920, 1080
_FINER = 2
"""Everything is drawn this much larger and then scaled down, which smooths its edges."""


class Drawing:
    """A drawing of a part of the street; colours with a fourth value are laid over what is there.

    A drawing with `base=None` starts transparent and ends as a sprite: there, shapes replace what is below.
    """

    def __init__(self, size: Point, scale: Point, base: Colour | None = (0, 0, 0)) -> None:
        self.size = size
        self._scale = scale
        pixels = (max(2, round(size[0] * scale[0])), max(2, round(size[1] * scale[1])))
        self._pixels = pixels
        self._fine = (pixels[0] * _FINER / size[0], pixels[1] * _FINER / size[1])
        fine_pixels = (pixels[0] * _FINER, pixels[1] * _FINER)
        self._image = Image.new("RGBA" if base is None else "RGB", fine_pixels, base or (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self._image, None if base is None else "RGBA")

    def rect(self, box: Box, fill: Colour, radius: float = 0.0) -> None:
        x0, y0, x1, y1 = self._box(box)
        corner = radius * min(self._fine)
        if x1 - x0 > 2 * corner > 0 and y1 - y0 > 2 * corner:
            self._draw.rounded_rectangle((x0, y0, x1, y1), corner, fill)
        else:
            self._draw.rectangle((x0, y0, x1, y1), fill)

    def ellipse(self, box: Box, fill: Colour) -> None:
        self._draw.ellipse(self._box(box), fill)

    def arc(self, box: Box, start_deg: float, end_deg: float, fill: Colour, width: float) -> None:
        self._draw.arc(self._box(box), start_deg, end_deg, fill, self._width(width))

    def sector(self, box: Box, start_deg: float, end_deg: float, fill: Colour) -> None:
        self._draw.pieslice(self._box(box), start_deg, end_deg, fill)

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        self._draw.polygon([self._point(point) for point in points], fill)

    def line(self, points: Sequence[Point], fill: Colour, width: float = 2.0, *, is_round: bool = False) -> None:
        fine = [self._point(point) for point in points]
        thick = self._width(width)
        self._draw.line(fine, fill, thick, joint="curve" if is_round else None)
        if is_round:
            for x, y in (fine[0], fine[-1]):
                self._draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill)

    def gradient(self, box: Box, top: Colour, bottom: Colour) -> None:
        """Fill a box with colours that change from top to bottom."""
        x0, y0, x1, y1 = (round(edge) for edge in self._box(box))
        for row in range(y0, y1 + 1):
            share = (row - y0) / max(1, y1 - y0)
            self._draw.line((x0, row, x1, row), mixed(top, bottom, share))

    def text(self, at: Point, words: str, size: float, fill: Colour, anchor: str = "mm") -> None:
        font = ImageFont.load_default(max(4.0, size * self._fine[1]))
        self._draw.text(self._point(at), words, fill, font, anchor)

    def darken(self, tint: tuple[float, float, float]) -> None:
        """Multiply everything drawn so far by a colour: night falls, and lights are lit after it."""
        bands = self._image.split()
        dark = [
            band.point([round(level * share) for level in range(256)]) for band, share in zip(bands, tint, strict=False)
        ]
        self._image.paste(Image.merge(self._image.mode, [*dark, *bands[3:]]))

    def glow(self, centre: Point, reach: Point, colour: Colour, strength: float) -> None:
        """Lay a soft light over everything around `centre`, strongest (0..1) there and gone at `reach`."""
        x, y = self._point(centre)
        reach_x, reach_y = reach[0] * self._fine[0], reach[1] * self._fine[1]
        size = (max(1, round(2 * reach_x)), max(1, round(2 * reach_y)))
        across = np.linspace(-1, 1, size[0], dtype=np.float32)[None, :]
        down = np.linspace(-1, 1, size[1], dtype=np.float32)[:, None]
        far = np.sqrt(across**2 + down**2)
        opacity = (np.clip(1 - far, 0, 1) ** 2 * 255 * strength).astype(np.uint8)
        light = Image.new(self._image.mode, size, colour[:3])
        self._image.paste(light, (round(x - reach_x), round(y - reach_y)), Image.fromarray(opacity))

    def image(self) -> Image.Image:
        """Return what was drawn, at the size of the picture."""
        return self._image.resize(self._pixels, Image.Resampling.BOX)

    def _point(self, point: Point) -> Point:
        return point[0] * self._fine[0], point[1] * self._fine[1]

    def _box(self, box: Box) -> Box:
        """Box in fine pixels, its right and bottom edges included as Pillow wants them; one pixel at least."""
        x0, y0, x1, y1 = (edge * self._fine[axis % 2] for axis, edge in enumerate(box))
        return x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)

    def _width(self, width: float) -> int:
        return max(1, round(width * min(self._fine)))


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """Colour that lies `share` (0..1) of the way from the first to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first[:3], second[:3], strict=True))
    return red, green, blue


def shaded(colour: Colour, factor: float) -> Colour:
    """The colour in another light: darker below 1, lighter above."""
    red, green, blue = (min(255, round(level * factor)) for level in colour[:3])
    return red, green, blue
