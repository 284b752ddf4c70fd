"""Clips: what is encoded, and a cache that is never trusted blindly."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from deploy.local.camera import stamp
from deploy.local.camera.clip import AccessUnit, Clip, ClipSpec, load, make, nal_type
from deploy.local.camera.clip_maker import clips_for
from deploy.local.camera.errors import BrokenClip, ClipNotMade
from deploy.local.camera.scenes.planes import Bytes

SMALL = ClipSpec("park", 320, 184, fps=10, loop_s=2.0, gop_s=1.0, bitrate_bps=300_000)


def quiet(_line: str) -> None:
    """Report nothing."""


def made(spec: ClipSpec, cache: Path) -> Clip:
    make(spec, cache, quiet)
    clip = load(spec, cache)
    assert clip is not None
    return clip


def decoded(units: list[AccessUnit]) -> list[Bytes]:
    decoder = av.CodecContext.create("h264", "r")
    packets = [av.Packet(b"".join(b"\0\0\0\1" + nal for nal in unit.nal_units)) for unit in units]
    pictures: list[Bytes] = []
    for packet in [*packets, None]:
        for frame in decoder.decode(packet):
            assert isinstance(frame, av.VideoFrame)
            pictures.append(frame.to_ndarray()[: SMALL.height].astype(np.uint8, copy=False))
    return pictures


def test_loop_has_one_keyframe_a_gop_with_its_parameter_sets(tmp_path: Path) -> None:
    clip = made(SMALL, tmp_path)
    assert [unit.is_keyframe for unit in clip.access_units] == ([True] + [False] * 9) * 2
    for unit in clip.access_units:
        kinds = [nal_type(nal) for nal in unit.nal_units]
        assert kinds == ([7, 8, 5] if unit.is_keyframe else [1])


def test_loop_decodes_twice_over_with_all_its_numbers(tmp_path: Path) -> None:
    units = list(made(SMALL, tmp_path).access_units)
    assert [stamp.read(picture) for picture in decoded(units * 2)] == [*range(20), *range(20)]


@pytest.mark.parametrize("height", [184, 240])
def test_still_pictures_change_no_pixel_behind_any_keyframe(tmp_path: Path, height: int) -> None:
    clip = made(replace(SMALL, height=height), tmp_path)
    for keyframe in (clip.access_units[0], clip.access_units[SMALL.gop]):
        pictures = decoded([keyframe, *clip.still, keyframe, *clip.still])
        assert len(pictures) == 2 * SMALL.gop
        assert all((picture == pictures[0]).all() for picture in pictures)


def test_cache_tells_different_clips_apart(tmp_path: Path) -> None:
    made(SMALL, tmp_path)
    assert load(replace(SMALL, scene="estate"), tmp_path) is None
    assert load(replace(SMALL, bitrate_bps=300_001), tmp_path) is None
    assert load(SMALL, tmp_path / "elsewhere") is None


@pytest.mark.parametrize("spoil", ["cut", "flip", "empty", "other"])
def test_damaged_file_is_noticed(tmp_path: Path, spoil: str) -> None:
    made(SMALL, tmp_path)
    (path,) = tmp_path.glob("*.clip")
    content = bytearray(path.read_bytes())
    if spoil == "flip":
        content[-100] ^= 1
    contents = {"cut": bytes(content[:-1]), "flip": bytes(content), "empty": b"", "other": b'{"sizes": 3}\n'}
    path.write_bytes(contents[spoil])
    with pytest.raises(BrokenClip):
        load(SMALL, tmp_path)


async def test_missing_and_damaged_clips_are_made_by_processes(tmp_path: Path) -> None:
    lines: list[str] = []
    first = await clips_for({"a": SMALL, "b": SMALL}, tmp_path, lines.append)
    assert first["a"] is first["b"]
    assert any("drawing 20 pictures" in line for line in lines)
    (path,) = tmp_path.glob("*.clip")
    path.write_bytes(b"x")
    again = await clips_for({"a": SMALL}, tmp_path, lines.append)
    assert again["a"].access_units[0] == first["a"].access_units[0]
    assert any("made again" in line for line in lines)
    assert list(tmp_path.iterdir()) == [path]


async def test_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with pytest.raises(ClipNotMade, match="park"):
        await clips_for({"a": SMALL}, blocked / "clips", quiet)
