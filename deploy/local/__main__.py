"""`make run`: the whole mesh on one machine, as an ordinary user, until Ctrl-C."""

import argparse
import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from deploy.local.camera.scene import dwellings
from deploy.local.children import Child, ChildFailed, Command
from deploy.local.mesh import LOOPBACK, Mesh, SimulatedCamera, choose_ports, ring_folder
from deploy.local.people import PERSON, add_person, password_of
from deploy.local.provision import Gateway, ProvisioningFailed, WantedCamera

SIMULATED = (
    SimulatedCamera("upper-street-101", "terrace", "101 Upper Street, terrace"),
    SimulatedCamera("packington-202", "estate", "202 Packington Estate, tower"),
    SimulatedCamera("highbury-303", "park", "303 Highbury Fields, gate"),
    SimulatedCamera("holloway-404", "night-street", "404 Holloway Road, night"),
)


def main() -> None:
    arguments = _parse()
    folder = arguments.dir.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _only_one(folder):
            asyncio.run(_run(folder, tuple(filter(None, map(str.strip, arguments.cameras.split(","))))))
    except (ChildFailed, ProvisioningFailed, OSError) as exc:
        print(f"Upper Street could not start: {exc}", file=sys.stderr)
        sys.exit(1)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(".run"), help="keys, store, clips and logs (default: .run)")
    parser.add_argument(
        "--cameras",
        default=os.environ.get("CAMERAS", ""),
        help="rtsp:// addresses with commas between them, instead of the simulated cameras (default: $CAMERAS)",
    )
    return parser.parse_args()


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"Upper Street is already running from {folder}", file=sys.stderr)
            sys.exit(1)
        yield


async def _run(folder: Path, addresses: tuple[str, ...]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    starting = asyncio.create_task(_run_mesh(folder, addresses), name="mesh")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        print("\nEnding…", flush=True)
        starting.cancel()
    stopping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting


async def _run_mesh(folder: Path, addresses: tuple[str, ...]) -> None:
    """Start everything and run until cancelled."""
    mesh = Mesh(folder, ring_folder(folder), folder / "clips", choose_ports())
    password = password_of(folder)
    async with _children(mesh) as start:
        print("Starting nats-server and drawing the cameras' streets (only the first time takes long)…", flush=True)
        simulated = () if addresses else SIMULATED
        first = [mesh.nats(), *([mesh.cameras(simulated)] if simulated else [])]
        await asyncio.gather(*map(start, first))
        await add_person(mesh, password)
        print("Starting ingest, mask, relay and gateway…", flush=True)
        for command in mesh.services():
            await start(command)
        await _provision(mesh, password, _wanted(mesh, addresses))
        _announce(mesh, password, addresses)
        await asyncio.get_running_loop().create_future()


@contextlib.asynccontextmanager
async def _children(mesh: Mesh) -> AsyncIterator["_Start"]:
    start = _Start(mesh.folder / "logs")
    try:
        yield start
    finally:
        await start.stop_all()
        shutil.rmtree(mesh.ring_folder, ignore_errors=True)


class _Start:
    """Starts children and ends them in the opposite order."""

    def __init__(self, logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._children: list[Child] = []

    async def __call__(self, command: Command) -> None:
        child = Child(command, self._logs)
        self._children.append(child)
        await child.start()

    async def stop_all(self) -> None:
        for child in reversed(self._children):
            await asyncio.shield(child.stop())


def _wanted(mesh: Mesh, addresses: tuple[str, ...]) -> list[WantedCamera]:
    if addresses:
        return [WantedCamera(f"camera-{n}", f"Camera {n}", address) for n, address in enumerate(addresses, 1)]
    base = f"rtsp://{LOOPBACK}:{mesh.ports.cameras}"
    return [WantedCamera(c.camera, c.name, f"{base}/{c.camera}", masks=dwellings(c.scene)) for c in SIMULATED]


async def _provision(mesh: Mesh, password: str, wanted: list[WantedCamera]) -> None:
    async with Gateway(mesh.origin) as gateway:
        await gateway.sign_in(PERSON, password)
        await gateway.remove_others(wanted)
        for camera in wanted:
            await gateway.register(camera)


def _announce(mesh: Mesh, password: str, addresses: tuple[str, ...]) -> None:
    print(f"\nUpper Street is running.\n\n  open      {mesh.origin}\n  name      {PERSON}\n  password  {password}\n")
    if addresses:
        print("  Your cameras show a slate until a mask set is approved for each: README says how.\n")
    print(f"  logs      {mesh.folder / 'logs'}\n\nCtrl-C ends all of it.", flush=True)


if __name__ == "__main__":
    main()
