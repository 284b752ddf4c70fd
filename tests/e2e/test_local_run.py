"""`make run`'s own program: it starts everything, says where to look, and Ctrl-C leaves nothing behind."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import expect

from deploy.local.mesh import ring_folder
from tests.support.browser import sign_in
from tests.support.mesh import CLIPS
from tests.support.waiting import until

START_LIMIT_S = 100.0
"""The first run of a checkout draws and encodes four cameras' streets."""


@dataclass(slots=True)
class LocalRun:
    """The program while it runs."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)

    def said(self, pattern: str) -> str | None:
        match = re.search(pattern, "\n".join(self.lines))
        return match and match.group(1)

    async def until_said(self, pattern: str) -> str:
        found = ""

        async def read() -> None:
            nonlocal found
            assert self.process.stdout is not None
            while not (found := self.said(pattern) or ""):
                line = await self.process.stdout.readline()
                assert line, "\n".join(self.lines)
                self.lines.append(line.decode().rstrip())

        await asyncio.wait_for(read(), START_LIMIT_S)
        return found

    async def interrupt(self) -> int:
        """What Ctrl-C does; returns the exit status."""
        self.process.send_signal(signal.SIGINT)
        await asyncio.wait_for(self.process.communicate(), 60)
        assert self.process.returncode is not None
        return self.process.returncode


@contextlib.asynccontextmanager
async def local_run(folder: Path, *arguments: str) -> AsyncIterator[LocalRun]:
    folder.mkdir(exist_ok=True)
    CLIPS.mkdir(parents=True, exist_ok=True)
    if not (folder / "clips").exists():
        (folder / "clips").symlink_to(CLIPS)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "deploy.local", "--dir", str(folder), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield LocalRun(process)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


def processes_of(folder: Path) -> list[str]:
    """Command lines of running processes that name the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(folder) in command:
                found.append(command)
    return found


async def test_run_shows_four_masked_streets_and_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    async with local_run(folder) as run:
        origin = await run.until_said(r"open +(http://\S+)")
        password = await run.until_said(r"password +(\S+)")
        await run.until_said(r"(Ctrl-C)")
        async with sign_in(origin, "operator", password) as operator:
            await expect(operator.page.get_by_test_id("camera-summary")).to_contain_text("4 live", timeout=20_000)
            await operator.open("upper-street-101")
        assert processes_of(folder)
        assert await run.interrupt() == 0
    await until(lambda: not processes_of(folder), what="no process of the run is left")
    assert not ring_folder(folder).exists()
    logs = "".join(path.read_text() for path in (folder / "logs").glob("*.log"))
    assert password not in logs
    assert "Traceback" not in logs


async def test_ctrl_c_while_it_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    async with local_run(folder) as run:
        await run.until_said(r"(Starting ingest)")
        assert await run.interrupt() == 0
    await until(lambda: not processes_of(folder), what="no process of the run is left")


async def test_second_run_of_one_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    async with local_run(folder) as first:
        await first.until_said(r"(Starting nats-server)")
        async with local_run(folder) as second:
            assert "already running" in await second.until_said(r"(already running)")
            assert await asyncio.wait_for(second.process.wait(), 30) == 1


async def test_own_cameras_are_taken_and_show_a_slate_until_masks_are_approved(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    async with local_run(folder, "--cameras", "rtsp://viewer:secret@127.0.0.1:9/stream") as run:
        origin = await run.until_said(r"open +(http://\S+)")
        password = await run.until_said(r"password +(\S+)")
        assert await run.until_said(r"(slate until a mask set is approved)")
        async with sign_in(origin, "operator", password) as operator:
            state = operator.page.get_by_test_id("camera-state-camera-1")
            await expect(state).to_contain_text("Down", timeout=20_000)
            assert "secret" not in await operator.page.content()
        assert await run.interrupt() == 0
    logs = "".join(path.read_text() for path in (folder / "logs").glob("*.log"))
    assert "secret" not in logs
