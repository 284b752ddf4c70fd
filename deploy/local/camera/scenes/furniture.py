"""What streets have in common: sky, brick, road, pavement, lamp posts, trees, railings, doors."""

import math
import random

from deploy.local.camera.scenes.drawing import WIDTH, Box, Colour, Drawing, Point, mixed, shaded
from deploy.local.camera.scenes.light import Light
from deploy.local.camera.scenes.street import Street


def sky(street: Street, down_to: float) -> None:
    art, light, rng = street.art, street.light, street.rng
    art.gradient((0, 0, WIDTH, down_to), light.sky_top, light.sky_bottom)
    for _ in range(9):
        x, y = rng.uniform(0, WIDTH), rng.uniform(60, down_to * 0.5)
        for _ in range(14):
            size = rng.uniform(40, 120)
            left, top = x + rng.gauss(0, 120), y + rng.gauss(0, 12)
            art.ellipse((left, top, left + size * 2.4, top + size * 0.5), (255, 255, 255, 11 if light.is_night else 26))


def bricks(street: Street, box: Box, colour: Colour, size: Point = (26, 9)) -> None:
    """Lay brick courses, each second one shifted by half a brick."""
    art, rng = street.art, street.rng
    x0, y0, x1, y1 = box
    art.rect(box, shaded(colour, 0.86))
    for course in range(math.ceil((y1 - y0) / size[1])):
        y = y0 + course * size[1]
        x = x0 - (size[0] / 2 if course % 2 else 0)
        while x < x1:
            edge = (max(x, x0), y, min(x + size[0] - 1.5, x1), min(y + size[1] - 1.5, y1))
            if edge[2] - edge[0] > 1 and edge[3] - edge[1] > 1:
                art.rect(edge, shaded(colour, rng.uniform(0.9, 1.07)))
            x += size[0]


def road(street: Street, top: float, bottom: float, *, has_centre_line: bool = True) -> None:
    """Tarmac between two kerbs, double yellow lines along both, dashes in the middle."""
    art, rng = street.art, street.rng
    art.gradient((0, top, WIDTH, bottom), (92, 94, 98), (74, 76, 80))
    for _ in range(2600):
        x, y, grey = rng.uniform(0, WIDTH), rng.uniform(top, bottom), rng.randint(50, 130)
        art.rect((x, y, x + rng.uniform(2, 7), y + 1.6), (grey, grey, grey, 70))
    for y in (top + 9, top + 17, bottom - 22, bottom - 12):
        art.rect((0, y, WIDTH, y + 4), (212, 176, 60))
    if has_centre_line:
        middle = (top + bottom) / 2
        for x in range(20, WIDTH, 150):
            art.rect((x, middle - 3, x + 90, middle + 4), (222, 222, 216))


def pavement(street: Street, top: float, bottom: float, *, kerb_at_top: bool = False) -> None:
    """Slabs with a kerb towards the road."""
    art, rng = street.art, street.rng
    art.gradient((0, top, WIDTH, bottom), (164, 160, 154), (178, 174, 166))
    rows = max(2, round((bottom - top) / 26))
    for row in range(rows):
        y, high = top + (bottom - top) * row / rows, (bottom - top) / rows
        for x in range(-60 if row % 2 else 0, WIDTH, 120):
            art.rect(
                (x + 1, y + 1, x + 119, y + high - 1), (*shaded((176, 172, 164), rng.uniform(0.94, 1.05))[:3], 200)
            )
    kerb = top if kerb_at_top else bottom - 10
    art.rect((0, kerb, WIDTH, kerb + 10), (196, 192, 186))
    art.rect((0, kerb + 9, WIDTH, kerb + 12), (60, 60, 62, 160))


def lamp_post(street: Street, x: float, foot_y: float, height: float) -> None:
    """A post that cars and walkers behind it pass; at night it throws its light on the ground."""
    tall = Drawing((160, height), street.scale, None)
    iron: Colour = (44, 48, 52)
    tall.rect((70, 40, 78, height), iron)
    tall.rect((64, height - 90, 84, height), shaded(iron, 0.8))
    tall.arc((74, 10, 150, 80), 180, 285, iron, 6)
    tall.polygon([(104, 6), (152, 6), (158, 18), (98, 18)], shaded(iron, 1.2))
    lamp = (255, 238, 190) if street.light.is_night else (226, 226, 214)
    tall.rect((102, 18, 154, 23), lamp, radius=2)
    if street.light.is_night:
        tall.glow((128, 24), (30, 30), (255, 238, 190), 0.95)
        street.art.glow((x + 54, foot_y - height + 24), (170, 170), (255, 214, 140), 0.5)
        street.art.glow((x + 54, foot_y + 20), (330, 110), (255, 206, 130), 0.42)
    street.stand(tall, (x - 74, foot_y - height), foot_y)


