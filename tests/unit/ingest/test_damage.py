"""From the first sign of damage to the next clean keyframe nothing may be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.stream.damage import DamageState, LossSigns, is_clean_start
from services.ingest.stream.unit import AccessUnit, Session
from tests.unit.ingest.units import H264, H265, MJPEG, idr, picture, unit


def verdicts(steps: list[str]) -> list[bool]:
    """Of a stream without B-frames: `key`, `unit`, with `!` for a sign in decoding, `?` for a corrupt frame."""
    state = DamageState()
    said = []
    for number, step in enumerate(steps):
        state.decoded(number, is_clean_start=step.startswith("key"), has_sign="!" in step)
        said.append(state.frame(number, is_corrupt="?" in step))
    return said


def test_a_stream_is_damaged_until_its_first_clean_keyframe() -> None:
    assert verdicts(["unit", "unit", "key", "unit"]) == [True, True, False, False]


@pytest.mark.parametrize("sign", ["unit!", "unit?"])
def test_from_a_sign_on_all_is_damaged_until_a_clean_keyframe(sign: str) -> None:
    assert verdicts(["key", sign, "unit", "unit", "key", "unit"]) == [False, True, True, True, False, False]


@pytest.mark.parametrize("sign", ["key!", "key?"])
def test_a_keyframe_with_a_sign_of_its_own_is_not_clean(sign: str) -> None:
    assert verdicts(["key", sign, "unit", "key"]) == [False, True, True, False]


def test_frames_of_before_a_clean_keyframe_that_come_out_behind_it_are_damaged() -> None:
    state = DamageState()
    state.decoded(100, is_clean_start=True, has_sign=False)
    assert state.frame(90, is_corrupt=False)
    assert not state.frame(100, is_corrupt=False)


def test_a_sign_before_the_clean_keyframe_has_come_out_withholds_it_too() -> None:
    state = DamageState()
    state.decoded(100, is_clean_start=True, has_sign=False)
    state.decoded(103, is_clean_start=False, has_sign=True)
    assert state.frame(100, is_corrupt=False)


@given(st.lists(st.sampled_from(["key", "unit", "key!", "unit!", "key?", "unit?"])))
def test_a_shown_frame_follows_a_clean_keyframe_with_no_sign_between(steps: list[str]) -> None:
    for number, is_damaged in enumerate(verdicts(steps)):
        since = [k for k in range(number + 1) if steps[k] == "key"]
        clean = any(all(s in ("key", "unit") for s in steps[k : number + 1]) for k in since)
        assert is_damaged is not clean


def test_a_lost_reference_picture_is_a_sign() -> None:
    signs = LossSigns(H264)
    stream = [idr(), picture(1), picture(3), picture(4)]
    assert [signs.has_sign(unit(n, data=data)) for n, data in enumerate(stream)] == [False, False, True, False]


def test_an_unreadable_access_unit_is_a_sign() -> None:
    assert LossSigns(H264).has_sign(unit(0, data=b"\0\0\1\x65"))


def test_what_the_reader_suspects_is_a_sign_in_any_codec() -> None:
    for session in (H264, H265, MJPEG):
        assert LossSigns(session).has_sign(unit(0, data=idr(), suspect=True, session=session))


def test_broken_parameter_sets_in_the_session_do_not_end_the_decoder() -> None:
    signs = LossSigns(Session(H264.codec, b"\0\0\1\x67\xff"))
    assert not signs.has_sign(unit(0, data=idr()))


@pytest.mark.parametrize(
    ("each", "is_clean"),
    [
        (unit(0, data=idr()), True),
        (unit(0, data=picture(1)), False),
        (unit(0, data=b"\0\0\1\x40\x01vps\0\0\1\x26\x01idr", session=H265), True),
        (unit(0, data=b"\0\0\1\x2a\x01cra", session=H265), True),
        (unit(0, data=b"\0\0\1\x02\x01trail", session=H265), False),
        (unit(0, data=b"\xff\xd8\xff", session=MJPEG), True),
    ],
)
def test_keyframes_that_refer_to_nothing_are_known_by_their_codec(each: AccessUnit, is_clean: bool) -> None:
    assert is_clean_start(each) is is_clean
