"""Who may do what: one pure table, denied by default."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from proto.messages import Camera


class Role(StrEnum):
    """What somebody is to the site; each person has one."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    POLICE_OFFICER = "police-officer"
    WARDEN = "warden"
    CAMERA_OWNER = "camera-owner"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Right(StrEnum):
    """What may be done."""

    SEE_LIVE = "see-live"
    SEE_STILLS = "see-stills"
    APPROVE_MASKS = "approve-masks"
    MANAGE_CAMERAS = "manage-cameras"
    ADMINISTER = "administer"


_WATCH: Final = frozenset({Right.SEE_LIVE, Right.SEE_STILLS})

# A camera owner may see their own cameras alone: until rights are kept per camera that is none. An auditor reads
# the record and sees no picture.
_GRANTED: Final[Mapping[Role, frozenset[Right]]] = MappingProxyType(
    {
        Role.OPERATOR: _WATCH,
        Role.SUPERVISOR: _WATCH | {Right.APPROVE_MASKS, Right.MANAGE_CAMERAS},
        Role.POLICE_OFFICER: _WATCH,
        Role.WARDEN: _WATCH,
        Role.CAMERA_OWNER: frozenset(),
        Role.AUDITOR: frozenset(),
        Role.ADMINISTRATOR: frozenset(Right),
    }
)


def may(role: Role, right: Right, camera: Camera | None = None) -> bool:
    """Whether a role has a right over a camera, or over the site where none is named.

    The camera plays no part yet: every right that a role has, it has over all of the site's cameras.
    """
    return right in _GRANTED.get(role, frozenset())


def may_know_of(role: Role, camera: Camera | None = None) -> bool:
    """Whether a role may see that a camera exists: who may do nothing with it has no business with it."""
    return any(may(role, right, camera) for right in Right)
