"""The media gate."""

from services.mask.gate import GATE_LIMIT_S, MediaGate
from services.runtime.clock import VirtualClock


def test_nothing_passes_until_the_mask_sets_are_current_or_the_store_has_had_its_time() -> None:
    clock, current = VirtualClock(), [False]
    gate = MediaGate(lambda: current[0], clock)
    assert not gate.is_open
    clock.advance(GATE_LIMIT_S)
    assert gate.is_open
    assert gate.is_late
    current[0] = True
    assert gate.is_open
    assert not gate.is_late


def test_the_time_starts_with_the_connection_not_with_its_loss() -> None:
    clock, current = VirtualClock(), [True]
    gate = MediaGate(lambda: current[0], clock)
    current[0] = False
    gate.on_disconnect()
    clock.advance(10 * GATE_LIMIT_S)
    assert not gate.is_open
    gate.on_connect()
    clock.advance(GATE_LIMIT_S - 0.1)
    assert not gate.is_open
    clock.advance(0.1)
    assert gate.is_open
