"""Who may open the device: basic and digest authentication (RFC 2617) with one name and password."""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from deploy.local.camera.rtsp import Request

REALM = "Upper Street camera"
_PAIR = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')


class Scheme(StrEnum):
    NONE = "none"
    BASIC = "basic"
    DIGEST = "digest"


def _new_nonce() -> str:
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the device asks for. The password is never shown."""

    scheme: Scheme = Scheme.NONE
    user: str = "admin"
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Guard:
    """Checks the requests of one connection; its nonce dies with it."""

    credentials: Credentials
    nonce: str = field(default_factory=_new_nonce)

    @property
    def challenge(self) -> str:
        """Value of WWW-Authenticate."""
        if self.credentials.scheme is Scheme.BASIC:
            return f'Basic realm="{REALM}"'
        return f'Digest realm="{REALM}", nonce="{self.nonce}"'

    def admits(self, request: Request) -> bool:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        match self.credentials.scheme:
            case Scheme.NONE:
                return True
            case Scheme.BASIC:
                return scheme.lower() == "basic" and self._is_basic_right(value)
            case Scheme.DIGEST:
                return scheme.lower() == "digest" and self._is_digest_right(request, value)

    def _is_basic_right(self, value: str) -> bool:
        try:
            given = base64.b64decode(value.strip(), validate=True)
        except ValueError:
            return False
        return hmac.compare_digest(given, f"{self.credentials.user}:{self.credentials.password}".encode())

    def _is_digest_right(self, request: Request, value: str) -> bool:
        given = {name.lower(): quoted or plain for name, quoted, plain in _PAIR.findall(value)}
        if (given.get("nonce"), given.get("username")) != (self.nonce, self.credentials.user):
            return False
        owner = _md5(f"{self.credentials.user}:{REALM}:{self.credentials.password}")
        act = _md5(f"{request.method}:{given.get('uri', '')}")
        middle = self.nonce
        if given.get("qop"):
            middle = ":".join((self.nonce, given.get("nc", ""), given.get("cnonce", ""), given["qop"]))
        return hmac.compare_digest(_md5(f"{owner}:{middle}:{act}").encode(), given.get("response", "").encode())


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
