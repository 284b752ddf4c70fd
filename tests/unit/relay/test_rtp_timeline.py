"""Timestamps of a layer always grow, and follow their source within it."""

from hypothesis import given
from hypothesis import strategies as st

from proto.names import Epoch
from services.relay.rtp_timeline import MAX_STEP_S, RtpTimeline

steps = st.lists(
    st.tuples(
        st.sampled_from(["picture", "slate"]),
        st.integers(1, 3),  # epoch
        st.integers(-(1 << 40), 1 << 40),  # pts
        st.floats(0, 5),  # seconds since the step before
    ),
    max_size=40,
)


@given(steps)
def test_timestamps_grow_whatever_the_sources_say(given_steps: list[tuple[str, int, int, float]]) -> None:
    timeline, now_s, last = RtpTimeline(), 1_000.0, 0
    for kind, epoch, pts_90k, passed_s in given_steps:
        now_s += passed_s
        stamp = timeline.slate(now_s) if kind == "slate" else timeline.picture(Epoch(epoch), pts_90k, now_s)
        assert stamp > last
        last = stamp


@given(st.lists(st.integers(1, round(MAX_STEP_S * 90_000)), min_size=1, max_size=30), st.floats(0, 3))
def test_timestamps_keep_the_source_s_own_distances(distances: list[int], jitter_s: float) -> None:
    timeline, pts = RtpTimeline(), 77
    before = timeline.picture(Epoch(4), pts, 10.0)
    for i, distance in enumerate(distances):
        pts += distance
        after = timeline.picture(Epoch(4), pts, 10.0 + i * jitter_s)
        assert after - before == distance
        before = after


def test_between_sources_the_host_s_time_passes() -> None:
    timeline = RtpTimeline()
    picture = timeline.picture(Epoch(1), 500_000, 100.0)
    slate = timeline.slate(101.0)
    assert slate - picture == 90_000
    assert timeline.picture(Epoch(1), 500_000 + 3_600, 101.5) - slate == 45_000
