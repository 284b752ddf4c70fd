"""Whether a picture may be shown: pure, and no whenever anything is not as it should be."""

from dataclasses import dataclass
from typing import Final

from proto.messages import MaskSet, WithheldReason
from services.runtime.ring import FrameFlag

MAX_ASPECT_DIFFERENCE: Final = 0.0075
"""Between the picture and the one that the masks were drawn on. Cameras crop a few rows to whole macroblocks, 1080 to
1088: that moves what a polygon covers by no more than the margin around it, and anything above it further."""


@dataclass(frozen=True, slots=True)
class Approved:
    """Pictures may be shown under this mask set."""

    masks: MaskSet


@dataclass(frozen=True, slots=True)
class Withheld:
    """A slate must be shown. `mask_revision` is the mask set concerned, 0 for none."""

    reason: WithheldReason
    mask_revision: int = 0


Verdict = Approved | Withheld


def judge(standing: Verdict, width: int, height: int, flags: FrameFlag) -> Verdict:
    """The verdict on one picture, given its camera's standing."""
    if isinstance(standing, Withheld):
        return standing
    if abs(width / height / standing.masks.aspect - 1.0) > MAX_ASPECT_DIFFERENCE:
        return Withheld(WithheldReason.MASK_MISFIT, standing.masks.revision)
    if flags & FrameFlag.DAMAGED:
        return Withheld(WithheldReason.DAMAGED_INPUT, standing.masks.revision)
    return standing
