"""A council estate under an overcast sky: a tower block, a deck-access block, a green with swings, a service road."""

from deploy.local.camera.scenes import furniture, vehicles
from deploy.local.camera.scenes.drawing import WIDTH, Colour, Drawing, shaded
from deploy.local.camera.scenes.figures import Outfit
from deploy.local.camera.scenes.street import Street

_PANELS: tuple[Colour, ...] = ((74, 130, 148), (206, 168, 74), (164, 84, 70))
_CONCRETE: Colour = (186, 182, 172)
_BRICK: Colour = (150, 92, 70)
_TOWER_LEFT, _TOWER_TOP, _FLOOR = 150.0, 96.0, 46.0
_DECK_LEFT, _DECK_TOP, _DECK = 910.0, 392.0, 80.0
_GREEN, _PATH, _ROAD, _NEAR = 690.0, 818.0, 886.0, 1030.0


def build(street: Street) -> None:
    furniture.sky(street, _GREEN)
    _skyline(street)
    _tower(street)
    _deck_block(street)
    _green(street)
    furniture.pavement(street, _PATH, _ROAD)
    furniture.road(street, _ROAD, _NEAR)
    furniture.pavement(street, _NEAR, 1080, kerb_at_top=True)
    street.let_light_fall()
    _swings(street)
    furniture.tree(street, 842, 800, (260, 360), (92, 118, 62))
    furniture.tree(street, 1800, 812, (250, 330), (84, 104, 52))
    furniture.tree(street, 60, 806, (250, 350), (70, 104, 60))
    furniture.lamp_post(street, 1250, 880, 380)
    _life(street)


def _skyline(street: Street) -> None:
    art, rng = street.art, street.rng
    x = 0.0
    while x < WIDTH:
        width, top = rng.uniform(50, 150), rng.uniform(420, 610)
        tone = furniture.haze(street.light, (120, 126, 136), rng.uniform(0.55, 0.75))
        art.rect((x, top, x + width, _GREEN), tone)
        x += width


def _tower(street: Street) -> None:
    """Eleven floors of two flats, each flat with a balcony between its two windows."""
    art, left, top = street.art, _TOWER_LEFT, _TOWER_TOP
    right, floors = left + 560, 11
    bottom = top + 26 + floors * _FLOOR
    art.rect((left + 230, top - 20, left + 330, top), shaded(_CONCRETE, 0.8))
    art.rect((left, top, right, bottom + 70), _CONCRETE)
    art.gradient((right - 60, top, right, bottom + 70), shaded(_CONCRETE, 0.74), shaded(_CONCRETE, 0.66))
    for floor in range(floors):
        y = top + 22 + floor * _FLOOR
        art.rect((left, y + _FLOOR - 5, right - 60, y + _FLOOR), shaded(_CONCRETE, 0.82))
        for flat, x in enumerate((left + 12, left + 258)):
            _flat(street, x, y, _PANELS[(floor + flat) % 3], has_resident=(floor * 2 + flat) % 7 == 3)
        art.rect((right - 42, y + 6, right - 20, y + 32), (108, 122, 132))
    art.rect((left + 200, bottom + 14, left + 320, bottom + 70), (60, 66, 72))
    art.rect((left + 180, bottom + 4, left + 340, bottom + 22), (64, 112, 152))
    art.text((left + 260, bottom + 13), "ARCHWAY POINT", 14, (240, 240, 240))


def _flat(street: Street, x: float, y: float, panel: Colour, *, has_resident: bool) -> None:
    art = street.art
    street.window((x, y + 2, x + 66, y + 38), (2, 1), has_resident=has_resident, is_dwelling=False, has_curtains=False)
    art.rect((x + 76, y, x + 152, y + 40), (84, 90, 98))
    art.rect((x + 84, y + 2, x + 118, y + 40), (122, 138, 148))
    art.rect((x + 74, y + 20, x + 154, y + 40), panel)
    art.line([(x + 74, y + 19), (x + 154, y + 19)], (70, 72, 76), 2)
    street.window((x + 164, y + 2, x + 218, y + 38), (2, 1), is_dwelling=False)
    street.dwelling((x, y, x + 218, y + 40), margin=3)


