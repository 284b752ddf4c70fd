"""A park entrance on a clear day: gate piers, railings, an avenue, the keeper's lodge and a mansion block behind."""

import math

from deploy.local.camera.scenes import furniture, vehicles
from deploy.local.camera.scenes.drawing import WIDTH, Box, Colour, Drawing, shaded
from deploy.local.camera.scenes.figures import Outfit
from deploy.local.camera.scenes.street import Street

_HORIZON, _PAVEMENT, _ROAD, _NEAR = 520.0, 772.0, 862.0, 1026.0
_STONE: Colour = (206, 196, 172)
_GATE_LEFT, _GATE_RIGHT = 800.0, 1120.0


def build(street: Street) -> None:
    furniture.sky(street, _HORIZON)
    _mansion(street)
    _woods(street)
    _lawn(street)
    _lodge(street)
    furniture.pavement(street, _PAVEMENT, _ROAD)
    furniture.road(street, _ROAD, _NEAR)
    furniture.pavement(street, _NEAR, 1080, kerb_at_top=True)
    street.let_light_fall()
    furniture.railings(street, 0, _GATE_LEFT - 40, _PAVEMENT + 4, 150, gap=22)
    furniture.railings(street, _GATE_RIGHT + 44, WIDTH, _PAVEMENT + 4, 150, gap=22)
    _gate(street)
    furniture.tree(street, 690, 706, (320, 430), (66, 112, 50))
    furniture.tree(street, 1240, 700, (330, 440), (88, 126, 56))
    furniture.lamp_post(street, 1560, 858, 420)
    _life(street)


def _mansion(street: Street) -> None:
    """Red-brick flats that look over the trees."""
    left, top, right = 1370.0, 168.0, 1850.0
    art, brick = street.art, (168, 84, 64)
    furniture.bricks(street, (left, top, right, _HORIZON + 40), brick, (18, 7))
    for gable in (left + 30, left + 290):
        art.polygon([(gable, top), (gable + 80, top - 66), (gable + 160, top)], shaded(brick, 0.95))
        art.line([(gable - 4, top), (gable + 80, top - 68), (gable + 164, top)], (226, 214, 196), 7)
    for floor in range(3):
        y = top + 22 + floor * 104
        art.rect((left, y + 82, right, y + 90), (226, 214, 196))
        for column in range(6):
            x = left + 26 + column * 76
            has_resident = (column + floor * 2) % 5 == 1
            street.window((x, y, x + 50, y + 70), (2, 2), has_resident=has_resident)


def _woods(street: Street) -> None:
    art, rng = street.art, street.rng
    art.rect((0, _HORIZON - 34, WIDTH, _HORIZON), (74, 108, 62))
    for band, (tone, base) in enumerate((((104, 138, 92), 500), ((78, 118, 64), 560))):
        for _ in range(26):
            x, high = rng.uniform(-60, WIDTH + 60), rng.uniform(60, 150 - 40 * band)
            if 1330 < x < 1880:
                high *= 0.25
            furniture.leaves(art, rng, (x, base - high * 0.4), (rng.uniform(70, 120), high * 0.7), tone)


def _lawn(street: Street) -> None:
    art, rng = street.art, street.rng
    art.gradient((0, _HORIZON, WIDTH, _PAVEMENT), (126, 164, 88), (92, 140, 62))
    for _ in range(2600):
        x, y = rng.uniform(0, WIDTH), rng.uniform(_HORIZON + 4, _PAVEMENT)
        near = (y - _HORIZON) / (_PAVEMENT - _HORIZON)
        art.line([(x, y), (x + 1, y - 2 - 6 * near)], shaded((100, 148, 68), rng.uniform(0.82, 1.22)), 1)
    art.polygon([(948, _HORIZON), (972, _HORIZON), (_GATE_RIGHT, _PAVEMENT), (_GATE_LEFT, _PAVEMENT)], (206, 188, 150))
    for side in (-1, 1):
        for step in range(6, 0, -1):
            near = 1 / step
            x, foot = 960 + side * (60 + 260 * near), _HORIZON + 12 + 110 * near
            size = 40 + 130 * near
            art.rect((x - 2 - 5 * near, foot - size * 0.7, x + 2 + 5 * near, foot), (92, 74, 56))
            furniture.leaves(
                art, rng, (x, foot - size), (size * 0.5, size * 0.55), shaded((78, 128, 58), 1.15 - 0.2 * near)
            )


