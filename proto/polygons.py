"""Which polygons may be masks, with a reason for each that may not: used by who stores them and by who applies them."""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from proto.limits import MAX_POINTS

MIN_POINTS: Final = 3

_SIGN_IS_SURE: Final = 1e-14
"""Above this, the sign of a cross product of coordinates within 0..1 cannot be rounding (Shewchuk 1997, section 4.1:
some 7e-16); below it, it is computed again in exact fractions."""

Pair = Sequence[float]


class InvalidPolygon(ValueError):
    """A polygon that may not be a mask. `reason` says why in words for the person who drew it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check(points: Sequence[Pair]) -> None:
    """Raise InvalidPolygon unless these are the corners of a simple polygon in normalised coordinates.

    Not repeated at the end. Exact: no tolerance, so that two services never disagree about a polygon.
    """
    _check_points(points)
    if all(_turn(points[0], points[1], point) == 0 for point in points[2:]):
        raise InvalidPolygon("the polygon has no area")
    for i, j in _edges_that_may_meet(points):
        _check_edges(points, i, j)


def _check_points(points: Sequence[Pair]) -> None:
    if len(points) < MIN_POINTS:
        raise InvalidPolygon(f"a polygon has at least {MIN_POINTS} points, not {len(points)}")
    if len(points) > MAX_POINTS:
        raise InvalidPolygon(f"a polygon has at most {MAX_POINTS} points, not {len(points)}")
    for number, point in enumerate(points, start=1):
        _check_point(number, point)
    for number, point in enumerate(points, start=1):
        if tuple(point) == tuple(points[number - 2]):
            raise InvalidPolygon(f"point {number} is the same as the point before it")


def _check_point(number: int, point: Pair) -> None:
    if not isinstance(point, list | tuple) or len(point) != 2:
        raise InvalidPolygon(f"point {number} is not a pair of coordinates")
    for coordinate in point:
        if isinstance(coordinate, bool) or not isinstance(coordinate, int | float):
            raise InvalidPolygon(f"point {number} has a coordinate that is not a number")
        if isinstance(coordinate, float) and not math.isfinite(coordinate):
            raise InvalidPolygon(f"point {number} has a coordinate that is not finite")
        if not 0.0 <= coordinate <= 1.0:
            raise InvalidPolygon(f"point {number} lies outside the picture (0 to 1)")


def _edges_that_may_meet(points: Sequence[Pair]) -> Iterator[tuple[int, int]]:
    """Pairs of edges, by their first points, whose bounding boxes touch: found by a sweep along x."""
    boxes = []
    for index, (x0, y0) in enumerate(points):
        x1, y1 = points[(index + 1) % len(points)]
        boxes.append((min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1), index))
    boxes.sort()
    for place, (_, right, low, high, i) in enumerate(boxes):
        for left, _, other_low, other_high, j in boxes[place + 1 :]:
            if left > right:
                break
            if other_low <= high and low <= other_high:
                yield (i, j) if i < j else (j, i)


def _check_edges(points: Sequence[Pair], i: int, j: int) -> None:
    count = len(points)
    a, b, c, d = points[i], points[(i + 1) % count], points[j], points[(j + 1) % count]
    if j == i + 1:
        is_bad = _folds_back(a, b, d)
    elif (j + 1) % count == i:
        is_bad = _folds_back(c, a, b)
    else:
        is_bad = _meet(a, b, c, d)
    if is_bad:
        raise InvalidPolygon(f"the polygon crosses or touches itself: edges {i + 1} and {j + 1}")


def _folds_back(a: Pair, b: Pair, c: Pair) -> bool:
    """True when the edge from b to c runs back over the one from a to b."""
    return _turn(a, b, c) == 0 and (_is_between(a, b, c) or _is_between(b, c, a))


def _meet(a: Pair, b: Pair, c: Pair, d: Pair) -> bool:
    """True when the closed segments ab and cd have a point in common."""
    c_side, d_side, a_side, b_side = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if c_side * d_side < 0 and a_side * b_side < 0:
        return True
    return (
        (c_side == 0 and _is_between(a, b, c))
        or (d_side == 0 and _is_between(a, b, d))
        or (a_side == 0 and _is_between(c, d, a))
        or (b_side == 0 and _is_between(c, d, b))
    )


def _is_between(a: Pair, b: Pair, p: Pair) -> bool:
    """Whether p, known to lie on the line through a and b, lies on the segment."""
    return min(a[0], b[0]) <= p[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= p[1] <= max(a[1], b[1])


def _turn(a: Pair, b: Pair, p: Pair) -> int:
    """On which side of the line from a to b the point p lies: 1, -1, or 0 for on it."""
    cross = (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
    if abs(cross) > _SIGN_IS_SURE:
        return 1 if cross > 0 else -1
    ax, ay, bx, by, px, py = map(Fraction, (*a, *b, *p))
    exact = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
    return (exact > 0) - (exact < 0)
