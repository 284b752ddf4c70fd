"""The simulated camera's RTSP and RTP, packet by packet."""

import asyncio
import base64
import struct

import pytest

from deploy.local.camera.clip import ClipSpec, nal_type
from deploy.local.camera.rtp import ntp
from deploy.local.camera.server import ServerOptions
from deploy.local.camera.simulated import QUICK, SimulatedCamera
from tests.component.camera.rtsp_client import Packet, connected
from tests.component.camera.watching import watching
from tests.support.waiting import until

TICK_90K = 90_000 // QUICK.fps
SENDER_REPORT = 200
U16, U32 = 1 << 16, 1 << 32


async def test_description_holds_the_parameter_sets() -> None:
    async with SimulatedCamera() as camera, connected(camera.url) as client:
        answer = await client.ask("DESCRIBE")
        assert answer.status == 200
        assert answer.headers["content-base"] == camera.url + "/"
        sets = answer.body.partition("sprop-parameter-sets=")[2].split("\r\n")[0].split(",")
        assert [nal_type(base64.b64decode(each)) for each in sets] == [7, 8]


async def test_play_names_the_first_packet() -> None:
    async with SimulatedCamera() as camera, connected(camera.url) as client:
        info = (await client.play()).headers["rtp-info"]
        first = (await client.unit())[0]
        assert f"seq={first.sequence};rtptime={first.timestamp}" in info


async def test_sender_report_names_the_moment_when_the_frame_was_begun() -> None:
    async with SimulatedCamera() as camera, connected(camera.url) as client:
        await client.play()
        reports: list[Packet] = []
        while len(reports) < 2:
            packet = await client.packet()
            if not packet.is_rtp and packet.data[1] == SENDER_REPORT:
                reports.append(packet)
        for report in reports:
            time, timestamp = struct.unpack(">QI", report.data[8:20])
            number = timestamp // TICK_90K % QUICK.frames
            sent = [frame.utc_s for frame in camera.frames(10_000) if frame.number == number]
            assert time in map(ntp, sent)


async def test_reader_starts_with_the_picture_that_is_live() -> None:
    async with SimulatedCamera() as camera, connected(camera.url) as client:
        await until(lambda: camera.frames(1) and camera.frames(1)[0].number % QUICK.gop == 5)
        await client.play()
        assert (await client.unit())[0].nal_type == 1


async def test_reader_starts_at_a_keyframe_where_that_is_wanted() -> None:
    async with (
        SimulatedCamera(options=ServerOptions(starts_at_keyframe=True)) as camera,
        connected(camera.url) as client,
    ):
        await until(lambda: camera.frames(1) and camera.frames(1)[0].number % QUICK.gop == 5)
        await client.play()
        assert [packet.nal_type for packet in await client.unit()][:2] == [7, 8]


async def test_dropped_access_units_leave_a_gap_in_time_alone() -> None:
    async with SimulatedCamera() as camera, connected(camera.url) as client:
        await client.play()
        before = await client.unit()
        camera.drop_units(3)
        gaps: list[int] = []
        while 4 * TICK_90K not in gaps:
            unit = await client.unit()
            assert unit[0].sequence == (before[-1].sequence + 1) % U16
            gaps.append((unit[0].timestamp - before[-1].timestamp) % U32)
            before = unit
            assert len(gaps) < 50


async def test_lost_packets_leave_a_gap_in_the_sequence() -> None:
    async with SimulatedCamera() as camera, connected(camera.url) as client:
        await client.play()
        last = (await client.unit())[-1].sequence
        camera.drop_packets(3)
        lost = 0
        while lost < 3:
            for packet in await client.unit():
                lost += (packet.sequence - last - 1) % U16
                last = packet.sequence
        assert lost == 3


async def test_stalled_camera_says_nothing_and_stays_connected() -> None:
    async with SimulatedCamera() as camera, connected(camera.url) as client:
        await client.play()
        await client.unit()
        camera.stall()
        # What had been sent before may still come; then there is silence.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.until_end(), 0.5)
        client.writer.write(b"OPTIONS " + camera.url.encode() + b" RTSP/1.0\r\nCSeq: 99\r\n\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.3)
        assert camera.readers == 1
        camera.resume()
        await client.unit()


async def test_babbling_camera_sends_bytes_that_are_no_packets() -> None:
    async with SimulatedCamera() as camera, connected(camera.url) as client:
        await client.play()
        camera.garbage()
        async with asyncio.timeout(5):
            noise = await client.reader.readexactly(20_000)
        assert len(set(noise)) == 256


async def test_pause_stops_the_stream_and_play_goes_on_live() -> None:
    async with SimulatedCamera() as camera, connected(camera.url) as client:
        await client.play()
        await client.unit()
        assert (await client.ask("PAUSE")).status == 200
        assert camera.readers == 0
        client.packets.clear()
        assert (await client.ask("PLAY")).status == 200
        await client.unit()


async def test_teardown_ends_the_session_and_the_connection_may_go_on() -> None:
    async with SimulatedCamera() as camera, connected(camera.url) as client:
        await client.play()
        assert (await client.ask("TEARDOWN")).status == 200
        assert camera.readers == 0
        assert (await client.ask("PLAY")).status == 454
        client.session = ""
        await client.play()
        await client.unit()


async def test_reader_who_does_not_read_is_dropped() -> None:
    spec = ClipSpec("terrace", 640, 360, fps=50, loop_s=2.0, gop_s=1.0, bitrate_bps=20_000_000)
    options = ServerOptions(max_waiting_bytes=100_000)
    async with (
        SimulatedCamera(spec, options=options) as camera,
        connected(camera.url) as slow,
        connected(camera.url) as client,
    ):
        await client.play()
        await slow.play()
        # From here nobody reads the slow one's socket; the kernel's buffers hold a few megabytes before the device's.
        slow.reader_transport.pause_reading()
        for _ in range(600):
            await client.unit()
            if camera.status()["dropped_readers"]:
                break
        assert camera.status()["dropped_readers"] == 1
        assert camera.readers == 1
        await client.unit()


async def test_reader_of_pyav_outlives_the_sessions_time_out() -> None:
    async with SimulatedCamera(options=ServerOptions(session_timeout_s=2.0)) as camera, watching(camera.url) as watcher:
        await until(lambda: len(watcher.seen) > 4 * QUICK.fps)
        assert camera.readers == 1


async def test_silent_udp_reader_is_forgotten() -> None:
    async with SimulatedCamera(options=ServerOptions(session_timeout_s=0.5)) as camera, connected(camera.url) as client:
        await client.play("RTP/AVP;unicast;client_port=50000-50001")
        assert camera.readers == 1
        await until(lambda: camera.readers == 0)
        async with asyncio.timeout(5):
            await client.reader.read()  # to the end: the connection is closed with the session


async def test_reader_who_asks_for_nothing_but_lives_is_kept() -> None:
    async with SimulatedCamera(options=ServerOptions(session_timeout_s=1.5)) as camera, connected(camera.url) as client:
        await client.play()
        for _ in range(75):
            await client.unit()
            assert (await client.ask("GET_PARAMETER")).status == 200
        assert camera.readers == 1


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("DESCRIBE", {}, 200),
        ("GET_PARAMETER", {}, 200),
        ("ANNOUNCE", {}, 501),
        ("PLAY", {}, 454),
        ("PLAY", {"Session": "abc"}, 454),
        ("SETUP", {}, 461),
        ("SETUP", {"Transport": "RTP/AVP;multicast"}, 461),
        ("SETUP", {"Transport": ";;;===,"}, 461),
    ],
)
async def test_requests_are_answered_by_the_book(method: str, headers: dict[str, str], status: int) -> None:
    async with SimulatedCamera() as camera, connected(camera.url) as client:
        assert (await client.ask(method, **headers)).status == status


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"DESCRIBE rtsp://h/cam1 RTSP/1.0\r\n\r\n", b"400"),
        (b"DESCRIBE rtsp://h/cam1 RTSP/1.0\r\nCSeq: one\r\n\r\n", b"400"),
        (b"DESCRIBE rtsp://h/cam1 RTSP/2.0\r\nCSeq: 1\r\n\r\n", b"505"),
        (b"DESCRIBE rtsp://h/cam2 RTSP/1.0\r\nCSeq: 1\r\n\r\n", b"404"),
        (b"DESCRIBE * RTSP/1.0\r\nCSeq: 1\r\n\r\n", b"404"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x00\xa5", b"400"),
    ],
)
async def test_odd_requests_get_an_error_and_others_are_not_disturbed(sent: bytes, status: bytes) -> None:
    async with SimulatedCamera() as camera, connected(camera.url) as viewer, connected(camera.url) as odd:
        await viewer.play()
        odd.writer.write(sent)
        async with asyncio.timeout(5):
            assert await odd.reader.readexactly(12) == b"RTSP/1.0 " + status
        await viewer.unit()


async def test_session_cannot_be_set_up_again_while_it_plays() -> None:
    async with SimulatedCamera() as camera, connected(camera.url) as client:
        await client.play()
        assert (await client.ask("SETUP", Transport="RTP/AVP/TCP;unicast;interleaved=2-3")).status == 455
