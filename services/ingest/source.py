"""What a reader needs to open a camera, and the one place where an address and its credentials come together."""

from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from proto.messages import Camera, Credentials, DownReason, Transport
from services.ingest.errors import SessionEnded

MAX_USERINFO = 127
"""libavformat/rtsp.c cuts what is longer, and would sign in with half a password."""


@dataclass(frozen=True, slots=True)
class Source:
    """An address with what opens it. Two that are equal need no new session."""

    address: str
    transport: Transport
    credentials: Credentials | None = field(default=None, repr=False)

    @classmethod
    def of(cls, camera: Camera, credentials: Credentials | None) -> "Source":
        return cls(camera.address, camera.transport, credentials)

    def url(self) -> str:
        """Address with credentials, for libav alone: never to be logged, kept or put into an error.

        Raises SessionEnded for an address that cannot be opened.
        """
        try:
            parts = urlsplit(self.address)
            has_host = bool(parts.hostname) and parts.port != 0
        except ValueError:
            has_host = False
        if not has_host or "\\" in self.address or any(c <= " " for c in self.address):
            raise SessionEnded(DownReason.BAD_ADDRESS, "The camera's address cannot be read.")
        if self.credentials is None:
            return self.address
        userinfo = f"{quote(self.credentials.username, safe='')}:{quote(self.credentials.password, safe='')}"
        if len(userinfo) > MAX_USERINFO:
            raise SessionEnded(DownReason.BAD_CREDENTIALS, "The name and the password are too long together.")
        return parts._replace(netloc=f"{userinfo}@{parts.netloc}").geturl()
