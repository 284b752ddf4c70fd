"""The access units since the camera's last keyframe: what an instant start decodes, and a still's keyframe."""

from services.ingest.stream.unit import AccessUnit

MAX_BYTES = 8 * 1024 * 1024
MAX_UNITS = 1_500
"""A minute at 25 pictures a second."""


class Gop:
    """Holds one GOP within bounds. Beyond them all of it is let go, and nothing held until the next keyframe."""

    def __init__(self, max_bytes: int = MAX_BYTES, max_units: int = MAX_UNITS) -> None:
        self.let_go = 0
        self._max_bytes = max_bytes
        self._max_units = max_units
        self._units: list[AccessUnit] = []
        self._bytes = 0

    def put(self, unit: AccessUnit) -> None:
        if unit.is_keyframe:
            self.clear()
        elif not self._units:
            return
        self._units.append(unit)
        self._bytes += len(unit.data)
        if self._bytes > self._max_bytes or len(self._units) > self._max_units:
            self.let_go += 1
            self.clear()

    def clear(self) -> None:
        self._units = []
        self._bytes = 0

    @property
    def units(self) -> list[AccessUnit]:
        """A copy, the keyframe first; empty when none is held."""
        return list(self._units)

    @property
    def keyframe(self) -> AccessUnit | None:
        return self._units[0] if self._units else None
