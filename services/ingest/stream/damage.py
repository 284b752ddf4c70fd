"""Which frames were decoded from damaged input, and may not be shown.

libav conceals: it fills what is missing from other parts of the picture, so that what a polygon covers can turn up
outside of it, and each later picture is made from that one. From the first sign of damage every frame is therefore
damaged, until the next clean keyframe: one that refers to nothing before it, and whose own decoding gave no sign.
A stream starts damaged, since nothing is known of what its first pictures refer to.
"""

import math
from collections import deque
from statistics import median
from typing import Final

from services.ingest.stream import h264
from services.ingest.stream.bits import MalformedNal
from services.ingest.stream.h264 import LossDetector
from services.ingest.stream.unit import AccessUnit, Codec, Session

_H265_IRAP: Final = range(16, 22)
"""`nal_unit_type` of BLA, IDR and CRA (ITU-T H.265 table 7-1)."""

_STEPS_KEPT: Final = 9
_GAP: Final = 1.5
"""Pictures' time from one to the next, from which on one has been lost, or left out by the camera."""

_PART_OF_ROUND: Final = 0.75
"""Of the pictures that `frame_num` counts before it begins again: the usual step is known to no better than that."""


def is_clean_start(unit: AccessUnit) -> bool:
    """Whether no picture from here on refers to one before, once the decoder has been emptied.

    An H.265 CRA is one, since its leading pictures are skipped behind an emptied decoder. An H.264 recovery point is
    none: what follows it may refer past it.
    """
    match unit.session.codec:
        case Codec.H264:
            return h264.has_idr(unit.data)
        case Codec.H265:
            return any(nal[0] >> 1 & 0x3F in _H265_IRAP for nal in h264.nal_units(unit.data, 1))
        case Codec.MJPEG:
            return True


class _Pace:
    """How many pictures' time passes from one access unit to the next, by the steps that are usual."""

    def __init__(self) -> None:
        self._highest_90k: int | None = None
        self._steps: deque[int] = deque(maxlen=_STEPS_KEPT)

    def pictures(self, pts_90k: int) -> float:
        """Ask once for each, in decoding order. 0 for the first, and for a picture shown before one that came."""
        step = 0 if self._highest_90k is None else pts_90k - self._highest_90k
        if self._highest_90k is None or step > 0:
            self._highest_90k = pts_90k
        if step <= 0:
            return 0.0
        self._steps.append(step)
        return step / median(self._steps)


class LossSigns:
    """Signs of damage in the access units themselves, in decoding order.

    `frame_num` has as few as 16 values, which is what most encoders take: when just so many pictures are lost it fits
    again. So it can when an IDR is among the lost, where it begins again. Then the time that has passed tells, since
    a camera that drops pictures leaves no other trace.
    """

    def __init__(self, session: Session) -> None:
        self._pace = _Pace()
        self._since_idr = 0.0
        self._usual_gop = math.inf
        self._detector: LossDetector | None = None
        if session.codec is Codec.H264:
            try:
                self._detector = LossDetector(session.extradata)
            except MalformedNal:
                self._detector = LossDetector()

    def has_sign(self, unit: AccessUnit) -> bool:
        if self._detector is None:
            return unit.is_suspect
        passed = self._pace.pictures(unit.pts_90k)
        try:
            is_broken = self._detector.is_broken(unit.data) or unit.is_suspect
        except MalformedNal:
            return True
        return self._is_gap(passed, is_idr=self._detector.may_be_lost_unseen == math.inf) or is_broken

    def _is_gap(self, passed: float, *, is_idr: bool) -> bool:
        """Whether so many pictures' time has passed that a loss may have gone unseen; before an IDR none matters."""
        assert self._detector is not None
        self._since_idr += passed
        if is_idr:
            self._usual_gop, self._since_idr = self._since_idr or math.inf, 0.0
            return False
        is_idr_overdue = passed >= _GAP and self._since_idr >= self._usual_gop
        return is_idr_overdue or passed >= _PART_OF_ROUND * self._detector.may_be_lost_unseen


class DamageState:
    """Follows one decoder. Times are those of the access units, which frames carry on."""

    def __init__(self) -> None:
        self.is_damaged = True
        self._clean_from_90k: int | None = None

    def decoded(self, pts_90k: int, *, is_clean_start: bool, has_sign: bool) -> None:
        """An access unit has been decoded; call it before `frame` for the frames that came out."""
        if has_sign:
            self.is_damaged = True
            self._clean_from_90k = None
        elif is_clean_start and self.is_damaged:
            self._clean_from_90k = pts_90k

    def frame(self, pts_90k: int, *, is_corrupt: bool) -> bool:
        """Whether this frame is damaged. Frames of before the clean keyframe may come out behind it: they are."""
        if is_corrupt:
            self.is_damaged = True
            self._clean_from_90k = None
        elif self._clean_from_90k is not None and pts_90k >= self._clean_from_90k:
            self.is_damaged = False
            self._clean_from_90k = None
        return self.is_damaged
