"""The table of demands."""

from proto import subjects
from proto.limits import DEMAND_TTL_S
from proto.names import CameraId, Layer, SiteId
from services.runtime.clock import VirtualClock
from services.runtime.demand import MAX_DEMANDERS, MAX_DEMANDS_EACH, DemandTable

ISLINGTON, HACKNEY = SiteId("islington"), SiteId("hackney")
CAMERA = CameraId("cam-1")


def demand(layer: Layer, camera: str = CAMERA, by: str = ISLINGTON) -> str:
    return subjects.demand(SiteId(by), ISLINGTON, CameraId(camera), layer)


def test_a_demand_is_held_for_its_time_to_live() -> None:
    clock = VirtualClock()
    table = DemandTable(clock)
    address = table.note(demand(Layer.TILE))
    assert address is not None
    assert (address.camera, address.layer, address.demander) == (CAMERA, Layer.TILE, ISLINGTON)
    clock.advance(DEMAND_TTL_S - 0.1)
    assert table.wanted(CAMERA) == {Layer.TILE}
    clock.advance(0.1)
    assert table.wanted(CAMERA) == frozenset()


def test_a_repeated_demand_lives_on() -> None:
    clock = VirtualClock()
    table = DemandTable(clock)
    for _ in range(10):
        table.note(demand(Layer.MAIN))
        clock.advance(DEMAND_TTL_S / 3)
    assert table.expire() == frozenset()
    assert table.wanted(CAMERA) == {Layer.MAIN}
    assert len(table) == 1


def test_a_layer_is_wanted_until_the_last_demander_is_forgotten() -> None:
    clock = VirtualClock()
    table = DemandTable(clock)
    table.note(demand(Layer.MAIN, by=HACKNEY))
    clock.advance(3)
    table.note(demand(Layer.MAIN))
    clock.advance(DEMAND_TTL_S - 3)
    assert table.expire() == {CAMERA}
    assert table.wanted(CAMERA) == {Layer.MAIN}
    clock.advance(3)
    assert table.expire() == {CAMERA}
    assert table.wanted(CAMERA) == frozenset()
    assert len(table) == 0
    assert table.cameras() == frozenset()


def test_both_layers_of_several_cameras_are_told_apart() -> None:
    table = DemandTable(VirtualClock())
    table.note(demand(Layer.MAIN))
    table.note(demand(Layer.TILE))
    table.note(demand(Layer.TILE, camera="cam-2"))
    assert table.wanted(CAMERA) == {Layer.MAIN, Layer.TILE}
    assert table.wanted(CameraId("cam-2")) == {Layer.TILE}
    assert table.cameras() == {"cam-1", "cam-2"}


def test_what_is_no_demand_is_refused_and_counted() -> None:
    table = DemandTable(VirtualClock())
    for subject in (
        "",
        "demand.a.b.c",
        "demand.a.b.c.huge",
        "demand.A.b.c.main",
        "masked.b.c.main",
        "demand.a.b.c.main.x",
    ):
        assert table.note(subject) is None
    assert table.refused == 6
    assert len(table) == 0


def test_one_demander_cannot_crowd_out_another() -> None:
    table = DemandTable(VirtualClock())
    for number in range(MAX_DEMANDS_EACH + 1):
        table.note(demand(Layer.MAIN, camera=f"cam-{number}", by=HACKNEY))
    assert table.refused == 1
    assert table.note(demand(Layer.MAIN, by=HACKNEY)) is not None, "one that is held is renewed"
    assert table.note(demand(Layer.MAIN)) is not None


def test_demanders_are_bounded_until_their_demands_run_out() -> None:
    clock = VirtualClock()
    table = DemandTable(clock)
    for number in range(MAX_DEMANDERS + 1):
        table.note(demand(Layer.MAIN, by=f"site-{number}"))
    assert table.refused == 1
    clock.advance(DEMAND_TTL_S)
    table.expire()
    assert table.note(demand(Layer.MAIN, by="newcomer")) is not None
