"""Whether a picture may be shown."""

import pytest

from proto.messages import WithheldReason
from services.mask.masks.verdict import Approved, Withheld, judge
from services.runtime.ring import FrameFlag
from tests.unit.mask.samples import mask_set

APPROVED = Approved(mask_set(3))


def test_a_whole_picture_of_the_right_shape_may_be_shown() -> None:
    assert judge(APPROVED, 1920, 1080, FrameFlag.NONE) == APPROVED
    assert judge(APPROVED, 640, 360, FrameFlag.STILL) == APPROVED


@pytest.mark.parametrize("size", [(1920, 1088), (1920, 1072), (704, 396), (353, 199)])
def test_a_few_cropped_rows_do_not_matter(size: tuple[int, int]) -> None:
    assert judge(APPROVED, *size, FrameFlag.NONE) == APPROVED


@pytest.mark.parametrize(
    "size", [(640, 480), (1080, 1920), (1920, 1200), (1920, 1040), (2000, 1080), (1904, 1080), (1024, 584)]
)
def test_a_picture_of_another_shape_is_withheld(size: tuple[int, int]) -> None:
    assert judge(APPROVED, *size, FrameFlag.NONE) == Withheld(WithheldReason.MASK_MISFIT, 3)


@pytest.mark.parametrize("flags", [FrameFlag.DAMAGED, FrameFlag.DAMAGED | FrameFlag.STILL])
def test_a_damaged_picture_is_withheld(flags: FrameFlag) -> None:
    assert judge(APPROVED, 1920, 1080, flags) == Withheld(WithheldReason.DAMAGED_INPUT, 3)


def test_what_is_withheld_stays_so_whatever_the_picture() -> None:
    withheld = Withheld(WithheldReason.REVOKED, 3)
    assert judge(withheld, 640, 480, FrameFlag.DAMAGED) == withheld
