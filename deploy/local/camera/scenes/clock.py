"""The line at the top right that people read: camera, time in the loop, frame number."""

from dataclasses import dataclass

from deploy.local.camera.scenes.drawing import HEIGHT, WIDTH, Drawing, Point
from deploy.local.camera.scenes.planes import Planes, Sprite, sprite_from_image

_GLYPHS = "0123456789:.#"
_GLYPH: Point = (24, 44)
_TOP, _RIGHT, _TITLE_WIDTH = 14.0, 1900.0, 440.0
_TEXT = "00:00.00 #00000"
_PLATE = (16, 18, 22, 255)


@dataclass(frozen=True, slots=True)
class Clock:
    """Digits drawn once and set for each picture."""

    title: Sprite
    glyphs: dict[str, Sprite]

    @classmethod
    def for_picture(cls, title: str, width: int, height: int) -> "Clock":
        scale = (width / WIDTH, height / HEIGHT)
        plate = Drawing((_TITLE_WIDTH, _GLYPH[1]), scale, None)
        plate.rect((0, 0, _TITLE_WIDTH, _GLYPH[1]), _PLATE)
        plate.text((12, _GLYPH[1] / 2), title, 30, (236, 236, 236), "lm")
        return cls(sprite_from_image(plate.image()), {glyph: _glyph(glyph, scale) for glyph in (*_GLYPHS, " ")})

    def draw(self, picture: Planes, number: int, fps: int) -> None:
        height, width = picture.y.shape
        left = _RIGHT - len(_TEXT) * _GLYPH[0]
        self.title.blend(picture, (left - _TITLE_WIDTH) * width / WIDTH, _TOP * height / HEIGHT)
        for index, glyph in enumerate(_words(number, fps)):
            self.glyphs[glyph].blend(picture, (left + index * _GLYPH[0]) * width / WIDTH, _TOP * height / HEIGHT)


def _words(number: int, fps: int) -> str:
    hundredths = number * 100 // fps
    return f"{hundredths // 6000:02}:{hundredths // 100 % 60:02}.{hundredths % 100:02} #{number:05}"


def _glyph(glyph: str, scale: Point) -> Sprite:
    art = Drawing((_GLYPH[0] + 2, _GLYPH[1]), scale, None)
    art.rect((0, 0, _GLYPH[0] + 2, _GLYPH[1]), _PLATE)
    art.text((_GLYPH[0] / 2, _GLYPH[1] / 2), glyph, 30, (236, 236, 236))
    return sprite_from_image(art.image())
