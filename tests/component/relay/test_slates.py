"""What a viewer sees when there is no picture, or none that may be shown."""

import time
from pathlib import Path

from proto.limits import SLATE_AFTER_S
from proto.messages import WithheldReason, Withhold
from proto.names import Layer
from services.relay.fence import Refusal
from services.relay.slates import SIZES
from tests.component.relay.camera import WIDTH, MaskedCamera
from tests.component.relay.running import relaying
from tests.component.relay.watcher import assert_continuous, watching
from tests.support.waiting import until

SLATE_WIDTH = SIZES[Layer.MAIN][0]


async def test_silence_becomes_a_slate_and_a_keyframe_ends_it(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay, MaskedCamera.listening(relay.mask) as camera, watching() as watcher:
        async with camera.playing():
            await relay.watch(watcher)
            await watcher.frame_after(0, width=WIDTH)
        silent_s, seen = time.monotonic(), len(watcher.frames)
        await watcher.frame_after(seen, width=SLATE_WIDTH)
        passed_s = time.monotonic() - silent_s
        assert SLATE_AFTER_S - 0.1 < passed_s < SLATE_AFTER_S + 0.7
        assert relay.metric("slates_total", reason=WithheldReason.NO_SIGNAL) == 1

        await camera.publish()
        await until(lambda: relay.metric("refused_total", cause=Refusal.NEEDS_KEYFRAME), what="a refusal")
        seen = len(watcher.frames)
        await camera.publish(keyframe=True)
        await camera.publish()
        await watcher.frame_after(seen, width=WIDTH)
        assert_continuous(watcher)


async def test_viewer_of_a_silent_camera_gets_a_slate_soon_and_another_each_second(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay, watching() as watcher, watching() as later:
        started_s = time.monotonic()
        await relay.watch(watcher, layer=Layer.TILE)
        await watcher.frame_after(0, width=SIZES[Layer.TILE][0])
        assert time.monotonic() - started_s < SLATE_AFTER_S + 0.8
        started_s = time.monotonic()
        await relay.watch(later, layer=Layer.TILE)
        await later.frame_after(0, width=SIZES[Layer.TILE][0])
        assert time.monotonic() - started_s < SLATE_AFTER_S + 0.8
        await later.until(lambda: len(later.units()) > 1, what="another slate", timeout_s=2)


async def test_withheld_camera_is_a_slate_at_once_until_a_newer_mask_revision(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay, MaskedCamera.listening(relay.mask) as camera, camera.playing():
        camera.revision = 4
        async with watching() as watcher:
            await relay.watch(watcher)
            await watcher.frame_after(0, width=WIDTH)
            asked_s = time.monotonic()
            await relay.withhold(Withhold(reason=WithheldReason.KILL_SWITCH, mask_revision=4))
            slates = "slates_total"
            await until(lambda: relay.metric(slates, reason=WithheldReason.KILL_SWITCH), what="a slate")
            assert time.monotonic() - asked_s < 0.5
            await watcher.until(lambda: watcher.frames[-1].width == SLATE_WIDTH, what="the slate is seen")
            units = len(watcher.units())
            await watcher.until(lambda: len(watcher.units()) > units + 1, what="two more units, a second apart")
            assert watcher.frames[-1].width == SLATE_WIDTH
            assert relay.metric("refused_total", cause=Refusal.WITHHELD) > 10
            seen = len(watcher.frames)
            camera.revision = 5
            await watcher.frame_after(seen, width=WIDTH)
            assert_continuous(watcher)


async def test_withhold_that_is_none_is_ignored(tmp_path: Path) -> None:
    async with (
        relaying(tmp_path) as relay,
        MaskedCamera.listening(relay.mask) as camera,
        camera.playing(),
        watching() as watcher,
    ):
        await relay.watch(watcher)
        await watcher.frame_after(0, width=WIDTH)
        await relay.gateway.publish("withhold.islington.cam7", b'{"reason": "because"}')
        await relay.gateway.publish("withhold.islington.Cam_7", b"{}")
        seen = len(watcher.frames)
        await watcher.until(lambda: len(watcher.frames) > seen + 5, what="pictures go on")
        assert all(frame.width == WIDTH for frame in watcher.frames)


async def test_viewer_who_comes_just_after_a_withhold_does_not_slip_past_it(tmp_path: Path) -> None:
    async with (
        relaying(tmp_path) as relay,
        MaskedCamera.listening(relay.mask) as camera,
        camera.playing(),
        watching() as watcher,
    ):
        await relay.withhold(Withhold(reason=WithheldReason.REVOKED, mask_revision=camera.revision))
        await relay.watch(watcher)
        await watcher.frame_after(0, width=SLATE_WIDTH)
        assert all(frame.width == SLATE_WIDTH for frame in watcher.frames)
        seen = len(watcher.frames)
        camera.slate = WithheldReason.REVOKED
        await watcher.frame_after(seen, width=WIDTH)


async def test_lost_bus_is_a_slate_and_the_picture_comes_back_by_itself(tmp_path: Path) -> None:
    async with (
        relaying(tmp_path) as relay,
        MaskedCamera.listening(relay.mask) as camera,
        camera.playing(),
        watching() as watcher,
    ):
        await relay.watch(watcher)
        await watcher.frame_after(0, width=WIDTH)
        await relay.nats.kill()
        seen = len(watcher.frames)
        await watcher.frame_after(seen, width=SLATE_WIDTH)
        seen, demands = len(watcher.frames), len(camera.demands)
        await relay.nats.start()
        await watcher.frame_after(seen, width=WIDTH)
        await until(lambda: len(camera.demands) > demands, what="the demand is renewed")
        assert_continuous(watcher)
