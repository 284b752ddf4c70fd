"""The listening socket, and what is counted."""

import asyncio
import socket
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from proto.names import site_id
from services.gateway.http import server
from services.gateway.settings import GatewaySettings
from tests.component.gateway.site import gateway_at_work


def test_small_answers_do_not_wait_for_an_acknowledgement() -> None:
    """asyncio switches Nagle's algorithm off where the socket names its protocol; on, each answer takes 40 ms."""
    with server._listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


async def test_a_port_that_is_taken_is_an_error_and_not_an_exit(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = GatewaySettings(site=site_id("islington"), nats_creds=tmp_path, http_port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            async with server.serve(lambda *_: asyncio.sleep(0), settings):
                pass


async def test_connections_that_bring_no_request_end_and_a_slow_request_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEAD_LIMIT_S", 0.1)
    settings = GatewaySettings(site=site_id("islington"), nats_creds=tmp_path, http_port=0)
    async with server.serve(_echo, settings) as port, asyncio.timeout(5):
        connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        (silent, _), (half, half_writer), (slow, slow_writer) = connections
        half_writer.write(b"GET / HTTP/1.1\r\nHo")
        slow_writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")
        assert await silent.read() == await half.read() == b""
        slow_writer.write(b"body")
        assert (await slow.read()).endswith(b"body"), "ended only once it has its answer"
        for _, writer in connections:
            writer.close()
            await writer.wait_closed()


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(body)(scope, receive, send)


async def test_answers_are_counted_by_route_and_never_by_path(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.client()
        for number in range(3):
            await client.get(f"/api/cameras/cam{number}")
            await client.get(f"/nowhere/{number}")
        metrics = site.process.metrics.render().decode()
        assert 'us_http_answers_total{route="/api/cameras/{camera}",status="401"} 3.0' in metrics
        assert 'us_http_answers_total{route="none",status="404"} 3.0' in metrics
        assert "cam1" not in metrics
