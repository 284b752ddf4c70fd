"""Who wants which layer now: the table that ingest and mask each keep from the demands they hear."""

from collections import Counter
from typing import Final

from proto import subjects
from proto.limits import DEMAND_TTL_S
from proto.names import CameraId, InvalidName, Layer
from proto.subjects import LayerAddress
from services.runtime.clock import Clock

MAX_DEMANDERS: Final = 256
MAX_DEMANDS_EACH: Final = 4_096
"""Both layers of two thousand cameras; a demander's further demands are refused, and nobody else's."""


class DemandTable:
    """Demands that have been heard within `ttl_s`. Pure, bounded, for one thread.

    `refused` counts demands that were not noted: unreadable subjects, and those beyond the bounds.
    """

    def __init__(self, clock: Clock, ttl_s: float = DEMAND_TTL_S) -> None:
        self.refused = 0
        self._clock = clock
        self._ttl_s = ttl_s
        self._until_s: dict[LayerAddress, float] = {}
        self._of_camera: dict[CameraId, set[LayerAddress]] = {}
        self._of_demander: Counter[str] = Counter()

    def note(self, subject: str) -> LayerAddress | None:
        """Note one demand by its subject. None, and counted, when it is no demand or there is no room for it."""
        try:
            address = subjects.parse_layer(subject)
        except InvalidName:
            address = None
        if address is None or not address.demander or not self._has_room(address):
            self.refused += 1
            return None
        if address not in self._until_s:
            self._of_demander[address.demander] += 1
            self._of_camera.setdefault(address.camera, set()).add(address)
        self._until_s[address] = self._clock.monotonic_s() + self._ttl_s
        return address

    def _has_room(self, address: LayerAddress) -> bool:
        if address in self._until_s:
            return True
        held = self._of_demander.get(address.demander)
        return len(self._of_demander) < MAX_DEMANDERS if held is None else held < MAX_DEMANDS_EACH

    def wanted(self, camera: CameraId) -> frozenset[Layer]:
        """The layers of this camera that somebody wants at this moment."""
        now_s = self._clock.monotonic_s()
        return frozenset(a.layer for a in self._of_camera.get(camera, ()) if self._until_s[a] > now_s)

    def cameras(self) -> frozenset[CameraId]:
        """Every camera of which anything is wanted at this moment."""
        return frozenset(camera for camera in self._of_camera if self.wanted(camera))

    def expire(self) -> frozenset[CameraId]:
        """Forget what has run out; returns the cameras of which a demand did. Call it every second or so."""
        now_s = self._clock.monotonic_s()
        gone = [address for address, until_s in self._until_s.items() if until_s <= now_s]
        for address in gone:
            self._forget(address)
        return frozenset(address.camera for address in gone)

    def _forget(self, address: LayerAddress) -> None:
        del self._until_s[address]
        of_camera = self._of_camera[address.camera]
        of_camera.discard(address)
        if not of_camera:
            del self._of_camera[address.camera]
        self._of_demander[address.demander] -= 1
        if not self._of_demander[address.demander]:
            del self._of_demander[address.demander]

    def __len__(self) -> int:
        return len(self._until_s)
