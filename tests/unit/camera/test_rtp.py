"""RTP packets of the simulated camera hold to RFC 3550 and RFC 6184."""

import struct
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from deploy.local.camera.rtp import RtpStream, ntp, payloads

NAL_UNITS = st.lists(st.binary(min_size=1, max_size=4_000).map(lambda nal: b"\x65" + nal), min_size=1, max_size=4)
LIMIT = 500


def depacketised(parts: Sequence[bytes]) -> list[bytes]:
    """Join FU-A fragments again, as a receiver does."""
    made: list[bytes] = []
    for part in parts:
        if part[0] & 0x1F != 28:
            made.append(part)
        elif part[1] & 0x80:
            made.append(bytes((part[0] & 0xE0 | part[1] & 0x1F,)) + part[2:])
        else:
            made[-1] += part[2:]
    return made


@given(NAL_UNITS)
def test_receiver_joins_what_was_cut(nal_units: list[bytes]) -> None:
    parts = payloads(nal_units, LIMIT)
    assert depacketised(parts) == nal_units
    assert all(len(part) <= LIMIT for part in parts)


@given(NAL_UNITS)
def test_each_fragmented_unit_is_begun_and_ended_once(nal_units: list[bytes]) -> None:
    flags = [part[1] & 0xC0 for part in payloads(nal_units, LIMIT) if part[0] & 0x1F == 28]
    assert flags.count(0x80) == flags.count(0x40) == sum(len(nal) > LIMIT for nal in nal_units)
    assert 0xC0 not in flags


def fields(packet: bytes) -> tuple[int, int, int, int]:
    """Marker and payload type, sequence number, timestamp, source."""
    _, marker, sequence, timestamp, ssrc = struct.unpack(">BBHII", packet[:12])
    return marker, sequence, timestamp, ssrc


def test_marker_stands_on_the_last_packet_and_numbers_wrap() -> None:
    stream = RtpStream(ssrc=7, sequence=0xFFFE)
    packets = stream.packets([b"a", b"b", b"c"], 2**32 + 5)
    assert [fields(packet) for packet in packets] == [(96, 0xFFFE, 5, 7), (96, 0xFFFF, 5, 7), (96 | 0x80, 0, 5, 7)]


def test_lost_packet_leaves_a_gap_in_the_numbers() -> None:
    packets = RtpStream(sequence=10).packets([b"a", b"b", b"c"], 0, lost={1})
    assert [fields(packet)[1] for packet in packets] == [10, 12]


def test_sender_report_pairs_a_time_with_a_timestamp_and_counts_what_was_sent() -> None:
    stream = RtpStream(ssrc=7)
    stream.packets([b"abc", b"de"], 0, lost={1})
    report = stream.sender_report(1_700_000_000.5, 90_000)
    kind, words, ssrc, time, timestamp, packets, octets = struct.unpack(">xBHIQIII", report[:28])
    assert (kind, ssrc, timestamp, packets, octets) == (200, 7, 90_000, 1, 3)
    assert time == (1_700_000_000 + 2_208_988_800 << 32) + (1 << 31) == ntp(1_700_000_000.5)
    description = report[(words + 1) * 4 :]
    assert description[1] == 202
    assert len(description) == (int.from_bytes(description[2:4], "big") + 1) * 4


def test_goodbye_is_a_compound_packet() -> None:
    goodbye = RtpStream(ssrc=7).goodbye()
    assert (goodbye[1], goodbye[9]) == (201, 203)
    assert len(goodbye) == 16
