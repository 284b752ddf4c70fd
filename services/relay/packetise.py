"""H.264 access units into RTP payloads (RFC 6184, packetization-mode 1), once for all viewers of a layer."""

from collections.abc import Sequence
from typing import Final

MAX_PAYLOAD_BYTES: Final = 1_180
"""Fits an IPv6 path of 1,280 bytes: 40 IP + 8 UDP + 12 RTP + 20 extensions + 2 RTX + 16 SRTP tag make 1,278."""

IDR: Final = 5
_STAP_A: Final = 24
_FU_A: Final = 28
_FU_HEADERS: Final = 2
_NRI: Final = 0x60
_FORBIDDEN: Final = 0x80
_START, _END = 0x80, 0x40


def nal_type(nal: bytes) -> int:
    return nal[0] & 0x1F


def split_nal_units(annex_b: bytes) -> list[bytes]:
    """The NAL units of a byte stream (H.264 annex B), without start codes. Bytes before the first are ignored."""
    nals = []
    start = annex_b.find(b"\x00\x00\x01")
    while start >= 0:
        start += 3
        end = annex_b.find(b"\x00\x00\x01", start)
        # A NAL unit never ends with a zero byte; those here belong to the next start code.
        nal = annex_b[start : len(annex_b) if end < 0 else end].rstrip(b"\x00")
        if nal:
            nals.append(nal)
        start = end
    return nals


def packetise(nals: Sequence[bytes], max_payload: int = MAX_PAYLOAD_BYTES) -> tuple[bytes, ...]:
    """RTP payloads of one access unit: neighbours that fit together in a STAP-A, what fits in none as FU-A."""
    payloads: list[bytes] = []
    waiting: list[bytes] = []
    size = 1
    for nal in nals:
        if waiting and size + 2 + len(nal) > max_payload:
            payloads.append(_aggregate(waiting))
            waiting, size = [], 1
        if len(nal) > max_payload:
            payloads += _fragments(nal, max_payload)
        else:
            waiting.append(nal)
            size += 2 + len(nal)
    if waiting:
        payloads.append(_aggregate(waiting))
    return tuple(payloads)


def _aggregate(nals: list[bytes]) -> bytes:
    """A single NAL unit as it is, several as a STAP-A (RFC 6184 section 5.7.1)."""
    if len(nals) == 1:
        return nals[0]
    forbidden = _FORBIDDEN if any(nal[0] & _FORBIDDEN for nal in nals) else 0
    header = forbidden | max(nal[0] & _NRI for nal in nals) | _STAP_A
    return bytes((header,)) + b"".join(len(nal).to_bytes(2, "big") + nal for nal in nals)


def _fragments(nal: bytes, max_payload: int) -> list[bytes]:
    """FU-A (RFC 6184 section 5.8) of equal size, the last at most a few bytes shorter: what UDP_SEGMENT wants."""
    room = max_payload - _FU_HEADERS
    count = -(-(len(nal) - 1) // room)
    size = -(-(len(nal) - 1) // count)
    indicator = nal[0] & 0xE0 | _FU_A
    starts = range(1, len(nal), size)
    return [
        bytes((indicator, nal_type(nal) | (_START if at == 1 else 0) | (_END if at == starts[-1] else 0)))
        + nal[at : at + size]
        for at in starts
    ]
