"""Which cameras there are and how to open them, from the buckets `cameras` and `credentials`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from proto.messages import Camera, Credentials, DownReason
from proto.names import CameraId, InvalidName, SiteId, camera_id
from services.ingest.errors import SessionEnded
from services.ingest.source import Source

Wanted = Source | SessionEnded
"""How to open a camera, or why its entry cannot be used."""


@dataclass(frozen=True, slots=True)
class Registry:
    """Reads entries as they are stored; a broken one concerns its own camera alone."""

    site: SiteId

    def cameras(self, stored: Mapping[str, bytes], credentials: Mapping[str, bytes]) -> dict[CameraId, Wanted]:
        """Every camera whose key is an id; others could not even be spoken of in a status."""
        wanted: dict[CameraId, Wanted] = {}
        for key in stored:
            try:
                camera = camera_id(key)
            except InvalidName:
                continue
            wanted[camera] = self.camera(camera, stored[key], credentials.get(key))
        return wanted

    def camera(self, camera: CameraId, stored: bytes, credentials: bytes | None) -> Wanted:
        try:
            entry = Camera.from_wire(stored)
        except ValueError:
            return SessionEnded(DownReason.BAD_ADDRESS)
        if entry.camera != camera or entry.site != self.site:
            return SessionEnded(DownReason.BAD_ADDRESS, "The camera's entry in the registry is another camera's.")
        try:
            return Source.of(entry, None if credentials is None else Credentials.from_wire(credentials))
        except ValueError:
            return SessionEnded(DownReason.BAD_CREDENTIALS, "The camera's stored credentials cannot be read.")
