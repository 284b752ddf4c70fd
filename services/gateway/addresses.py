"""Camera addresses as people write them, taken apart so that credentials go where only ingest can read them."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from services.gateway.errors import Invalid

MAX_ADDRESS = 1_000

# RFC 3986 section 2: what a URI is made of; a camera's path may hold more, but never a space or a control character.
_UNFIT = re.compile(r"[\x00-\x20\x7f-\U0010ffff]")
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::(?P<port>[0-9]{1,5}))?")
_REST = re.compile(r"[/?#]")


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """An address without userinfo, and the userinfo; None for an address that had none."""

    address: str
    host: str
    username: str | None
    password: str | None = field(repr=False)


def split(text: str) -> CameraAddress:
    """Take userinfo out of an RTSP address. Raises Invalid, with a reason that repeats nothing of the address."""
    if len(text) > MAX_ADDRESS:
        raise Invalid(f"An address has at most {MAX_ADDRESS} characters.")
    if _UNFIT.search(text):
        raise Invalid("An address has no spaces, control characters or letters beyond ASCII.")
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if scheme not in ("rtsp", "rtsps") or not separator:
        raise Invalid("An address starts with rtsp:// or rtsps://.")
    cut = match.start() if (match := _REST.search(rest)) else len(rest)
    authority, path = rest[:cut], rest[cut:]
    userinfo, at, host = authority.rpartition("@")
    if "@" in path:
        # Most likely the end of a password with a slash in it, of which nothing may be kept.
        raise Invalid("An address has no @ after its host; write / and @ in a password as %2F and %40.")
    _check_host(host)
    username, _, password = userinfo.partition(":")
    return CameraAddress(
        address=f"{scheme}://{host}{path}",
        host=host.lower(),
        username=unquote(username) if at else None,
        password=unquote(password) if at else None,
    )


def _check_host(text: str) -> None:
    match = _HOST.fullmatch(text)
    if match is None:
        raise Invalid("An address names a host, and perhaps a port.")
    if match["port"] is not None and not 1 <= int(match["port"]) <= 65_535:
        raise Invalid("A port is 1 to 65535.")
