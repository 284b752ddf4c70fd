"""One viewer's packets: what they carry, their numbers, and packets sent again."""

import dataclasses
import struct
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from services.relay.history import History, PacketisedUnit, ntp_time
from services.relay.rtp_stream import RESENDS_PER_UNIT, RtpStream, Rtx, StreamParameters

PARAMETERS: Final = StreamParameters(
    payload_type=102,
    ssrc=0xDEADBEEF,
    first_sequence=65_530,
    timestamp_offset=0xFFFFFF00,
    mid="0",
    mid_id=4,
    abs_send_time_id=2,
    rtx=None,
)
WITH_RTX: Final = dataclasses.replace(PARAMETERS, rtx=Rtx(payload_type=103, ssrc=0xFEEDF00D, first_sequence=7))


def unit(first: int, count: int = 3, *, timestamp: int = 90_000) -> PacketisedUnit:
    payloads = tuple(f"{first + i}".encode() for i in range(count))
    return PacketisedUnit(first, payloads, timestamp, ntp_time(1_700_000_000_123_456), is_keyframe=True)


def sequence(packet: bytes) -> int:
    return int(struct.unpack_from("!H", packet, 2)[0])


def payload(packet: bytes) -> bytes:
    words = int(struct.unpack_from("!H", packet, 14)[0]) if packet[0] & 0x10 else -1
    return packet[16 + 4 * words :]


def test_packet_carries_header_and_extensions() -> None:
    first, second = RtpStream(PARAMETERS, History()).packets(unit(0, 2))
    flags, kind, number, timestamp, ssrc = struct.unpack_from("!BBHII", first)
    assert (flags, kind, number, ssrc) == (0x90, 102, 65_530, 0xDEADBEEF)
    assert timestamp == (90_000 + 0xFFFFFF00) & 0xFFFFFFFF
    seconds = (0.123456 + 1_700_000_000 + 2_208_988_800) % 64
    sent = int.from_bytes(first[19:22], "big") / (1 << 18)
    assert first[12:19] == b"\xbe\xde\x00\x02\x40" + b"0" + b"\x22"
    assert abs(sent - seconds) < 1e-4
    assert payload(first) == b"0"
    assert second[1] == 102 | 0x80, "the last packet of a unit is marked"


def test_extensions_that_were_not_negotiated_are_not_sent() -> None:
    bare = dataclasses.replace(PARAMETERS, mid_id=0, abs_send_time_id=0)
    packet = next(RtpStream(bare, History()).packets(unit(0)))
    assert packet[0] == 0x80
    assert packet[12:] == b"0"


def test_extension_that_a_one_byte_header_cannot_say_is_left_out() -> None:
    strange = dataclasses.replace(PARAMETERS, mid="m" * 17, abs_send_time_id=15)
    assert next(RtpStream(strange, History()).packets(unit(0)))[0] == 0x80


def test_sequence_numbers_are_continuous_over_units_that_were_not_sent() -> None:
    stream = RtpStream(PARAMETERS, History())
    numbers = [sequence(p) for first in (0, 30, 33, 900) for p in stream.packets(unit(first))]
    assert numbers == [n & 0xFFFF for n in range(65_530, 65_530 + 12)]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.data())
def test_every_packet_still_held_can_be_sent_again_byte_for_byte(gaps: list[int], data: st.DataObject) -> None:
    history, index, sent = History(), 0, {}
    stream = RtpStream(PARAMETERS, history)
    for gap in gaps:
        index += gap
        this = unit(index, data.draw(st.integers(1, 5)), timestamp=90_000 + index)
        index = this.end
        history.add(this)
        sent.update({sequence(p): p for p in stream.packets(this)})
    for number in data.draw(st.lists(st.sampled_from(sorted(sent)), max_size=RESENDS_PER_UNIT)):
        assert stream.resend(number) == sent[number]


