"""Reading request bodies: bounded while they arrive, in bytes and in time, and never echoed."""

import asyncio
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from services.gateway.errors import Invalid, Malformed, TooLarge, TooSlow, WrongMediaType

MAX_WHY = 160


class Form(BaseModel):
    """Base of what people send: exactly the fields that are known, numbers as numbers, text as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


F = TypeVar("F", bound=Form)


async def read_form(request: Request, form: type[F], *, limit_bytes: int, limit_s: float) -> F:
    """Raises WrongMediaType, TooLarge, TooSlow, Malformed, Invalid."""
    require_type(request, "application/json")
    body = await read_body(request, limit_bytes=limit_bytes, limit_s=limit_s)
    try:
        return form.model_validate_json(body)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise Malformed("The body is not JSON.") from None
        where = ".".join(str(part)[:20] for part in first["loc"][:4]) or "body"
        raise Invalid(f"{where}: {first['msg'].removeprefix('Value error, ')[:MAX_WHY]}.") from None


async def read_text(request: Request, *, limit_bytes: int, limit_s: float) -> str:
    """Raises TooLarge, TooSlow, Malformed."""
    body = await read_body(request, limit_bytes=limit_bytes, limit_s=limit_s)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Malformed("The body is not text.") from None


async def read_body(request: Request, *, limit_bytes: int, limit_s: float) -> bytes:
    """Raises TooLarge before more than the limit is held, TooSlow."""
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said[:20]) > limit_bytes:
        raise TooLarge(f"The body may have {limit_bytes} bytes at most.")
    body = bytearray()
    try:
        async with asyncio.timeout(limit_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit_bytes:
                    raise TooLarge(f"The body may have {limit_bytes} bytes at most.")
    except TimeoutError:
        raise TooSlow("The body took too long to arrive.") from None
    return bytes(body)


def require_type(request: Request, wanted: str) -> None:
    """Raises WrongMediaType. A page of another site cannot send these types without being asked first (CORS)."""
    found = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found != wanted:
        raise WrongMediaType(f"The body must be of the type {wanted}.")
