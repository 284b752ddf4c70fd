"""Which mask set is in force."""

import pytest

from proto.messages import WithheldReason, Withhold
from proto.names import CameraId
from services.mask.errors import UnreadableMaskSet
from services.mask.masks.register import MISSES_ALLOWED, MaskRegister
from services.mask.masks.verdict import Approved, Verdict, Withheld
from tests.unit.mask.samples import CAMERA, LEFT, RIGHT, mask_set, pointer

NONE = Withheld(WithheldReason.NO_MASK_SET)


class Told:
    """A register and what it has told."""

    def __init__(self) -> None:
        self.changes: list[Verdict] = []
        self.register = MaskRegister(lambda _camera, standing: self.changes.append(standing))

    def approve(self, revision: int) -> None:
        self.register.point(CAMERA, pointer(revision))
        self.register.load(mask_set(revision))

    def is_(self, expected: Verdict) -> bool:
        return self.register.standing(CAMERA) == expected

    @property
    def wanted(self) -> list[tuple[CameraId, int]]:
        return list(self.register.wanted())


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_camera_nobody_has_spoken_of_has_no_mask_set(told: Told) -> None:
    assert told.is_(NONE)
    assert told.wanted == []


def test_a_pointer_alone_shows_nothing_and_asks_for_its_revision(told: Told) -> None:
    told.register.point(CAMERA, pointer(7))
    assert told.is_(Withheld(WithheldReason.NO_MASK_SET, 7))
    assert told.wanted == [(CAMERA, 7)]


def test_the_revision_it_names_brings_the_picture(told: Told) -> None:
    told.approve(7)
    assert told.is_(Approved(mask_set(7)))
    assert told.wanted == []


def test_a_revision_it_does_not_name_changes_nothing(told: Told) -> None:
    told.approve(7)
    told.register.load(mask_set(6, (RIGHT,)))
    told.register.load(mask_set(8, (RIGHT,)))
    assert told.is_(Approved(mask_set(7)))


def test_the_old_mask_set_is_in_force_until_the_new_one_has_been_read_and_the_change_is_one_step(told: Told) -> None:
    told.approve(1)
    told.changes.clear()
    told.register.point(CAMERA, pointer(2))
    assert told.is_(Approved(mask_set(1)))
    told.register.load(mask_set(2, (LEFT, RIGHT)))
    assert told.changes == [Approved(mask_set(2, (LEFT, RIGHT)))]


def test_a_revoked_pointer_withholds_at_once_and_asks_for_nothing(told: Told) -> None:
    told.approve(1)
    told.register.point(CAMERA, pointer(2, is_revoked=True))
    assert told.is_(Withheld(WithheldReason.REVOKED, 2))
    assert told.wanted == []
    told.register.load(mask_set(2))
    assert told.is_(Withheld(WithheldReason.REVOKED, 2)), "a read that was under way comes too late"


def test_a_revocation_taken_back_reads_the_mask_set_again(told: Told) -> None:
    told.approve(1)
    told.register.point(CAMERA, pointer(1, is_revoked=True))
    told.register.point(CAMERA, pointer(1))
    assert told.is_(Withheld(WithheldReason.NO_MASK_SET, 1))
    assert told.wanted == [(CAMERA, 1)]


def test_a_deleted_pointer_withholds(told: Told) -> None:
    told.approve(1)
    told.register.point(CAMERA, None)
    assert told.is_(NONE)


def test_a_pointer_that_cannot_be_read_withholds_until_a_good_one_comes(told: Told) -> None:
    told.approve(1)
    with pytest.raises(UnreadableMaskSet):
        told.register.point(CAMERA, b"{")
    assert told.is_(Withheld(WithheldReason.MASK_UNREADABLE))
    told.approve(2)
    assert told.is_(Approved(mask_set(2)))


def test_a_broken_revision_withholds_even_though_an_older_one_was_good(told: Told) -> None:
    told.approve(1)
    told.register.point(CAMERA, pointer(2))
    told.register.refuse(CAMERA, 2)
    assert told.is_(Withheld(WithheldReason.MASK_UNREADABLE, 2))
    assert told.wanted == [], "what is immutable is not read twice"


