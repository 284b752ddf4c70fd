"""What is said of a camera."""

from proto.messages import CameraState, WithheldReason
from proto.names import Epoch
from services.mask.pipeline import Sight
from services.mask.status import StatusBook
from services.runtime.clock import VirtualClock
from tests.unit.mask.samples import CAMERA

LIVE = Sight(None, Epoch(5), 1920, 1080)
REVOKED = Sight(WithheldReason.REVOKED, Epoch(5), 1920, 1080)


def test_a_state_remembers_since_when_it_holds() -> None:
    clock = VirtualClock()
    book = StatusBook(clock)
    first, is_news = book.note(CAMERA, LIVE, is_late=False)
    assert (first.state, first.source, first.epoch, first.width, is_news) == (CameraState.LIVE, "mask", 5, 1920, True)
    clock.advance(9)
    again, is_news = book.note(CAMERA, LIVE, is_late=False)
    assert again.since == first.since
    assert not is_news
    withheld, is_news = book.note(CAMERA, REVOKED, is_late=False)
    assert (withheld.state, withheld.reason, is_news) == (CameraState.WITHHELD, WithheldReason.REVOKED, True)
    assert withheld.since > first.since


def test_another_reason_is_another_state() -> None:
    book = StatusBook(VirtualClock())
    book.note(CAMERA, REVOKED, is_late=False)
    status, is_news = book.note(CAMERA, Sight(WithheldReason.KILL_SWITCH, Epoch(5), 1920, 1080), is_late=False)
    assert is_news
    assert status.reason is WithheldReason.KILL_SWITCH


def test_masks_that_could_not_be_read_again_are_said_to_be_degraded() -> None:
    status, _ = StatusBook(VirtualClock()).note(CAMERA, LIVE, is_late=True)
    assert status.state is CameraState.DEGRADED
    assert "store" in status.detail
    withheld, _ = StatusBook(VirtualClock()).note(CAMERA, REVOKED, is_late=True)
    assert withheld.state is CameraState.WITHHELD
