"""One loop of a scene as H.264 access units, encoded once and kept on disk.

A file of the cache is a line of JSON, which gives the sizes, followed by the access units in Annex B. Its name holds a
digest of all that decides about its content, the drawing code included, so that nothing in the cache is ever outdated.
"""

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from deploy.local.camera.encoder import Encoder, still_units
from deploy.local.camera.errors import BrokenClip, InvalidSpec
from deploy.local.camera.scene import SCENES, build_scene
from deploy.local.camera.stamp import MAX_NUMBER

Report = Callable[[str], None]

_MAGIC = "upper-street-clip-1"
_START_CODE = b"\0\0\1"
_SPS, _PPS, _IDR = 7, 8, 5


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """What decides about a clip. Raises InvalidSpec where no clip can be made of it."""

    scene: str
    width: int = 1920
    height: int = 1080
    fps: int = 25
    loop_s: float = 12.0
    gop_s: float = 4.0
    bitrate_bps: int = 4_000_000

    def __post_init__(self) -> None:
        if self.scene not in SCENES:
            raise InvalidSpec(f"there is no scene {self.scene!r}: choose one of {', '.join(SCENES)}")
        if not (160 <= self.width <= 4096 and 120 <= self.height <= 2304) or self.width % 2 or self.height % 2:
            raise InvalidSpec(f"{self.width}x{self.height} is not an even size between 160x120 and 4096x2304")
        if not 1 <= self.fps <= 60 or not 10_000 <= self.bitrate_bps <= 100_000_000:
            raise InvalidSpec(f"{self.fps} pictures/s at {self.bitrate_bps} bit/s cannot be encoded")
        if not (0 < self.gop_s <= self.loop_s <= MAX_NUMBER) or self.gop < 2 or self.frames > MAX_NUMBER:
            raise InvalidSpec(f"a loop of {self.loop_s} s of GOPs of {self.gop_s} s is too short or too long")
        if self.frames % self.gop:
            raise InvalidSpec(f"a loop of {self.loop_s} s is no whole number of GOPs of {self.gop_s} s")

    @property
    def frames(self) -> int:
        return round(self.loop_s * self.fps)

    @property
    def gop(self) -> int:
        """Pictures from a keyframe to the next."""
        return round(self.gop_s * self.fps)


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """NAL units without start codes."""

    nal_units: tuple[bytes, ...]

    @property
    def is_keyframe(self) -> bool:
        return any(nal_type(nal) == _IDR for nal in self.nal_units)


@dataclass(frozen=True, slots=True)
class Clip:
    """A loop. `still` follows any keyframe for one GOP without changing a pixel of its picture: what a frozen
    camera sends. Each keyframe carries its parameter sets."""

    spec: ClipSpec
    access_units: tuple[AccessUnit, ...]
    still: tuple[AccessUnit, ...]

    @property
    def sps(self) -> bytes:
        return self._parameter_set(_SPS)

    @property
    def pps(self) -> bytes:
        return self._parameter_set(_PPS)

    def _parameter_set(self, kind: int) -> bytes:
        return next(nal for nal in self.access_units[0].nal_units if nal_type(nal) == kind)


def nal_type(nal: bytes) -> int:
    return nal[0] & 0x1F


def load(spec: ClipSpec, cache: Path) -> Clip | None:
    """Return the clip from the cache; None where there is none yet. Raises BrokenClip for a damaged file."""
    try:
        content = _path(spec, cache).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _parsed(spec, content)


def make(spec: ClipSpec, cache: Path, report: Report) -> None:
    """Draw and encode the clip and put it into the cache: seconds of CPU, see `clip_maker`."""
    _write(_path(spec, cache), _packed(_encoded(spec, report)))


def split_nal_units(annex_b: bytes) -> tuple[bytes, ...]:
    """Cut an Annex B byte stream at its start codes. A NAL unit never ends in a zero byte."""
    parts = annex_b.split(_START_CODE)[1:]
    return tuple(nal for nal in (part.rstrip(b"\0") for part in parts) if nal)


def _encoded(spec: ClipSpec, report: Report) -> list[bytes]:
    """Draw and encode the loop, then the still GOP.

    The loop's last second goes first and is thrown away: without it the rate control, which has seen nothing yet,
    makes the first keyframe a quarter of the size of the others.
    """
    report(f"{spec.scene}: drawing {spec.frames} pictures of {spec.width}x{spec.height}")
    scene = build_scene(spec.scene, spec.width, spec.height, spec.loop_s)
    encoder = Encoder(spec.width, spec.height, spec.fps, spec.gop, spec.bitrate_bps)
    units: list[bytes] = []
    for number in range(-min(spec.fps, spec.frames), spec.frames):
        picture = scene.picture(number % spec.frames, spec.frames, spec.fps)
        unit = encoder.encode(picture, is_keyframe=number % spec.gop == 0)
        if number >= 0:
            units.append(unit)
        if number > 0 and number % math.ceil(spec.frames / 4) == 0:
            report(f"{spec.scene}: {number * 100 // spec.frames} %")
    report(f"{spec.scene}: {sum(map(len, units)) / 1e6:.1f} MB encoded")
    return units + still_units(spec.width, spec.height, spec.fps, spec.gop, spec.bitrate_bps)


def _clip(spec: ClipSpec, encoded: list[bytes]) -> Clip:
    units = tuple(AccessUnit(split_nal_units(unit)) for unit in encoded)
    return Clip(spec, units[: spec.frames], units[spec.frames :])


def _packed(encoded: list[bytes]) -> bytes:
    body = b"".join(encoded)
    head = {"format": _MAGIC, "sizes": [len(unit) for unit in encoded], "sha256": hashlib.sha256(body).hexdigest()}
    return json.dumps(head).encode() + b"\n" + body


def _parsed(spec: ClipSpec, content: bytes) -> Clip:
    line, _, body = content.partition(b"\n")
    try:
        head = json.loads(line)
        sizes, digest = [int(size) for size in head["sizes"]], head["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenClip("no header") from error
    if hashlib.sha256(body).hexdigest() != digest or len(sizes) != spec.frames + spec.gop - 1:
        raise BrokenClip("cut or damaged")
    return _clip(spec, list(_cut(body, sizes)))


def _cut(body: bytes, sizes: list[int]) -> Iterator[bytes]:
    edges = [0]
    for size in sizes:
        edges.append(edges[-1] + size)
    return (body[start:end] for start, end in pairwise(edges))


def _path(spec: ClipSpec, cache: Path) -> Path:
    return cache / f"{spec.scene}-{_digest(spec)}.clip"


def _digest(spec: ClipSpec) -> str:
    digest = hashlib.sha256(json.dumps(asdict(spec), sort_keys=True).encode())
    here = Path(__file__).parent
    for source in sorted(
        [*here.glob("scenes/*.py"), *(here / name for name in ("scene.py", "stamp.py", "encoder.py"))]
    ):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:20]


def _write(path: Path, content: bytes) -> None:
    """Write so that a reader finds the whole file or none, also when several processes write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".clip-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