def _lodge(street: Street) -> None:
    """The keeper's lodge: half-timbered gable, slate roof, smoke-black chimney."""
    art, left, right, eaves, foot = street.art, 90.0, 560.0, 430.0, _PAVEMENT - 10
    furniture.chimney(street, 430, 330, 2)
    art.polygon([(left - 30, eaves), (left + 60, 300), (right - 60, 300), (right + 30, eaves)], (86, 92, 104))
    for row in range(1, 9):
        y = 300 + row * 14.5
        art.line([(left + 60 - row * 10, y), (right - 60 + row * 10, y)], (70, 76, 88), 2)
    furniture.bricks(street, (left, eaves, right, foot), (190, 136, 98), (24, 9))
    peak: Box = (left + 20, 286, left + 220, eaves + 2)
    art.polygon([(peak[0], peak[3]), ((peak[0] + peak[2]) / 2, peak[1]), (peak[2], peak[3])], (240, 232, 214))
    for x0, x1 in ((60, 92), (120, 120), (180, 148)):
        art.line([(left + x0, eaves), (left + x1, 352 - abs(x1 - 120) * 0.2)], (62, 44, 34), 6)
    art.line([(peak[0] - 14, eaves + 6), (left + 120, 276), (peak[2] + 14, eaves + 6)], (62, 44, 34), 10)
    street.window((left + 40, 470, left + 170, 580), (3, 2), has_resident=True)
    street.window((left + 330, 470, left + 430, 580), (2, 2))
    street.window((left + 40, 630, left + 170, 732), (3, 2))
    street.window((left + 330, 630, left + 430, 732), (2, 2), has_resident=True)
    furniture.door(street, (left + 208, 610, left + 284, foot), (40, 90, 64))


def _gate(street: Street) -> None:
    for x in (_GATE_LEFT, _GATE_RIGHT):
        art = Drawing((90, 330), street.scale, None)
        art.rect((12, 60, 78, 330), _STONE)
        art.rect((12, 60, 28, 330), shaded(_STONE, 1.1))
        art.rect((64, 60, 78, 330), shaded(_STONE, 0.82))
        for y in range(84, 330, 34):
            art.line([(12, y), (78, y)], shaded(_STONE, 0.74), 2)
        art.rect((4, 48, 86, 64), shaded(_STONE, 1.06))
        art.rect((0, 306, 90, 330), shaded(_STONE, 0.92))
        art.ellipse((20, 0, 70, 50), shaded(_STONE, 0.96))
        art.ellipse((26, 5, 50, 28), shaded(_STONE, 1.12))
        street.stand(art, (x - 45, _PAVEMENT + 8 - 330), _PAVEMENT + 8)
    _arch(street)
    _leaf(street, _GATE_LEFT + 34)
    _leaf(street, _GATE_RIGHT - 104)


def _arch(street: Street) -> None:
    span = _GATE_RIGHT - _GATE_LEFT
    art, iron, gold = Drawing((span, 130), street.scale, None), (26, 30, 34), (206, 170, 80)
    art.arc((6, 20, span - 6, 240), 180, 360, iron, 6)
    art.rect((30, 76, span - 30, 116), iron, radius=6)
    art.text((span / 2, 96), "UPPER GREEN", 30, gold)
    for index in range(9):
        angle = math.pi * (0.15 + 0.7 * index / 8)
        x, y = span / 2 - math.cos(angle) * (span / 2 - 6), 130 - math.sin(angle) * 110
        art.ellipse((x - 5, y - 5, x + 5, y + 5), gold)
    street.stand(art, (_GATE_LEFT, _PAVEMENT - 330), _PAVEMENT + 7)


def _leaf(street: Street, left: float) -> None:
    """One wing of the gate, standing open."""
    art, iron = Drawing((70, 230), street.scale, None), (26, 30, 34)
    for index in range(6):
        x = 4 + index * 12
        art.rect((x, 14, x + 4, 226), iron)
        art.polygon([(x - 2, 14), (x + 2, 2), (x + 6, 14)], (206, 170, 80))
    for y in (22, 118, 214):
        art.rect((2, y, 68, y + 7), iron)
    street.stand(art, (left, _PAVEMENT - 226), _PAVEMENT + 2)


def _life(street: Street) -> None:
    scale, light = street.scale, street.light
    street.walk(Outfit((90, 150, 96), (62, 56, 50), has_dog=True), 838, 138, 100, 0.3)
    street.walk(Outfit((220, 210, 200), (54, 80, 130), hair=(120, 80, 40)), 848, 142, 108, 0.7, is_leftward=True)
    street.walk(Outfit((160, 50, 90), (40, 40, 50), has_bag=True), 830, 134, 94, 0.02)
    street.walk(Outfit((50, 110, 120), (36, 38, 44), skin=(150, 106, 76), hair=(24, 20, 18)), 1070, 208, 140, 0.4)
    street.drive(vehicles.car((196, 170, 60), scale, light), 944, 460, 0.1)
    street.drive(vehicles.car((60, 66, 74), scale, light), 944, 460, 0.55)
    street.drive(vehicles.bus(scale, light, is_leftward=True), 1018, 380, 0.35, is_leftward=True)
    street.ride(vehicles.cyclist((220, 50, 60), scale, light), vehicles.CYCLIST_SIZE, 920, 280, 0.85)