def tree(street: Street, x: float, foot_y: float, size: Point, leaf: Colour = (74, 112, 52)) -> None:
    """A street tree; walkers nearer than its foot pass before it."""
    width, height = size
    art = Drawing(size, street.scale, None)
    rng, bark = street.rng, (88, 70, 54)
    art.polygon(
        [(width * 0.46, height), (width * 0.48, height * 0.5), (width * 0.53, height * 0.5), (width * 0.56, height)],
        bark,
    )
    for side in (-1, 1):
        art.line([(width / 2, height * 0.62), (width * (0.5 + 0.2 * side), height * 0.36)], bark, width * 0.03)
    leaves(art, rng, (width / 2, height * 0.34), (width * 0.47, height * 0.33), leaf)
    if street.light.is_night:
        art.darken(street.light.tint)
    street.stand(art, (x - width / 2, foot_y - height), foot_y)


def leaves(art: Drawing, rng: random.Random, centre: Point, reach: Point, leaf: Colour) -> None:
    """A crown: dark leaves below and behind, light ones above."""
    count = 260
    for index in range(count):
        angle, far = rng.uniform(0, 2 * math.pi), math.sqrt(rng.random()) * 0.86
        x, y = centre[0] + math.cos(angle) * far * reach[0], centre[1] + math.sin(angle) * far * reach[1]
        size = rng.uniform(0.07, 0.15) * (reach[0] + reach[1]) / 2
        lit = 0.62 + 0.35 * index / count + 0.3 * max(0.0, (centre[1] - y) / reach[1])
        art.ellipse((x - size, y - size, x + size, y + size), shaded(leaf, lit * rng.uniform(0.9, 1.1)))


def railings(street: Street, left: float, right: float, foot_y: float, height: float, gap: float = 16) -> None:
    """Iron railings with spearheads, nearer than the wall and further than the walkers."""
    width = right - left
    art = Drawing((width, height), street.scale, None)
    iron: Colour = (24, 26, 30) if not street.light.is_night else (12, 13, 18)
    x = 4.0
    while x < width:
        art.rect((x - 1.6, 8, x + 1.6, height), iron)
        art.polygon([(x - 3.5, 9), (x, 0), (x + 3.5, 9)], iron)
        x += gap
    for y in (16, height - 10):
        art.rect((0, y, width, y + 4), iron)
    street.stand(art, (left, foot_y - height), foot_y)


def door(street: Street, box: Box, colour: Colour) -> None:
    """A panelled front door below a fanlight, on a step."""
    art = street.art
    x0, y0, x1, y1 = box
    wide, high = x1 - x0, y1 - y0
    art.rect((x0 - 12, y0 - 14, x1 + 12, y1), (240, 236, 226))
    art.sector((x0, y0 - wide * 0.08, x1, y0 + wide * 0.6), 180, 360, (108, 128, 140))
    for angle in (200, 235, 270, 305, 340):
        x, y = (
            x0 + wide / 2 + wide * 0.48 * math.cos(math.radians(angle)),
            y0 + wide * 0.26 + wide * 0.33 * math.sin(math.radians(angle)),
        )
        art.line([(x0 + wide / 2, y0 + wide * 0.26), (x, y)], (236, 232, 222), 2)
    top = y0 + wide * 0.28
    art.rect((x0, top, x1, y1), colour)
    for column in (0.14, 0.56):
        for row, tall in ((0.10, 0.3), (0.48, 0.38)):
            panel = (
                x0 + wide * column,
                top + (y1 - top) * row,
                x0 + wide * (column + 0.3),
                top + (y1 - top) * (row + tall),
            )
            art.rect(panel, shaded(colour, 0.78))
            art.rect((panel[0] + 3, panel[1] + 3, panel[2], panel[3]), shaded(colour, 1.12))
    art.ellipse((x1 - wide * 0.12, y0 + high * 0.58, x1 - wide * 0.05, y0 + high * 0.58 + wide * 0.07), (226, 190, 90))
    art.rect((x0 - 16, y1, x1 + 16, y1 + 9), (196, 192, 184))


def chimney(street: Street, x: float, foot_y: float, pots: int) -> None:
    art = street.art
    width = 22 * pots + 14
    bricks(street, (x, foot_y - 52, x + width, foot_y), (150, 112, 82), (14, 7))
    art.rect((x - 5, foot_y - 58, x + width + 5, foot_y - 50), (176, 160, 140))
    for index in range(pots):
        left = x + 11 + index * 22
        art.polygon(
            [(left, foot_y - 58), (left + 3, foot_y - 82), (left + 13, foot_y - 82), (left + 16, foot_y - 58)],
            (196, 112, 72),
        )


def haze(light: Light, colour: Colour, share: float) -> Colour:
    """The colour of something far away."""
    return mixed(colour, light.sky_bottom, share)
