"""The one person of a local run: a name and a password that stay the same for a folder."""

import asyncio
import contextlib
import os
import secrets
import sys
from pathlib import Path

from deploy.local.children import ChildFailed
from deploy.local.mesh import Mesh

PERSON = "operator"
ROLE = "administrator"
PASSWORD_FILE = "password"


def password_of(folder: Path) -> str:
    """The folder's password, made at the first call, or when its file is lost or empty; readable by its owner alone."""
    path = folder / PASSWORD_FILE
    held = path.read_text().strip() if path.exists() else ""
    if held:
        return held
    made = secrets.token_urlsafe(12)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        file.write(made)
    return made


async def add_person(mesh: Mesh, password: str) -> None:
    """Write the person into the bucket `people`. Raises ChildFailed with what the command said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.gateway", "add-person", "--name", PERSON, "--role", ROLE),
        *("--replace", "--password-stdin"),
        env=dict(mesh.service("gateway").environment),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate(password.encode())
    finally:
        # At Ctrl-C it would go on trying for as long as it may wait for NATS.
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode:
        raise ChildFailed(f"no sign-in could be made: {output.decode(errors='replace')[-500:]}")
