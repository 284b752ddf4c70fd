"""What moves in a street, each as a pure function of the loop's phase, so that the loop has no seam.

The phase runs from 0 to 1 over the loop. Something that needs longer than the loop to cross the street is there
several times, each copy one loop ahead of the next: at the seam each copy stands where the next one stood.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from deploy.local.camera.scenes.drawing import HEIGHT, WIDTH, Point
from deploy.local.camera.scenes.planes import Bytes, Planes, Sprite


class Actor(Protocol):
    """Something laid over the background in each picture; actors further down the picture come later."""

    @property
    def depth(self) -> float: ...

    def draw(self, picture: Planes, phase: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """Something that does not move but that others pass behind: a lamp post, a tree, railings."""

    sprite: Sprite
    at: Point
    depth: float

    def draw(self, picture: Planes, phase: float) -> None:
        x, y = _pixels(self.at, picture)
        self.sprite.blend(picture, x, y)


@dataclass(frozen=True, slots=True)
class Crossing:
    """A walker or a car on a straight way; coordinates are of the top left corner of its sprite.

    `steps` counts whole rounds through the poses in one loop.
    """

    poses: tuple[Sprite, ...]
    start: Point
    end: Point
    depth: float
    copies: int
    offset: float
    steps: int = 1

    def draw(self, picture: Planes, phase: float) -> None:
        pose = self.poses[int(phase * self.steps * len(self.poses)) % len(self.poses)]
        for share in self._shares(phase):
            at = (
                self.start[0] + (self.end[0] - self.start[0]) * share,
                self.start[1] + (self.end[1] - self.start[1]) * share,
            )
            x, y = _pixels(at, picture)
            pose.blend(picture, x, y)

    def _shares(self, phase: float) -> Iterator[float]:
        for copy in range(self.copies):
            yield ((phase + copy) / self.copies + self.offset) % 1.0


@dataclass(frozen=True, slots=True)
class Swaying:
    """A person in a window: goes to and fro behind the glass, `rounds` times in a loop.

    What leaves the window's glass is cut off.
    """

    sprite: Sprite
    window: tuple[float, float, float, float]
    at: Point
    reach: float
    rounds: int
    offset: float
    depth: float = 0.0

    def draw(self, picture: Planes, phase: float) -> None:
        sway = math.sin(2 * math.pi * (self.rounds * phase + self.offset))
        left, top = _even(_pixels(self.window[:2], picture))
        right, bottom = _even(_pixels(self.window[2:], picture))
        x, y = _pixels((self.at[0] + self.reach * sway, self.at[1]), picture)
        pane = Planes(
            whole=picture.whole,
            y=picture.y[top:bottom, left:right],
            u=picture.u[top // 2 : bottom // 2, left // 2 : right // 2],
            v=picture.v[top // 2 : bottom // 2, left // 2 : right // 2],
        )
        self.sprite.blend(pane, x - left, y - top)


def grain(height: int, width: int, seed: int) -> Bytes:
    """Sensor noise to be added to luma modulo 256: what a real camera's encoder spends its bits on."""
    noise = np.random.default_rng(seed).normal(0.0, 1.3, (height, width))
    return np.rint(noise).clip(-6, 6).astype(np.int8).view(np.uint8)


def _pixels(at: Point, picture: Planes) -> Point:
    height, width = picture.y.shape
    return at[0] * width / WIDTH, at[1] * height / HEIGHT


def _even(at: Point) -> tuple[int, int]:
    return round(at[0] / 2) * 2, round(at[1] / 2) * 2
