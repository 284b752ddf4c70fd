"""Attempts are bounded in number, and so is the table that counts them."""

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.throttle import Pace, Throttle
from services.runtime.clock import VirtualClock

PACE = Pace(burst=3, refill_s=10)


def test_a_burst_may_be_tried_at_once_and_then_one_each_interval() -> None:
    clock = VirtualClock()
    throttle = Throttle(clock, PACE)
    assert [throttle.attempt("a") for _ in range(4)] == [0, 0, 0, 10]
    clock.advance(4)
    assert throttle.attempt("a") == 6
    clock.advance(6)
    assert [throttle.attempt("a") for _ in range(2)] == [0, 10]


def test_one_key_does_not_count_against_another() -> None:
    throttle = Throttle(VirtualClock(), PACE)
    for _ in range(5):
        throttle.attempt("a")
    assert throttle.attempt("b") == 0


def test_an_attempt_that_was_in_order_does_not_count() -> None:
    throttle = Throttle(VirtualClock(), PACE)
    for _ in range(20):
        assert throttle.attempt("a") == 0
        throttle.give_back("a")


def test_a_key_that_is_forgotten_begins_anew() -> None:
    throttle = Throttle(VirtualClock(), PACE)
    for _ in range(4):
        throttle.attempt("a")
    throttle.forget("a")
    assert throttle.attempt("a") == 0


def test_the_table_forgets_the_key_that_has_not_tried_for_longest() -> None:
    throttle = Throttle(VirtualClock(), PACE, capacity=2)
    for _ in range(4):
        throttle.attempt("a")
    throttle.attempt("b")
    throttle.attempt("a")
    throttle.attempt("c")
    assert len(throttle) == 2
    assert throttle.attempt("a") > 0, "the one that goes on trying is remembered"


@given(st.lists(st.floats(min_value=0, max_value=30), max_size=200))
def test_no_more_than_burst_and_refill_allow_get_through(pauses_s: list[float]) -> None:
    clock = VirtualClock()
    throttle = Throttle(clock, PACE)
    allowed = 0
    for pause_s in pauses_s:
        clock.advance(pause_s)
        allowed += throttle.attempt("a") == 0
    assert allowed <= PACE.burst + sum(pauses_s) / PACE.refill_s + 1e-6
