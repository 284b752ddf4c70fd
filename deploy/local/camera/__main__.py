"""Runs a simulated device until SIGTERM or SIGINT: `python -m deploy.local.camera --camera cam1=terrace ...`."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.camera.auth import Credentials, Scheme
from deploy.local.camera.clip import ClipSpec
from deploy.local.camera.control import Control, ControlConnection
from deploy.local.camera.device import Device, DeviceConfig
from deploy.local.camera.errors import DeviceError, InvalidSpec
from deploy.local.camera.scene import SCENES
from deploy.local.camera.server import ServerOptions
from deploy.local.camera.simulated import ServedCamera


def _arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.local.camera", description="A simulated RTSP camera device."
    )
    parser.add_argument(
        "--camera", action="append", default=[], metavar="NAME=SCENE", help=f"scene: {', '.join(SCENES)}"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8554, help="of RTSP; 0 for a free one")
    parser.add_argument(
        "--control-port", type=int, metavar="N", help="of the control protocol on 127.0.0.1; 0 for a free one"
    )
    parser.add_argument(
        "--cache", type=Path, default=Path("build/clips"), metavar="DIR", help="folder of encoded clips"
    )
    parser.add_argument("--size", default="1920x1080", metavar="WxH")
    parser.add_argument("--fps", type=int, default=25)
    parser.add_argument("--loop", type=float, default=12.0, metavar="SECONDS")
    parser.add_argument("--gop", type=float, default=4.0, metavar="SECONDS")
    parser.add_argument("--bitrate", type=int, default=4_000_000, metavar="BIT/S")
    parser.add_argument("--auth", type=Scheme, choices=list(Scheme), default=Scheme.NONE)
    parser.add_argument("--user", default="admin")
    parser.add_argument("--password", default="secret")
    parser.add_argument("--session-timeout", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--start-at-keyframe", action="store_true", help="readers wait for a keyframe")
    return parser.parse_args(words)


def config(arguments: argparse.Namespace) -> DeviceConfig:
    """Turn the command line into a device. Raises InvalidSpec."""
    width, _, height = arguments.size.partition("x")
    if not width.isdecimal() or not height.isdecimal():
        raise InvalidSpec(f"{arguments.size!r} is no size such as 1920x1080")
    cameras: dict[str, ClipSpec] = {}
    for entry in arguments.camera or ["cam1=terrace"]:
        name, _, scene = entry.partition("=")
        if not name or name in cameras:
            raise InvalidSpec(f"{entry!r} names no camera, or one that there is already")
        size = int(width), int(height)
        cameras[name] = ClipSpec(scene, *size, arguments.fps, arguments.loop, arguments.gop, arguments.bitrate)
    options = ServerOptions(
        credentials=Credentials(arguments.auth, arguments.user, arguments.password),
        session_timeout_s=arguments.session_timeout,
        starts_at_keyframe=arguments.start_at_keyframe,
    )
    return DeviceConfig(cameras, arguments.cache, arguments.host, arguments.port, options)


async def _serve(chosen: DeviceConfig, control_port: int | None) -> None:
    async with Device(chosen, report=_say) as device:
        cameras = {name: ServedCamera(device, name) for name in device.cameras}
        if control_port is None:
            _say("ready " + " ".join(camera.url for camera in cameras.values()))
            await device.wait()
            return
        loop = asyncio.get_running_loop()
        control = Control(cameras)
        server = await loop.create_server(lambda: ControlConnection(control), "127.0.0.1", control_port)
        async with server:
            port = server.sockets[0].getsockname()[1]
            _say(" ".join(("ready", *(camera.url for camera in cameras.values()), f"control={port}")))
            await device.wait()


async def _until_signal(chosen: DeviceConfig, control_port: int | None) -> None:
    """Serve until a signal comes; a device that ends by itself raises its error."""
    serving = asyncio.create_task(_serve(chosen, control_port), name="serve")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, serving.cancel)
    await asyncio.wait((serving,))
    if not serving.cancelled():
        serving.result()


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    arguments = _arguments()
    try:
        asyncio.run(_until_signal(config(arguments), arguments.control_port))
    except (DeviceError, OSError) as error:
        print(f"camera: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
