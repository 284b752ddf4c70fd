"""WHEP: an SDP offer for an answer, and the end of a viewer (draft-ietf-wish-whep)."""

from typing import Final

from fastapi import APIRouter, Request, Response

from proto.names import CameraId, InvalidName, Layer, SessionId, session_id
from services.gateway.errors import Invalid, Malformed, NotFound
from services.gateway.http.bodies import read_text, require_type
from services.gateway.http.callers import Desk, SignedIn, require
from services.gateway.http.camera_routes import known
from services.gateway.policy import Right

router = APIRouter()

SDP: Final = "application/sdp"


@router.post("/whep/{camera}")
async def offer(camera: str, request: Request, gateway: Desk, caller: SignedIn) -> Response:
    require(caller, Right.SEE_LIVE)
    found = known(gateway, caller, camera)
    require(caller, Right.SEE_LIVE, found)
    require_type(request, SDP)
    layer = _layer(request.query_params.get("layer", Layer.MAIN.value))
    settings = gateway.settings
    sdp = await read_text(request, limit_bytes=settings.sdp_limit_bytes, limit_s=settings.body_limit_s)
    if not sdp.startswith("v=0"):
        raise Malformed("The body is no SDP.")
    opened = await gateway.whep.open(caller, found, layer, sdp)
    headers = {"Location": f"/whep/{found.camera}/{opened.session}", "ETag": f'"{opened.session}"'}
    return Response(opened.sdp, status_code=201, media_type=SDP, headers=headers)


@router.delete("/whep/{camera}/{session}")
async def close(camera: str, session: str, gateway: Desk, caller: SignedIn) -> Response:
    await gateway.whep.close(caller, CameraId(camera), _session(session))
    return Response(status_code=204)


def _session(text: str) -> SessionId:
    """It becomes part of a key: whatever else it may be, it is nobody's."""
    try:
        return session_id(text)
    except InvalidName:
        raise NotFound("There is no such viewer.") from None


def _layer(text: str) -> Layer:
    try:
        return Layer(text)
    except ValueError:
        raise Invalid("A layer is main or tile.") from None
