"""The scenes that a camera can show: pictures of a street as a function of the frame's number, without a seam."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deploy.local.camera import stamp
from deploy.local.camera.errors import InvalidSpec
from deploy.local.camera.scenes import estate, night_street, park, terrace
from deploy.local.camera.scenes.actors import Actor, grain
from deploy.local.camera.scenes.clock import Clock
from deploy.local.camera.scenes.drawing import HEIGHT, WIDTH
from deploy.local.camera.scenes.light import DAY, EVENING, NIGHT, OVERCAST, Light
from deploy.local.camera.scenes.planes import Bytes, Planes, from_image
from deploy.local.camera.scenes.street import Polygon, Street

_GRAINS = 16
"""How far the grain is shifted at most: another offset for each picture, from one field of noise."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one scene is built, and what its camera is called in the picture."""

    title: str
    light: Light
    build: Callable[[Street], None]
    seed: int


SCENES = {
    "terrace": Kind("COLEBROOK TERRACE", DAY, terrace.build, 1),
    "estate": Kind("ARCHWAY POINT ESTATE", OVERCAST, estate.build, 2),
    "park": Kind("UPPER GREEN GATE", DAY, park.build, 3),
    "night-street": Kind("HIGH STREET", NIGHT, night_street.build, 4),
    "evening-terrace": Kind("ALMA TERRACE", EVENING, terrace.build, 5),
    "night-terrace": Kind("ALMA TERRACE", NIGHT, terrace.build, 6),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A street ready to be drawn; `dwellings` are the polygons to black out, in shares of the picture."""

    name: str
    dwellings: tuple[Polygon, ...]
    background: Planes
    actors: tuple[Actor, ...]
    clock: Clock
    grain: Bytes

    def picture(self, number: int, frames: int, fps: int) -> Bytes:
        """Draw picture `number` of a loop of `frames` pictures, stamp and clock included, as an I420 array."""
        picture = self.background.copy()
        for actor in self.actors:
            actor.draw(picture, number / frames)
        self._add_grain(picture, number)
        self.clock.draw(picture, number, fps)
        stamp.draw(picture.y, number)
        return picture.whole

    def _add_grain(self, picture: Planes, number: int) -> None:
        height, width = picture.y.shape
        down, across = number * 7 % _GRAINS, number * 11 // 3 % _GRAINS
        np.add(picture.y, self.grain[down : down + height, across : across + width], out=picture.y)


def build_scene(name: str, width: int, height: int, loop_s: float) -> Scene:
    """Draw a scene's background and cut out its figures. Raises InvalidSpec for an unknown scene."""
    kind = SCENES.get(name)
    if kind is None:
        raise InvalidSpec(f"there is no scene {name!r}: choose one of {', '.join(SCENES)}")
    street = Street((width / WIDTH, height / HEIGHT), kind.light, loop_s, kind.seed)
    kind.build(street)
    background = from_image(street.art.image())
    background.y.clip(16, 235, out=background.y)
    for chroma in (background.u, background.v):
        chroma[stamp.plate(*chroma.shape)] = 128
    return Scene(
        name=name,
        dwellings=tuple(street.dwellings),
        background=background,
        actors=tuple(sorted(street.actors, key=lambda actor: actor.depth)),
        clock=Clock.for_picture(kind.title, width, height),
        grain=grain(height + _GRAINS, width + _GRAINS, kind.seed),
    )


def dwellings(name: str) -> tuple[Polygon, ...]:
    """Return the polygons of a scene's dwellings, which do not depend on the picture's size."""
    return build_scene(name, 192, 108, 12.0).dwellings
