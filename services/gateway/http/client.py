"""The web client: its page, and its assets, whose names change with what is in them."""

import re
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response

from services.gateway.errors import NotFound

DIST: Final = Path(__file__).parent.parent / "web" / "dist"

router = APIRouter()

# Flat, as Vite writes them: a name that holds no separator and does not start with a dot leads nowhere else.
_ASSET: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")

_TYPES: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".map": "application/json",
}


def _dist(request: Request) -> Path:
    return Path(request.app.state.dist)


@router.api_route("/", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    index = _dist(request) / "index.html"
    if not index.is_file():
        sentence = "The web client has not been built. `make run` builds it.\n"
        return PlainTextResponse(sentence, status_code=503)
    return FileResponse(index, media_type="text/html", headers={"Cache-Control": "no-store"})


@router.api_route("/assets/{name}", methods=["GET", "HEAD"])
async def asset(name: str, request: Request) -> Response:
    file = _dist(request) / "assets" / name
    if not _ASSET.fullmatch(name) or file.is_symlink() or not file.is_file():
        raise NotFound("There is nothing at this address.")
    return FileResponse(
        file,
        media_type=_TYPES.get(file.suffix, "application/octet-stream"),
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )
