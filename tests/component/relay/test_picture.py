"""A masked layer on its way to real WebRTC peers."""

import time
from pathlib import Path

import numpy as np

from proto.limits import DEMAND_INTERVAL_S
from services.relay.forwarder import CATCH_UP_S
from tests.component.relay.camera import FRAME_S, WIDTH, MaskedCamera
from tests.component.relay.running import relaying
from tests.component.relay.watcher import assert_continuous, watching
from tests.support.waiting import until

SPS, PPS, IDR = 7, 8, 5


async def test_picture_arrives_and_starts_with_a_keyframe(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay, MaskedCamera.listening(relay.mask) as camera, camera.playing():
        async with watching() as watcher:
            started_s = time.monotonic()
            await relay.watch(watcher)
            frame = await watcher.frame_after(0, width=WIDTH)
            print(f"first picture after {1000 * (time.monotonic() - started_s):.0f} ms")
        assert {SPS, PPS, IDR} <= {nal[0] & 0x1F for nal in watcher.units()[0]}
        assert abs(float(np.mean(frame.to_ndarray(format="gray"))) - camera.luma) < 25
        numbers = [packet.sequence_number for packet in watcher.packets]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert all(packet.extensions.abs_send_time for packet in watcher.packets)
        assert {packet.extensions.mid for packet in watcher.packets} == {"0"}
        await until(lambda: relay.metric("viewers") == 0, what="the viewer that left is forgotten")


async def test_two_viewers_get_the_same(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay, MaskedCamera.listening(relay.mask) as camera, camera.playing():
        async with watching() as one, watching() as other:
            for watcher in (one, other):
                await relay.watch(watcher)
            await other.until(lambda: len(other.units()) > 5, what="some pictures")
            last = other.units()[4]
            await one.until(lambda: last in one.units(), what="the same pictures")
            end = one.units().index(last)
            assert one.units()[end - 4 : end + 1] == other.units()[:5]
            assert one.packets[0].timestamp != other.packets[0].timestamp
        assert relay.metric("layers") == 1


async def test_viewer_joining_mid_gop_makes_one_wish_and_starts_with_the_keyframe(tmp_path: Path) -> None:
    async with (
        relaying(tmp_path) as relay,
        MaskedCamera.listening(relay.mask) as camera,
        camera.playing(),
        watching() as first,
        watching() as joiner,
    ):
        await relay.watch(first)
        await first.frame_after(0, width=WIDTH)
        await first.until(lambda: len(first.units()) > 1 + CATCH_UP_S / FRAME_S, what="the keyframe is old enough")
        camera.wishes.clear()
        await relay.watch(joiner)
        await joiner.until(lambda: len(joiner.units()) > 20, what="most of a second of pictures")
        assert [wish.reason for wish in camera.wishes] == ["join"]
        kinds = [{nal[0] & 0x1F for nal in unit} for unit in joiner.units()]
        assert IDR in kinds[0]
        assert not any(IDR in kind for kind in kinds[1:])


async def test_viewer_joining_just_after_a_keyframe_starts_with_that_and_wishes_for_none(tmp_path: Path) -> None:
    async with (
        relaying(tmp_path) as relay,
        MaskedCamera.listening(relay.mask) as camera,
        camera.playing(),
        watching() as first,
        watching() as joiner,
    ):
        await relay.watch(first)
        await first.frame_after(0, width=WIDTH)
        wishes, before = len(camera.wishes), len(first.units())
        await relay.watch(joiner)
        await joiner.frame_after(0, width=WIDTH)
        await joiner.until(lambda: len(joiner.units()) > 10, what="pictures go on")
        assert len(camera.wishes) == wishes
        begin = joiner.units()[0]
        assert begin in first.units()[:before], "a keyframe that was there before"
        at = first.units().index(begin)
        assert joiner.units()[:8] == first.units()[at : at + 8]
        assert_continuous(joiner)


async def test_plis_and_firs_of_all_viewers_are_few_wishes(tmp_path: Path) -> None:
    async with (
        relaying(tmp_path) as relay,
        MaskedCamera.listening(relay.mask) as camera,
        camera.playing(),
        watching() as one,
        watching() as other,
    ):
        for watcher in (one, other):
            await relay.watch(watcher)
            await watcher.frame_after(0, width=WIDTH)
        camera.answers_wishes = False
        asked, count = relay.metric("keyframe_requests_total"), len(camera.wishes)
        started_s = time.monotonic()
        for _ in range(5):
            await one.send_pli()
            await other.send_fir()
        await until(lambda: relay.metric("keyframe_requests_total") == asked + 10, what="PLI and FIR are read")
        await until(lambda: len(camera.wishes) > count, what="a wish")
        passed_s = time.monotonic() - started_s
        assert len(camera.wishes) - count <= 2 * (1 + passed_s)
        assert camera.wishes[-1].reason == "loss"


async def test_packet_reported_lost_is_sent_again(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay, MaskedCamera.listening(relay.mask) as camera, camera.playing():
        async with watching() as watcher:
            watcher.lose_number = 14
            await relay.watch(watcher)
            await watcher.until(lambda: watcher.resent, what="a retransmission")
            assert int.from_bytes(watcher.resent[0].payload[:2], "big") == watcher.lost
        assert relay.metric("retransmissions_total") >= 1


async def test_packet_is_sent_again_as_it_was_where_no_retransmission_stream_was_negotiated(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay, MaskedCamera.listening(relay.mask) as camera, camera.playing():
        async with watching(rtx=False) as watcher:
            watcher.lose_number = 14
            await relay.watch(watcher)
            await watcher.until(
                lambda: watcher.lost in [packet.sequence_number for packet in watcher.packets], what="the same packet"
            )
        assert relay.metric("retransmissions_total") >= 1


async def test_demand_is_published_at_once_while_watched_and_no_longer(tmp_path: Path) -> None:
    async with relaying(tmp_path) as relay, MaskedCamera.listening(relay.mask) as camera, camera.playing():
        async with watching() as watcher:
            asked_s = time.monotonic()
            await relay.watch(watcher)
            await until(lambda: camera.demands, what="a demand")
            assert camera.demands[0] - asked_s < 1
            await until(lambda: len(camera.demands) > 1, what="a demand again")
            assert camera.demands[1] - camera.demands[0] < DEMAND_INTERVAL_S + 1
        await until(lambda: relay.metric("viewers") == 0, what="the viewer is gone")
        left_s, count = time.monotonic(), len(camera.demands)
        await until(lambda: time.monotonic() - left_s > DEMAND_INTERVAL_S + 0.5, what="time passes")
        assert len(camera.demands) <= count + 1, "at most one was on its way"
        assert relay.metric("layers") == 0
