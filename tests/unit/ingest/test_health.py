"""What an operator sees of a camera."""

from proto.messages import CameraState, DownReason
from proto.names import Epoch, camera_id
from services.ingest.errors import PictureRefused, SessionEnded
from services.ingest.health import CameraHealth
from services.runtime.clock import VirtualClock


def health() -> tuple[CameraHealth, VirtualClock]:
    clock = VirtualClock()
    return CameraHealth(camera_id("cam1"), clock), clock


def test_a_camera_connects_and_lives() -> None:
    camera, clock = health()
    assert camera.state is CameraState.CONNECTING
    camera.note_epoch(Epoch(7))
    clock.advance(2)
    assert camera.note_playing("h264", 1920, 1080)
    status = camera.status()
    assert (status.state, status.epoch, status.width, status.codec) == (CameraState.LIVE, 7, 1920, "h264")
    assert status.since.timestamp() == clock.utc_us() / 1_000_000


def test_waiting_for_a_store_that_does_not_answer_is_said() -> None:
    camera, _ = health()
    assert "lease" in camera.status().detail
    camera.note_epoch(Epoch(1))
    assert camera.status().detail == ""


def test_a_camera_that_is_tried_again_stays_down_with_its_reason_and_since() -> None:
    camera, clock = health()
    camera.note_epoch(Epoch(1))
    assert camera.note_ended(SessionEnded(DownReason.UNREACHABLE))
    since = camera.status().since
    clock.advance(30)
    assert not camera.note_ended(SessionEnded(DownReason.UNREACHABLE))
    assert camera.status().since == since
    assert camera.note_ended(SessionEnded(DownReason.BAD_CREDENTIALS))
    assert camera.status().since > since
    assert camera.reason is DownReason.BAD_CREDENTIALS


def test_damage_degrades_and_is_no_reason_to_be_down() -> None:
    camera, _ = health()
    camera.note_playing("h264", 0, 0)
    assert camera.note_damage(is_damaged=True)
    assert camera.status().state is CameraState.DEGRADED
    assert camera.note_damage(is_damaged=False)
    assert camera.status().state is CameraState.LIVE


def test_pictures_without_a_ring_are_as_bad_as_none() -> None:
    camera, _ = health()
    camera.note_playing("h264", 0, 0)
    camera.note_refused(PictureRefused(DownReason.NO_RING_SPACE))
    assert (camera.state, camera.reason) == (CameraState.DOWN, DownReason.NO_RING_SPACE)
    camera.note_refused(None)
    assert camera.state is CameraState.LIVE


def test_the_size_that_was_decoded_is_kept_when_a_session_does_not_say_one() -> None:
    camera, _ = health()
    camera.note_playing("h264", 640, 360)
    camera.note_playing("h264", 0, 0)
    assert camera.status().height == 360
