"""Pacing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mask.media.pacing import FramePacer, Limit


@pytest.mark.parametrize(
    ("source_fps", "fps", "expected"),
    [
        (25, 25.0, 250),
        (25, 12.5, 125),
        (30, 25.0, 250),
        (50, 25.0, 250),
        (12.5, 25.0, 125),
        (15, 12.5, 125),
        (10, 12.5, 100),
    ],
)
def test_ten_seconds_of_frames_are_thinned_to_the_rate(source_fps: float, fps: float, expected: int) -> None:
    pacer = FramePacer(fps)
    taken = [pacer.take(round(n * 90_000 / source_fps)) for n in range(int(10 * source_fps))]
    assert abs(sum(taken) - expected) <= 2


def test_frames_that_jitter_around_the_rate_are_all_taken() -> None:
    pacer = FramePacer(25.0)
    assert all(pacer.take(n * 3600 + (-400 if n % 2 else 400)) for n in range(100))


def test_after_a_pause_the_next_frames_do_not_come_in_a_bunch() -> None:
    pacer = FramePacer(12.5)
    pacer.take(0)
    assert [pacer.take(100_000 + n * 3600) for n in range(5)] == [True, False, True, False, True]


@given(st.lists(st.integers(1, 20_000), min_size=2))
def test_never_more_than_the_rate(steps: list[int]) -> None:
    pacer = FramePacer(12.5)
    pts, taken = 0, 0
    for step in steps:
        pts += step
        taken += pacer.take(pts)
    assert taken <= 2 + pts / 7200


def test_a_limit_is_due_at_once_and_then_after_its_interval() -> None:
    limit = Limit(0.5)
    assert limit.is_due(0.0)
    limit.mark(0.0)
    assert not limit.is_due(0.49)
    assert limit.is_due(0.5)
