"""The HTTP application: its routes, its errors, and the guard around them."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from services.gateway.errors import GatewayFault
from services.gateway.gateway import Gateway
from services.gateway.http import answers, camera_routes, client, mask_routes, session_routes, whep_routes
from services.gateway.http.guard import Guard
from services.runtime.errors import RuntimeFault
from services.runtime.metrics import Metrics

_ROUTERS = tuple(part.router for part in (session_routes, camera_routes, mask_routes, whep_routes, client))


def build(gateway: Gateway, metrics: Metrics, dist: Path = client.DIST) -> ASGIApp:
    """`dist` is the folder that the web client was built into."""
    # Without the pages that describe the interface: they load scripts from elsewhere, and nobody is signed in there.
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.gateway = gateway
    app.state.dist = dist
    for router in _ROUTERS:
        app.include_router(router)
    app.state.routes = [route for router in _ROUTERS for route in router.routes]
    app.add_exception_handler(GatewayFault, answers.of_fault)
    app.add_exception_handler(RuntimeFault, answers.of_runtime)
    app.add_exception_handler(RequestValidationError, answers.of_validation)
    app.add_exception_handler(HTTPException, answers.of_framework)
    app.add_exception_handler(Exception, answers.of_anything)
    return Guard(app, metrics, is_secure=gateway.settings.cookie_secure)
