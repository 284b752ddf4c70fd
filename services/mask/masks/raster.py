"""Rasterising polygons so that nothing behind one can show: pure, conservative, exact to the pixel.

A pixel is the closed square between four whole coordinates. A row is the closed band of its squares. Whatever part
of the polygon lies in a band touches the columns below (a) each edge, cut to the band, and (b) the polygon's inside
on the band's upper line: above a column that no edge reaches, the band is all inside or all outside.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Cover = NDArray[np.bool_]
"""True where a picture must be black, indexed by row and column."""

_ROUNDING_PX: Final = 1e-6
"""Rounding stays far below this: what comes so close to a square counts as touching it."""

Point = tuple[float, float]
_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]
_Spans = tuple[_Ints, _Ints, _Ints]
"""Rows, first columns and last columns."""


def margin_px(at_1080: float, height: int) -> int:
    """The margin for a picture of this height, rounded up."""
    return math.ceil(at_1080 * height / 1080)


def luma_cover(polygons: Sequence[Sequence[Point]], width: int, height: int, margin: int) -> Cover:
    """Every pixel that a polygon touches at all, grown by `margin` pixels to all sides.

    `polygons` are simple, in normalised coordinates.
    """
    # Corners of rectangles, summed up in both directions, give how often each pixel is covered.
    corners = np.zeros((height + 1, width + 1), np.int32)
    for polygon in polygons:
        points = np.asarray(polygon, np.float64) * (width, height)
        for rows, first, last in (_edge_spans(points, height), _inner_spans(points, height)):
            top, bottom = np.clip(rows - margin, 0, height), np.clip(rows + margin + 1, 0, height)
            left, right = np.clip(first - margin, 0, width), np.clip(last + margin + 1, 0, width)
            np.add.at(corners, (top, left), 1)
            np.add.at(corners, (bottom, right), 1)
            np.add.at(corners, (top, right), -1)
            np.add.at(corners, (bottom, left), -1)
    for axis in (0, 1):
        np.cumsum(corners, axis, out=corners)
    cover: Cover = corners[:height, :width] > 0
    return cover


def chroma_cover(luma: Cover) -> Cover:
    """Every chroma sample of which any luma pixel is covered; odd sizes round up."""
    height, width = luma.shape
    padded = np.zeros((height + height % 2, width + width % 2), np.bool_)
    padded[:height, :width] = luma
    covered: Cover = padded[0::2, 0::2] | padded[1::2, 0::2] | padded[0::2, 1::2] | padded[1::2, 1::2]
    return covered


def _edge_spans(points: _Floats, height: int) -> _Spans:
    """The columns that each edge touches in each row."""
    x0, y0, x1, y1 = _edges_downwards(points)
    first = np.clip(np.ceil(y0 - _ROUNDING_PX).astype(np.int64) - 1, 0, height - 1)
    last = np.clip(np.floor(y1 + _ROUNDING_PX).astype(np.int64), 0, height - 1)
    rows, edge = _rows_of_edges(first, last + 1)
    upper, lower = np.maximum(rows, y0[edge]), np.minimum(rows + 1, y1[edge])
    at_upper, at_lower = _x_at(upper, edge, x0, y0, x1, y1), _x_at(lower, edge, x0, y0, x1, y1)
    is_level = y0[edge] == y1[edge]
    left = np.where(is_level, np.minimum(x0, x1)[edge], np.minimum(at_upper, at_lower))
    right = np.where(is_level, np.maximum(x0, x1)[edge], np.maximum(at_upper, at_lower))
    return rows, *_columns(left, right)


def _inner_spans(points: _Floats, height: int) -> _Spans:
    """The columns that the polygon's inside touches on the upper line of each row, by the even-odd rule."""
    x0, y0, x1, y1 = _edges_downwards(points)
    # Half open: a corner counts for one of its two edges, a level edge for none.
    first = np.clip(np.ceil(y0).astype(np.int64), 0, height)
    last = np.clip(np.ceil(y1).astype(np.int64), 0, height)
    rows, edge = _rows_of_edges(first, last)
    crossing = _x_at(rows.astype(np.float64), edge, x0, y0, x1, y1)
    order = np.lexsort((crossing, rows))
    rows, crossing = rows[order], crossing[order]
    return rows[0::2], *_columns(crossing[0::2], crossing[1::2])


def _edges_downwards(points: _Floats) -> tuple[_Floats, _Floats, _Floats, _Floats]:
    ends = np.roll(points, -1, axis=0)
    is_up = (points[:, 1] > ends[:, 1])[:, None]
    upper, lower = np.where(is_up, ends, points), np.where(is_up, points, ends)
    return upper[:, 0], upper[:, 1], lower[:, 0], lower[:, 1]


def _rows_of_edges(first: _Ints, end: _Ints) -> tuple[_Ints, _Ints]:
    """All pairs of a row and an edge that `first` (with) and `end` (without) name."""
    counts = np.maximum(end - first, 0)
    edge = np.repeat(np.arange(len(counts)), counts)
    rows = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts) + first[edge]
    return rows, edge


def _x_at(y: _Floats, edge: _Ints, x0: _Floats, y0: _Floats, x1: _Floats, y1: _Floats) -> _Floats:
    drop = np.where(y1 > y0, y1 - y0, 1.0)[edge]
    along = np.clip((y - y0[edge]) / drop, 0.0, 1.0)
    x: _Floats = x0[edge] + (x1 - x0)[edge] * along
    return x


def _columns(left: _Floats, right: _Floats) -> tuple[_Ints, _Ints]:
    """First and last column whose closed square meets the closed interval."""
    return (
        np.ceil(left - _ROUNDING_PX).astype(np.int64) - 1,
        np.floor(right + _ROUNDING_PX).astype(np.int64),
    )
