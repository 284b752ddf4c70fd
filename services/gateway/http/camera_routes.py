"""Cameras: the list that operators see, and their upkeep."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field, ValidationError

from proto.messages import Camera, Transport
from proto.names import CameraId, InvalidName, camera_id
from services.gateway import addresses
from services.gateway.errors import Invalid, NotFound
from services.gateway.http.bodies import Form, read_form
from services.gateway.http.callers import Desk, SignedIn, require
from services.gateway.http.times import iso
from services.gateway.policy import Right
from services.gateway.registry import CameraEntry
from services.runtime.clock import utc

router = APIRouter()


class CameraForm(Form):
    """`username` and `password` left out: what is stored is kept. Empty: the camera needs none."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    address: Annotated[str, Field(max_length=addresses.MAX_ADDRESS, repr=False)]
    transport: Transport = Transport.TCP
    username: Annotated[str | None, Field(max_length=200)] = None
    password: Annotated[str | None, Field(max_length=200, repr=False)] = None
    owner: Annotated[str, Field(max_length=200)] = ""
    groups: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None


@router.get("/api/cameras")
async def cameras(gateway: Desk, caller: SignedIn) -> JSONResponse:
    """Those that the caller may do something with."""
    rows = [view(gateway, camera) for camera in gateway.registry.all() if caller.may_know_of(camera)]
    return JSONResponse({"cameras": rows})


@router.get("/api/cameras/{camera}")
async def camera(camera: str, gateway: Desk, caller: SignedIn) -> JSONResponse:
    return JSONResponse(view(gateway, known(gateway, caller, camera)))


@router.put("/api/cameras/{camera}")
async def put_camera(camera: str, request: Request, gateway: Desk, caller: SignedIn) -> JSONResponse:
    require(caller, Right.MANAGE_CAMERAS)
    settings = gateway.settings
    key = _new_id(camera)
    form = await read_form(request, CameraForm, limit_bytes=settings.json_limit_bytes, limit_s=settings.body_limit_s)
    entry = _entry(gateway, key, form)
    is_new = await gateway.registry.put(caller, entry)
    return JSONResponse(view(gateway, entry.camera), status_code=201 if is_new else 200)


@router.delete("/api/cameras/{camera}")
async def remove_camera(camera: str, gateway: Desk, caller: SignedIn) -> Response:
    require(caller, Right.MANAGE_CAMERAS)
    await gateway.remove_camera(caller, known(gateway, caller, camera).camera)
    return Response(status_code=204)


@router.get("/api/cameras/{camera}/still")
async def still(camera: str, gateway: Desk, caller: SignedIn) -> Response:
    found = known(gateway, caller, camera)
    require(caller, Right.SEE_STILLS, found)
    last = await gateway.still(caller, found.camera)
    headers = {"Us-Captured": iso(utc(last.captured_utc_us)), "Us-Mask": str(last.mask_revision)}
    return Response(last.jpeg, media_type="image/jpeg", headers=headers)


def known(gateway: Desk, caller: SignedIn, camera: str) -> Camera:
    """Raises NotFound, also for a camera with which the caller has no business."""
    try:
        found = gateway.registry.get(camera_id(camera))
    except InvalidName:
        raise NotFound("There is no such camera.") from None
    if not caller.may_know_of(found):
        raise NotFound("There is no such camera.")
    return found


def view(gateway: Desk, camera: Camera) -> dict[str, Any]:
    """A camera as people see it: its address and credentials are not for them."""
    pointer = gateway.masks.pointer(camera.camera)
    state = gateway.masks.state(camera.camera)
    health = gateway.health.of(camera.camera, state)
    return {
        "id": camera.camera,
        "name": camera.name,
        "site": camera.site,
        "owner": camera.owner,
        "groups": list(camera.groups),
        "transport": camera.transport.value,
        "latitude": camera.latitude,
        "longitude": camera.longitude,
        "state": health.state.value,
        "reason": health.reason,
        "detail": health.detail,
        "since": None if health.since is None else iso(health.since),
        "width": health.width,
        "height": health.height,
        "codec": health.codec,
        "mask": {"state": state.value, "revision": None if pointer is None else pointer.revision},
    }


def _new_id(text: str) -> CameraId:
    try:
        return camera_id(text)
    except InvalidName:
        raise Invalid("A camera's id is 1 to 63 characters of a-z, 0-9 and '-'.") from None


def _entry(gateway: Desk, key: CameraId, form: CameraForm) -> CameraEntry:
    address = addresses.split(form.address)
    try:
        camera = Camera(
            camera=key,
            site=gateway.settings.site,
            name=form.name,
            address=address.address,
            transport=form.transport,
            owner=form.owner,
            groups=form.groups,
            latitude=form.latitude,
            longitude=form.longitude,
        )
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"{where}: {first['msg'].removeprefix('Value error, ')}.") from None
    return CameraEntry(camera, address, form.username, form.password)
