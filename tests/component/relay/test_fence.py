"""What a viewer sees of a camera that changes hands, or loses access units."""

from pathlib import Path

import numpy as np
from av import VideoFrame

from proto.names import Epoch
from services.relay.fence import Refusal
from tests.component.relay.camera import WIDTH, MaskedCamera
from tests.component.relay.running import relaying
from tests.component.relay.watcher import assert_continuous, watching
from tests.support.waiting import until

IDR = 5


def brightness(frame: VideoFrame) -> float:
    return float(np.mean(frame.to_ndarray(format="gray")))


async def test_newer_epoch_is_taken_from_its_keyframe_and_the_older_is_refused(tmp_path: Path) -> None:
    async with (
        relaying(tmp_path) as relay,
        MaskedCamera.listening(relay.mask) as old,
        watching() as watcher,
    ):
        new = MaskedCamera(relay.mask)
        new.restart(old.epoch + 1)
        new.luma = 180
        async with old.playing():
            await relay.watch(watcher)
            await watcher.frame_after(0, width=WIDTH)
            async with new.playing():
                await watcher.until(lambda: brightness(watcher.frames[-1]) > 150, what="the new epoch's picture")
                seen = len(watcher.frames)
                refused = relay.metric("refused_total", cause=Refusal.OLD_EPOCH)
                await until(
                    lambda: relay.metric("refused_total", cause=Refusal.OLD_EPOCH) > refused + 3, what="refusals"
                )
                await watcher.until(lambda: len(watcher.frames) > seen + 5, what="pictures of the new epoch")
        assert all(brightness(frame) > 150 for frame in watcher.frames[seen:])
        assert_continuous(watcher)


async def test_newer_epoch_without_its_keyframe_is_waited_for_and_wished_for(tmp_path: Path) -> None:
    async with (
        relaying(tmp_path) as relay,
        MaskedCamera.listening(relay.mask) as camera,
        watching() as watcher,
    ):
        async with camera.playing():
            await relay.watch(watcher)
            await watcher.frame_after(0, width=WIDTH)
        camera.wishes.clear()
        camera.epoch = Epoch(camera.epoch + 1)
        await camera.publish()
        await until(lambda: relay.metric("refused_total", cause=Refusal.NEEDS_KEYFRAME), what="a refusal")
        await until(lambda: camera.wishes, what="a wish")
        async with camera.playing():
            units = len(watcher.units())
            await watcher.until(lambda: len(watcher.units()) > units, what="the way is open again")
            assert IDR in {nal[0] & 0x1F for nal in watcher.units()[units]}
        assert_continuous(watcher)


async def test_lost_unit_is_a_wait_for_a_keyframe_and_a_wish(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay, MaskedCamera.listening(relay.mask) as camera, watching() as watcher:
        async with camera.playing():
            await relay.watch(watcher)
            await watcher.frame_after(0, width=WIDTH)
        camera.wishes.clear()
        units = len(watcher.units())
        await camera.publish(lost=True)
        await camera.publish()
        await until(lambda: camera.wishes, what="a wish")
        assert camera.wishes[0].reason == "loss"
        await camera.publish()
        await camera.publish(keyframe=True)
        await watcher.until(lambda: len(watcher.units()) > units, what="the keyframe")
        assert IDR in {nal[0] & 0x1F for nal in watcher.units()[units]}
        assert relay.metric("refused_total", cause=Refusal.NEEDS_KEYFRAME) >= 2
        assert_continuous(watcher)


async def test_malformed_units_are_counted_and_nothing_else(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay, MaskedCamera.listening(relay.mask) as camera, watching() as watcher:
        async with camera.playing():
            await relay.watch(watcher)
            await watcher.frame_after(0, width=WIDTH)
        units = len(watcher.units())
        good = await camera.publish(keyframe=True)
        await watcher.until(lambda: len(watcher.units()) > units, what="it arrives")
        units += 1
        needed = relay.metric("refused_total", cause=Refusal.NEEDS_KEYFRAME)
        wire = good.to_wire()
        subject = f"masked.islington.cam7.{camera.layer}"
        delta = b"\x00\x00\x00\x01\x41\x9a\x01"
        bad: list[tuple[bytes, dict[str, str]]] = [
            (delta, {}),
            (delta, {**wire, "Us-Mask": "0"}),
            (delta, {**wire, "Us-Version": "2"}),
            (delta, {**wire, "Us-Seq": "many"}),
            (delta, {**wire, "Us-Size": "0x0"}),
            (delta, {**wire, "Us-Seq": str(good.seq + 1)}),  # says keyframe, is none
            (b"", {**wire, "Us-Seq": str(good.seq + 1)}),
            (b"no start code", {**wire, "Us-Seq": str(good.seq + 1)}),
        ]
        for payload, headers in bad:
            await relay.mask.publish(subject, payload, headers)
        await until(lambda: relay.metric("refused_total", cause=Refusal.MALFORMED) == len(bad), what="refusals")
        await camera.publish()
        await watcher.until(lambda: len(watcher.units()) > units, what="the next good unit")
        assert relay.metric("refused_total", cause=Refusal.NEEDS_KEYFRAME) == needed
