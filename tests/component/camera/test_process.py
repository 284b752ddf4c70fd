"""The device as a process: its ready line, its control port, its end."""

import asyncio
import signal
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.local.camera.control import MAX_LINE_BYTES, ask
from tests.component.camera.watching import watching
from tests.support.waiting import until

PROJECT = Path(__file__).resolve().parents[3]
SMALL = ("--size", "320x240", "--loop", "2", "--gop", "1", "--bitrate", "400000")


async def started(*arguments: str) -> Process:
    command = (sys.executable, "-m", "deploy.local.camera", "--port", "0", *arguments)
    return await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=PIPE, stderr=STDOUT)


async def ended(process: Process) -> tuple[int, str]:
    async with asyncio.timeout(20):
        output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@asynccontextmanager
async def device(cache: Path, *arguments: str) -> AsyncIterator[tuple[Process, list[str]]]:
    """Run a device; gives the words of its ready line."""
    process = await started("--cache", str(cache), *SMALL, *arguments)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while not (line := (await process.stdout.readline()).decode()).startswith("ready"):
                assert line, "it ended before it was ready"
        yield process, line.split()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_device_serves_until_a_signal_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    async with device(tmp_path, "--camera", "a=terrace", "--camera", "b=night-street") as (process, words):
        assert [url.rpartition("/")[2] for url in words[1:]] == ["a", "b"]
        async with watching(words[1]) as first, watching(words[2], "udp") as second:
            await until(lambda: first.seen and second.seen)
            process.send_signal(number)
            assert await ended(process) == (0, "")


async def test_control_port_carries_out_commands(tmp_path: Path) -> None:
    async with device(tmp_path, "--camera", "a=terrace", "--control-port", "0") as (_, words):
        url, port = words[1], int(words[2].removeprefix("control="))
        async with watching(url) as watcher:
            await until(lambda: watcher.seen)
            status = await ask(port, {"do": "status"})
            assert status["cameras"]["a"]["readers"] == 1
            assert status["cameras"]["a"]["mode"] == "live"
            frames = (await ask(port, {"do": "frames", "camera": "a", "last": 5}))["frames"]
            assert [(number - frames[0][0]) % 50 for number, _ in frames] == [0, 1, 2, 3, 4]
            assert [utc for _, utc in frames] == sorted(utc for _, utc in frames)
            assert await ask(port, {"do": "freeze", "camera": "a"}) == {"ok": True}
            await until(lambda: len(watcher.seen) > 12 and len({seen.digest for seen in watcher.seen[-10:]}) == 1)
            assert (await ask(port, {"do": "status"}))["cameras"]["a"]["mode"] == "frozen"
            assert await ask(port, {"do": "resume"}) == {"ok": True}
            await until(lambda: len({seen.digest for seen in watcher.seen[-5:]}) == 5)
            for command in ("drop-units", "drop-packets", "corrupt"):
                assert (await ask(port, {"do": command, "camera": "a", "count": 2}))["ok"]
            assert (await ask(port, {"do": "refuse", "camera": "a", "how": "not-found"}))["ok"]
            assert (await ask(port, {"do": "close"}))["ok"]
            await until(lambda: watcher.has_ended)


async def test_senseless_commands_are_answered_with_what_is_wrong(tmp_path: Path) -> None:
    async with device(tmp_path, "--camera", "a=terrace", "--control-port", "0") as (_, words):
        port = int(words[2].removeprefix("control="))
        for command in (
            {},
            {"do": "explode"},
            {"do": ["freeze"]},
            {"do": "freeze", "camera": "zz"},
            {"do": "freeze", "camera": ["a"]},
            {"do": "frames"},
            {"do": "frames", "camera": "a", "last": "all"},
            {"do": "drop-units", "count": 0},
            {"do": "drop-units", "count": True},
            {"do": "corrupt", "damage": "burn"},
            {"do": "refuse", "how": "politely"},
        ):
            answer = await ask(port, command)
            assert answer["ok"] is False
            assert answer["error"]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\xff\xfe\n[1]\n" + b"[" * 4_000 + b"\n" + b"x" * (MAX_LINE_BYTES + 1))
        answers = (await reader.read(-1)).splitlines()
        assert len(answers) == 3
        assert all(b'"ok": false' in answer for answer in answers)
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--camera", "a=moon"), "no scene 'moon'"),
        (("--camera", "a"), "no scene ''"),
        (("--camera", "a=park", "--camera", "a=park"), "already"),
        (("--size", "big"), "no size"),
        (("--gop", "5"), "no whole number"),
        (("--gop", "nan"), "too short or too long"),
        (("--host", "203.0.113.1", *SMALL), "cannot listen"),
    ],
)
async def test_device_that_cannot_be_says_so_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    code, output = await ended(await started("--cache", str(tmp_path), *arguments))
    assert code == 1
    assert complaint in output.splitlines()[-1]
    assert "Traceback" not in output


async def test_taken_port_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, output = await ended(
            await started("--cache", str(tmp_path), *SMALL, "--port", str(taken.getsockname()[1]))
        )
    assert code == 1
    assert "cannot listen" in output.splitlines()[-1]


async def test_signal_while_clips_are_drawn_ends_the_device(tmp_path: Path) -> None:
    process = await started("--cache", str(tmp_path))
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert b"drawing" in await process.stdout.readline()
    process.terminate()
    code, output = await ended(process)
    assert code == 0
    assert "Traceback" not in output
    assert not list(tmp_path.glob("*.clip"))
