"""The whole mesh for end-to-end tests and benchmarks: the same processes that `make run` starts, on free ports."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from deploy.local.camera.control import ask
from deploy.local.children import Child, Command
from deploy.local.mesh import Mesh, choose_ports, ring_folder
from deploy.local.people import PASSWORD_FILE, PERSON, add_person, password_of
from deploy.local.provision import Gateway, WantedCamera

CLIPS = Path("build/clips").absolute()
"""Encoded once for all tests and benchmarks; the name of a clip says all that it was made from."""


@dataclass(slots=True)
class RunningMesh:
    """A running mesh: its page, its sign-in, its processes by name."""

    mesh: Mesh
    password: str
    children: dict[str, Child]
    client: httpx.AsyncClient

    @property
    def origin(self) -> str:
        return self.mesh.origin

    @property
    def person(self) -> str:
        return PERSON

    def camera_url(self, name: str) -> str:
        return f"rtsp://127.0.0.1:{self.mesh.ports.cameras}/{name}"

    async def device(self, **command: Any) -> dict[str, Any]:
        """Send a command to the simulated device's control port."""
        answer = await ask(self.mesh.ports.camera_control, command)
        assert answer["ok"], answer
        return answer

    async def camera(self, camera: str) -> dict[str, Any]:
        """A camera as the list shows it."""
        answer = await self.client.get(f"/api/cameras/{camera}")
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    async def until_state(self, camera: str, state: str, *, timeout_s: float = 20.0) -> dict[str, Any]:
        """Wait until the list shows a camera in `state`."""
        found: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout_s):
                while (found := await self.camera(camera))["state"] != state:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{camera} is not {state} after {timeout_s} s but {found}") from None
        return found

    async def metric(self, service: str, name: str, **labels: str) -> float:
        """Sum of a metric's samples with these labels, as the service's `/metrics` shows it now."""
        child = self.children[service]
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"http://127.0.0.1:{_health_port(child)}/metrics")).text
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.startswith((f"{name}{{", f"{name} ")) and all(label in line for label in wanted)
        )

    def log(self, service: str) -> str:
        return self.children[service].log.read_text()


@contextlib.asynccontextmanager
async def run_mesh(
    folder: Path,
    cameras: Sequence[WantedCamera] = (),
    *,
    device: Sequence[str] = (),
    settings: Mapping[str, Mapping[str, str]] | None = None,
) -> AsyncIterator[RunningMesh]:
    """Start nats-server, the simulated device where `device` has arguments for it, and the four services.

    An address of `cameras` may start with `device:`: it then names a camera of the simulated device.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mesh = Mesh(folder, ring_folder(folder), CLIPS, choose_ports())
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, mesh.ring_folder, ignore_errors=True)
        children: dict[str, Child] = {}

        async def start(command: Command) -> None:
            child = children[command.name] = Child(command, folder)
            stack.push_async_callback(child.stop)
            await child.start()

        await start(mesh.nats())
        if device:
            command = mesh.cameras(())
            await start(replace(command, arguments=(*command.arguments, *device)))
        (folder / PASSWORD_FILE).unlink(missing_ok=True)
        password = password_of(folder)
        await add_person(mesh, password)
        for command in mesh.services():
            extra = (settings or {}).get(command.name, {})
            await start(replace(command, environment={**command.environment, **extra}))
        gateway = await stack.enter_async_context(Gateway(mesh.origin))
        await gateway.sign_in(PERSON, password)
        running = RunningMesh(mesh, password, children, gateway.client)
        for camera in cameras:
            address = camera.address.replace("device:", running.camera_url(""), 1)
            await gateway.register(replace(camera, address=address))
        yield running


def _health_port(child: Child) -> int:
    """The service logs the free port that it took."""
    for line in child.log.read_text().splitlines():
        if '"health_port"' in line:
            return int(line.split('"health_port": ')[1].split(",")[0].rstrip("}"))
    raise AssertionError(f"{child.command.name} logged no health port")
