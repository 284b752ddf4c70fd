"""A Georgian terrace by day: stock brick, white stucco below, sash windows, railings, a 20 mph road."""

from deploy.local.camera.scenes import furniture, vehicles
from deploy.local.camera.scenes.drawing import WIDTH, Colour, shaded
from deploy.local.camera.scenes.figures import Outfit
from deploy.local.camera.scenes.street import Street

_HOUSES = 5
_HOUSE = WIDTH / _HOUSES
_DOORS: tuple[Colour, ...] = ((28, 46, 92), (140, 28, 34), (26, 78, 56), (32, 34, 38), (208, 152, 46))
_BRICK: tuple[Colour, ...] = ((186, 156, 112), (172, 144, 106), (192, 166, 124), (166, 128, 96), (182, 154, 114))
_PARAPET, _STUCCO, _PAVEMENT, _ROAD, _NEAR = 150.0, 540.0, 722.0, 806.0, 988.0


def build(street: Street) -> None:
    furniture.sky(street, 240)
    for index in range(_HOUSES):
        _house(street, index)
    furniture.pavement(street, _PAVEMENT, _ROAD)
    furniture.road(street, _ROAD, _NEAR)
    furniture.pavement(street, _NEAR, 1080, kerb_at_top=True)
    street.let_light_fall()
    for index in range(_HOUSES):
        left = index * _HOUSE
        furniture.railings(street, left + 10, left + 226, _PAVEMENT + 4, 82)
    furniture.lamp_post(street, 392, 800, 520)
    furniture.lamp_post(street, 1420, 800, 520)
    furniture.tree(street, 960, 800, (300, 440))
    _traffic(street)


def _house(street: Street, index: int) -> None:
    art, left = street.art, index * _HOUSE
    right = left + _HOUSE
    furniture.chimney(street, right - 62, _PARAPET, 4)
    furniture.bricks(street, (left, _PARAPET, right, _STUCCO), _BRICK[index])
    art.rect((left, _PARAPET - 6, right, _PARAPET + 10), (216, 208, 192))
    for row in range(3):
        art.rect((left, _STUCCO + row * 62, right, _STUCCO + row * 62 + 60), (238, 234, 224))
        art.rect((left, _STUCCO + row * 62 + 60, right, _STUCCO + row * 62 + 62), (204, 200, 190))
    art.rect((left, _STUCCO - 8, right, _STUCCO + 4), (246, 243, 234))
    art.rect((right - 3, _PARAPET, right + 2, _PAVEMENT), shaded(_BRICK[index], 0.66))
    for column, x in enumerate((left + 58, left + 226)):
        for top, bottom, panes in ((186, 300, (2, 3)), (340, 494, (2, 4))):
            art.polygon([(x - 10, top - 22), (x + 112, top - 22), (x + 104, top - 6), (x - 2, top - 6)], (200, 132, 92))
            has_resident = (index + column) % 3 == 1 and top == 340
            street.window((x, top, x + 102, bottom), panes, has_resident=has_resident)
    street.window((left + 62, 572, left + 190, 672), (3, 2), has_resident=index in (1, 3))
    furniture.door(street, (left + 252, 576, left + 332, _PAVEMENT - 4), _DOORS[index])


def _traffic(street: Street) -> None:
    scale, light = street.scale, street.light
    street.walk(Outfit((176, 52, 60), (48, 52, 74)), 782, 134, 104, 0.10)
    street.walk(
        Outfit((44, 92, 128), (62, 58, 52), hair=(196, 170, 110), has_bag=True), 792, 136, 96, 0.62, is_leftward=True
    )
    street.walk(Outfit((226, 190, 70), (40, 42, 48), has_dog=True), 776, 130, 92, 0.36)
    street.walk(
        Outfit((60, 120, 78), (70, 62, 92), skin=(130, 88, 62), hair=(24, 20, 18)),
        1066,
        214,
        150,
        0.2,
        is_leftward=True,
    )
    far, near = 890.0, 972.0
    street.drive(vehicles.car((52, 96, 168), scale, light), far, 520, 0.05)
    street.drive(vehicles.van((232, 232, 228), scale, light, "PLUMBING"), far, 520, 0.42)
    street.drive(
        vehicles.car((30, 30, 34), scale, light, is_taxi=True, is_leftward=True), near, 470, 0.30, is_leftward=True
    )
    street.drive(vehicles.car((186, 40, 44), scale, light, is_leftward=True), near, 470, 0.80, is_leftward=True)
    cyclist = vehicles.cyclist((236, 120, 40), scale, light)
    street.ride(cyclist, vehicles.CYCLIST_SIZE, far - 26, 300, 0.75)
