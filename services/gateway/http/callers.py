"""Who makes a request, and whether it comes from our own page."""

from typing import Annotated, Final, cast
from urllib.parse import urlsplit

from fastapi import Depends, Request

from proto.messages import Camera
from services.gateway.errors import Denied, Unauthenticated
from services.gateway.gateway import Gateway
from services.gateway.policy import Right
from services.gateway.sessions import Caller, SessionKind

COOKIE: Final = "us_session"

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


async def _gateway(request: Request) -> Gateway:
    return cast(Gateway, request.app.state.gateway)


Desk = Annotated[Gateway, Depends(_gateway)]
"""The gateway, in a route's signature."""


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


async def _caller(request: Request, gateway: Desk) -> Caller:
    """Raises Unauthenticated; Denied for a cookie that another site's page has sent along."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "bearer":
            raise Unauthenticated("The authorisation is no bearer token.")
        return gateway.access.authenticate(token.strip(), SessionKind.BEARER, address_of(request))
    cookie = request.cookies.get(COOKIE)
    if cookie is None:
        raise Unauthenticated("You are not signed in, or your session has ended.")
    if request.method not in _SAFE:
        check_origin(request, gateway, is_needed=True)
    return gateway.access.authenticate(cookie, SessionKind.COOKIE, address_of(request))


SignedIn = Annotated[Caller, Depends(_caller)]
"""The caller, in the signature of a route that is for people who are signed in."""


def check_origin(request: Request, gateway: Gateway, *, is_needed: bool) -> None:
    """Raises Denied for another site's page; if needed, also where nothing says whose page it is."""
    origin = request.headers.get("origin")
    if origin is None and not is_needed:
        return
    if origin is None or not _is_ours(origin.lower(), request, gateway.settings.public_origin):
        raise Denied("This request does not come from Upper Street's own page.")


def _is_ours(origin: str, request: Request, public_origin: str) -> bool:
    if public_origin:
        return origin == public_origin
    # The scheme is left out: whether a proxy before us speaks TLS is not known here.
    host = request.headers.get("host", "").lower()
    try:
        return bool(host) and urlsplit(origin).netloc == host
    except ValueError:
        return False


def require(caller: Caller, right: Right, camera: Camera | None = None) -> None:
    """Raises Denied."""
    if not caller.may(right, camera):
        raise Denied("You may not do this.")
