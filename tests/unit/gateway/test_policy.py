"""Each role's rights, spelled out: a right that is not here is not there."""

import pytest

from proto.messages import Camera
from proto.names import camera_id, site_id
from services.gateway.policy import Right, Role, may, may_know_of

WATCH = {Right.SEE_LIVE, Right.SEE_STILLS}
EXPECTED = {
    Role.OPERATOR: WATCH,
    Role.SUPERVISOR: WATCH | {Right.APPROVE_MASKS, Right.MANAGE_CAMERAS},
    Role.POLICE_OFFICER: WATCH,
    Role.WARDEN: WATCH,
    Role.CAMERA_OWNER: set(),
    Role.AUDITOR: set(),
    Role.ADMINISTRATOR: set(Right),
}
CAMERA = Camera(camera=camera_id("cam1"), site=site_id("islington"), name="One", address="rtsp://192.0.2.1/")


def test_every_role_is_in_the_table() -> None:
    assert set(EXPECTED) == set(Role)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("camera", [None, CAMERA], ids=["site", "camera"])
def test_a_role_has_exactly_its_rights(role: Role, right: Right, camera: Camera | None) -> None:
    assert may(role, right, camera) is (right in EXPECTED[role])


@pytest.mark.parametrize("role", Role)
def test_who_has_no_right_over_a_camera_does_not_know_of_it(role: Role) -> None:
    assert may_know_of(role, CAMERA) is bool(EXPECTED[role])
