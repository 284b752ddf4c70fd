"""RTP for H.264 (RFC 3550, RFC 6184): payloads of an access unit, the packets of one reader, sender reports."""

import secrets
import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

CLOCK_RATE_HZ = 90_000
PAYLOAD_TYPE = 96
MAX_PAYLOAD_BYTES = 1_400
"""Leaves room for IP, UDP and RTP headers in an Ethernet frame, and for a tunnel's."""

_FU_A = 28
_START, _END = 0x80, 0x40
_SENDER_REPORT, _SOURCE_DESCRIPTION, _GOODBYE = 200, 202, 203
_NTP_EPOCH_S = 2_208_988_800
"""From 1900, where NTP's time begins, to 1970."""


def payloads(nal_units: Sequence[bytes], limit: int = MAX_PAYLOAD_BYTES) -> tuple[bytes, ...]:
    """Packetise an access unit in packetisation mode 1: single NAL units, and FU-A for those above the limit."""
    made: list[bytes] = []
    for nal in nal_units:
        if len(nal) <= limit:
            made.append(nal)
        else:
            made.extend(_fragments(nal, limit))
    return tuple(made)


def _fragments(nal: bytes, limit: int) -> list[bytes]:
    """RFC 6184 section 5.8: the NAL unit's header goes into the FU indicator and the FU header."""
    indicator, kind = nal[0] & 0xE0 | _FU_A, nal[0] & 0x1F
    size = limit - 2
    made: list[bytes] = []
    for start in range(1, len(nal), size):
        flags = (_START if start == 1 else 0) | (_END if start + size >= len(nal) else 0)
        made.append(bytes((indicator, flags | kind)) + nal[start : start + size])
    return made


def ntp(utc_s: float) -> int:
    """64-bit NTP time: seconds since 1900 and their fraction, 32 bits each."""
    return int((utc_s + _NTP_EPOCH_S) * (1 << 32))


def _random_u32() -> int:
    return secrets.randbits(32)


def _random_u16() -> int:
    return secrets.randbits(16)


@dataclass(slots=True)
class RtpStream:
    """What one reader has been sent; every reader has a source id and a sequence of his own."""

    ssrc: int = field(default_factory=_random_u32)
    sequence: int = field(default_factory=_random_u16)
    packet_count: int = 0
    octet_count: int = 0

    def packets(self, unit: Sequence[bytes], timestamp: int, lost: Collection[int] = ()) -> list[bytes]:
        """Put headers before an access unit's payloads, the marker on its last.

        Payloads whose index is in `lost` are left out but keep their sequence numbers.
        """
        made: list[bytes] = []
        for index, payload in enumerate(unit):
            marker = 0x80 if index == len(unit) - 1 else 0
            sequence, self.sequence = self.sequence, self.sequence + 1 & 0xFFFF
            if index in lost:
                continue
            head = struct.pack(">BBHII", 0x80, marker | PAYLOAD_TYPE, sequence, timestamp & 0xFFFFFFFF, self.ssrc)
            made.append(head + payload)
            self.packet_count += 1
            self.octet_count += len(payload)
        return made

    def sender_report(self, utc_s: float, timestamp: int) -> bytes:
        """RFC 3550 section 6.4.1, with the source's name: this UTC time is that timestamp's."""
        report = struct.pack(
            ">BBHIQIII",
            0x80,
            _SENDER_REPORT,
            6,
            self.ssrc,
            ntp(utc_s),
            timestamp & 0xFFFFFFFF,
            self.packet_count & 0xFFFFFFFF,
            self.octet_count & 0xFFFFFFFF,
        )
        return report + self._description()

    def goodbye(self) -> bytes:
        """RFC 3550 section 6.6, after the report that must begin each compound packet."""
        empty_report = struct.pack(">BBHI", 0x80, 201, 1, self.ssrc)
        return empty_report + struct.pack(">BBHI", 0x81, _GOODBYE, 1, self.ssrc)

    def _description(self) -> bytes:
        name = b"\x01\x06camera"
        chunk = struct.pack(">I", self.ssrc) + name + b"\0" * (4 - len(name) % 4)
        return struct.pack(">BBH", 0x81, _SOURCE_DESCRIPTION, len(chunk) // 4) + chunk
