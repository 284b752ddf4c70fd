"""The web client's files: what was built, and nothing beside it."""

import asyncio
from pathlib import Path

from tests.component.gateway.site import gateway_at_work


def build(folder: Path) -> Path:
    dist = folder / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html><title>Upper Street</title>")
    (dist / "assets" / "app-1a2b.js").write_text("export {};")
    (dist / "assets" / "app-1a2b.css").write_text("body {}")
    (dist / "assets" / ".hidden").write_text("secret")
    (dist / "secret.txt").write_text("secret")
    (folder / "secret.txt").write_text("secret")
    (dist / "assets" / "link.js").symlink_to(folder / "secret.txt")
    return dist


async def test_the_page_is_never_cached_and_its_assets_always(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path, dist=build(tmp_path)) as site:
        client = await site.client()
        page = await client.get("/")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert page.headers["cache-control"] == "no-store"
        policy = page.headers["content-security-policy"]
        assert all(part in policy for part in ("script-src 'self';", "style-src 'self';", "base-uri 'none'"))
        assert "unsafe" not in policy
        for name, kind in (("app-1a2b.js", "text/javascript"), ("app-1a2b.css", "text/css")):
            asset = await client.get(f"/assets/{name}")
            assert asset.status_code == 200
            assert asset.headers["content-type"].startswith(kind)
            assert "immutable" in asset.headers["cache-control"]
            assert asset.headers["x-content-type-options"] == "nosniff"
        head = await client.head("/assets/app-1a2b.js")
        assert (head.status_code, head.content) == (200, b"")


async def test_a_client_that_was_not_built_is_a_503_with_a_sentence(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.client()
        page = await client.get("/")
        assert page.status_code == 503
        assert "has not been built" in page.text
        assert (await client.get("/assets/app.js")).status_code == 404


PATHS = (
    "/assets/../secret.txt",
    "/assets/../../secret.txt",
    "/assets/..%2fsecret.txt",
    "/assets/%2e%2e/secret.txt",
    "/assets/%2e%2e%2fsecret.txt",
    "/assets/..%5csecret.txt",
    "/assets//etc/passwd",
    "/assets/%2fetc%2fpasswd",
    "/assets/.hidden",
    "/assets/link.js",
    "/assets/app-1a2b.js%00.txt",
    "/assets/",
    "/assets/..",
    "/secret.txt",
    "/index.html",
    "/../secret.txt",
)


async def test_nothing_else_can_be_had(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path, dist=build(tmp_path)) as site:
        for path in PATHS:
            answer = await get(site.settings.http_port, path)
            assert answer.startswith(b"HTTP/1.1 404"), (path, answer[:60])
            assert b"secret" not in answer
            assert b"root:" not in answer


async def get(port: int, path: str) -> bytes:
    """Spoken by hand: a client would tidy the path up before it sends it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return answer
