"""Mask sets: drawn, approved and revoked."""

from fastapi import APIRouter, Request, Response

from proto.limits import MAX_POLYGONS
from services.gateway.errors import Invalid
from services.gateway.http.bodies import Form, read_form
from services.gateway.http.callers import Desk, SignedIn, require
from services.gateway.http.camera_routes import known
from services.gateway.masks import DrawnMasks
from services.gateway.policy import Right

router = APIRouter()


class MaskSetForm(Form):
    """Coordinates are read as they come: what is wrong with them is said by the polygon's own check."""

    polygons: tuple[tuple[tuple[float, float], ...], ...]
    aspect: float
    is_mask_free: bool = False


@router.get("/api/cameras/{camera}/mask-set")
async def mask_set(camera: str, gateway: Desk, caller: SignedIn) -> Response:
    found = await gateway.masks.get(known(gateway, caller, camera).camera)
    return Response(found.model_dump_json(), media_type="application/json")


@router.put("/api/cameras/{camera}/mask-set")
async def approve(camera: str, request: Request, gateway: Desk, caller: SignedIn) -> Response:
    found = known(gateway, caller, camera)
    require(caller, Right.APPROVE_MASKS, found)
    settings = gateway.settings
    form = await read_form(
        request, MaskSetForm, limit_bytes=settings.mask_set_limit_bytes, limit_s=settings.body_limit_s
    )
    if len(form.polygons) > MAX_POLYGONS:
        raise Invalid(f"A mask set has at most {MAX_POLYGONS} masks.")
    drawn = DrawnMasks(form.polygons, form.aspect, form.is_mask_free)
    approved = await gateway.masks.approve(caller, found.camera, drawn)
    return Response(approved.model_dump_json(), media_type="application/json")


@router.delete("/api/cameras/{camera}/mask-set")
async def revoke(camera: str, gateway: Desk, caller: SignedIn) -> Response:
    found = known(gateway, caller, camera)
    require(caller, Right.APPROVE_MASKS, found)
    await gateway.masks.revoke(caller, found.camera)
    return Response(status_code=204)
