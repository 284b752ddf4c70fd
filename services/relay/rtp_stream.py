"""One viewer's RTP stream: headers around the layer's payloads, and the way back from a sequence number."""

import struct
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from services.relay.history import History, PacketisedUnit

MAX_RUNS: Final = 64
"""Gaps in what a viewer was sent that retransmission can look back over; older ones are forgotten."""

RESENDS_PER_UNIT: Final = 64
"""Retransmissions between one access unit and the next: a viewer cannot have us send more than twice its share."""

_HEADER = struct.Struct("!BBHII")
_ONE_BYTE_EXTENSIONS: Final = b"\xbe\xde"  # RFC 8285 section 4.2
_MAX_EXTENSION_ID: Final = 14
_MAX_EXTENSION_BYTES: Final = 16
_MARKER: Final = 0x80
_HALF: Final = 0x8000


@dataclass(frozen=True, slots=True)
class Rtx:
    """A negotiated retransmission stream (RFC 4588)."""

    payload_type: int
    ssrc: int
    first_sequence: int


@dataclass(frozen=True, slots=True)
class StreamParameters:
    """What was negotiated, and the stream's random constants. Extension ids are 0 where not negotiated."""

    payload_type: int
    ssrc: int
    first_sequence: int
    timestamp_offset: int
    mid: str
    mid_id: int
    abs_send_time_id: int
    rtx: Rtx | None


@dataclass(frozen=True, slots=True)
class _Run:
    """From this unwrapped sequence number on, packets were sent without a gap in the layer's own count."""

    sequence: int
    index: int


class RtpStream:
    """Makes the packets of one viewer, unprotected. Sequence numbers never skip, whatever the viewer was not sent."""

    def __init__(self, parameters: StreamParameters, history: History) -> None:
        self._p = parameters
        self._history = history
        self._sequence = parameters.first_sequence
        self._rtx_sequence = parameters.rtx.first_sequence if parameters.rtx else 0
        self._runs: deque[_Run] = deque(maxlen=MAX_RUNS)
        self._next_index = -1
        self._squeezed: dict[int, int] = {}
        self._resends_left = 0
        self._first_byte = 0x80
        self._mid = _element(parameters.mid_id, parameters.mid.encode())
        self._abs_send_time_id = parameters.abs_send_time_id if parameters.abs_send_time_id <= _MAX_EXTENSION_ID else 0
        if self._mid or self._abs_send_time_id:
            self._first_byte |= 0x10

    def timestamp(self, unit: PacketisedUnit) -> int:
        """Of the unit, as this viewer sees it."""
        timestamp = self._squeezed.get(unit.first, unit.timestamp)
        return (timestamp + self._p.timestamp_offset) & 0xFFFFFFFF

    def squeeze(self, units: Sequence[PacketisedUnit]) -> None:
        """Have units that are sent together, late, lie a tick apart before the last of them.

        A viewer that took their own distances for real would show everything after them as much too late.
        """
        last = len(units) - 1
        self._squeezed = {unit.first: units[last].timestamp - (last - i) for i, unit in enumerate(units)}

    def packets(self, unit: PacketisedUnit) -> Iterator[bytes]:
        """The unit's packets, in order. They have their numbers whether they are sent or lost on the way out."""
        if unit.first != self._next_index:
            self._runs.append(_Run(self._sequence, unit.first))
        self._next_index = unit.end
        self._resends_left = RESENDS_PER_UNIT
        sequence, self._sequence = self._sequence, self._sequence + len(unit.payloads)
        p, pack, first_byte = self._p, _HEADER.pack, self._first_byte
        timestamp, extensions = self.timestamp(unit), self._extensions(unit)
        last = len(unit.payloads) - 1
        for i, payload in enumerate(unit.payloads):
            payload_type = p.payload_type | _MARKER if i == last else p.payload_type
            yield pack(first_byte, payload_type, (sequence + i) & 0xFFFF, timestamp, p.ssrc) + extensions + payload

    def resend(self, sequence_16: int) -> bytes | None:
        """A packet reported lost: by RTX where negotiated, else byte-identical. None when it is no longer held."""
        found = self._find(sequence_16)
        if found is None or not self._resends_left:
            return None
        self._resends_left -= 1
        unit, i = found
        p, rtx = self._p, self._p.rtx
        marker = _MARKER if i == len(unit.payloads) - 1 else 0
        tail = self._extensions(unit)
        if rtx is None:
            head = _HEADER.pack(self._first_byte, p.payload_type | marker, sequence_16, self.timestamp(unit), p.ssrc)
            return head + tail + unit.payloads[i]
        number, self._rtx_sequence = self._rtx_sequence & 0xFFFF, self._rtx_sequence + 1
        head = _HEADER.pack(self._first_byte, rtx.payload_type | marker, number, self.timestamp(unit), rtx.ssrc)
        return head + tail + sequence_16.to_bytes(2, "big") + unit.payloads[i]

    def _find(self, sequence_16: int) -> tuple[PacketisedUnit, int] | None:
        behind = (self._sequence - sequence_16) & 0xFFFF
        sequence = self._sequence - behind
        if not 0 < behind < _HALF:
            return None
        for run in reversed(self._runs):
            if sequence >= run.sequence:
                index = run.index + sequence - run.sequence
                unit = self._history.find(index)
                return None if unit is None else (unit, index - unit.first)
        return None

    def _extensions(self, unit: PacketisedUnit) -> bytes:
        """The extension block (RFC 8285): mid, and abs-send-time as 24 bits of 6.18 fixed-point seconds."""
        elements = self._mid
        if self._abs_send_time_id:
            elements += _element(self._abs_send_time_id, ((unit.ntp >> 14) & 0xFFFFFF).to_bytes(3, "big"))
        if not elements:
            return b""
        words = -(-len(elements) // 4)
        return _ONE_BYTE_EXTENSIONS + words.to_bytes(2, "big") + elements.ljust(words * 4, b"\x00")


def _element(extension_id: int, value: bytes) -> bytes:
    """One element with a one-byte header; nothing for what such a header cannot say."""
    if not 1 <= extension_id <= _MAX_EXTENSION_ID or not 1 <= len(value) <= _MAX_EXTENSION_BYTES:
        return b""
    return bytes((extension_id << 4 | (len(value) - 1),)) + value
