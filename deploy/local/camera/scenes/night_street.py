"""A high street at night: lit shops below, flats above, street lamps, a wet road, headlights and a bus."""

from deploy.local.camera.scenes import furniture, vehicles
from deploy.local.camera.scenes.drawing import WIDTH, Colour, Drawing, shaded
from deploy.local.camera.scenes.figures import Outfit
from deploy.local.camera.scenes.street import Street

_SHOPS: tuple[tuple[str, Colour, Colour], ...] = (
    ("CAFE ANGEL", (96, 40, 36), (255, 214, 150)),
    ("FISH & CHIPS", (28, 70, 120), (232, 244, 255)),
    ("BARBER", (40, 40, 44), (255, 240, 214)),
    ("BOOKS", (30, 84, 62), (255, 206, 130)),
    ("OFF LICENCE", (120, 84, 26), (210, 255, 226)),
    ("PHARMACY", (44, 110, 84), (226, 255, 246)),
)
_SHOP = WIDTH / len(_SHOPS)
_BRICK: tuple[Colour, ...] = ((170, 120, 92), (186, 160, 122), (150, 104, 84))
_PARAPET, _FASCIA, _PAVEMENT, _ROAD, _NEAR = 130.0, 486.0, 740.0, 822.0, 1004.0


def build(street: Street) -> None:
    furniture.sky(street, 200)
    for index in range(len(_SHOPS)):
        _flats(street, index)
        _shop_front(street, index)
    furniture.pavement(street, _PAVEMENT, _ROAD)
    furniture.road(street, _ROAD, _NEAR)
    furniture.pavement(street, _NEAR, 1080, kerb_at_top=True)
    street.let_light_fall()
    for index in range(len(_SHOPS)):
        _shop_light(street, index)
    _wet_road(street)
    for x in (300, 940, 1580):
        furniture.lamp_post(street, x, 816, 500)
    _bus_stop(street)
    _life(street)


def _flats(street: Street, index: int) -> None:
    art, left = street.art, index * _SHOP
    brick = _BRICK[index % 3]
    furniture.chimney(street, left + _SHOP - 54, _PARAPET, 2)
    furniture.bricks(street, (left, _PARAPET, left + _SHOP, _FASCIA), brick)
    art.rect((left, _PARAPET - 8, left + _SHOP, _PARAPET + 8), (198, 190, 176))
    art.rect((left + _SHOP - 3, _PARAPET, left + _SHOP, _FASCIA), shaded(brick, 0.6))
    for column, x in enumerate((left + 48, left + 184)):
        for floor, (top, bottom) in enumerate(((164, 276), (322, 442))):
            has_resident = (index * 2 + column + floor * 3) % 5 == 2
            art.rect((x - 8, top - 20, x + 96, top - 8), shaded(brick, 1.25))
            street.window((x, top, x + 88, bottom), (2, 2), has_resident=has_resident)


def _shop_front(street: Street, index: int) -> None:
    art, left = street.art, index * _SHOP
    paint = _SHOPS[index][1]
    art.rect((left, _FASCIA, left + _SHOP, _PAVEMENT), shaded(paint, 0.8))
    art.rect((left + 4, _FASCIA + 6, left + _SHOP - 4, _FASCIA + 62), paint)
    art.rect((left, _FASCIA - 6, left + _SHOP, _FASCIA + 6), shaded(paint, 1.3))


def _shop_light(street: Street, index: int) -> None:
    """The lit name, the window with its goods and the light on the pavement before it."""
    art, rng, left = street.art, street.rng, index * _SHOP
    name, paint, lit = _SHOPS[index]
    art.text((left + _SHOP / 2, _FASCIA + 34), name, 34, lit)
    art.glow((left + _SHOP / 2, _FASCIA + 34), (170, 60), lit, 0.16)
    glass = (left + 20, _FASCIA + 76, left + 210, _PAVEMENT - 26)
    art.gradient(glass, lit, shaded(lit, 0.66))
    for shelf in range(3):
        y = glass[1] + 56 + shelf * 46
        art.rect((glass[0] + 4, y, glass[2] - 4, y + 5), shaded(paint, 0.9))
        x = glass[0] + 12
        while x < glass[2] - 26:
            wide, high = rng.uniform(8, 20), rng.uniform(14, 36)
            tone = (rng.randint(60, 240), rng.randint(60, 200), rng.randint(50, 200))
            art.rect((x, y - high, x + wide, y), tone, radius=2)
            x += wide + rng.uniform(3, 12)
    art.line([((glass[0] + glass[2]) / 2, glass[1]), ((glass[0] + glass[2]) / 2, glass[3])], shaded(paint, 0.6), 4)
    door = (left + 226, _FASCIA + 76, left + 298, _PAVEMENT - 2)
    art.rect(door, shaded(paint, 0.5))
    art.gradient((door[0] + 8, door[1] + 8, door[2] - 8, door[3] - 30), shaded(lit, 0.92), shaded(lit, 0.55))
    art.glow((left + 150, _PAVEMENT + 26), (210, 62), lit, 0.42)


def _wet_road(street: Street) -> None:
    """Light of shops and lamps, drawn out on the wet tarmac."""
    art, rng = street.art, street.rng
    for index, (_, _, lit) in enumerate(_SHOPS):
        for _ in range(46):
            x = index * _SHOP + rng.gauss(130, 60)
            y, long = rng.uniform(_ROAD + 24, _NEAR - 60), rng.uniform(14, 70)
            art.rect((x, y, x + rng.uniform(2, 9), y + long), (*lit[:3], rng.randint(8, 34)))


def _bus_stop(street: Street) -> None:
    art = Drawing((64, 300), street.scale, None)
    art.rect((29, 30, 35, 300), (90, 92, 98))
    art.rect((4, 0, 60, 52), (206, 34, 40), radius=6)
    art.text((32, 26), "BUS", 20, (250, 250, 250))
    art.rect((12, 60, 52, 132), (222, 226, 214), radius=3)
    for row in range(6):
        art.rect((17, 68 + row * 10, 46, 71 + row * 10), (90, 90, 96))
    street.stand(art, (1180, 516), 817)


def _life(street: Street) -> None:
    scale, light = street.scale, street.light
    street.walk(Outfit((186, 60, 70), (52, 56, 80), has_bag=True), 800, 138, 104, 0.05)
    street.walk(Outfit((226, 214, 190), (70, 74, 96)), 810, 142, 96, 0.45, is_leftward=True)
    street.walk(Outfit((70, 120, 190), (46, 48, 60), skin=(132, 92, 66), hair=(22, 18, 16)), 792, 134, 110, 0.65)
    street.walk(Outfit((230, 180, 60), (60, 52, 64)), 806, 140, 92, 0.85, is_leftward=True)
    street.walk(Outfit((100, 150, 120), (50, 50, 66), has_bag=True), 1072, 212, 140, 0.3)
    street.drive(vehicles.bus(scale, light), 908, 360, 0.25)
    street.drive(vehicles.car((150, 160, 176), scale, light), 908, 360, 0.70)
    street.drive(
        vehicles.car((34, 34, 40), scale, light, is_taxi=True, is_leftward=True), 990, 480, 0.15, is_leftward=True
    )
    street.drive(vehicles.car((70, 100, 170), scale, light, is_leftward=True), 990, 480, 0.60, is_leftward=True)
    cyclist = vehicles.cyclist((230, 230, 70), scale, light, is_leftward=True)
    street.ride(cyclist, vehicles.CYCLIST_SIZE, 962, 250, 0.9, is_leftward=True)
