"""Access units on their way from the reader to the decoder."""

from dataclasses import dataclass
from enum import StrEnum


class Codec(StrEnum):
    """What ingest decodes, by libav's names."""

    H264 = "h264"
    H265 = "hevc"
    MJPEG = "mjpeg"


class Purpose(StrEnum):
    """What an access unit is decoded for."""

    LIVE = "live"
    CATCH_UP = "catch-up"
    """To be decoded from, not shown: what is cached, or has been waiting too long."""
    STILL = "still"


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """What the decoder must know of the RTSP session that an access unit came by. Compared by identity."""

    codec: Codec
    extradata: bytes


@dataclass(frozen=True, slots=True, eq=False)
class AccessUnit:
    """One encoded picture, as the camera sent it; H.264 and H.265 in Annex B.

    `is_suspect`: the reader saw a loss at, or right before, this one.
    """

    data: bytes
    pts_90k: int
    captured_utc_us: int
    is_keyframe: bool
    is_suspect: bool
    session: Session
