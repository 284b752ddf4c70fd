"""`python -m deploy.local` where it cannot start: a sentence, and nothing left running."""

import asyncio
import os
import sys
from pathlib import Path

import psutil

from deploy.local.mesh import Mesh, choose_ports
from deploy.local.people import PASSWORD_FILE, add_person, password_of


async def _run(folder: Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "deploy.local", "--dir", folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode, output.decode()


async def test_a_folder_that_cannot_be_used_is_named_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for folder in (file, file / "below"):
        status, said = await _run(folder)
        assert status == 1
        assert said.startswith("Upper Street could not start: ")
        assert str(file) in said
        assert "Traceback" not in said


def test_a_password_file_that_is_lost_or_empty_is_made_anew(tmp_path: Path) -> None:
    first = password_of(tmp_path)
    assert len(first) >= 12
    assert password_of(tmp_path) == first
    path = tmp_path / PASSWORD_FILE
    path.write_text(f"{first}\n")
    assert password_of(tmp_path) == first, "an editor adds an end of line"
    path.write_text("")
    second = password_of(tmp_path)
    assert len(second) >= 12
    path.unlink()
    assert password_of(tmp_path) not in (first, second)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_ending_while_the_sign_in_is_made_leaves_nothing_running(tmp_path: Path) -> None:
    mesh = Mesh(tmp_path, tmp_path, tmp_path, choose_ports())  # nobody listens there: it waits for NATS
    creds = tmp_path / "nats" / "creds" / "gateway.creds"
    creds.parent.mkdir(parents=True)
    creds.touch()
    before = set(psutil.Process(os.getpid()).children())
    adding = asyncio.create_task(add_person(mesh, "a password for tests"))
    async with asyncio.timeout(10):
        while not (started := set(psutil.Process(os.getpid()).children()) - before):
            await asyncio.sleep(0.01)
        adding.cancel()
        await asyncio.wait({adding})
    assert adding.cancelled()
    assert not any(process.is_running() for process in started)
