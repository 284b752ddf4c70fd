"""Where a picture must be black: polygons drawn by Pillow, a rasteriser that is not ours."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Polygon = Sequence[tuple[float, float]]


def inside(polygons: Sequence[Polygon], width: int, height: int) -> NDArray[np.bool_]:
    """(height, width) of bool: pixels that the polygons touch, as Pillow fills and outlines them."""
    image = Image.new("1", (width, height))
    draw = ImageDraw.Draw(image)
    for polygon in polygons:
        draw.polygon([(x * (width - 1), y * (height - 1)) for x, y in polygon], fill=1, outline=1)
    return np.array(image)


def far_outside(polygons: Sequence[Polygon], width: int, height: int, distance: int) -> NDArray[np.bool_]:
    """Pixels at least `distance` away from every polygon's box."""
    free = np.ones((height, width), np.bool_)
    for polygon in polygons:
        xs, ys = [x * width for x, _ in polygon], [y * height for _, y in polygon]
        top, left = max(0, int(min(ys)) - distance), max(0, int(min(xs)) - distance)
        free[top : int(max(ys)) + distance + 1, left : int(max(xs)) + distance + 1] = False
    return free
