"""RTP payloads of access units: read back they are the same NAL units."""

from hypothesis import given
from hypothesis import strategies as st

from services.relay.packetise import MAX_PAYLOAD_BYTES, packetise, split_nal_units
from tests.unit.relay.depacketise import depacketise

SPS, PPS, SEI = b"\x67\x42\xc0\x1f\xda", b"\x68\xce\x3c\x80", b"\x06\x05\x01\xff\x80"

# A NAL unit's type is 1 to 23, and its last byte is never zero (H.264 section 7.4.1).
nal_units = st.builds(
    lambda kind, nri, body, end: bytes((nri << 5 | kind,)) + body + bytes((end,)),
    st.integers(1, 23),
    st.integers(0, 3),
    st.binary(max_size=5_000).map(lambda body: body.replace(b"\x00\x00", b"\x00\x03")),
    st.integers(1, 255),
)


@given(st.lists(nal_units, min_size=1, max_size=12), st.integers(40, 1_400))
def test_depacketised_payloads_are_the_same_nal_units(nals: list[bytes], max_payload: int) -> None:
    payloads = packetise(nals, max_payload)
    assert depacketise(payloads) == nals
    assert all(len(payload) <= max_payload for payload in payloads)


@given(st.lists(nal_units, min_size=1, max_size=8), st.lists(st.sampled_from([3, 4]), min_size=8, max_size=8))
def test_byte_stream_is_split_into_its_nal_units(nals: list[bytes], code_lengths: list[int]) -> None:
    stream = b"".join(b"\x01".rjust(n, b"\x00") + nal for n, nal in zip(code_lengths, nals, strict=False))
    assert split_nal_units(stream) == nals


@given(st.binary(max_size=300))
def test_no_bytes_are_too_strange_to_split(stream: bytes) -> None:
    assert all(nal and nal in stream for nal in split_nal_units(stream))


def test_parameter_sets_share_one_packet() -> None:
    idr = b"\x65" + bytes(range(1, 200)) * 20
    payloads = packetise([SPS, PPS, SEI, idr])
    assert payloads[0][0] & 0x1F == 24
    assert depacketise(payloads[:1]) == [SPS, PPS, SEI]


def test_fragments_are_of_equal_size() -> None:
    sizes = [len(payload) for payload in packetise([b"\x65" + b"\x01" * 99_999])]
    assert max(sizes) <= MAX_PAYLOAD_BYTES
    assert len(set(sizes[:-1])) == 1
    assert sizes[0] - len(sizes) <= sizes[-1] <= sizes[0]


def test_nal_unit_that_just_fits_stays_single() -> None:
    nal = b"\x41" + b"\x01" * (MAX_PAYLOAD_BYTES - 1)
    assert packetise([nal]) == (nal,)


def test_nothing_makes_no_packets() -> None:
    assert split_nal_units(b"") == []
    assert packetise([]) == ()
