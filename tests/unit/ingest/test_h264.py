"""What H.264's headers say of lost access units."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.stream.bits import BitReader, MalformedNal, unescaped
from services.ingest.stream.h264 import LossDetector, ParameterSets, has_idr, nal_units, parse_sps
from tests.unit.ingest.units import BitWriter, escaped, idr, pps, sps
from tests.unit.ingest.units import picture as p


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 100_000))))
def test_exp_golomb_codes_are_read_as_they_were_written(values: list[tuple[bool, int]]) -> None:
    writer = BitWriter()
    for is_signed, value in values:
        _ = writer.se(-value) if is_signed else writer.ue(value)
    reader = BitReader(writer.rbsp())
    assert [reader.se() if s else reader.ue() for s, _ in values] == [-v if s else v for s, v in values]


@given(st.binary(max_size=200))
def test_emulation_prevention_is_undone(rbsp: bytes) -> None:
    assert unescaped(escaped(rbsp)) == rbsp


@given(st.lists(st.binary(min_size=1, max_size=50).map(lambda b: b"\x41" + b.replace(b"\0", b"\2")), max_size=6))
def test_nal_units_are_found_between_start_codes(nals: list[bytes]) -> None:
    assert [n.rstrip(b"\0") for n in nal_units(b"".join(b"\0\0\1" + n for n in nals))] == nals


@pytest.mark.parametrize("profile", [66, 77, 100])
@pytest.mark.parametrize("bits", [4, 7, 16])
def test_an_sps_says_how_long_frame_num_is(profile: int, bits: int) -> None:
    (nal,) = nal_units(sps(profile=profile, frame_num_bits=bits, sps_id=3, has_fields=True))
    read = parse_sps(nal)
    assert (read.id, read.frame_num_bits, read.has_fields) == (3, bits, True)


@pytest.mark.parametrize("bits", [4, 8])
def test_a_whole_stream_has_no_gap_even_where_frame_num_wraps(bits: int) -> None:
    detector = LossDetector()
    units = [idr(frame_num_bits=bits), *(p(n % (1 << bits), frame_num_bits=bits) for n in range(1, 600))]
    assert not any(detector.is_broken(unit) for unit in units)


@given(st.data())
def test_any_lost_reference_picture_shows_in_the_next(data: st.DataObject) -> None:
    count = data.draw(st.integers(3, 40))
    lost = data.draw(st.integers(1, count - 2))
    length = data.draw(st.integers(1, min(15, count - 1 - lost)))
    detector = LossDetector()
    units = [idr(), *(p(n % 16) for n in range(1, count))]
    signs = [detector.is_broken(unit) for unit in units[:lost] + units[lost + length :]]
    assert signs.index(True) == lost
    assert signs.count(True) == 1


def test_pictures_that_nothing_refers_to_may_be_lost() -> None:
    detector = LossDetector()
    stream = [idr(), p(1, is_reference=False), p(1), p(2, is_reference=False), p(2, is_reference=False), p(2), p(3)]
    assert not any(detector.is_broken(unit) for unit in stream)
    detector = LossDetector()
    assert not any(detector.is_broken(unit) for unit in [stream[0], stream[2], *stream[4:]])


def test_two_fields_of_a_frame_have_one_number() -> None:
    detector = LossDetector()
    start = sps(has_fields=True) + pps()
    first = idr().replace(sps() + pps(), start)
    assert not detector.is_broken(first)
    assert [detector.is_broken(p(n, field=f)) for n, f in [(1, "top"), (1, "bottom"), (2, "top"), (4, "top")]] == [
        False,
        False,
        False,
        True,
    ]


def test_a_picture_without_its_beginning_is_broken() -> None:
    detector = LossDetector()
    detector.is_broken(idr())
    assert detector.is_broken(p(1, first_block=40))


def test_a_stream_that_begins_in_the_middle_is_broken() -> None:
    assert LossDetector(sps() + pps()).is_broken(p(1))


def test_parameter_sets_may_come_with_the_session_alone() -> None:
    detector = LossDetector(sps() + pps())
    assert not detector.is_broken(idr().removeprefix(sps() + pps()))
    assert not detector.is_broken(p(1))


@pytest.mark.parametrize("unit", [b"", b"\0\0\1", b"\0\0\1\x41", p(1), idr()[:-12], b"\0\0\1\x09\xf0"])
def test_what_cannot_be_read_is_said_so(unit: bytes) -> None:
    with pytest.raises(MalformedNal):
        LossDetector().is_broken(unit)


@given(st.lists(st.one_of(st.binary(max_size=80), st.just(idr()), st.just(p(1)))))
def test_nothing_but_malformed_nal_is_ever_raised(parts: list[bytes]) -> None:
    detector = LossDetector()
    for part in parts:
        with contextlib.suppress(MalformedNal):
            detector.is_broken(b"\0\0\1" + part)


@given(st.sampled_from([1, 5, 7, 8, 0x67, 0x68, 0x65]), st.binary(max_size=300))
def test_parameter_sets_take_any_bytes_without_harm(head: int, rest: bytes) -> None:
    sets = ParameterSets()
    for take in (sets.take, sets.slice):
        with contextlib.suppress(MalformedNal):
            take(bytes([head]) + rest)


@given(st.data())
def test_a_spoiled_access_unit_never_raises_anything_else(data: st.DataObject) -> None:
    unit = bytearray(idr() + p(1))
    for _ in range(data.draw(st.integers(1, 8))):
        unit[data.draw(st.integers(0, len(unit) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MalformedNal):
        LossDetector().is_broken(bytes(unit))


def test_an_idr_is_known_by_its_nal_unit() -> None:
    assert has_idr(idr())
    assert not has_idr(p(1))
