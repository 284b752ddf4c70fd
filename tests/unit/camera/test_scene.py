"""Scenes have no seam, their stamps can be read, and black-outs over their dwellings hide the people who live there."""

import numpy as np
import pytest

from deploy.local.camera import stamp
from deploy.local.camera.errors import InvalidSpec
from deploy.local.camera.scene import SCENES, Scene, build_scene, dwellings
from deploy.local.camera.scenes.actors import Swaying
from deploy.local.camera.scenes.drawing import HEIGHT, WIDTH
from deploy.local.camera.scenes.planes import Bytes, Planes
from proto.limits import MAX_POLYGONS

W, H, FPS = 640, 360, 25


@pytest.fixture(scope="module", params=SCENES)
def scene(request: pytest.FixtureRequest) -> Scene:
    return build_scene(request.param, W, H, 4.0)


def with_actors(scene: Scene, phase: float) -> Bytes:
    picture = scene.background.copy()
    for actor in scene.actors:
        actor.draw(picture, phase)
    return picture.whole


def residents(picture: Planes) -> int:
    """Pixels of the colour that only people in windows have."""
    bright = picture.y[::2, ::2] > 195
    return int((bright & (picture.u < 84) & (picture.v > 128) & (picture.v < 150)).sum())


def blacked_out(scene: Scene, picture: Planes) -> Planes:
    masked = picture.copy()
    for polygon in scene.dwellings:
        xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
        for plane, level in ((masked.y, 16), (masked.u, 128), (masked.v, 128)):
            height, width = plane.shape
            plane[
                int(min(ys) * height) : int(max(ys) * height) + 1, int(min(xs) * width) : int(max(xs) * width) + 1
            ] = level
    return masked


def test_loop_has_no_seam(scene: Scene) -> None:
    difference = np.abs(with_actors(scene, 1.0).astype(int) - with_actors(scene, 0.0))
    assert (difference > 0).mean() < 0.001


def test_scene_moves(scene: Scene) -> None:
    assert (with_actors(scene, 0.0) != with_actors(scene, 0.1)).mean() > 0.01


def test_stamp_is_read_from_each_picture(scene: Scene) -> None:
    for number in (0, 1, 50, 99):
        assert stamp.read(scene.picture(number, 100, FPS)[:H]) == number


def test_levels_stay_within_the_limited_range(scene: Scene) -> None:
    luma = scene.picture(3, 100, FPS)[:H]
    assert luma.min() >= 8
    assert luma.max() <= 244


def test_black_outs_over_the_dwellings_hide_every_resident(scene: Scene) -> None:
    for number in (0, 30, 60, 90):
        picture = Planes.over(scene.picture(number, 100, FPS))
        assert residents(picture) > 15
        assert residents(blacked_out(scene, picture)) == 0


def test_every_window_with_somebody_in_it_lies_in_a_dwelling(scene: Scene) -> None:
    windows = [actor.window for actor in scene.actors if isinstance(actor, Swaying)]
    assert windows
    for left, top, right, bottom in windows:
        assert any(
            polygon[0][0] * WIDTH <= left
            and polygon[0][1] * HEIGHT <= top
            and polygon[2][0] * WIDTH >= right
            and polygon[2][1] * HEIGHT >= bottom
            for polygon in scene.dwellings
        )


def test_dwellings_make_a_mask_set(scene: Scene) -> None:
    assert 1 <= len(scene.dwellings) <= MAX_POLYGONS
    rows, columns = stamp.plate(HEIGHT, WIDTH)
    for polygon in scene.dwellings:
        assert len(polygon) >= 3
        assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in polygon)
        assert min(y for _, y in polygon) * HEIGHT > rows.stop or min(x for x, _ in polygon) * WIDTH > columns.stop


def test_dwellings_do_not_depend_on_the_pictures_size(scene: Scene) -> None:
    assert dwellings(scene.name) == scene.dwellings


def test_there_are_scenes_by_day_and_by_night() -> None:
    assert {"terrace", "estate", "park", "night-street"} <= SCENES.keys()
    brightness = {name: build_scene(name, 192, 108, 4.0).background.y.mean() for name in ("terrace", "night-street")}
    assert brightness["night-street"] < brightness["terrace"] / 1.8


def test_unknown_scene_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="no scene 'moon'"):
        build_scene("moon", W, H, 4.0)
