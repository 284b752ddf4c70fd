"""A street being built: its background, what moves in it and the windows behind which people live."""

import math
import random
from dataclasses import dataclass, field

from deploy.local.camera.scenes.actors import Actor, Crossing, Standing, Swaying
from deploy.local.camera.scenes.drawing import HEIGHT, WIDTH, Box, Colour, Drawing, Point, shaded
from deploy.local.camera.scenes.figures import Outfit, resident, walker, walker_width
from deploy.local.camera.scenes.light import Light
from deploy.local.camera.scenes.planes import Sprite, sprite_from_image
from deploy.local.camera.scenes.vehicles import Vehicle

Polygon = tuple[Point, ...]
"""Corners as shares (0..1) of the picture's width and height."""

_WARM: tuple[Colour, ...] = ((250, 206, 130), (246, 190, 110), (252, 222, 164), (206, 214, 236))
_WHITE_FRAME: Colour = (236, 234, 228)
_MOST_COPIES = 12


@dataclass(frozen=True, slots=True)
class Window:
    """One window; `panes` across and down."""

    box: Box
    panes: tuple[int, int]
    frame: Colour
    has_resident: bool
    has_curtains: bool


@dataclass(slots=True)
class Street:
    """Coordinates are of a 1920x1080 picture; `scale` is the picture's true size against it."""

    scale: Point
    light: Light
    loop_s: float
    seed: int
    art: Drawing = field(init=False)
    rng: random.Random = field(init=False)
    actors: list[Actor] = field(default_factory=list)
    dwellings: list[Polygon] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.art = Drawing((WIDTH, HEIGHT), self.scale)
        self.rng = random.Random(self.seed)

    def window(
        self,
        box: Box,
        panes: tuple[int, int] = (2, 2),
        *,
        frame: Colour = _WHITE_FRAME,
        has_resident: bool = False,
        is_dwelling: bool = True,
        has_curtains: bool = True,
    ) -> None:
        """Set a window into the wall, with somebody behind it if asked for."""
        window = Window(box, panes, frame, has_resident, has_curtains)
        self.windows.append(window)
        self._draw_window(window, lit=None)
        if has_resident:
            self._move_in(window)
        if is_dwelling:
            self.dwelling(box)

    def dwelling(self, box: Box, margin: float = 7.0) -> None:
        """Note a part of the picture behind which somebody lives."""
        left, top, right, bottom = box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin
        x0, x1 = max(0.0, left / WIDTH), min(1.0, right / WIDTH)
        y0, y1 = max(0.0, top / HEIGHT), min(1.0, bottom / HEIGHT)
        self.dwellings.append(((x0, y0), (x1, y0), (x1, y1), (x0, y1)))

    def let_light_fall(self) -> None:
        """Tint all that is drawn by the time of day and light some windows at night: call it before drawing lamps."""
        self.art.darken(self.light.tint)
        if not self.light.is_night:
            return
        for window in self.windows:
            if window.has_resident or self.rng.random() < 0.55:
                self._draw_window(window, lit=self.rng.choice(_WARM))

    def walk(
        self, outfit: Outfit, feet_y: float, height: float, speed: float, offset: float, *, is_leftward: bool = False
    ) -> None:
        """Send somebody along a pavement at `speed` units a second; `offset` (0..1) is where the loop finds him."""
        poses = walker(outfit, height, self.scale, self.light, is_leftward=is_leftward)
        steps = max(1, round(self.loop_s * speed / height * 1.25))
        size = (walker_width(height), height)
        self._cross(poses, size, feet_y, speed, offset, is_leftward=is_leftward, steps=steps)

    def drive(
        self, vehicle: Vehicle, wheels_y: float, speed: float, offset: float, *, is_leftward: bool = False
    ) -> None:
        """Send a vehicle along the road; several must not meet in one lane: same speed, other offsets."""
        self._cross((vehicle.sprite,), vehicle.size, wheels_y, speed, offset, is_leftward=is_leftward)

    def ride(
        self,
        poses: tuple[Sprite, ...],
        size: Point,
        wheels_y: float,
        speed: float,
        offset: float,
        *,
        is_leftward: bool = False,
    ) -> None:
        """Send a cyclist along the road."""
        steps = max(1, round(self.loop_s * 0.9))
        self._cross(poses, size, wheels_y, speed, offset, is_leftward=is_leftward, steps=steps)

    def stand(self, art: Drawing, at: Point, depth: float) -> None:
        """Put up something that others pass behind."""
        self.actors.append(Standing(sprite_from_image(art.image()), at, depth))

    def _cross(
        self,
        poses: tuple[Sprite, ...],
        size: Point,
        ground_y: float,
        speed: float,
        offset: float,
        *,
        is_leftward: bool,
        steps: int = 1,
    ) -> None:
        per_loop = speed * self.loop_s
        copies = max(1, math.ceil((WIDTH + size[0]) / per_loop))
        way = per_loop * copies
        if copies > _MOST_COPIES:
            copies, way = _MOST_COPIES, WIDTH + size[0]
        y = ground_y - size[1]
        start = (WIDTH, y) if is_leftward else (-size[0], y)
        end = (start[0] - way, y) if is_leftward else (start[0] + way, y)
        self.actors.append(Crossing(poses, start, end, ground_y, copies, offset, steps))

    def _move_in(self, window: Window) -> None:
        x0, y0, x1, y1 = window.box
        height = min(y1 - y0, (x1 - x0) * 1.1) * 0.92
        rounds = max(1, round(self.loop_s / self.rng.choice((4, 6))))
        at = ((x0 + x1 - height) / 2, y1 - height)
        reach = max(6.0, (x1 - x0 - height) / 2 + height * 0.12)
        glass = (x0 + 5, y0 + 5, x1 - 5, y1 - 5)
        self.actors.append(
            Swaying(resident(height, self.scale), glass, at, reach, rounds, self.rng.random(), depth=0.0)
        )
        bars = Drawing((x1 - x0, y1 - y0), self.scale, None)
        _draw_bars(bars, (0, 0, x1 - x0, y1 - y0), window.panes, self._in_light(window.frame))
        self.actors.append(Standing(sprite_from_image(bars.image()), (x0, y0), depth=0.1))

    def _draw_window(self, window: Window, lit: Colour | None) -> None:
        x0, y0, x1, y1 = window.box
        frame = window.frame if lit is None else self._in_light(window.frame)
        self.art.rect((x0 - 5, y0 - 5, x1 + 5, y1 + 5), shaded(frame, 0.8))
        if window.has_resident:
            inside = (52, 50, 58) if lit is None else (120, 84, 52)
            self.art.gradient(window.box, shaded(inside, 0.8), inside)
        elif lit is None:
            self.art.gradient(window.box, (122, 148, 168), (66, 80, 92))
            self._draw_sheen(window.box)
        else:
            self.art.gradient(window.box, lit, shaded(lit, 0.72))
        if window.has_curtains:
            self._draw_curtains(window.box, lit)
        _draw_bars(self.art, window.box, window.panes, frame)
        self.art.rect((x0 - 9, y1 + 4, x1 + 9, y1 + 10), shaded(frame, 0.9))

    def _draw_sheen(self, box: Box) -> None:
        x0, y0, x1, y1 = box
        wide = x1 - x0
        self.art.polygon(
            [(x0 + wide * 0.2, y1), (x0 + wide * 0.55, y0), (x0 + wide * 0.75, y0), (x0 + wide * 0.4, y1)],
            (255, 255, 255, 34),
        )

    def _draw_curtains(self, box: Box, lit: Colour | None) -> None:
        x0, y0, x1, y1 = box
        wide = (x1 - x0) * 0.2
        cloth: Colour = (214, 206, 190) if lit is None else shaded(lit, 0.62)
        self.art.polygon([(x0, y0), (x0 + wide * 1.3, y0), (x0 + wide * 0.6, y1), (x0, y1)], cloth)
        self.art.polygon([(x1, y0), (x1 - wide * 1.3, y0), (x1 - wide * 0.6, y1), (x1, y1)], shaded(cloth, 0.92))

    def _in_light(self, colour: Colour) -> Colour:
        red, green, blue = (round(level * share) for level, share in zip(colour[:3], self.light.tint, strict=True))
        return red, green, blue


def _draw_bars(art: Drawing, box: Box, panes: tuple[int, int], colour: Colour) -> None:
    x0, y0, x1, y1 = box
    for index in range(1, panes[0]):
        x = x0 + (x1 - x0) * index / panes[0]
        art.rect((x - 1.5, y0, x + 1.5, y1), colour)
    for index in range(1, panes[1]):
        y = y0 + (y1 - y0) * index / panes[1]
        art.rect((x0, y - 2, x1, y + 2), colour)
    for edge in ((x0, y0, x0 + 4, y1), (x1 - 4, y0, x1, y1), (x0, y0, x1, y0 + 4), (x0, y1 - 4, x1, y1)):
        art.rect(edge, colour)
