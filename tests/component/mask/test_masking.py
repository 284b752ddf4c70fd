"""From the ring to the bus: masked, withheld, demanded."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import services.mask.pipeline
from proto import subjects
from proto.messages import Camera, CameraState, Doorbell, WithheldReason, mask_pointer_key, mask_revision_key
from proto.names import CameraId, Epoch, Layer
from proto.subjects import Bucket
from services.mask.masks.raster import Cover, luma_cover
from services.runtime.clock import utc
from services.runtime.kv import Keys
from services.runtime.ring import FrameFlag
from services.runtime.slate import draw_slate, slate_words
from tests.component.mask.stage import BOTH, HEIGHT, POD, SITE, WIDTH, Stage, flat, stage
from tests.support.waiting import until
from tests.unit.mask.decoding import see_all
from tests.unit.mask.samples import CAMERA, LEFT, RIGHT, mask_set, pointer


def cover(*polygons: tuple[tuple[float, float], ...], margin: int = 0) -> Cover:
    return luma_cover(polygons, WIDTH, HEIGHT, margin)


def slates(held: Stage) -> set[WithheldReason | None]:
    return {unit.headers.slate for unit in held.units}


async def test_two_layers_are_masked_and_say_under_which_revision(tmp_path: Path) -> None:
    async with stage(tmp_path) as held:
        await held.approve(mask_set(3, (LEFT, RIGHT)))
        async with held.mask():
            ingest = held.ingest()
            await held.demand(*BOTH)
            await ingest.feed(10, flat())
            await held.until_units(15)
        for layer, count in ((Layer.MAIN, 10), (Layer.TILE, 5)):
            units = [unit for unit in held.units if unit.layer is layer]
            assert len(units) == count
            assert {(u.headers.mask_revision, u.headers.epoch, u.headers.slate) for u in units} == {(3, 5, None)}
            assert [u.headers.is_keyframe for u in units] == [True] + [False] * (count - 1)
            for seen in see_all(unit.payload for unit in units):
                assert seen[cover(LEFT, RIGHT)].max() < 40
                assert seen[~cover(LEFT, RIGHT, margin=24)].min() > 160


async def test_without_demand_there_is_no_message_on_masked_but_a_masked_still(tmp_path: Path) -> None:
    async with stage(tmp_path) as held:
        await held.approve(mask_set(2))
        async with held.mask():
            ingest = held.ingest()
            assert ingest.write(flat(), flags=FrameFlag.STILL, age_s=3.0)
            await ingest.knock()
            await ingest.feed(5, flat())
            await until(lambda: held.stills, what="a still")
            stored = Keys(held.gateway, Bucket.STILLS)
            await until(lambda: held.counted("stills_total", outcome="made") == 1, what="one still made")
            while (entry := await stored.get(CAMERA)) is None:
                pass
        await held.settled()
        assert held.units == []
        (still,) = held.stills
        assert still.headers["Us-Mask"] == "2"
        assert "Us-Slate" not in still.headers
        assert entry.value == still.payload
        assert entry.headers["Us-Mask"] == "2"
        seen = np.asarray(Image.open(io.BytesIO(still.payload)).convert("L"))
        assert seen[cover(LEFT)].max() < 24


async def test_a_camera_without_mask_set_shows_a_slate_from_the_first_frame_until_one_is_approved(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as held, held.mask():
        ingest = held.ingest()
        await held.demand(Layer.MAIN)
        await ingest.feed(3)
        await held.until_units(1)
        assert slates(held) == {WithheldReason.NO_MASK_SET}
        assert held.units[0].headers.seq == 1
        await until(lambda: held.statuses, what="a status")
        assert held.statuses[-1].state is CameraState.WITHHELD
        assert held.statuses[-1].reason is WithheldReason.NO_MASK_SET
        await held.approve(mask_set(1))
        async with ingest.playing():
            await until(lambda: held.units[-1].is_picture, what="a picture")
            await until(lambda: held.statuses[-1].state is CameraState.LIVE, what="said to be live")
        first = next(unit for unit in held.units if unit.is_picture)
        assert first.headers.is_keyframe


BROKEN = mask_set(1).to_wire()


@pytest.mark.parametrize(
    ("pointed", "stored"),
    [
        (pointer(1), b'{"v": 1, "camera": '),
        (pointer(1), BROKEN.replace(b"[[0.1,0.2],[0.4,0.2],[0.4,0.7],[0.1,0.7]]", b"[[0.1,0.2],[0.4,0.2]]")),
        (pointer(1), BROKEN.replace(b"[0.4,0.7]", b"[0.4,NaN]")),
        (pointer(1), BROKEN.replace(b"[0.4,0.7]", b"[0.4,1.5]")),
        (pointer(1), mask_set(1, camera=CameraId("cam-2")).to_wire()),
        (pointer(1), None),
        (b"not json", BROKEN),
    ],
    ids=["cut off", "two points", "NaN", "outside", "another camera's", "missing", "unreadable pointer"],
)
async def test_a_broken_mask_set_never_shows_a_picture(tmp_path: Path, pointed: bytes, stored: bytes | None) -> None:
    assert stored != BROKEN or pointed != pointer(1)
    async with stage(tmp_path) as held:
        if stored is not None:
            await held.masks.put(mask_revision_key(CAMERA, 1), stored)
        await held.masks.put(mask_pointer_key(CAMERA), pointed)
        async with held.mask():
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            async with ingest.playing():
                await until(lambda: WithheldReason.MASK_UNREADABLE in slates(held), what="the reason on a slate")
        assert None not in slates(held)


async def test_a_broken_mask_set_takes_the_place_of_a_good_one(tmp_path: Path) -> None:
    async with stage(tmp_path) as held:
        await held.approve(mask_set(1))
        async with held.mask():
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            async with ingest.playing():
                await until(lambda: None in slates(held), what="a picture")
                await held.masks.put(mask_revision_key(CAMERA, 2), b"{}")
                await held.masks.put(mask_pointer_key(CAMERA), pointer(2))
                await until(lambda: WithheldReason.MASK_UNREADABLE in slates(held), what="a slate")
                held.take_units()
                await held.until_units(2)
                assert slates(held) == {WithheldReason.MASK_UNREADABLE}


async def test_a_newly_approved_mask_set_takes_over_between_two_frames(tmp_path: Path) -> None:
    async with stage(tmp_path) as held:
        await held.approve(mask_set(1, (LEFT,)))
        async with held.mask():
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            async with ingest.playing(flat()):
                await held.until_units(5)
                await held.approve(mask_set(2, (RIGHT,)))
                await until(lambda: held.units[-1].headers.mask_revision == 2, what="the new revision")
                await held.until_units(len(held.units) + 3)
        units = held.units
        revisions = [unit.headers.mask_revision for unit in units]
        assert revisions == sorted(revisions), "never a mixture"
        assert all(unit.is_picture for unit in units), "no slate in between"
        assert units[revisions.index(2)].headers.is_keyframe
        for unit, seen in zip(units, see_all(unit.payload for unit in units), strict=True):
            masked, free = (LEFT, RIGHT) if unit.headers.mask_revision == 1 else (RIGHT, LEFT)
            assert seen[cover(masked)].max() < 40
            assert seen[cover(free)].min() > 160


async def test_an_order_to_withhold_acts_at_once_and_a_newer_approval_ends_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as held:
        await held.approve(mask_set(1))
        async with held.mask():
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            async with ingest.playing():
                await until(lambda: None in slates(held), what="a picture")
                await held.withhold(WithheldReason.KILL_SWITCH, 1)
                await until(lambda: WithheldReason.KILL_SWITCH in slates(held), what="a slate")
                held.take_units()
                await held.until_units(2)
                assert slates(held) == {WithheldReason.KILL_SWITCH}
                await held.approve(mask_set(2))
                await until(lambda: None in slates(held), what="a picture again")
        back = next(unit for unit in held.units if unit.is_picture)
        assert back.headers.is_keyframe
        assert back.headers.mask_revision == 2


async def test_a_revoked_pointer_withholds(tmp_path: Path) -> None:
    async with stage(tmp_path) as held:
        await held.approve(mask_set(1))
        async with held.mask():
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            async with ingest.playing():
                await until(lambda: None in slates(held), what="a picture")
                await held.revoke()
                await until(lambda: WithheldReason.REVOKED in slates(held), what="a slate")
                held.take_units()
                await held.until_units(2)
                assert slates(held) == {WithheldReason.REVOKED}
        await until(lambda: held.stills[-1].headers.get("Us-Slate") == "revoked", what="the still replaced")


async def test_a_damaged_frame_is_withheld(tmp_path: Path) -> None:
    async with stage(tmp_path) as held:
        await held.approve(mask_set(1))
        async with held.mask():
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            await ingest.feed(2)
            assert ingest.write(flags=FrameFlag.DAMAGED)
            await ingest.knock()
            await ingest.released()
            await ingest.feed(2)
            await held.until_units(5)
        assert [u.headers.slate for u in held.units] == [None, None, WithheldReason.DAMAGED_INPUT, None, None]
        assert [u.headers.is_keyframe for u in held.units] == [True, False, True, True, False]
        assert [u.headers.seq for u in held.units] == [1, 2, 3, 4, 5]


async def test_old_frames_are_dropped_and_counted(tmp_path: Path) -> None:
    async with stage(tmp_path) as held:
        await held.approve(mask_set(1))
        async with held.mask():
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            for _ in range(2):
                assert ingest.write(age_s=0.6)
            await ingest.knock()
            await ingest.released()
            await ingest.feed(1)
            await held.until_units(1)
        assert [unit.headers.seq for unit in held.units] == [3]
        assert held.counted("frames_dropped_total", cause="old") == 2


async def test_a_hundred_wishes_make_one_idr(tmp_path: Path) -> None:
    async with stage(tmp_path) as held:
        await held.approve(mask_set(1))
        async with held.mask():
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            async with ingest.playing():
                await held.until_units(15)
                held.take_units()
                for _ in range(100):
                    await held.wish(Layer.MAIN)
                await until(lambda: any(u.headers.is_keyframe for u in held.units), what="an IDR")
                await held.until_units(len(held.units) + 15)
        assert sum(unit.headers.is_keyframe for unit in held.units) == 1


async def test_doorbells_that_are_none_disturb_nobody(tmp_path: Path) -> None:
    async with stage(tmp_path) as held:
        await held.approve(mask_set(1))
        async with held.mask():
            other = held.ingest(CameraId("cam-2"), epoch=6)
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            await held.demand(Layer.MAIN, camera=CameraId("cam-2"))
            good = Doorbell(camera=CAMERA, epoch=Epoch(5), ring="cam-1-5-1.ring", head=1)
            subject = subjects.frames(POD, CAMERA)
            bad = [
                b"",
                b"{}",
                good.to_wire().replace(b"cam-1-5-1.ring", b"../../etc/passwd"),
                good.to_wire().replace(b"cam-1-5-1.ring", b"cam-2-6-1.ring"),
                good.to_wire().replace(b'"camera":"cam-1"', b'"camera":"cam-2"'),
                good.model_copy(update={"epoch": 6}).to_wire(),
            ]
            for payload in bad:
                await ingest.bus.publish(subject, payload)
            gone = good.model_copy(update={"ring": "cam-1-5-9.ring"})
            await ingest.bus.publish(subject, gone.to_wire())
            await until(lambda: held.counted("faults_total", cause="ring") == 1, what="a ring that is not there")
            assert other.write()
            await ingest.feed(3)
            await held.until_units(3)
        assert {unit.camera for unit in held.units} == {CAMERA}
        assert other.writer.tail == 0
        assert held.counted("messages_refused_total", kind="doorbell") == len(bad)


async def test_a_failure_while_masking_withholds_that_camera_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(polygons: object, *size: int) -> Cover:
        if polygons == (RIGHT,):
            raise RuntimeError("out of luck")
        return luma_cover((LEFT,), size[0], size[1], size[2])

    monkeypatch.setattr(services.mask.pipeline, "luma_cover", failing)
    second = CameraId("cam-2")
    async with stage(tmp_path) as held:
        await held.approve(mask_set(1, (RIGHT,)))
        await held.approve(mask_set(1, (LEFT,), camera=second))
        async with held.mask():
            bad, good = held.ingest(), held.ingest(second, epoch=6)
            await held.demand(Layer.MAIN)
            await held.demand(Layer.MAIN, camera=second)
            for _ in range(5):
                await bad.feed(1)
                await good.feed(1)
            await held.until_units(6)
        assert {u.headers.slate for u in held.units if u.camera == CAMERA} == {WithheldReason.MASK_FAULT}
        assert [u.headers.slate for u in held.units if u.camera == second] == [None] * 5
        assert held.counted("faults_total", cause="mask") == 5


async def test_the_slate_says_which_camera_it_stands_for(tmp_path: Path) -> None:
    camera = Camera(camera=CAMERA, site=SITE, name="Cross Street, north", address="rtsp://127.0.0.1/1")
    async with stage(tmp_path) as held:
        await Keys(held.gateway, Bucket.CAMERAS).put(CAMERA, camera.to_wire())
        await Keys(held.gateway, Bucket.CAMERAS).put("cam-2", b"{")
        async with held.mask():
            ingest = held.ingest()
            await held.demand(Layer.MAIN)
            await ingest.feed(1)
            (unit,) = await held.until_units(1)
    title, line = slate_words(WithheldReason.NO_MASK_SET)
    at = f"{utc(unit.headers.captured_utc_us):%Y-%m-%d %H:%M:%S} UTC"
    (seen,) = see_all([unit.payload])
    differences = []
    for name in (camera.name, CAMERA):
        drawn = draw_slate(WIDTH, HEIGHT, title, (name, line, at))[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
        differences.append(np.abs(seen.astype(int) - drawn).mean())
    assert differences[0] < 3
    assert differences[0] < differences[1]
