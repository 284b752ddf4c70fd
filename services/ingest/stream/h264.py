"""As much of H.264 as tells whether an access unit was lost: the gaps in `frame_num` (ITU-T H.264 section 7.4.3).

libav conceals a lost reference picture without a word. `frame_num` counts reference pictures: it is 0 at an IDR and
one above that of the reference picture before it everywhere else. Streams that may have gaps by design
(`gaps_in_frame_num_value_allowed_flag`) get no leave here, since a loss could not be told from such a gap.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.ingest.stream.bits import BitReader, MalformedNal, unescaped

SLICE: Final = 1
PARTITION_A: Final = 2
IDR: Final = 5
SPS: Final = 7
PPS: Final = 8

_SLICES: Final = (SLICE, PARTITION_A, IDR)
_START_CODE: Final = b"\0\0\1"
_SLICE_HEAD_BYTES: Final = 48
"""Enough for every field up to `bottom_field_flag`, whatever the length of its codes."""

_PARAMETER_SET_BYTES: Final = 1_024
_WITH_CHROMA_FORMAT: Final = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))
"""Values of `profile_idc` whose SPS says the chroma format (section 7.3.2.1.1)."""


def nal_units(annex_b: bytes, limit: int | None = None) -> Iterator[bytes]:
    """The NAL units of a byte stream without start codes, each cut to its first `limit` bytes."""
    at = annex_b.find(_START_CODE)
    while at >= 0:
        start = at + len(_START_CODE)
        at = annex_b.find(_START_CODE, start)
        end = len(annex_b) if at < 0 else at
        nal = annex_b[start : end if limit is None else min(end, start + limit)]
        if nal:
            yield nal


def nal_type(nal: bytes) -> int:
    return nal[0] & 0x1F


def has_idr(annex_b: bytes) -> bool:
    return any(nal_type(nal) == IDR for nal in nal_units(annex_b, 1))


@dataclass(frozen=True, slots=True)
class Sps:
    """What a sequence parameter set says about reading slice headers."""

    id: int
    has_separate_planes: bool
    frame_num_bits: int
    has_fields: bool


@dataclass(frozen=True, slots=True)
class Slice:
    """The head of a slice header."""

    first_block: int
    is_idr: bool
    is_reference: bool
    frame_num: int
    frame_num_bits: int
    is_field: bool


def parse_sps(nal: bytes) -> Sps:
    """Section 7.3.2.1.1, up to what is needed. Raises MalformedNal."""
    reader = BitReader(unescaped(nal[1:_PARAMETER_SET_BYTES]))
    profile = reader.bits(8)
    reader.bits(16)  # constraints and level
    sps_id = _at_most(reader.ue(), 31, "seq_parameter_set_id")
    has_separate_planes = profile in _WITH_CHROMA_FORMAT and _skip_chroma(reader)
    frame_num_bits = _at_most(reader.ue(), 12, "log2_max_frame_num_minus4") + 4
    _skip_picture_order(reader)
    reader.ue()  # max_num_ref_frames
    reader.flag()  # gaps_in_frame_num_value_allowed_flag
    reader.ue(), reader.ue()  # width and height in macroblocks
    return Sps(sps_id, has_separate_planes, frame_num_bits, has_fields=not reader.flag())


def _skip_chroma(reader: BitReader) -> bool:
    """Skip what the higher profiles say; returns `separate_colour_plane_flag`."""
    chroma_format = _at_most(reader.ue(), 3, "chroma_format_idc")
    has_separate_planes = chroma_format == 3 and reader.flag()
    reader.ue(), reader.ue()  # bit depths
    reader.flag()  # qpprime_y_zero_transform_bypass_flag
    if reader.flag():
        for index in range(12 if chroma_format == 3 else 8):
            if reader.flag():
                _skip_scaling_list(reader, 16 if index < 6 else 64)
    return has_separate_planes


def _skip_scaling_list(reader: BitReader, size: int) -> None:
    """Section 7.3.2.1.1.1: a delta for each entry until one makes the next scale 0."""
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + reader.se()) % 256
        last = following or last


def _skip_picture_order(reader: BitReader) -> None:
    kind = _at_most(reader.ue(), 2, "pic_order_cnt_type")
    if kind == 0:
        reader.ue()
    elif kind == 1:
        reader.flag()
        reader.se(), reader.se()
        for _ in range(_at_most(reader.ue(), 255, "num_ref_frames_in_pic_order_cnt_cycle")):
            reader.se()


def _at_most(value: int, most: int, what: str) -> int:
    if value > most:
        raise MalformedNal(f"{what} is {value}")
    return value


class ParameterSets:
    """The parameter sets seen so far, which slice headers are read by. Bounded by the standard's ids."""

    def __init__(self) -> None:
        self._sps: dict[int, Sps] = {}
        self._sps_of_pps: dict[int, int] = {}

    def take(self, nal: bytes) -> None:
        """Keep an SPS or a PPS. Raises MalformedNal."""
        if nal_type(nal) == SPS:
            sps = parse_sps(nal)
            self._sps[sps.id] = sps
        elif nal_type(nal) == PPS:
            reader = BitReader(unescaped(nal[1:16]))
            pps_id = _at_most(reader.ue(), 255, "pic_parameter_set_id")
            self._sps_of_pps[pps_id] = _at_most(reader.ue(), 31, "seq_parameter_set_id")

    def slice(self, nal: bytes) -> Slice:
        """Section 7.3.3, up to `bottom_field_flag`. Raises MalformedNal, also for unknown parameter sets."""
        reader = BitReader(unescaped(nal[1:_SLICE_HEAD_BYTES]))
        first_block = reader.ue()
        _at_most(reader.ue(), 9, "slice_type")
        sps = self._sps.get(self._sps_of_pps.get(_at_most(reader.ue(), 255, "pic_parameter_set_id"), -1))
        if sps is None:
            raise MalformedNal("a slice without its parameter sets")
        if sps.has_separate_planes:
            reader.bits(2)
        return Slice(
            first_block=first_block,
            is_idr=nal_type(nal) == IDR,
            is_reference=bool(nal[0] >> 5 & 3),
            frame_num=reader.bits(sps.frame_num_bits),
            frame_num_bits=sps.frame_num_bits,
            is_field=sps.has_fields and reader.flag(),
        )


