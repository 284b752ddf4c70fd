"""The cached GOP and its bounds."""

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.stream.gop import Gop
from tests.unit.ingest.units import unit


def test_nothing_is_held_before_the_first_keyframe() -> None:
    gop = Gop()
    gop.put(unit(0))
    assert gop.units == []
    assert gop.keyframe is None


def test_the_units_since_the_last_keyframe_are_held() -> None:
    gop = Gop()
    units = [unit(n, key=n % 4 == 0) for n in range(7)]
    for each in units:
        gop.put(each)
    assert gop.units == units[4:]
    assert gop.keyframe is units[4]


def test_beyond_the_count_all_is_let_go_until_the_next_keyframe() -> None:
    gop = Gop(max_units=3)
    for n in range(6):
        gop.put(unit(n, key=n == 0))
    assert (gop.units, gop.let_go) == ([], 1)
    gop.put(unit(6, key=True))
    assert len(gop.units) == 1


def test_a_keyframe_larger_than_the_bound_is_not_held() -> None:
    gop = Gop(max_bytes=100)
    gop.put(unit(0, key=True, data=b"x" * 101))
    assert (gop.units, gop.let_go) == ([], 1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 60))), st.integers(1, 10), st.integers(1, 200))
def test_bounds_hold_and_what_is_held_starts_with_a_keyframe(
    stream: list[tuple[bool, int]], max_units: int, max_bytes: int
) -> None:
    gop = Gop(max_bytes=max_bytes, max_units=max_units)
    for number, (is_key, size) in enumerate(stream):
        gop.put(unit(number, key=is_key, data=b"x" * size))
        assert len(gop.units) <= max_units
        assert sum(len(u.data) for u in gop.units) <= max_bytes
        assert [u.is_keyframe for u in gop.units] == [True, *[False] * (len(gop.units) - 1)][: len(gop.units)]