def _deck_block(street: Street) -> None:
    """Four floors of flats behind access decks."""
    art, left, top = street.art, _DECK_LEFT, _DECK_TOP
    right = left + 960
    furniture.bricks(street, (left, top, right, _GREEN + 30), _BRICK, (20, 8))
    art.rect((left - 10, top - 14, right, top + 2), (92, 94, 98))
    for floor in range(4):
        y = top + 6 + floor * _DECK
        for flat in range(6):
            x = left + 24 + flat * 156
            art.rect((x, y + 12, x + 34, y + 68), shaded(_PANELS[(flat + floor) % 3], 0.9))
            art.rect((x + 6, y + 18, x + 28, y + 32), (128, 144, 152))
            window = (x + 48, y + 14, x + 132, y + 52)
            street.window(window, (3, 1), has_resident=(flat + floor * 2) % 5 == 2)
        art.rect((left, y + 58, right, y + _DECK - 4), (196, 192, 182))
        art.rect((left, y + _DECK - 6, right, y + _DECK), (112, 108, 102))
        art.line([(left, y + 56), (right, y + 56)], (54, 60, 66), 3)


def _green(street: Street) -> None:
    art, rng = street.art, street.rng
    art.gradient((0, _GREEN, WIDTH, _PATH), (104, 140, 78), (86, 126, 62))
    for _ in range(2400):
        x, y = rng.uniform(0, WIDTH), rng.uniform(_GREEN, _PATH)
        art.line(
            [(x, y), (x + rng.uniform(-2, 2), y - rng.uniform(2, 7))], shaded((92, 136, 66), rng.uniform(0.8, 1.25)), 1
        )
    art.polygon([(395, _GREEN), (440, _GREEN), (560, _PATH), (430, _PATH)], (172, 166, 154))
    art.rect((690, 742, 698, 800), (70, 72, 76))
    art.rect((640, 716, 748, 762), (236, 238, 240), radius=4)
    art.text((694, 730), "NO BALL", 16, (30, 60, 120))
    art.text((694, 749), "GAMES", 16, (30, 60, 120))


def _swings(street: Street) -> None:
    art, steel = Drawing((240, 130), street.scale, None), (190, 60, 50)
    art.line([(10, 128), (30, 6), (50, 128)], steel, 5)
    art.line([(190, 128), (210, 6), (230, 128)], steel, 5)
    art.line([(30, 6), (210, 6)], steel, 6)
    for x in (80, 150):
        art.line([(x, 8), (x - 3, 96)], (60, 60, 64), 1.5)
        art.line([(x + 24, 8), (x + 21, 96)], (60, 60, 64), 1.5)
        art.rect((x - 6, 94, x + 24, 100), (40, 40, 44))
    street.stand(art, (1010, 664), 794)


def _life(street: Street) -> None:
    scale, light = street.scale, street.light
    street.walk(Outfit((196, 74, 120), (50, 54, 70), hair=(30, 22, 18), skin=(120, 82, 58)), 864, 116, 86, 0.15)
    street.walk(Outfit((60, 66, 80), (40, 42, 50), has_dog=True), 872, 118, 80, 0.55, is_leftward=True)
    street.walk(Outfit((70, 138, 162), (96, 84, 64), has_bag=True), 846, 112, 92, 0.80)
    street.walk(Outfit((222, 120, 50), (52, 60, 88)), 790, 92, 66, 0.35, is_leftward=True)
    street.walk(Outfit((96, 60, 120), (44, 44, 56), hair=(150, 150, 150)), 1074, 200, 120, 0.6)
    street.drive(vehicles.car((226, 228, 230), scale, light), 954, 400, 0.15)
    street.drive(vehicles.van((60, 112, 84), scale, light, "REPAIRS"), 954, 400, 0.60)
    street.drive(vehicles.car((120, 30, 40), scale, light, is_leftward=True), 1020, 430, 0.45, is_leftward=True)
    street.ride(vehicles.cyclist((70, 70, 190), scale, light), vehicles.CYCLIST_SIZE, 930, 260, 0.3)