def test_retransmission_stream_carries_the_original_number() -> None:
    history = History()
    stream = RtpStream(WITH_RTX, history)
    history.add(unit(0))
    originals = list(stream.packets(unit(0)))
    again = [stream.resend(sequence(p)) for p in (originals[2], originals[0])]
    assert again[0] is not None and again[1] is not None  # noqa: PT018
    assert [sequence(p) for p in again if p] == [7, 8]
    assert payload(again[0]) == struct.pack("!H", sequence(originals[2])) + b"2"
    assert struct.unpack_from("!BBHII", again[0])[1] == 103 | 0x80
    assert struct.unpack_from("!BBHII", again[0])[3:] == (stream.timestamp(unit(0)), 0xFEEDF00D)
    assert payload(again[1]) == struct.pack("!H", sequence(originals[0])) + b"0"


def test_numbers_never_sent_are_not_answered() -> None:
    history = History()
    stream = RtpStream(PARAMETERS, history)
    assert stream.resend(65_529) is None
    history.add(unit(0))
    list(stream.packets(unit(0)))
    for number in (65_529, 65_533, 0, 30_000):
        assert stream.resend(number) is None


def test_viewer_cannot_ask_for_ever() -> None:
    history = History()
    stream = RtpStream(PARAMETERS, history)
    history.add(unit(0))
    list(stream.packets(unit(0)))
    answers = [stream.resend(65_530) for _ in range(RESENDS_PER_UNIT + 5)]
    assert answers.count(None) == 5
    list(stream.packets(unit(3)))
    assert stream.resend(65_530) is not None


def test_history_holds_seconds_and_no_more_bytes_than_it_may() -> None:
    history = History(seconds=2, max_bytes=100)
    for i in range(10):
        history.add(unit(3 * i, timestamp=45_000 * i))
    assert history.find(3 * 4) is None
    assert history.find(3 * 5 + 2) == unit(15, timestamp=45_000 * 5)
    history.add(PacketisedUnit(30, (b"x" * 200,), 45_000 * 10, 0, is_keyframe=True))
    assert history.find(29) is None
    assert history.find(30) is not None, "the newest is kept whatever its size"


def test_units_sent_late_and_together_lie_a_tick_apart_and_are_resent_so() -> None:
    history = History()
    stream = RtpStream(PARAMETERS, history)
    units = [unit(3 * i, timestamp=3_600 * i) for i in range(5)]
    for each in units:
        history.add(each)
    stream.squeeze(units)
    packets = [packet for each in units for packet in stream.packets(each)]
    stamps = [struct.unpack_from("!I", packet, 4)[0] for packet in packets[::3]]
    last = (3_600 * 4 + PARAMETERS.timestamp_offset) & 0xFFFFFFFF
    assert stamps == [(last - 4 + i) & 0xFFFFFFFF for i in range(5)]
    assert [stream.resend(sequence(packet)) for packet in packets] == packets
    after = next(stream.packets(unit(15, timestamp=3_600 * 5)))
    assert struct.unpack_from("!I", after, 4)[0] == (last + 3_600) & 0xFFFFFFFF


def test_history_gives_the_last_keyframe_and_what_followed_it_if_that_is_recent_and_small() -> None:
    history = History()
    ntp = [ntp_time(1_700_000_000_000_000 + 40_000 * i) for i in range(6)]
    units = [PacketisedUnit(i, (b"x" * 10,), 3_600 * i, ntp[i], is_keyframe=i in (0, 3)) for i in range(6)]
    for each in units:
        history.add(each)
    assert history.since_keyframe(since_ntp=ntp[0], max_bytes=30) == units[3:]
    assert history.since_keyframe(since_ntp=ntp[3], max_bytes=30) == units[3:]
    assert history.since_keyframe(since_ntp=ntp[4], max_bytes=30) == []
    assert history.since_keyframe(since_ntp=ntp[0], max_bytes=29) == []
    assert History().since_keyframe(since_ntp=0, max_bytes=100) == []
