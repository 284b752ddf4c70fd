"""The device's control port: a line of JSON for each command, a line of JSON for each answer. Loopback only.

    {"do": "freeze", "camera": "cam1"}               -> {"ok": true}
    {"do": "frames", "camera": "cam1", "last": 2}    -> {"ok": true, "frames": [[17, 1732280000.04], [18, ...]]}
    {"do": "status"}                                 -> {"ok": true, "cameras": {"cam1": {"readers": 1, ...}}}
    {"do": "nonsense"}                               -> {"ok": false, "error": "..."}

Without a camera a fault concerns all of them. Commands: see `_COMMANDS`, and `ServedCamera` for what they do.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from deploy.local.camera.errors import DeviceError, InvalidSpec
from deploy.local.camera.faults import Damage, Refusal
from deploy.local.camera.simulated import ServedCamera

MAX_LINE_BYTES = 4_096

Command = Mapping[str, Any]
Answer = dict[str, Any]

_COMMANDS: dict[str, Callable[[ServedCamera, Command], None]] = {
    "freeze": lambda camera, _: camera.freeze(),
    "stall": lambda camera, _: camera.stall(),
    "garbage": lambda camera, _: camera.garbage(),
    "close": lambda camera, _: camera.close(),
    "resume": lambda camera, _: camera.resume(),
    "drop-units": lambda camera, command: camera.drop_units(_number(command, "count", 1)),
    "drop-packets": lambda camera, command: camera.drop_packets(_number(command, "count", 1)),
    "corrupt": lambda camera, command: camera.corrupt(
        _number(command, "count", 1), Damage(command.get("damage", Damage.FLIP))
    ),
    "refuse": lambda camera, command: camera.refuse(Refusal(command.get("how", Refusal.CONNECT))),
}


class Control:
    """Carries out commands on the cameras of one device."""

    def __init__(self, cameras: Mapping[str, ServedCamera]) -> None:
        self._cameras = cameras

    def answer(self, line: bytes) -> Answer:
        """Carry out one command; whatever is wrong with it is said in the answer."""
        try:
            command = json.loads(line)
            if not isinstance(command, dict):
                raise InvalidSpec("a command is a JSON object")
            return {"ok": True, **self._carried_out(command)}
        except (DeviceError, ValueError, RecursionError) as error:
            return {"ok": False, "error": str(error)}

    def _carried_out(self, command: Command) -> Answer:
        verb = command.get("do")
        if verb == "status":
            return {"cameras": {camera.name: camera.status() for camera in self._chosen(command)}}
        if verb == "frames":
            (camera,) = self._chosen(command, only_one=True)
            frames = camera.frames(_number(command, "last", 100))
            return {"frames": [[frame.number, frame.utc_s] for frame in frames]}
        act = _COMMANDS.get(verb) if isinstance(verb, str) else None
        if act is None:
            raise InvalidSpec(f"no command: {verb!r}; there are status, frames, {', '.join(_COMMANDS)}")
        for camera in self._chosen(command):
            act(camera, command)
        return {}

    def _chosen(self, command: Command, *, only_one: bool = False) -> list[ServedCamera]:
        name = command.get("camera")
        if name is None and not only_one:
            return list(self._cameras.values())
        if not isinstance(name, str) or name not in self._cameras:
            raise InvalidSpec(f"no camera: {name!r}; there are {', '.join(self._cameras)}")
        return [self._cameras[name]]


class ControlConnection(asyncio.Protocol):
    """One connection to the control port; answers come in the order of the commands."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._pending = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # By type alone: the transports of uvloop are none of asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in filter(None, map(bytes.strip, lines)):
            self._transport.write(json.dumps(self._control.answer(line)).encode() + b"\n")
        if len(self._pending) > MAX_LINE_BYTES:
            self._transport.close()


async def ask(port: int, command: Command, *, host: str = "127.0.0.1") -> Answer:
    """Send one command to a device's control port and return its answer."""
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
    try:
        writer.write(json.dumps(command).encode() + b"\n")
        answer: Answer = json.loads(await reader.readline())
        return answer
    finally:
        writer.close()
        await writer.wait_closed()


def _number(command: Command, name: str, default: int) -> int:
    value = command.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidSpec(f"{name} is no whole number: {value!r}")
    return value
