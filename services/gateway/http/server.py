"""Serving HTTP until told to end; the one module that imports uvicorn."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.gateway.settings import GatewaySettings

BACKLOG: Final = 1_024
MAX_CONNECTIONS: Final = 2_000
"""Connections and requests under way; beyond, uvicorn answers 503 itself."""

KEEP_ALIVE_S: Final = 15
HEAD_LIMIT_S = 10.0
"""For a request's head; the body has its own limit where it is read. Found out at most twice as late."""


class _Server(uvicorn.Server):
    """Leaves signals to the process, which drains."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class _Protocol(H11Protocol):
    """Ends a connection that brings no whole request: uvicorn waits for one without a limit, so that some thousand
    silent connections of anybody's would keep everybody else out."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as H11Protocol has it
        super().connection_made(transport)
        self._limit = self.loop.call_later(HEAD_LIMIT_S, self._end_if_idle, None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._limit.cancel()
        super().connection_lost(exc)

    def _end_if_idle(self, before: object) -> None:
        """`before` is the last request of one limit ago."""
        request = self.cycle  # None before the first, whatever its type says
        if request is before and getattr(request, "response_complete", True):
            self.transport.close()
        else:
            self._limit = self.loop.call_later(HEAD_LIMIT_S, self._end_if_idle, request)


@contextlib.asynccontextmanager
async def serve(app: ASGIApp, settings: GatewaySettings) -> AsyncIterator[int]:
    """Serve while the block runs; yields the port. At its end requests under way are finished first.

    Raises OSError if the address cannot be had. A server that fails ends the block.
    """
    listener = _listen(settings.http_host, settings.http_port)
    server = _Server(_config(app, settings))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[listener]), name="http")
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off for sockets that name their protocol alone; with it on, each small answer
    # waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _config(app: ASGIApp, settings: GatewaySettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        http=_Protocol,
        ws="none",
        loop="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.http_proxies),
        forwarded_allow_ips=settings.http_proxies or None,
        backlog=BACKLOG,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        # Below the drain's own limit, so that the viewers are closed as well.
        timeout_graceful_shutdown=max(1, int(settings.drain_limit_s / 2)),
    )
