"""The simulated camera as PyAV sees it: pictures in order, credentials, every fault."""

import asyncio
from itertools import pairwise

import av
import pytest

from deploy.local.camera.auth import Credentials, Scheme
from deploy.local.camera.clip import load
from deploy.local.camera.faults import Damage, Refusal
from deploy.local.camera.server import ServerOptions
from deploy.local.camera.simulated import CACHE, QUICK, SimulatedCamera
from tests.component.camera.watching import Watcher, open_error, watching
from tests.support.waiting import until

TICK_90K = 90_000 // QUICK.fps


def is_in_sequence(numbers: list[int | None]) -> bool:
    return all(a is not None and b == (a + 1) % QUICK.frames for a, b in pairwise(numbers))


def sound_digests() -> set[str]:
    """Digests of all pictures that the clip holds."""
    clip = load(QUICK, CACHE)
    assert clip is not None
    watcher = Watcher("", "")
    decoder = av.CodecContext.create("h264", "r")
    units = [b"".join(b"\0\0\0\1" + nal for nal in unit.nal_units) for unit in clip.access_units]
    frames = [frame for unit in [*units, None] for frame in decoder.decode(av.Packet(unit) if unit else None)]
    for frame in frames:
        assert isinstance(frame, av.VideoFrame)
        watcher.note(frame)
    assert len(watcher.seen) == QUICK.frames
    return {seen.digest for seen in watcher.seen}


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_pictures_come_in_sequence_without_a_seam(transport: str) -> None:
    async with SimulatedCamera() as camera, watching(camera.url, transport) as watcher:
        await until(lambda: len(watcher.seen) > 60)
        assert is_in_sequence(watcher.numbers)
        assert {0, QUICK.frames - 1} <= set(watcher.numbers)
        times = [seen.pts for seen in watcher.seen if seen.pts is not None]
        assert {b - a for a, b in pairwise(times)} == {TICK_90K}
        assert {seen.digest for seen in watcher.seen} <= sound_digests()


async def test_two_readers_see_the_same_live_picture() -> None:
    async with SimulatedCamera() as camera, watching(camera.url) as first:
        await until(lambda: len(first.seen) > 5)
        async with watching(camera.url, "udp") as second:
            await until(lambda: len(second.seen) > 20)
            assert camera.readers == 2
            last_sent = camera.frames(1)[0].number
            for watcher in (first, second):
                number = watcher.numbers[-1]
                assert number is not None
                assert (last_sent - number) % QUICK.frames < 15
                assert is_in_sequence(watcher.numbers)
        await until(lambda: camera.readers == 1)


async def test_device_tells_when_it_sent_each_frame() -> None:
    async with SimulatedCamera() as camera, watching(camera.url) as watcher:
        await until(lambda: len(camera.frames()) > 60 and watcher.seen)
        frames = camera.frames(50)
        assert len(frames) == 50
        assert is_in_sequence([frame.number for frame in frames])
        steps = [b.utc_s - a.utc_s for a, b in pairwise(frames)]
        assert abs(sum(steps) / len(steps) - 1 / QUICK.fps) < 0.005
        assert camera.sent_utc(frames[-1].number) == frames[-1].utc_s
        assert camera.sent_utc(9_999) is None


@pytest.mark.parametrize("scheme", [Scheme.BASIC, Scheme.DIGEST])
async def test_credentials_are_wanted(scheme: Scheme) -> None:
    options = ServerOptions(Credentials(scheme, "admin", "secret"))
    async with SimulatedCamera(options=options) as camera:
        async with watching(camera.url_with_credentials) as watcher:
            await until(lambda: watcher.seen)
        for wrong in (camera.url, camera.url_with_credentials.replace("secret", "wrong")):
            assert isinstance(await open_error(wrong), av.HTTPUnauthorizedError)


async def test_frozen_camera_repeats_one_picture_and_resumes_with_the_next_gop() -> None:
    async with SimulatedCamera() as camera, watching(camera.url) as watcher:
        await until(lambda: watcher.seen)
        camera.freeze()
        await until(lambda: len({seen.digest for seen in watcher.seen[-30:]}) == 1 and len(watcher.seen) > 30)
        frozen = watcher.numbers[-1]
        assert frozen is not None
        assert frozen % QUICK.gop == 0
        camera.resume()
        await until(lambda: watcher.numbers[-1] != frozen)
        first_after = next(number for number in reversed(watcher.numbers) if number is not None)
        assert 0 <= (first_after - frozen - QUICK.gop) % QUICK.frames < 10
        times = [seen.pts for seen in watcher.seen if seen.pts is not None]
        assert {b - a for a, b in pairwise(times)} == {TICK_90K}


async def test_lost_packets_damage_pictures_until_the_next_keyframe() -> None:
    sound = sound_digests()
    async with SimulatedCamera() as camera, watching(camera.url) as watcher:
        await until(lambda: watcher.seen)
        camera.drop_packets(10)
        await until(lambda: any(seen.digest not in sound for seen in watcher.seen))
        await until(lambda: all(seen.digest in sound for seen in watcher.seen[-10:]))


@pytest.mark.parametrize("damage", list(Damage))
async def test_corrupted_access_units_damage_pictures_until_the_next_keyframe(damage: Damage) -> None:
    sound = sound_digests()
    async with SimulatedCamera() as camera, watching(camera.url) as watcher:
        await until(lambda: watcher.seen)
        camera.corrupt(10, damage)
        await until(lambda: any(seen.digest not in sound for seen in watcher.seen))
        await until(lambda: all(seen.digest in sound for seen in watcher.seen[-10:]))


async def test_stalled_camera_runs_its_readers_into_their_time_out() -> None:
    async with SimulatedCamera() as camera:
        async with watching(camera.url) as watcher:
            await until(lambda: watcher.seen)
            camera.stall()
            await until(lambda: watcher.has_ended)
            assert watcher.error is not None
        camera.resume()
        async with watching(camera.url) as watcher:
            await until(lambda: watcher.seen)


async def test_babbling_camera_cannot_be_opened() -> None:
    async with SimulatedCamera() as camera:
        camera.garbage()
        assert await open_error(camera.url) is not None
        camera.resume()
        assert await open_error(camera.url) is None


async def test_closed_connections_end_the_stream_and_readers_may_come_back() -> None:
    async with SimulatedCamera() as camera:
        async with watching(camera.url) as watcher:
            await until(lambda: watcher.seen)
            camera.close()
            await until(lambda: watcher.has_ended)
        async with watching(camera.url) as watcher:
            await until(lambda: watcher.seen)


@pytest.mark.parametrize(
    ("how", "error"),
    [
        (Refusal.CONNECT, av.ConnectionRefusedError),
        (Refusal.NOT_FOUND, av.HTTPNotFoundError),
        (Refusal.UNAUTHORIZED, av.HTTPUnauthorizedError),
    ],
)
async def test_refusing_camera_keeps_its_readers_and_takes_no_new_ones(how: Refusal, error: type[Exception]) -> None:
    async with SimulatedCamera() as camera, watching(camera.url) as watcher:
        await until(lambda: watcher.seen)
        camera.refuse(how)
        await asyncio.sleep(0)
        assert isinstance(await open_error(camera.url), error)
        before = len(watcher.seen)
        await until(lambda: len(watcher.seen) > before + 5)
        camera.resume()
        assert await open_error(camera.url) is None


async def test_unknown_path_is_not_found() -> None:
    async with SimulatedCamera() as camera:
        assert isinstance(await open_error(camera.url + "x"), av.HTTPNotFoundError)
