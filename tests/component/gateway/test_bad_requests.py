"""HTTP that nobody should send: each gets a JSON error with the right status, headers that protect, and no trace."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from services.gateway.whep import Whep
from tests.component.gateway.site import SDP, GatewayAtWork, gateway_at_work

JSON = {"Content-Type": "application/json"}


def assert_clean(answer: httpx.Response, status: int, kind: str) -> None:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"kind", "detail"}
    assert error["kind"] == kind
    assert len(answer.content) < 600
    for inside in ("Traceback", 'File "', ".py", "pydantic", "starlette", "nats"):
        assert inside not in answer.text, inside
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers


async def test_an_unknown_address_is_a_404(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        for path in ("/nope", "/api", "/api/", "/api/cameras/", "/whep", "/docs", "/openapi.json", "/metrics", "/%00"):
            assert_clean(await client.get(path), 404, "not-found")


async def test_an_unknown_method_is_a_405(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        for method, path, allow in (
            ("BREW", "/api/me", "GET"),
            ("TRACE", "/api/cameras/cam1", "DELETE, GET, PUT"),
            ("PATCH", "/api/cameras/cam1/mask-set", "DELETE, GET, PUT"),
            ("POST", "/", "GET, HEAD"),
        ):
            answer = await client.request(method, path)
            assert_clean(answer, 405, "invalid")
            assert answer.headers["allow"] == allow


BODIES: list[tuple[bytes, int]] = [
    (b"", 400),
    (b"{", 400),
    (b"\xff\xfe", 400),
    (b'{"name": "a", "password": "b"', 400),
    (b"[" * 20_000, 400),
    (b'{"a":' * 5_000, 400),
    (b"[]", 422),
    (b"null", 422),
    (b'"text"', 422),
    (b"{}", 422),
    (b'{"name": 7, "password": "b"}', 422),
    (b'{"name": "", "password": "b"}', 422),
    (b'{"name": "a", "password": "b", "role": "administrator"}', 422),
    (json.dumps({"name": "a" * 101, "password": "b"}).encode(), 422),
    (json.dumps({"name": "a", "password": "b" * 1001}).encode(), 422),
    (b'{"name": "' + b"a" * 70_000 + b'"}', 413),
]


async def test_a_body_that_is_not_the_form_wanted(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.client()
        for body, status in BODIES:
            answer = await client.post("/api/sign-in", content=body, headers=JSON)
            assert_clean(answer, status, "too-large" if status == 413 else "invalid")
            assert "aaaaaaaaaa" not in answer.text


async def test_a_form_of_a_type_that_another_sites_page_could_send_is_refused(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.client()
        for content_type in (None, "text/plain", "application/x-www-form-urlencoded", "multipart/x", ""):
            headers = {} if content_type is None else {"Content-Type": content_type}
            answer = await client.post("/api/sign-in", content=b'{"name":"a","password":"b"}', headers=headers)
            assert_clean(answer, 415, "invalid")


async def test_a_body_without_a_length_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.client()
        sent = 0

        async def endless() -> object:
            nonlocal sent
            for _ in range(10_000):
                sent += 65_536
                yield b"x" * 65_536

        try:
            answer = await client.post("/api/sign-in", content=endless(), headers=JSON)  # type: ignore[arg-type]  # an async generator is what httpx takes
        except httpx.TransportError:
            pass  # the connection was closed while we wrote: as good an answer
        else:
            assert_clean(answer, 413, "too-large")
        assert sent < 100 * 65_536
        assert (await (await site.client()).get("/api/me")).status_code == 401, "it still serves"


async def raw(site: GatewayAtWork, request: bytes) -> bytes:
    """What comes back for these bytes until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.settings.http_port)
    try:
        writer.write(request)
        await writer.drain()
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_body_that_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path, body_limit_s=0.2) as site:
        head = b"POST /api/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        answer = await raw(site, head)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"kind":"invalid"' in answer


NOT_HTTP = (
    b"nonsense\r\n\r\n",
    b"GET /api/me HTTP/1.1\r\nHost: x\r\nBroken header\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"POST /api/sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
)


async def test_what_is_not_http_is_refused_without_a_trace(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        for request in NOT_HTTP:
            answer = await raw(site, request)
            assert answer.startswith(b"HTTP/1.1 4"), (request[:40], answer[:80])
            assert b"Traceback" not in answer
        assert (await (await site.client()).get("/api/me")).status_code == 401, "it still serves"


async def test_a_fault_of_our_own_is_a_500_that_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_args: object) -> None:
        raise ZeroDivisionError("an inside with a s3cret")

    monkeypatch.setattr(Whep, "open", broken)
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        await site.camera(client)
        answer = await client.post("/whep/cam1", content=SDP, headers={"Content-Type": "application/sdp"})
        assert_clean(answer, 500, "internal")
        assert "s3cret" not in answer.text
        assert (await client.get("/api/me")).status_code == 200


async def test_a_websocket_is_not_spoken(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        request = (
            b"GET /api/me HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert (await raw(site, request)).startswith(b"HTTP/1.1 401")
