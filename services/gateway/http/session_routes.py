"""Signing in and out, who is signed in, and bearer tokens."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from proto.subjects import AuditKind
from services.gateway.accounts import MAX_NAME, MAX_PASSWORD
from services.gateway.errors import Denied, NotFound
from services.gateway.http.bodies import Form, read_form
from services.gateway.http.callers import COOKIE, Desk, SignedIn, address_of, check_origin
from services.gateway.http.times import iso
from services.gateway.policy import Right
from services.gateway.sessions import Caller, SessionKind, SessionRecord

router = APIRouter()


class SignInForm(Form):
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    password: Annotated[str, Field(min_length=1, max_length=MAX_PASSWORD, repr=False)]


class TokenForm(Form):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    expires_in_s: Annotated[float, Field(allow_inf_nan=False)]


@router.post("/api/sign-in")
async def sign_in(request: Request, gateway: Desk) -> Response:
    check_origin(request, gateway, is_needed=False)
    settings = gateway.settings
    form = await read_form(request, SignInForm, limit_bytes=settings.json_limit_bytes, limit_s=settings.body_limit_s)
    token, _ = await gateway.sign_in.sign_in(form.name, form.password, address_of(request))
    response = Response(status_code=204)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(settings.session_length_s),
        path="/",
        secure=settings.cookie_secure,
        httponly=True,
        samesite="strict",
    )
    return response


@router.post("/api/sign-out")
async def sign_out(gateway: Desk, caller: SignedIn) -> Response:
    await gateway.sign_in.sign_out(caller)
    await gateway.whep.close_of(caller.session.id)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/", secure=gateway.settings.cookie_secure, httponly=True, samesite="strict")
    return response


@router.get("/api/me")
async def me(caller: SignedIn) -> JSONResponse:
    person = caller.person
    expires = iso(caller.session.expires)
    return JSONResponse({"name": person.name, "role": caller.session.role.value, "expires_at": expires})


@router.get("/api/tokens")
async def tokens(gateway: Desk, caller: SignedIn) -> JSONResponse:
    mine = gateway.access.of_person(caller.session.person_key, SessionKind.BEARER)
    return JSONResponse({"tokens": [_view(record) for record in mine]})


@router.post("/api/tokens")
async def make_token(request: Request, gateway: Desk, caller: SignedIn) -> JSONResponse:
    _require_cookie(caller)
    settings = gateway.settings
    form = await read_form(request, TokenForm, limit_bytes=settings.json_limit_bytes, limit_s=settings.body_limit_s)
    await _record(gateway, caller, f"token made: {form.name}")
    token, record = await gateway.access.grant(caller, form.name, form.expires_in_s)
    return JSONResponse({**_view(record), "token": token}, status_code=201)


@router.delete("/api/tokens/{token_id}")
async def end_token(token_id: str, gateway: Desk, caller: SignedIn) -> Response:
    record = gateway.access.token(token_id)
    if record.person_key != caller.session.person_key and not caller.may(Right.ADMINISTER):
        raise NotFound("There is no such token.")
    await _record(gateway, caller, f"token ended: {record.label}")
    await gateway.access.end(record)
    await gateway.whep.close_of(record.id)
    return Response(status_code=204)


def _require_cookie(caller: Caller) -> None:
    """A token must not make another that outlives it. Raises Denied."""
    if caller.session.kind is not SessionKind.COOKIE:
        raise Denied("A token cannot make tokens; sign in to make one.")


async def _record(gateway: Desk, caller: Caller, detail: str) -> None:
    await gateway.audit.record(
        AuditKind.ADMINISTRATION,
        actor=caller.person.id,
        session=caller.session.id,
        address=caller.address,
        detail=detail,
    )


def _view(record: SessionRecord) -> dict[str, Any]:
    return {"id": record.id, "name": record.label, "role": record.role.value, "expires_at": iso(record.expires)}
