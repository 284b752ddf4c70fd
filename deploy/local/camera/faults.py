"""What can be wrong with a camera, on command. Pure: what a fault does is decided picture by picture."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from deploy.local.camera.clip import AccessUnit, nal_type
from deploy.local.camera.errors import InvalidSpec

MOST = 1_000_000
"""Of pictures or packets that one command can spoil."""

_CUT_BYTES = 1_300
_FLIPS = 24
_SLICES = (1, 5)


class Mode(StrEnum):
    LIVE = "live"
    FROZEN = "frozen"
    STALLED = "stalled"
    """Connections stay open, nothing is sent, no request is answered."""
    GARBAGE = "garbage"
    """Random bytes instead of RTSP and RTP."""


class Refusal(StrEnum):
    NONE = "none"
    CONNECT = "connect"
    """The port is closed, which concerns the whole device: see `Device.refuse_connections`."""
    NOT_FOUND = "not-found"
    UNAUTHORIZED = "unauthorized"


class Damage(StrEnum):
    FLIP = "flip"
    CUT = "cut"


@dataclass(slots=True)
class Faults:
    """The faults of one camera. Counted ones wear off; the others last until `resume`."""

    mode: Mode = Mode.LIVE
    refusal: Refusal = Refusal.NONE
    units_to_drop: int = 0
    packets_to_drop: int = 0
    units_to_corrupt: int = 0
    damage: Damage = Damage.FLIP
    _rng: random.Random = field(default_factory=lambda: random.Random(1))

    def freeze(self) -> None:
        """The last keyframe's picture is sent for ever, in a stream without a flaw."""
        self.mode = Mode.FROZEN

    def stall(self) -> None:
        self.mode = Mode.STALLED

    def garbage(self) -> None:
        self.mode = Mode.GARBAGE

    def refuse(self, how: Refusal = Refusal.CONNECT) -> None:
        """New requests fail; running sessions go on: `close` ends them."""
        self.refusal = how

    def drop_units(self, count: int) -> None:
        """Leave out the next access units as a busy encoder does: no gap in the sequence numbers."""
        self.units_to_drop = _counted(count)

    def drop_packets(self, count: int) -> None:
        """Lose one packet of each of the next access units, as a network does: a gap in the sequence numbers."""
        self.packets_to_drop = _counted(count)

    def corrupt(self, count: int, damage: Damage = Damage.FLIP) -> None:
        """Flip bytes of the next access units' slices, or cut some 1,300 bytes out of them."""
        self.units_to_corrupt, self.damage = _counted(count), damage

    def resume(self) -> None:
        """All is well again, from the next keyframe on where the stream was broken."""
        self.mode, self.refusal = Mode.LIVE, Refusal.NONE
        self.units_to_drop = self.packets_to_drop = self.units_to_corrupt = 0

    def is_unit_dropped(self) -> bool:
        is_dropped = self.units_to_drop > 0
        self.units_to_drop -= is_dropped
        return is_dropped

    def spoiled(self, unit: AccessUnit) -> AccessUnit:
        """Return the access unit, damaged if one is to be."""
        if not self.units_to_corrupt:
            return unit
        self.units_to_corrupt -= 1
        return AccessUnit(tuple(self._damaged(nal) if nal_type(nal) in _SLICES else nal for nal in unit.nal_units))

    def lost_packets(self, payloads: Sequence[bytes]) -> frozenset[int]:
        """Indices of the payloads that never arrive: one in the middle, so that the picture is begun and ended."""
        if not self.packets_to_drop:
            return frozenset()
        self.packets_to_drop -= 1
        return frozenset({len(payloads) // 2})

    def noise(self, size: int) -> bytes:
        return self._rng.randbytes(size)

    def _damaged(self, nal: bytes) -> bytes:
        """Spare the slice's header, so that a decoder takes the picture on and finds the damage in its blocks."""
        head = min(len(nal), 24)
        if self.damage is Damage.CUT:
            start = head + (len(nal) - head) // 3
            return nal[:start] + nal[start + _CUT_BYTES :]
        spoiled = bytearray(nal)
        for _ in range(min(_FLIPS, len(nal) - head)):
            spoiled[self._rng.randrange(head, len(nal))] ^= self._rng.randint(1, 255)
        return bytes(spoiled)


def _counted(count: int) -> int:
    if not 1 <= count <= MOST:
        raise InvalidSpec(f"a count of {count} is outside 1..{MOST}")
    return count
