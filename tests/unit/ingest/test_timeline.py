"""One camera's time over jitter, jumps, wraps and reconnects."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.stream.timeline import Arrival, PresentationOrder, Timeline

UTC_US = 1_700_000_000_000_000
RTP = Fraction(1, 90_000)


def at(us: int, utc_step_us: int = 0) -> Arrival:
    return Arrival(us, UTC_US + us + utc_step_us)


def test_steady_input_keeps_its_steps_and_its_delay() -> None:
    timeline = Timeline()
    stamps = [timeline.stamp(7_000 + n * 3_600, at(n * 40_000)) for n in range(50)]
    assert [s.pts_90k for s in stamps] == [n * 3_600 for n in range(50)]
    assert [s.captured_utc_us for s in stamps] == [UTC_US + n * 40_000 for n in range(50)]


def test_jitter_does_not_show_in_the_capture_time() -> None:
    timeline = Timeline()
    late_us = [0, 30_000, 5_000, 0, 80_000, 12_000, 0]
    stamps = [timeline.stamp(n * 3_600, at(n * 40_000 + late)) for n, late in enumerate(late_us)]
    for n, stamp in enumerate(stamps):
        # The offset may rise by 2 ms a second meanwhile.
        assert abs(stamp.captured_utc_us - (UTC_US + n * 40_000)) < 1_000


def test_a_packet_that_comes_sooner_moves_the_capture_time_at_once() -> None:
    timeline = Timeline()
    timeline.stamp(0, at(500_000))
    assert timeline.stamp(3_600, at(510_000)).captured_utc_us == UTC_US + 510_000


def test_a_clock_that_drifts_is_followed_slowly() -> None:
    timeline = Timeline()
    drift = Fraction(1_000_100, 1_000_000)  # the camera's second is 100 us longer than ours
    for n in range(25 * 600):
        arrived_us = int(n * 40_000 * drift)
        stamp = timeline.stamp(n * 3_600, at(arrived_us))
    assert abs(stamp.captured_utc_us - (UTC_US + arrived_us)) < 1_000


def test_a_camera_that_stamps_29_97_pictures_a_second_as_30_is_never_taken_for_late() -> None:
    timeline = Timeline()
    for n in range(30 * 1_800):
        arrived_us = n * 1_001_000 // 30
        stamp = timeline.stamp(n * 3_000, at(arrived_us))
    assert UTC_US + arrived_us - stamp.captured_utc_us < 1_000


def test_a_step_of_the_hosts_utc_is_followed_at_once() -> None:
    timeline = Timeline()
    timeline.stamp(0, at(0))
    hour_us = 3_600_000_000
    assert timeline.stamp(3_600, at(40_000, hour_us)).captured_utc_us == UTC_US + 40_000 + hour_us


def test_units_that_are_held_back_were_captured_one_step_sooner() -> None:
    timeline = Timeline()
    timeline.begin(RTP, is_held_back=True)
    stamps = [timeline.stamp(n * 3_600, at(n * 40_000)) for n in range(5)]
    assert [s.captured_utc_us for s in stamps] == [UTC_US + (n - 1) * 40_000 for n in range(5)]


def test_times_wrap_without_a_jump() -> None:
    timeline = Timeline()
    timeline.begin(RTP)
    stamps = [timeline.stamp(((1 << 32) - 7_200 + n * 3_600) % (1 << 32), at(n * 40_000)) for n in range(6)]
    assert [s.pts_90k for s in stamps] == [n * 3_600 for n in range(6)]


def test_after_a_jump_time_goes_on_by_what_has_passed() -> None:
    timeline = Timeline()
    timeline.stamp(0, at(0))
    jumped = timeline.stamp(9_000_000_000, at(2_000_000))
    assert jumped.pts_90k == 180_000
    assert jumped.captured_utc_us == UTC_US + 2_000_000
    assert timeline.stamp(9_000_003_600, at(2_040_000)).pts_90k == 183_600


def test_after_a_reconnect_time_goes_on_by_what_has_passed() -> None:
    timeline = Timeline()
    timeline.stamp(500_000, at(0))
    timeline.begin(Fraction(1, 1_000))
    assert timeline.stamp(0, at(3_000_000)).pts_90k == 270_000
    assert timeline.stamp(40, at(3_040_000)).pts_90k == 273_600


def test_a_missing_time_is_the_last_one_and_a_step() -> None:
    timeline = Timeline()
    for n in range(3):
        timeline.stamp(n * 6_000, at(n * 66_667))
    assert timeline.stamp(None, at(200_000)).pts_90k == 18_000
    assert timeline.stamp(24_000, at(266_667)).pts_90k == 24_000


def test_presentation_times_may_step_back_by_a_few_pictures() -> None:
    timeline = Timeline()
    raw = [0, 4, 2, 1, 3, 8]
    stamps = [timeline.stamp(n * 3_600, at(k * 40_000)) for k, n in enumerate(raw)]
    assert [s.pts_90k for s in stamps] == [n * 3_600 for n in raw]


times = st.one_of(st.none(), st.integers(-(1 << 40), 1 << 40), st.integers(0, 20_000))
arrivals = st.integers(0, 3_000_000)


@given(st.lists(st.tuples(times, arrivals, st.booleans()), max_size=60), st.sampled_from([RTP, Fraction(1, 1_000)]))
def test_pictures_times_strictly_increase_and_no_capture_is_after_its_arrival(
    stream: list[tuple[int | None, int, bool]], time_base: Fraction
) -> None:
    timeline, order = Timeline(), PresentationOrder()
    now_us, shown = 0, [-1]
    for pts, passed_us, is_reconnected in stream:
        now_us += passed_us
        if is_reconnected:
            timeline.begin(time_base)
        stamp = timeline.stamp(pts, at(now_us))
        assert stamp.captured_utc_us <= UTC_US + now_us
        shown.append(order.next(stamp.pts_90k))
    assert shown == sorted(set(shown))


@given(st.lists(st.tuples(st.integers(1, 90_000), st.integers(0, 2_000_000)), min_size=1, max_size=60))
def test_increasing_input_is_never_moved(stream: list[tuple[int, int]]) -> None:
    timeline = Timeline()
    now_us = pts = 0
    first = timeline.stamp(0, at(0)).pts_90k
    for step, passed_us in stream:
        now_us, pts = now_us + passed_us, pts + step
        assert timeline.stamp(pts, at(now_us)).pts_90k == first + pts
