"""What drives past, seen from the side: cars, vans, a taxi, a double-decker bus, a cyclist."""

import math
from dataclasses import dataclass

from PIL import Image

from deploy.local.camera.scenes.drawing import Colour, Drawing, Point, shaded
from deploy.local.camera.scenes.light import Light
from deploy.local.camera.scenes.planes import Sprite, sprite_from_image

CAR_SIZE: Point = (330, 130)
VAN_SIZE: Point = (400, 190)
BUS_SIZE: Point = (720, 330)
CYCLIST_SIZE: Point = (170, 180)
BEAM = 150.0
"""Width of a headlight's beam, which a sprite has before its vehicle at night and keeps empty by day."""

_GLASS = (72, 92, 106)
_TYRE = (28, 28, 30)
_DARK_SHARE = (0.5, 0.5, 0.58)


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A sprite with the size of what it shows, the beam before it included."""

    sprite: Sprite
    size: Point


def car(colour: Colour, scale: Point, light: Light, *, is_taxi: bool = False, is_leftward: bool = False) -> Vehicle:
    art = _ground(CAR_SIZE, scale)
    roof = 14 if is_taxi else 20
    art.polygon([(62, 62), (104, roof + 4), (118, roof), (212, roof), (226, roof + 4), (270, 64)], shaded(colour, 0.92))
    art.polygon([(80, 62), (112, roof + 12), (158, roof + 12), (158, 62)], _GLASS)
    art.polygon([(168, 62), (168, roof + 12), (210, roof + 12), (252, 62)], _GLASS)
    art.polygon([(92, 62), (116, roof + 12), (130, roof + 12), (108, 62)], shaded(_GLASS, 1.5))
    art.rect((14, 58, 318, 106), colour, radius=18)
    art.rect((14, 84, 318, 106), shaded(colour, 0.72), radius=10)
    art.line([(30, 66), (304, 66)], shaded(colour, 1.25), 3)
    for x in (98, 163, 246):
        art.line([(x, 62), (x + 3, 100)], shaded(colour, 0.66), 2)
    for x in (128, 196):
        art.rect((x, 72, x + 18, 76), shaded(colour, 0.6))
    if is_taxi:
        art.rect((150, 4, 186, 15), (250, 170, 40), radius=3)
    _wheels(art, (76, 262), 104, 25)
    _lamps(art, (292, 68, 316, 82), (14, 68, 30, 84))
    return _finished(art, CAR_SIZE, light, is_leftward, lamp_y=76)


def van(colour: Colour, scale: Point, light: Light, words: str, *, is_leftward: bool = False) -> Vehicle:
    art = _ground(VAN_SIZE, scale)
    art.polygon([(12, 20), (20, 12), (276, 12), (300, 20), (352, 90), (388, 106), (388, 160), (12, 160)], colour)
    art.polygon([(284, 30), (298, 30), (338, 86), (284, 86)], _GLASS)
    art.rect((12, 136, 388, 162), shaded(colour, 0.7), radius=6)
    art.line([(270, 20), (270, 150)], shaded(colour, 0.75), 3)
    if not is_leftward:
        art.text((140, 72), words, 34, (40, 70, 140))
    art.rect((30, 100, 256, 108), (40, 90, 160))
    _wheels(art, (82, 320), 160, 29)
    _lamps(art, (366, 112, 388, 128), (12, 100, 22, 126))
    return _finished(art, VAN_SIZE, light, is_leftward, lamp_y=120)


def bus(scale: Point, light: Light, *, is_leftward: bool = False) -> Vehicle:
    art, red = _ground(BUS_SIZE, scale), (196, 28, 34)
    art.rect((10, 12, 708, 300), red, radius=20)
    art.rect((10, 262, 708, 302), shaded(red, 0.7), radius=8)
    art.rect((10, 150, 708, 160), shaded(red, 1.15))
    for top, bottom in ((38, 112), (172, 250)):
        for index in range(7):
            x = 30 + index * 92
            art.rect((x, top, x + 82, bottom), _GLASS, radius=8)
            art.polygon(
                [(x + 10, bottom - 2), (x + 34, top + 2), (x + 50, top + 2), (x + 26, bottom - 2)], shaded(_GLASS, 1.2)
            )
            if (index * 5 + top) % 3 == 0:
                art.ellipse((x + 24, bottom - 52, x + 50, bottom - 22), (52, 46, 48))
                art.rect((x + 14, bottom - 26, x + 60, bottom), (60, 60, 84), radius=8)
    art.rect((676, 178, 702, 262), shaded(_GLASS, 0.8), radius=6)
    art.rect((598, 118, 700, 146), (24, 24, 24))
    if not is_leftward:
        art.text((649, 132), "43 ANGEL", 20, (255, 190, 40))
    _wheels(art, (140, 560), 298, 34)
    _lamps(art, (690, 268, 708, 284), (10, 262, 20, 284))
    return _finished(art, BUS_SIZE, light, is_leftward, lamp_y=276, lit=((38, 112), (172, 250)))


def cyclist(coat: Colour, scale: Point, light: Light, *, is_leftward: bool = False) -> tuple[Sprite, ...]:
    """Draw the poses of one turn of the pedals."""
    return tuple(_cyclist(coat, scale, light, is_leftward, index / 8) for index in range(8))


def _cyclist(coat: Colour, scale: Point, light: Light, is_leftward: bool, phase: float) -> Sprite:
    art, frame = Drawing(CYCLIST_SIZE, scale, None), (30, 120, 110)
    art.ellipse((6, 168, 164, 180), (20, 22, 26, 110))
    hub = (80.0, 138.0)
    for x in (36, 134):
        art.arc((x - 34, 104, x + 34, 172), 0, 360, _TYRE, 5)
    art.line([(36, 138), (64, 96), (122, 92), hub, (36, 138)], frame, 5)
    art.line([(64, 96), hub], frame, 5)
    art.line([(134, 138), (120, 80), (132, 76)], frame, 5)
    for side in (0.0, 0.5):
        angle = 2 * math.pi * (phase + side)
        foot = (hub[0] + 13 * math.cos(angle), hub[1] + 13 * math.sin(angle))
        knee = ((foot[0] + 62) / 2 + 20, (foot[1] + 92) / 2 - 6)
        art.line([(64, 92), knee, foot], (46, 50, 64) if side else (36, 38, 50), 12, is_round=True)
    art.line([(64, 90), (92, 46)], coat, 24, is_round=True)
    art.line([(92, 50), (110, 70), (130, 78)], shaded(coat, 0.85), 9, is_round=True)
    art.ellipse((90, 14, 116, 44), (206, 160, 128))
    art.sector((86, 8, 120, 42), 170, 360, (236, 238, 240))
    if light.is_night:
        art.darken((0.62, 0.6, 0.66))
        art.glow((134, 84), (34, 34), (255, 250, 220), 0.9)
    return sprite_from_image(_turned(art.image(), is_leftward))


def _ground(size: Point, scale: Point) -> Drawing:
    art = Drawing((size[0] + BEAM, size[1]), scale, None)
    art.ellipse((4, size[1] - 22, size[0] - 2, size[1]), (16, 18, 22, 130))
    return art


def _wheels(art: Drawing, places: tuple[float, ...], y: float, radius: float) -> None:
    for x in places:
        art.ellipse((x - radius - 4, y - radius - 4, x + radius + 4, y + radius), (20, 20, 22))
        art.ellipse((x - radius, y - radius, x + radius, y + radius), _TYRE)
        art.ellipse((x - radius * 0.58, y - radius * 0.58, x + radius * 0.58, y + radius * 0.58), (168, 170, 174))
        art.ellipse((x - radius * 0.2, y - radius * 0.2, x + radius * 0.2, y + radius * 0.2), (90, 92, 96))


def _lamps(art: Drawing, front: tuple[float, float, float, float], rear: tuple[float, float, float, float]) -> None:
    art.rect(front, (240, 240, 220), radius=4)
    art.rect(rear, (170, 26, 26), radius=3)


def _finished(
    art: Drawing,
    size: Point,
    light: Light,
    is_leftward: bool,
    *,
    lamp_y: float,
    lit: tuple[tuple[float, float], ...] = (),
) -> Vehicle:
    if light.is_night:
        art.darken(_DARK_SHARE)
        for top, bottom in lit:
            for index in range(7):
                x = 30 + index * 92
                art.rect((x + 3, top + 3, x + 79, top + (bottom - top) * 0.5), (250, 232, 176), radius=8)
        _headlight(art, size, lamp_y)
    return Vehicle(sprite_from_image(_turned(art.image(), is_leftward)), (size[0] + BEAM, size[1]))


def _headlight(art: Drawing, size: Point, lamp_y: float) -> None:
    front = size[0] - 14
    for step in range(12, 0, -1):
        length, opacity = BEAM * step / 12, round(92 * (1 - step / 13))
        art.polygon(
            [
                (front, lamp_y - 4),
                (front + length, lamp_y + 2),
                (front + length, lamp_y + 8 + 42 * step / 12),
                (front, lamp_y + 10),
            ],
            (255, 244, 200, opacity),
        )
    art.ellipse((front - 16, lamp_y - 12, front + 12, lamp_y + 14), (255, 252, 230))
    art.ellipse((8, lamp_y - 10, 26, lamp_y + 12), (255, 40, 36))


def _turned(image: Image.Image, is_leftward: bool) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if is_leftward else image
