"""The decoder's backlog: instant start, falling behind, bounds."""

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.stream.backlog import BEHIND_UNITS, Backlog
from services.ingest.stream.unit import AccessUnit
from tests.unit.ingest.units import unit


def drained(backlog: Backlog) -> tuple[list[int], list[int]]:
    """Numbers of the units taken, and of those that are shown."""
    taken: list[int] = []
    shown: list[int] = []
    while (each := backlog.take()) is not None:
        number = each.unit.pts_90k // 3_600
        taken.append(number)
        shown += [number] if each.is_shown else []
    return taken, shown


def gop(first: int, count: int) -> list[AccessUnit]:
    return [unit(n, key=n == first) for n in range(first, first + count)]


def test_of_the_cached_gop_all_is_decoded_and_the_newest_shown() -> None:
    assert drained(Backlog(gop(0, 100))) == (list(range(100)), [99])


def test_what_comes_while_catching_up_is_caught_up_with() -> None:
    backlog = Backlog(gop(0, 3))
    backlog.take()
    backlog.put(unit(3))
    assert drained(backlog) == ([1, 2, 3], [3])


def test_once_live_every_picture_is_shown() -> None:
    backlog = Backlog(gop(0, 2))
    drained(backlog)
    backlog.put(unit(2))
    backlog.put(unit(3))
    assert drained(backlog) == ([2, 3], [2, 3])


def test_without_a_cached_gop_it_waits_for_a_keyframe() -> None:
    backlog = Backlog()
    backlog.put(unit(0))
    assert backlog.take() is None
    backlog.put(unit(1, key=True))
    assert drained(backlog) == ([1], [1])


def test_behind_it_skips_to_the_newest_keyframe_that_waits() -> None:
    backlog = Backlog(gop(0, 1))
    drained(backlog)
    for n in range(1, 1 + BEHIND_UNITS + 1):
        backlog.put(unit(n, key=n in (4, 9)))
    assert drained(backlog) == ([9, 10, 11, 12, 13], [13])
    assert backlog.dropped == 8


def test_behind_without_a_keyframe_it_decodes_all_and_shows_the_newest() -> None:
    backlog = Backlog(gop(0, 1))
    drained(backlog)
    for n in range(1, 15):
        backlog.put(unit(n))
    assert drained(backlog) == (list(range(1, 15)), [14])
    assert backlog.dropped == 0


def test_half_a_second_behind_is_behind_at_any_frame_rate() -> None:
    backlog = Backlog(gop(0, 1))
    drained(backlog)
    for n in (10, 20, 30):
        backlog.put(unit(n))
    assert drained(backlog) == ([10, 20, 30], [30])


def test_beyond_the_bounds_all_is_dropped_until_a_keyframe() -> None:
    backlog = Backlog(gop(0, 1), max_units=5)
    for n in range(1, 8):
        backlog.put(unit(n))
    assert len(backlog) == 0
    assert backlog.dropped == 8
    backlog.put(unit(8, key=True))
    assert drained(backlog) == ([8], [8])


@given(st.lists(st.sampled_from(["key", "unit", "take"]), max_size=80), st.integers(1, 20))
def test_every_unit_is_taken_in_order_or_counted_and_bounds_hold(steps: list[str], max_units: int) -> None:
    backlog = Backlog(max_units=max_units)
    put, taken = 0, []
    for step in steps:
        if step == "take":
            each = backlog.take()
            taken += [each.unit.pts_90k] if each else []
        else:
            backlog.put(unit(put, key=step == "key"))
            put += 1
        assert len(backlog) <= max_units
    assert taken == sorted(set(taken))
    assert put == len(taken) + len(backlog) + backlog.dropped
