"""People: walkers on the pavement, and the bright figures in windows that a black-out must hide."""

import math
from dataclasses import dataclass
from functools import partial

from PIL import Image

from deploy.local.camera.scenes.drawing import Colour, Drawing, Point, shaded
from deploy.local.camera.scenes.light import Light
from deploy.local.camera.scenes.planes import Sprite, sprite_from_image

POSES = 8
_DARK_SHARE = (0.62, 0.60, 0.66)
"""Of daylight that street lamps leave on people and cars at night."""


@dataclass(frozen=True, slots=True)
class Outfit:
    """What a person wears, and whether there is a bag or a pushchair to carry along."""

    coat: Colour
    trousers: Colour
    hair: Colour = (52, 38, 28)
    skin: Colour = (214, 170, 140)
    has_bag: bool = False
    has_dog: bool = False


def walker(
    outfit: Outfit, height: float, scale: Point, light: Light, *, is_leftward: bool = False
) -> tuple[Sprite, ...]:
    """Draw the poses of one walking round; sprites are `walker_width(height)` wide and `height` high."""
    pose = partial(_walker, outfit, height, scale, light, is_leftward)
    return tuple(pose(index / POSES) for index in range(POSES))


def walker_width(height: float) -> float:
    return height * 0.9


def _walker(outfit: Outfit, height: float, scale: Point, light: Light, is_leftward: bool, phase: float) -> Sprite:
    width = walker_width(height)
    art = Drawing((width, height), scale, None)
    swing = math.sin(2 * math.pi * phase)
    centre, unit = width * 0.4, height / 100
    art.ellipse((centre - 20 * unit, 95 * unit, centre + 22 * unit, 100 * unit), (20, 22, 26, 110))
    if outfit.has_dog:
        _dog(art, centre, unit, swing)
    _legs(art, centre, unit, swing, outfit.trousers)
    _limb(art, (centre, 27 * unit), (centre + 11 * swing * unit, 52 * unit), shaded(outfit.coat, 0.7), 6 * unit)
    _torso(art, centre, unit, outfit.coat)
    _limb(art, (centre, 27 * unit), (centre - 11 * swing * unit, 52 * unit), shaded(outfit.coat, 0.86), 6.5 * unit)
    if outfit.has_bag:
        x = centre - 11 * swing * unit
        art.rect((x - 6 * unit, 52 * unit, x + 6 * unit, 66 * unit), (222, 210, 180), radius=2 * unit)
    _head(art, centre, unit, outfit)
    if light.is_night:
        art.darken(_DARK_SHARE)
    return sprite_from_image(_turned(art.image(), is_leftward))


def _legs(art: Drawing, centre: float, unit: float, swing: float, colour: Colour) -> None:
    for direction, factor in ((-1, 0.75), (1, 1.0)):
        foot = (centre + direction * 13 * swing * unit, (96 - 2.5 * max(0.0, direction * swing)) * unit)
        knee = (centre + (direction * 7 * swing + 2) * unit, 74 * unit)
        art.line([(centre, 52 * unit), knee, foot], shaded(colour, factor), 8 * unit, is_round=True)
        art.line([foot, (foot[0] + 5 * unit, foot[1])], (30, 28, 28), 5 * unit, is_round=True)


def _limb(art: Drawing, start: Point, end: Point, colour: Colour, width: float) -> None:
    art.line([start, end], colour, width, is_round=True)


def _torso(art: Drawing, centre: float, unit: float, coat: Colour) -> None:
    art.rect((centre - 9 * unit, 20 * unit, centre + 9 * unit, 58 * unit), coat, radius=7 * unit)
    art.rect((centre - 9 * unit, 30 * unit, centre - 4 * unit, 57 * unit), shaded(coat, 0.84))


def _head(art: Drawing, centre: float, unit: float, outfit: Outfit) -> None:
    art.rect((centre - 3 * unit, 15 * unit, centre + 3 * unit, 23 * unit), shaded(outfit.skin, 0.9))
    art.ellipse((centre - 7 * unit, 2 * unit, centre + 7 * unit, 19 * unit), outfit.skin)
    art.sector((centre - 7.6 * unit, 1 * unit, centre + 7.4 * unit, 18 * unit), 150, 330, outfit.hair)


def _dog(art: Drawing, centre: float, unit: float, swing: float) -> None:
    x, coat = centre + 32 * unit, (120, 84, 50)
    art.line([(centre + 10 * unit, 52 * unit), (x + 6 * unit, 80 * unit)], (40, 40, 44), unit)
    for foot in (-7, 8):
        art.line(
            [(x + foot * unit, 88 * unit), (x + (foot + 3 * swing) * unit, 97 * unit)], shaded(coat, 0.8), 3 * unit
        )
    art.rect((x - 10 * unit, 80 * unit, x + 11 * unit, 90 * unit), coat, radius=4 * unit)
    art.ellipse((x + 7 * unit, 74 * unit, x + 18 * unit, 84 * unit), coat)
    art.line([(x - 10 * unit, 82 * unit), (x - 14 * unit, (75 + 2 * swing) * unit)], coat, 2.5 * unit)


def resident(height: float, scale: Point) -> Sprite:
    """Draw the bright figure of somebody at home, head and shoulders; as wide as high.

    Almost white and in a colour that nothing else in the street has: one such pixel outside a black-out is a leak.
    """
    art = Drawing((height, height), scale, None)
    unit, bright = height / 100, (255, 232, 120)
    art.ellipse((32 * unit, 4 * unit, 68 * unit, 46 * unit), bright)
    art.rect((42 * unit, 40 * unit, 58 * unit, 56 * unit), shaded(bright, 0.92))
    art.rect((14 * unit, 52 * unit, 86 * unit, 150 * unit), bright, radius=22 * unit)
    art.line([(22 * unit, 66 * unit), (6 * unit, 34 * unit)], bright, 12 * unit, is_round=True)
    art.ellipse((41 * unit, 19 * unit, 46 * unit, 25 * unit), (60, 40, 20))
    art.ellipse((54 * unit, 19 * unit, 59 * unit, 25 * unit), (60, 40, 20))
    art.arc((42 * unit, 22 * unit, 58 * unit, 38 * unit), 20, 160, (120, 50, 30), 2.5 * unit)
    return sprite_from_image(art.image())


def _turned(image: Image.Image, is_leftward: bool) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if is_leftward else image
