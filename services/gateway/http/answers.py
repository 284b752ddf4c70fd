"""Answers that are errors: each of the gateway's errors, and the framework's, as one status and one JSON body."""

import math
from collections.abc import Mapping
from typing import Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from services.gateway import errors
from services.gateway.errors import GatewayFault, OutOfReach, Throttled
from services.runtime import logs
from services.runtime.errors import Conflict, RuntimeFault

MAX_DETAIL = 300

_log = logs.logger(__name__)

# Sub-classes stand before what they derive from.
_ANSWERS: Final[tuple[tuple[type[GatewayFault], int, str], ...]] = (
    (errors.Malformed, 400, "invalid"),
    (errors.Invalid, 422, "invalid"),
    (errors.WrongMediaType, 415, "invalid"),
    (errors.TooLarge, 413, "too-large"),
    (errors.TooSlow, 408, "invalid"),
    (errors.Unauthenticated, 401, "unauthenticated"),
    (errors.Denied, 403, "denied"),
    (errors.NotFound, 404, "not-found"),
    (errors.Conflicted, 409, "conflict"),
    (errors.Throttled, 429, "throttled"),
    (errors.TooLate, 504, "unavailable"),
    (errors.OutOfReach, 503, "unavailable"),
)

_OF_FRAMEWORK: Final = {
    404: ("not-found", "There is nothing at this address."),
    405: ("invalid", "This cannot be done with what is at this address."),
}


def error(status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    body = {"error": {"kind": kind, "detail": detail[:MAX_DETAIL]}}
    return JSONResponse(body, status_code=status, headers=dict(headers or {}))


def internal() -> JSONResponse:
    return error(500, "internal", "Upper Street has a fault. It has been logged.")


async def of_fault(_request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, GatewayFault)
    for kind_of_fault, status, kind in _ANSWERS:
        if isinstance(exc, kind_of_fault):
            return error(status, kind, exc.detail, _headers(exc))
    return internal()


async def of_runtime(request: Request, exc: Exception) -> JSONResponse:
    """The store and the bus, where nobody had more to say about their failure."""
    assert isinstance(exc, RuntimeFault)
    if isinstance(exc, Conflict):
        return await of_fault(request, errors.Conflicted("Somebody else has changed this at the same time."))
    _log.warning("not done for want of the bus or the store", path=_route(request), error=str(exc))
    return await of_fault(request, OutOfReach("Upper Street's store cannot be reached just now."))


async def of_validation(_request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)
    return error(422, "invalid", "The request is not in the form that is wanted here.")


async def of_framework(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)
    kind, detail = _OF_FRAMEWORK.get(exc.status_code, ("invalid", "The request cannot be answered."))
    headers = {"Allow": ", ".join(_allowed(request))} if exc.status_code == 405 else {}
    return error(exc.status_code, kind, detail, headers)


async def of_anything(_request: Request, _exc: Exception) -> JSONResponse:
    """What is not foreseen. The guard around the application logs it."""
    return internal()


def _headers(fault: GatewayFault) -> dict[str, str]:
    if isinstance(fault, Throttled | OutOfReach):
        return {"Retry-After": str(max(1, math.ceil(fault.retry_after_s)))}
    if isinstance(fault, errors.Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}  # RFC 9110 section 11.6.1 wants a challenge; browsers show none for it
    if isinstance(fault, errors.TooLarge | errors.TooSlow):
        return {"Connection": "close"}  # the rest of the body is not wanted
    return {}


def _allowed(request: Request) -> list[str]:
    """Methods of every route at this path: the framework names those of the first alone."""
    methods: set[str] = set()
    for route in request.app.state.routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            methods |= getattr(route, "methods", None) or set()
    return sorted(methods)


def _route(request: Request) -> str:
    return str(getattr(request.scope.get("route"), "path", ""))
