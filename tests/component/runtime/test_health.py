"""`/healthz`, `/readyz` and `/metrics` over real sockets."""

import asyncio

import httpx
import pytest

from services.runtime.health import HealthServer, Readiness
from services.runtime.metrics import Metrics


async def test_paths_answer() -> None:
    readiness, metrics = Readiness(), Metrics()
    metrics.counter("things_total", "Things").inc(3)
    readiness.set("bus", met=False, why="no connection")
    async with HealthServer(readiness, metrics).serve("127.0.0.1", 0) as port, httpx.AsyncClient() as client:
        base = f"http://127.0.0.1:{port}"
        assert (await client.get(f"{base}/healthz")).text == "ok\n"
        answer = await client.get(f"{base}/readyz")
        assert (answer.status_code, answer.text) == (503, "bus: no connection\n")
        readiness.set("bus", met=True)
        assert (await client.get(f"{base}/readyz")).status_code == 200
        assert "us_things_total 3.0" in (await client.get(f"{base}/metrics")).text
        assert (await client.get(f"{base}/nothing")).status_code == 404
        assert (await client.post(f"{base}/healthz")).status_code == 404


@pytest.mark.parametrize("nonsense", [b"\r\n\r\n", b"GET\r\n\r\n", b"\x00" * 20_000, b"GET /healthz HTTP/1.1"])
async def test_nonsense_disturbs_nobody(nonsense: bytes) -> None:
    async with HealthServer(Readiness(), Metrics()).serve("127.0.0.1", 0) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(nonsense)
        writer.write_eof()
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
        writer.close()
