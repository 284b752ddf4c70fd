"""The handle that tests, benchmarks and the control port hold of a served camera, and a whole camera for a test."""

import os
import tempfile
from itertools import islice
from pathlib import Path
from typing import Self

from deploy.local.camera.auth import Scheme
from deploy.local.camera.clip import ClipSpec
from deploy.local.camera.device import Device, DeviceConfig
from deploy.local.camera.faults import Damage, Refusal
from deploy.local.camera.playback import Playback, SentFrame
from deploy.local.camera.scene import dwellings
from deploy.local.camera.scenes.street import Polygon
from deploy.local.camera.server import ServerOptions

QUICK = ClipSpec("terrace", width=320, height=240, fps=25, loop_s=2.0, gop_s=1.0, bitrate_bps=400_000)
"""A clip that is made in a fraction of a second, for tests."""

CACHE = Path(tempfile.gettempdir()) / f"upper-street-clips-{os.getuid()}"
"""Where clips are kept when no other folder is given; a test run finds those of the run before."""


class ServedCamera:
    """One camera of a running device; every method acts at once, from the next picture on."""

    def __init__(self, device: Device, name: str) -> None:
        self._device = device
        self.name = name

    @property
    def url(self) -> str:
        """Address without credentials."""
        return self._device.url(self.name)

    @property
    def spec(self) -> ClipSpec:
        return self._playback.programme.clip.spec

    @property
    def dwellings(self) -> tuple[Polygon, ...]:
        """Polygons to black out, in shares of the picture."""
        return dwellings(self.spec.scene)

    @property
    def readers(self) -> int:
        return len(self._playback.readers)

    def frames(self, last: int = 100) -> list[SentFrame]:
        """Return the frames sent last, oldest first, a minute's at most."""
        return list(islice(reversed(self._playback.sent), max(0, last)))[::-1]

    def sent_utc(self, number: int) -> float | None:
        """When the device last began to send frame `number`, in UTC seconds; None if not within the last minute."""
        return self._playback.sent_utc(number)

    def status(self) -> dict[str, object]:
        playback = self._playback
        faults = playback.programme.faults
        return {
            "scene": self.spec.scene,
            "size": [self.spec.width, self.spec.height],
            "fps": self.spec.fps,
            "readers": self.readers,
            "position": playback.programme.number(playback.tick),
            "mode": faults.mode.value,
            "refusal": faults.refusal.value,
            "dropped_readers": playback.dropped_readers,
            "skipped_ticks": playback.skipped_ticks,
        }

    def freeze(self) -> None:
        """Send the last keyframe's picture for ever, in a stream without a flaw."""
        self._playback.programme.faults.freeze()

    def stall(self) -> None:
        """Send nothing and answer nothing, connections open."""
        self._playback.programme.faults.stall()

    def garbage(self) -> None:
        """Send random bytes for RTP, and for answers."""
        self._playback.programme.faults.garbage()

    def drop_units(self, count: int) -> None:
        """Leave out the next access units, without a gap in the sequence numbers."""
        self._playback.programme.faults.drop_units(count)

    def drop_packets(self, count: int) -> None:
        """Lose one packet of each of the next access units."""
        self._playback.programme.faults.drop_packets(count)

    def corrupt(self, count: int, damage: Damage = Damage.FLIP) -> None:
        """Flip bytes of the next access units, or cut some out."""
        self._playback.programme.faults.corrupt(count, damage)

    def refuse(self, how: Refusal = Refusal.CONNECT) -> None:
        """Let new readers fail: port closed (for all cameras of the device), 404, or 401."""
        if how is Refusal.CONNECT:
            self._device.refuse_connections()
        self._playback.programme.faults.refuse(how)

    def close(self) -> None:
        """Cut the connections of all readers."""
        self._device.close_connections(self._playback)

    def resume(self) -> None:
        """End all faults; a frozen camera goes on with the GOP after the frozen one."""
        self._device.accept_connections()
        self._playback.programme.faults.resume()

    @property
    def _playback(self) -> Playback:
        return self._device.cameras[self.name]


class SimulatedCamera(ServedCamera):
    """A device with one camera, in this process: `async with SimulatedCamera() as camera: camera.url`."""

    def __init__(
        self,
        spec: ClipSpec = QUICK,
        *,
        name: str = "cam1",
        port: int = 0,
        cache: Path = CACHE,
        options: ServerOptions | None = None,
    ) -> None:
        self._options = options or ServerOptions()
        config = DeviceConfig({name: spec}, cache, port=port, options=self._options)
        super().__init__(Device(config), name)

    @property
    def url_with_credentials(self) -> str:
        """Address with the device's own name and password, where it asks for any."""
        credentials = self._options.credentials
        if credentials.scheme is Scheme.NONE:
            return self.url
        return self._device.url(self.name, f"{credentials.user}:{credentials.password}@")

    async def __aenter__(self) -> Self:
        await self._device.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._device.__aexit__(*error)
