"""Which polygons may be masks."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.limits import MAX_POINTS
from proto.polygons import InvalidPolygon, check

SQUARE = [(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)]


@pytest.mark.parametrize(
    "points",
    [
        [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)],
        SQUARE,
        SQUARE[::-1],
        [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.25), (0.0, 1.0)],
        [(0, 0), (1, 0), (1, 1)],
        [[0.1, 0.1], [0.9, 0.1], [0.5, 0.1000000001]],
        [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (1.0, 1.0)],
    ],
    ids=["triangle", "square", "other way round", "concave", "whole numbers", "sliver", "point on a straight edge"],
)
def test_a_simple_polygon_is_a_mask(points: list[tuple[float, float]]) -> None:
    check(points)


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([], "at least 3 points"),
        ([(0.1, 0.1), (0.5, 0.5)], "at least 3 points, not 2"),
        ([(0.5, 0.5)] * (MAX_POINTS + 1), f"at most {MAX_POINTS} points"),
        ([(0.0, 0.0), (1.0, 0.0), (0.5, math.nan)], "point 3 has a coordinate that is not finite"),
        ([(0.0, 0.0), (math.inf, 0.0), (0.5, 0.5)], "point 2 has a coordinate that is not finite"),
        ([(0.0, 0.0), (1.0, 0.0), (0.5, 1.0000001)], "point 3 lies outside"),
        ([(-0.0001, 0.0), (1.0, 0.0), (0.5, 1.0)], "point 1 lies outside"),
        ([(0.0, 0.0), (10**400, 0.0), (0.5, 1.0)], "point 2 lies outside"),
        ([(0.0, 0.0), (1.0, 0.0), 5], "point 3 is not a pair"),
        ([(0.0, 0.0), (1.0, 0.0), "ab"], "point 3 is not a pair"),
        ([(0.0, 0.0), (1.0, 0.0), (0.5, 0.5, 0.5)], "point 3 is not a pair"),
        ([(0.0, 0.0), (1.0, 0.0), (0.5, "1")], "not a number"),
        ([(0.0, 0.0), (1.0, 0.0), (0.5, None)], "not a number"),
        ([(0.0, 0.0), (True, 0.0), (0.5, 0.5)], "not a number"),
        ([*SQUARE, SQUARE[0]], "point 1 is the same"),
        ([SQUARE[0], *SQUARE], "point 2 is the same"),
        ([(0.1, 0.1), (0.5, 0.5), (0.9, 0.9)], "no area"),
        ([(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)], "crosses or touches itself: edges 1 and 3"),
        ([(0.0, 0.0), (1.0, 0.0), (0.5, 0.0), (0.5, 1.0)], "crosses or touches itself"),
        ([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.0), (0.0, 1.0)], "crosses or touches itself"),
        ([(0.0, 0.0), (0.5, 0.5), (0.0, 1.0), (1.0, 1.0), (0.5, 0.5), (1.0, 0.0)], "crosses or touches itself"),
    ],
)
def test_a_polygon_that_may_be_no_mask_is_refused_with_its_reason(
    points: list[tuple[float, float]], reason: str
) -> None:
    with pytest.raises(InvalidPolygon, match=reason) as caught:
        check(points)
    assert caught.value.reason == str(caught.value)


coordinates = st.floats(0, 1) | st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
polygons = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=7)


def verdict(points: list[tuple[float, float]]) -> bool:
    try:
        check(points)
    except InvalidPolygon:
        return False
    return True


@given(polygons, st.integers(0, 6))
def test_the_verdict_depends_on_neither_first_point_nor_direction(points: list[tuple[float, float]], by: int) -> None:
    turned = points[by % len(points) :] + points[: by % len(points)]
    assert verdict(points) == verdict(turned) == verdict(turned[::-1])


@given(polygons)
def test_what_is_accepted_has_an_area(points: list[tuple[float, float]]) -> None:
    if verdict(points):
        assert len(set(points)) == len(points)


@given(st.lists(st.none() | st.text() | st.floats() | st.lists(st.floats() | st.text() | st.none(), max_size=3)))
def test_anything_at_all_is_accepted_or_refused(points: list[list[float]]) -> None:
    verdict(points)  # type: ignore[arg-type]  # what JSON may hold
