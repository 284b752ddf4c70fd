"""An operator is told the worst that is known of a camera, and nothing better than that."""

from datetime import UTC, datetime

import pytest

from proto.messages import CameraState, CameraStatus, DownReason, WithheldReason
from proto.names import CameraId, camera_id
from services.gateway.states import NOT_HEARD, NOT_HEARD_S, HealthBoard, MaskState
from services.runtime.clock import VirtualClock, utc

CAM = camera_id("cam1")
SINCE = datetime(2026, 5, 1, tzinfo=UTC)


class Board:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.board = HealthBoard(self.clock)

    def ingest(self, state: CameraState, reason: DownReason | None = None) -> None:
        self.board.note(
            CameraStatus(
                camera=CAM,
                source="ingest",
                state=state,
                reason=reason,
                since=SINCE,
                width=1920,
                height=1080,
                codec="h264",
            )
        )

    def mask(self, state: CameraState, reason: WithheldReason | None = None) -> None:
        self.board.note(CameraStatus(camera=CAM, source="mask", state=state, reason=reason, since=SINCE))

    def seen(self, masks: MaskState = MaskState.APPROVED) -> tuple[CameraState, str | None]:
        health = self.board.of(CAM, masks)
        return health.state, health.reason


def test_a_camera_that_both_call_live_is_live() -> None:
    board = Board()
    board.ingest(CameraState.LIVE)
    board.mask(CameraState.LIVE)
    assert board.seen() == (CameraState.LIVE, None)
    assert board.seen(MaskState.MASK_FREE) == (CameraState.LIVE, None)


@pytest.mark.parametrize("state", [CameraState.DOWN, CameraState.CONNECTING])
def test_no_picture_at_all_comes_before_a_withheld_one(state: CameraState) -> None:
    board = Board()
    board.ingest(state, DownReason.UNREACHABLE)
    board.mask(CameraState.WITHHELD, WithheldReason.DAMAGED_INPUT)
    assert board.seen() == (state, "unreachable")


def test_withheld_comes_before_live() -> None:
    board = Board()
    board.ingest(CameraState.LIVE)
    board.mask(CameraState.WITHHELD, WithheldReason.DAMAGED_INPUT)
    assert board.seen() == (CameraState.WITHHELD, "damaged-input")


def test_degraded_comes_before_live() -> None:
    board = Board()
    board.ingest(CameraState.DEGRADED)
    board.mask(CameraState.LIVE)
    assert board.seen()[0] is CameraState.DEGRADED


@pytest.mark.parametrize(
    ("masks", "reason"),
    [
        (MaskState.NONE, "no-mask-set"),
        (MaskState.REVOKED, "revoked"),
        (MaskState.UNREADABLE, "mask-unreadable"),
    ],
)
def test_without_masks_a_camera_is_withheld_though_nobody_watches_it(masks: MaskState, reason: str) -> None:
    board = Board()
    board.ingest(CameraState.LIVE)
    assert board.seen(masks) == (CameraState.WITHHELD, reason)


def test_a_mask_service_that_is_silent_says_nothing_of_an_unwatched_camera() -> None:
    board = Board()
    board.mask(CameraState.WITHHELD, WithheldReason.MASK_FAULT)
    board.clock.advance(NOT_HEARD_S + 0.1)
    board.ingest(CameraState.LIVE)
    assert board.seen() == (CameraState.LIVE, None)


def test_a_camera_not_heard_of_for_three_heartbeats_is_down() -> None:
    board = Board()
    board.ingest(CameraState.LIVE)
    heard_at = utc(board.clock.utc_us())
    board.clock.advance(NOT_HEARD_S)
    assert board.seen() == (CameraState.LIVE, None)
    board.clock.advance(0.1)
    assert board.seen() == (CameraState.DOWN, NOT_HEARD)
    health = board.board.of(CAM, MaskState.APPROVED)
    assert (health.width, health.height, health.codec) == (1920, 1080, "h264")
    assert health.since == heard_at


def test_a_camera_never_heard_of_is_connecting_at_first_and_then_down() -> None:
    board = Board()
    assert board.seen() == (CameraState.CONNECTING, None)
    board.clock.advance(NOT_HEARD_S + 0.1)
    assert board.seen() == (CameraState.DOWN, NOT_HEARD)


def test_the_board_is_bounded() -> None:
    board = HealthBoard(VirtualClock(), limit=2)
    for number in range(5):
        board.note(CameraStatus(camera=CameraId(f"cam{number}"), source="ingest", state=CameraState.LIVE, since=SINCE))
    assert len(board._heard) == 2
    assert board.of(CameraId("cam4"), MaskState.APPROVED).state is CameraState.LIVE
