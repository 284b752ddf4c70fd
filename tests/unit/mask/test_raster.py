"""Rasterising, against an oracle in exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from proto.polygons import InvalidPolygon, check
from services.mask.masks.raster import Cover, chroma_cover, luma_cover, margin_px

Point = tuple[float, float]
Exact = tuple[Fraction, Fraction]

GRID = 32
sizes = st.tuples(st.integers(2, 16), st.integers(2, 16))
grid_points = st.tuples(st.integers(0, GRID), st.integers(0, GRID)).map(lambda p: (p[0] / GRID, p[1] / GRID))
float_points = st.tuples(st.floats(0, 1), st.floats(0, 1))


def simple(points: list[Point]) -> list[Point]:
    try:
        check(points)
    except InvalidPolygon:
        assume(condition=False)
    return points


def star(radii: list[float]) -> list[Point]:
    """A polygon around the middle, mostly concave."""
    angles = np.arange(len(radii)) * 2 * np.pi / len(radii)
    return [
        (0.5 + 0.5 * r * float(np.cos(a)), 0.5 + 0.5 * r * float(np.sin(a))) for r, a in zip(radii, angles, strict=True)
    ]


stars = st.lists(st.floats(0.05, 1.0), min_size=3, max_size=9).map(star)


def oracle(points: list[Point], width: int, height: int) -> Cover:
    """Each pixel whose closed square has a point in common with the closed polygon."""
    corners = [(Fraction(x) * width, Fraction(y) * height) for x, y in points]
    return np.array([[touches(corners, x, y) for x in range(width)] for y in range(height)])


def touches(corners: list[Exact], x: int, y: int) -> bool:
    edges = list(zip(corners, corners[1:] + corners[:1], strict=True))
    middle = (x + Fraction(1, 2), y + Fraction(1, 2))
    # Where no edge meets the square it lies inside or outside as a whole.
    return any(meets(a, b, x, y) for a, b in edges) or is_inside(edges, middle)


def meets(a: Exact, b: Exact, x: int, y: int) -> bool:
    """Liang and Barsky (1984): whether the segment has a point in the closed square."""
    enter, leave = Fraction(0), Fraction(1)
    for start, step, low in ((a[0], b[0] - a[0], x), (a[1], b[1] - a[1], y)):
        if step == 0:
            if not low <= start <= low + 1:
                return False
            continue
        near, far = sorted(((low - start) / step, (low + 1 - start) / step))
        enter, leave = max(enter, near), min(leave, far)
    return enter <= leave


def is_inside(edges: list[tuple[Exact, Exact]], point: Exact) -> bool:
    crossings = [
        a[0] + (b[0] - a[0]) * (point[1] - a[1]) / (b[1] - a[1])
        for a, b in edges
        if (a[1] <= point[1]) != (b[1] <= point[1])
    ]
    return sum(x > point[0] for x in crossings) % 2 == 1


def grown(cover: Cover, margin: int) -> Cover:
    out = np.zeros_like(cover)
    for y, x in np.argwhere(cover):
        out[max(0, y - margin) : y + margin + 1, max(0, x - margin) : x + margin + 1] = True
    return out


@given(st.lists(grid_points, min_size=3, max_size=6), sizes)
@settings(max_examples=200, deadline=None)
def test_exactly_the_pixels_that_a_polygon_touches_are_covered(points: list[Point], size: tuple[int, int]) -> None:
    simple(points)
    assert (luma_cover([points], *size, 0) == oracle(points, *size)).all()


@given(st.lists(float_points, min_size=3, max_size=6) | stars, sizes)
@settings(max_examples=200, deadline=None)
def test_no_pixel_that_a_polygon_touches_is_left_out(points: list[Point], size: tuple[int, int]) -> None:
    simple(points)
    assert not (oracle(points, *size) & ~luma_cover([points], *size, 0)).any()


@given(stars, sizes, st.integers(0, 4))
@settings(max_examples=50, deadline=None)
def test_the_margin_grows_to_all_sides(points: list[Point], size: tuple[int, int], margin: int) -> None:
    bare = luma_cover([points], *size, 0)
    assert (luma_cover([points], *size, margin) == grown(bare, margin)).all()


@given(st.lists(stars, min_size=2, max_size=3), sizes)
@settings(max_examples=30, deadline=None)
def test_several_polygons_cover_what_each_covers(polygons: list[list[Point]], size: tuple[int, int]) -> None:
    each = [luma_cover([polygon], *size, 1) for polygon in polygons]
    assert (luma_cover(polygons, *size, 1) == np.logical_or.reduce(each)).all()


def test_no_polygons_cover_nothing() -> None:
    assert not luma_cover([], 640, 360, 8).any()


def test_a_polygon_over_everything_covers_every_pixel() -> None:
    whole = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    assert luma_cover([whole], 353, 241, 0).all()


def test_a_sliver_between_two_pixel_centres_is_covered_too() -> None:
    sliver = [(0.3001, 0.0), (0.3002, 0.0), (0.3002, 1.0)]
    cover = luma_cover([sliver], 100, 10, 0)
    assert cover[:, 30].all()
    assert cover.sum() == 10


def test_a_concave_notch_stays_free() -> None:
    notched = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.1), (0.0, 1.0)]
    cover = luma_cover([notched], 100, 100, 0)
    assert not cover[90, 50]
    assert cover[90, 2]
    assert cover[90, 97]


@pytest.mark.parametrize("size", [(7, 5), (8, 6), (7, 6), (8, 5)])
def test_a_chroma_sample_is_covered_with_any_of_its_luma_pixels(size: tuple[int, int]) -> None:
    width, height = size
    for y in range(height):
        for x in range(width):
            luma = np.zeros((height, width), np.bool_)
            luma[y, x] = True
            covered = chroma_cover(luma)
            assert covered.shape == ((height + 1) // 2, (width + 1) // 2)
            assert np.argwhere(covered).tolist() == [[y // 2, x // 2]]


def test_the_margin_follows_the_picture_and_rounds_up() -> None:
    assert [margin_px(8, height) for height in (1080, 2160, 540, 360, 1)] == [8, 16, 4, 3, 1]