class LossDetector:
    """Follows access units in decoding order and says before which of them one is missing."""

    def __init__(self, extradata: bytes = b"") -> None:
        self._sets = ParameterSets()
        self._last_reference: int | None = None
        self.may_be_lost_unseen = math.inf
        """So many reference pictures lost before the last access unit would not show; before an IDR none matter."""
        for nal in nal_units(extradata, _PARAMETER_SET_BYTES):
            self._sets.take(nal)

    def is_broken(self, annex_b: bytes) -> bool:
        """Whether this access unit does not follow the one before it, or lacks its own beginning.

        Raises MalformedNal when it cannot be read, which is damage too.
        """
        for nal in nal_units(annex_b, _PARAMETER_SET_BYTES):
            if nal_type(nal) in _SLICES:
                return self._follow(self._sets.slice(nal))
            self._sets.take(nal)
        raise MalformedNal("an access unit without a slice")

    def _follow(self, head: Slice) -> bool:
        last = self._last_reference
        if head.is_idr:
            is_next = head.frame_num == 0
        elif last is None:
            is_next = False
        else:
            is_next = head.frame_num == (last + 1) % (1 << head.frame_num_bits)
            # The second field of a frame has the frame's own number.
            is_next = is_next or (head.is_field and head.frame_num == last)
        self.may_be_lost_unseen = math.inf if head.is_idr else 1 << head.frame_num_bits
        if head.is_reference:
            self._last_reference = head.frame_num
        return not is_next or head.first_block != 0
