"""`/healthz`, `/readyz` and `/metrics` on a port of their own, for Kubernetes and Prometheus."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from services.runtime.metrics import CONTENT_TYPE, Metrics

REQUEST_LIMIT_S = 5.0
MAX_CONNECTIONS = 32
"""Further ones are closed at once: a probe comes again."""

MAX_HEADER_BYTES = 8_192


class Readiness:
    """Why a process is not ready: named conditions, each met or not. Ready when all are met."""

    def __init__(self) -> None:
        self._missing: dict[str, str] = {}

    def set(self, condition: str, *, met: bool, why: str = "not yet") -> None:
        if met:
            self._missing.pop(condition, None)
        else:
            self._missing[condition] = why

    @property
    def is_ready(self) -> bool:
        return not self._missing

    def explain(self) -> str:
        return "".join(f"{name}: {why}\n" for name, why in sorted(self._missing.items())) or "ready\n"


class HealthServer:
    """Answers three paths and nothing else; HTTP/1.0 style, one request a connection."""

    def __init__(self, readiness: Readiness, metrics: Metrics) -> None:
        self._readiness = readiness
        self._pages: dict[str, Callable[[], tuple[int, str, bytes]]] = {
            "/healthz": lambda: (200, "text/plain", b"ok\n"),
            "/readyz": self._ready,
            "/metrics": lambda: (200, CONTENT_TYPE, metrics.render()),
        }
        self._open = 0

    def _ready(self) -> tuple[int, str, bytes]:
        return (200 if self._readiness.is_ready else 503), "text/plain", self._readiness.explain().encode()

    @contextlib.asynccontextmanager
    async def serve(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve while the block runs; yields the port."""
        server = await asyncio.start_server(self._handle, host, port, limit=MAX_HEADER_BYTES)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await server.wait_closed()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= MAX_CONNECTIONS:
                async with asyncio.timeout(REQUEST_LIMIT_S):
                    await self._answer(reader, writer)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a probe that hangs or talks nonsense gets no answer
        finally:
            self._open -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        page = self._pages.get(head[1]) if len(head) == 3 and head[0] in ("GET", "HEAD") else None
        status, content_type, body = page() if page else (404, "text/plain", b"not found\n")
        writer.write(
            f"HTTP/1.1 {status} {'OK' if status == 200 else 'NO'}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            + (b"" if head[0] == "HEAD" else body)
        )
        await writer.drain()