def test_a_missing_revision_is_looked_for_again_and_then_withholds(told: Told) -> None:
    told.approve(1)
    told.register.point(CAMERA, pointer(2))
    for _ in range(MISSES_ALLOWED):
        told.register.miss(CAMERA, 2)
    assert told.is_(Approved(mask_set(1))), "a replica may lag"
    told.register.miss(CAMERA, 2)
    assert told.is_(Withheld(WithheldReason.MASK_UNREADABLE, 2))
    assert told.wanted == [(CAMERA, 2)]
    told.register.load(mask_set(2))
    assert told.is_(Approved(mask_set(2)))


def test_answers_about_a_revision_that_is_no_longer_wanted_are_ignored(told: Told) -> None:
    told.approve(1)
    told.register.refuse(CAMERA, 1)
    told.register.miss(CAMERA, 1)
    told.register.refuse(CameraId("unknown"), 1)
    assert told.is_(Approved(mask_set(1)))


def test_an_order_withholds_until_a_newer_revision_is_approved(told: Told) -> None:
    told.approve(3)
    told.register.withhold(CAMERA, Withhold(reason=WithheldReason.REVOKED, mask_revision=3))
    assert told.is_(Withheld(WithheldReason.REVOKED, 3))
    told.approve(3)
    assert told.is_(Withheld(WithheldReason.REVOKED, 3)), "the same pointer, read again after an outage"
    told.register.point(CAMERA, pointer(4))
    told.register.load(mask_set(4))
    assert told.is_(Approved(mask_set(4)))


def test_an_order_that_names_no_revision_concerns_the_one_in_force(told: Told) -> None:
    told.approve(3)
    told.register.withhold(CAMERA, Withhold(reason=WithheldReason.KILL_SWITCH))
    assert told.is_(Withheld(WithheldReason.KILL_SWITCH, 3))
    told.approve(4)
    assert told.is_(Approved(mask_set(4)))


def test_an_order_that_comes_before_its_pointer_holds(told: Told) -> None:
    told.register.withhold(CAMERA, Withhold(reason=WithheldReason.REVOKED, mask_revision=3))
    told.approve(3)
    assert told.is_(Withheld(WithheldReason.REVOKED, 3))


def test_an_order_about_a_revision_that_has_been_replaced_comes_too_late(told: Told) -> None:
    told.approve(4)
    told.register.withhold(CAMERA, Withhold(reason=WithheldReason.REVOKED, mask_revision=3))
    assert told.is_(Approved(mask_set(4)))


def test_a_second_order_does_not_lower_what_the_first_demanded(told: Told) -> None:
    told.approve(3)
    told.register.withhold(CAMERA, Withhold(reason=WithheldReason.REVOKED, mask_revision=5))
    told.register.withhold(CAMERA, Withhold(reason=WithheldReason.KILL_SWITCH))
    told.approve(4)
    assert told.is_(Withheld(WithheldReason.KILL_SWITCH, 5))


def test_a_revoked_newer_revision_does_not_lift_an_order(told: Told) -> None:
    told.approve(3)
    told.register.withhold(CAMERA, Withhold(reason=WithheldReason.KILL_SWITCH, mask_revision=3))
    told.register.point(CAMERA, pointer(4, is_revoked=True))
    assert told.is_(Withheld(WithheldReason.KILL_SWITCH, 3))


def test_one_camera_does_not_concern_another(told: Told) -> None:
    told.approve(1)
    told.register.withhold(CameraId("cam-2"), Withhold(reason=WithheldReason.KILL_SWITCH))
    assert told.is_(Approved(mask_set(1)))


def test_a_change_is_told_once(told: Told) -> None:
    told.approve(1)
    told.approve(1)
    assert told.changes == [Withheld(WithheldReason.NO_MASK_SET, 1), Approved(mask_set(1))]
