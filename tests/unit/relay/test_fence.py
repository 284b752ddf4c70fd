"""Which access units go on."""

import dataclasses
from typing import Final

import pytest

from proto.codec import AccessUnitHeaders
from proto.limits import FENCE_RESET_S
from proto.messages import WithheldReason
from proto.names import Epoch
from services.relay.fence import MAX_AHEAD_S, MAX_BEHIND_S, Fence, Refusal
from services.runtime.clock import VirtualClock

START_US: Final = 1_700_000_000_000_000


def key(seq: int, *, epoch: int = 5, revision: int = 3, slate: WithheldReason | None = None) -> AccessUnitHeaders:
    return AccessUnitHeaders(Epoch(epoch), seq, -1, seq * 3_600, START_US, True, 1920, 1080, revision, slate)


def delta(seq: int, prev: int, *, epoch: int = 5, revision: int = 3) -> AccessUnitHeaders:
    return AccessUnitHeaders(Epoch(epoch), seq, prev, seq * 3_600, START_US, False, 1920, 1080, revision)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START_US)


@pytest.fixture
def fence(clock: VirtualClock) -> Fence:
    return Fence(clock)


def test_nothing_goes_on_before_a_keyframe(fence: Fence) -> None:
    assert fence.admit(delta(7, 6)) is Refusal.NEEDS_KEYFRAME
    assert fence.admit(key(8)) is None
    assert fence.admit(delta(9, 8)) is None


def test_lost_unit_closes_the_way_until_a_keyframe(fence: Fence) -> None:
    assert fence.admit(key(1)) is None
    assert fence.admit(delta(3, 2)) is Refusal.NEEDS_KEYFRAME
    assert fence.needs_keyframe
    assert fence.admit(delta(4, 3)) is Refusal.NEEDS_KEYFRAME
    assert fence.admit(key(6)) is None
    assert fence.admit(delta(10, 6)) is None, "frames that mask dropped leave gaps in seq, not in prev"


def test_sequence_must_grow_within_an_epoch(fence: Fence) -> None:
    assert fence.admit(key(5)) is None
    assert fence.admit(key(5)) is Refusal.OLD_SEQUENCE
    assert fence.admit(delta(4, 5)) is Refusal.OLD_SEQUENCE
    assert fence.admit(delta(6, 5)) is None


def test_newer_epoch_is_taken_from_its_keyframe_and_the_older_never_again(fence: Fence) -> None:
    assert fence.admit(key(100)) is None
    assert fence.admit(delta(1, 0, epoch=6)) is Refusal.NEEDS_KEYFRAME
    assert fence.admit(delta(101, 100)) is Refusal.OLD_EPOCH
    assert fence.admit(key(102)) is Refusal.OLD_EPOCH
    assert fence.admit(key(2, epoch=6)) is None


def test_after_long_silence_any_epoch_is_taken(fence: Fence, clock: VirtualClock) -> None:
    assert fence.admit(key(100, epoch=9)) is None
    clock.advance(FENCE_RESET_S - 0.1)
    assert fence.admit(key(1, epoch=2)) is Refusal.OLD_EPOCH
    clock.advance(0.1)
    assert fence.admit(delta(1, 0, epoch=2)) is Refusal.NEEDS_KEYFRAME
    assert fence.admit(key(2, epoch=2)) is None


@pytest.mark.parametrize("off_s", [MAX_AHEAD_S + 1, -MAX_BEHIND_S - 1, 10**9])
def test_absurd_capture_time_is_refused(fence: Fence, off_s: float) -> None:
    unit = dataclasses.replace(key(1), captured_utc_us=max(0, START_US + round(off_s * 1_000_000)))
    assert fence.admit(unit) is Refusal.ABSURD_TIME


@pytest.mark.parametrize("pts_90k", [1 << 62, -(1 << 62), 1 << 80])
def test_absurd_pts_is_refused(fence: Fence, pts_90k: int) -> None:
    assert fence.admit(dataclasses.replace(key(1), pts_90k=pts_90k)) is Refusal.ABSURD_TIME


def test_refused_time_leaves_no_mark(fence: Fence) -> None:
    assert fence.admit(key(1)) is None
    assert fence.admit(dataclasses.replace(key(9, epoch=99), captured_utc_us=0)) is Refusal.ABSURD_TIME
    assert fence.admit(delta(2, 1)) is None


def test_withheld_camera_comes_back_with_a_newer_mask_revision_from_a_keyframe(fence: Fence) -> None:
    assert fence.admit(key(1, revision=3)) is None
    fence.withhold(3)
    assert fence.admit(delta(2, 1, revision=3)) is Refusal.WITHHELD
    assert fence.admit(key(3, revision=3)) is Refusal.WITHHELD
    assert fence.admit(delta(4, 3, revision=4)) is Refusal.NEEDS_KEYFRAME
    assert fence.admit(key(5, revision=4)) is None
    assert fence.admit(delta(6, 5, revision=4)) is None


def test_withhold_that_names_no_revision_means_the_last_one_seen(fence: Fence) -> None:
    assert fence.admit(key(1, revision=8)) is None
    fence.withhold(0)
    assert fence.admit(key(2, revision=8)) is Refusal.WITHHELD
    assert fence.admit(key(3, revision=9)) is None


def test_slates_of_mask_go_on_while_withheld(fence: Fence) -> None:
    fence.withhold(3)
    assert fence.admit(key(1, revision=0, slate=WithheldReason.DAMAGED_INPUT)) is None
    assert fence.admit(key(2, revision=3)) is Refusal.WITHHELD, "that slate says nothing of a revocation"


@pytest.mark.parametrize("reason", [WithheldReason.REVOKED, WithheldReason.KILL_SWITCH])
def test_slate_for_a_revocation_hands_the_decision_back_to_mask(fence: Fence, reason: WithheldReason) -> None:
    fence.withhold(3)
    assert fence.admit(key(1, revision=3)) is Refusal.WITHHELD
    assert fence.admit(key(2, revision=0, slate=reason)) is None
    assert fence.admit(key(3, revision=3)) is None


def test_older_withhold_does_not_loosen_a_newer_one(fence: Fence) -> None:
    fence.withhold(7)
    fence.withhold(2)
    assert fence.admit(key(1, revision=5)) is Refusal.WITHHELD
