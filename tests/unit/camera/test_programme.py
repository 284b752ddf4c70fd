"""What a camera sends at each tick: the loop without a seam, and each fault."""

import pytest

from deploy.local.camera.clip import AccessUnit, Clip, ClipSpec
from deploy.local.camera.errors import InvalidSpec
from deploy.local.camera.faults import Damage, Faults
from deploy.local.camera.programme import Programme

SPEC = ClipSpec("terrace", 320, 240, fps=25, loop_s=0.4, gop_s=0.2, bitrate_bps=100_000)
FRAMES, GOP = 10, 5


def unit(number: int) -> AccessUnit:
    """A keyframe's or a following picture's slice that names its number; long enough for several packets."""
    is_keyframe = number % GOP == 0
    slice_nal = bytes((0x65 if is_keyframe else 0x41, number)) * 2_000
    return AccessUnit((b"\x67", b"\x68", slice_nal) if is_keyframe else (slice_nal,))


def programme() -> Programme:
    still = tuple(AccessUnit((bytes((0x41, 0x80 + step)),)) for step in range(1, GOP))
    return Programme(Clip(SPEC, tuple(unit(number) for number in range(FRAMES)), still))


def numbers(programme: Programme, first: int, count: int) -> list[int | None]:
    sendings = [programme.take(tick) for tick in range(first, first + count)]
    return [None if sending is None else sending.number for sending in sendings]


def test_loop_goes_round_and_timestamps_go_on() -> None:
    camera = programme()
    sendings = [camera.take(tick) for tick in range(25)]
    assert [sending.number for sending in sendings if sending] == [tick % FRAMES for tick in range(25)]
    assert [sending.timestamp for sending in sendings if sending] == [tick * 3_600 for tick in range(25)]


def test_frozen_camera_repeats_its_last_keyframe_and_goes_on_with_the_next_gop() -> None:
    camera = programme()
    assert numbers(camera, 0, 8) == [0, 1, 2, 3, 4, 5, 6, 7]
    camera.faults.freeze()
    frozen = [camera.take(tick) for tick in range(8, 8 + 2 * GOP)]
    assert [sending.number for sending in frozen if sending] == [5] * 2 * GOP
    assert [sending.is_keyframe for sending in frozen if sending] == ([True] + [False] * (GOP - 1)) * 2
    assert [sending.timestamp for sending in frozen if sending] == [tick * 3_600 for tick in range(8, 18)]
    camera.faults.resume()
    assert numbers(camera, 18, 7) == [0, 1, 2, 3, 4, 5, 6]


def test_dropped_access_units_are_left_out_and_time_goes_on() -> None:
    camera = programme()
    camera.faults.drop_units(2)
    assert numbers(camera, 0, 5) == [None, None, 2, 3, 4]


def test_one_packet_of_each_of_the_next_access_units_is_lost() -> None:
    camera = programme()
    camera.faults.drop_packets(2)
    lost = [sending.lost for tick in range(4) if (sending := camera.take(tick))]
    assert [len(indices) for indices in lost] == [1, 1, 0, 0]


@pytest.mark.parametrize("damage", list(Damage))
def test_damage_spares_parameter_sets_and_slice_headers_and_wears_off(damage: Damage) -> None:
    sound, camera = programme(), programme()
    camera.faults.corrupt(2, damage)
    for tick in range(4):
        whole, sent = sound.take(tick), camera.take(tick)
        assert whole is not None
        assert sent is not None
        assert (sent.payloads != whole.payloads) is (tick < 2)
        if whole.is_keyframe:
            assert sent.payloads[:2] == whole.payloads[:2]
        first_slice = 2 if whole.is_keyframe else 0
        assert sent.payloads[first_slice][:20] == whole.payloads[first_slice][:20]
    assert camera.faults.units_to_corrupt == 0


def test_cut_access_unit_is_shorter() -> None:
    camera = programme()
    camera.faults.corrupt(1, Damage.CUT)
    sent = camera.take(1)
    assert sent is not None
    assert 4_000 - 1_400 < sum(map(len, sent.payloads)) < 4_000 - 1_200


@pytest.mark.parametrize("fault", [Faults.stall, Faults.garbage])
def test_stalled_or_babbling_camera_sends_no_picture_but_keeps_its_clock(fault: object) -> None:
    camera = programme()
    assert callable(fault)
    fault(camera.faults)
    assert numbers(camera, 0, 3) == [None] * 3
    camera.faults.resume()
    assert numbers(camera, 3, 2) == [3, 4]


def test_resume_ends_all_faults() -> None:
    faults = Faults()
    faults.drop_units(5)
    faults.drop_packets(5)
    faults.corrupt(5)
    faults.refuse()
    faults.freeze()
    faults.resume()
    assert faults == Faults(_rng=faults._rng)


@pytest.mark.parametrize("count", [0, -1, 10_000_000])
def test_senseless_count_is_refused(count: int) -> None:
    for command in (Faults.drop_units, Faults.drop_packets, Faults.corrupt):
        with pytest.raises(InvalidSpec):
            command(Faults(), count)


@pytest.mark.parametrize(
    "values",
    [
        {"scene": "moon"},
        {"width": 321},
        {"width": 0},
        {"height": 100_000},
        {"fps": 0},
        {"bitrate_bps": -1},
        {"gop_s": 0.0},
        {"gop_s": 5.0, "loop_s": 12.0},
        {"loop_s": 1e6, "gop_s": 1e6},
        {"loop_s": 0.0},
        {"loop_s": float("nan")},
        {"gop_s": float("nan")},
        {"loop_s": float("inf")},
    ],
)
def test_clip_that_cannot_be_made_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(InvalidSpec):
        ClipSpec(**{"scene": "terrace", **values})  # type: ignore[arg-type]  # wrong values are the matter here
