"""Around the whole application: security headers on every answer, metrics, and the last word on what nobody foresaw."""

import time
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.http import answers
from services.runtime import logs
from services.runtime.metrics import Metrics

_log = logs.logger(__name__)

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob: mediastream:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)

_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

HSTS: Final = "max-age=31536000"
_UNCACHED: Final = ("/api", "/whep")
_BUCKETS_S: Final = (0.005, 0.02, 0.1, 0.5, 2.0, 5.0)


class Guard:
    """An ASGI application around another. `is_secure`: browsers reach us over TLS."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, is_secure: bool) -> None:
        self._app = app
        self._headers = {**_HEADERS, **({"Strict-Transport-Security": HSTS} if is_secure else {})}
        self._answers = metrics.counter("http_answers_total", "Answers, by route and status", ("route", "status"))
        self._seconds = metrics.histogram("http_seconds", "Time to the answer's head", _BUCKETS_S, ("route",))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        started_s, status = time.monotonic(), 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._count(scope, status, time.monotonic() - started_s)
                self._add_headers(scope["path"], message)
            await send(message)

        try:
            await self._app(scope, receive, send_guarded)
        except Exception as exc:  # noqa: BLE001  # the one place that logs what nobody foresaw
            _log.error("a request failed", method=scope["method"], route=_route(scope), exc_info=exc)
            if not status:
                await answers.internal()(scope, receive, send_guarded)

    def _add_headers(self, path: str, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in self._headers.items():
            headers[name] = value
        if path.startswith(_UNCACHED):
            headers["Cache-Control"] = "no-store"
        headers.setdefault("Cache-Control", "no-store")

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        self._answers.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)


def _route(scope: Scope) -> str:
    """The route's pattern, never the path: there are as many of those as anybody likes to ask for."""
    return str(getattr(scope.get("route"), "path", "none"))
