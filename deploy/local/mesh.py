"""The processes of a local run and what each is told: nats-server, cameras, and the four services."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from deploy.local.children import Command

SITE = "islington"
LOOPBACK = "127.0.0.1"
FIRST_HTTP_PORT = 8080


@dataclass(frozen=True, slots=True)
class Ports:
    """Of loopback, all free when they were chosen."""

    nats: int
    http: int
    cameras: int
    camera_control: int


@dataclass(frozen=True, slots=True)
class SimulatedCamera:
    """A drawn street: its id, the scene that the device shows, and what operators call it."""

    camera: str
    scene: str
    name: str


@dataclass(frozen=True, slots=True)
class Mesh:
    """Where a local run keeps its state and listens."""

    folder: Path
    ring_folder: Path
    clips: Path
    ports: Ports

    @property
    def origin(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.http}"

    def nats(self) -> Command:
        arguments = ("services.bootstrap", "serve", "--dir", str(self.folder / "nats"), "--site", SITE)
        return Command("nats", (*arguments, "--port", str(self.ports.nats)), environment=_environment(), ready="ready")

    def cameras(self, simulated: tuple[SimulatedCamera, ...]) -> Command:
        arguments = ["deploy.local.camera", "--port", str(self.ports.cameras), "--cache", str(self.clips)]
        arguments += ["--control-port", str(self.ports.camera_control)]
        for camera in simulated:
            arguments += ["--camera", f"{camera.camera}={camera.scene}"]
        return Command("cameras", tuple(arguments), environment=_environment(), ready="ready")

    def service(self, name: str, **extra: str) -> Command:
        settings = {
            "US_SITE": SITE,
            "US_NATS_URL": f"nats://{LOOPBACK}:{self.ports.nats}",
            "US_NATS_CREDS": str(self.folder / "nats" / "creds" / f"{name}.creds"),
            "US_INSTANCE": "local",
            "US_POD": "local",
            "US_RING_DIR": str(self.ring_folder),
        }
        return Command(name, (f"services.{name}",), environment=_environment() | settings | extra)

    def services(self) -> tuple[Command, ...]:
        """In the order in which they start; they end in the opposite one."""
        return (
            self.service("ingest"),
            self.service("mask"),
            self.service("relay", US_RELAY_LOOPBACK="true"),
            self.service(
                "gateway",
                US_HTTP_HOST=LOOPBACK,
                US_HTTP_PORT=str(self.ports.http),
                # Plain HTTP on loopback: a Secure cookie would be refused by some browsers.
                US_COOKIE_SECURE="false",
            ),
        )


def choose_ports() -> Ports:
    """Free ports; the page's is 8080 or the next one that is free."""
    http = next(port for port in range(FIRST_HTTP_PORT, FIRST_HTTP_PORT + 100) if _is_free(port))
    return Ports(nats=_free(), http=http, cameras=_free(), camera_control=_free())


def ring_folder(folder: Path) -> Path:
    """In memory where there is memory to map; one for each user and each checkout."""
    shared = Path("/dev/shm")
    base = shared if os.access(shared, os.W_OK) else folder
    return base / f"upper-street-{os.getuid()}-{folder.stat().st_ino}"


def _environment() -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONUNBUFFERED": "1"}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _free() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
