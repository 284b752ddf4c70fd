"""Times of day: what the sky looks like and how much of it reaches the street."""

from dataclasses import dataclass

from deploy.local.camera.scenes.drawing import Colour


@dataclass(frozen=True, slots=True)
class Light:
    """`tint` multiplies everything that is not itself a lamp."""

    sky_top: Colour
    sky_bottom: Colour
    tint: tuple[float, float, float]
    is_night: bool


DAY = Light(sky_top=(112, 158, 208), sky_bottom=(214, 226, 232), tint=(1.0, 1.0, 1.0), is_night=False)
OVERCAST = Light(sky_top=(150, 160, 170), sky_bottom=(205, 208, 208), tint=(0.93, 0.95, 0.97), is_night=False)
EVENING = Light(sky_top=(92, 110, 160), sky_bottom=(246, 196, 142), tint=(0.95, 0.84, 0.74), is_night=False)
NIGHT = Light(sky_top=(40, 46, 78), sky_bottom=(92, 84, 104), tint=(0.30, 0.31, 0.42), is_night=True)
