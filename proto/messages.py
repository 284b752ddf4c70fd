"""Every message of Upper Street: frozen, versioned, strict about what it does not know."""

import math
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from proto.limits import MAX_POINTS, MAX_POLYGONS
from proto.names import CameraId, Epoch, Layer, PodId, RelayId, SessionId, SiteId, slug
from proto.subjects import AuditKind


def _slug(value: str) -> str:
    return slug(value)


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time without a zone")
    return value


Slug = Annotated[str, AfterValidator(_slug)]
Site = Annotated[SiteId, AfterValidator(_slug)]
CameraKey = Annotated[CameraId, AfterValidator(_slug)]
Pod = Annotated[PodId, AfterValidator(_slug)]
Relay = Annotated[RelayId, AfterValidator(_slug)]
Session = Annotated[SessionId, AfterValidator(_slug)]
Utc = Annotated[datetime, AfterValidator(_aware)]
Text = Annotated[str, Field(max_length=200)]


class Message(BaseModel):
    """Base of all messages. `v` grows when a reader of the old form would misread the new one."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="constants")

    v: Literal[1] = 1

    def to_wire(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def from_wire(cls, payload: bytes) -> Self:
        """Raises pydantic.ValidationError (a ValueError) for anything that is not this message."""
        return cls.model_validate_json(payload)


class CameraState(StrEnum):
    """What an operator sees of a camera's health."""

    CONNECTING = "connecting"
    LIVE = "live"
    DEGRADED = "degraded"
    FROZEN = "frozen"
    DARK = "dark"
    MOVED = "moved"
    WITHHELD = "withheld"
    DOWN = "down"


class DownReason(StrEnum):
    """Why ingest has no picture."""

    BAD_ADDRESS = "bad-address"
    UNREACHABLE = "unreachable"
    BAD_CREDENTIALS = "bad-credentials"
    NOT_FOUND = "not-found"
    NO_VIDEO = "no-video"
    UNSUPPORTED_CODEC = "unsupported-codec"
    UNSUPPORTED_SIZE = "unsupported-size"
    GARBAGE = "garbage"
    STALLED = "stalled"
    CLOSED_BY_CAMERA = "closed-by-camera"
    NO_RING_SPACE = "no-ring-space"


class WithheldReason(StrEnum):
    """Why a slate stands in place of a picture."""

    NO_MASK_SET = "no-mask-set"
    MASK_UNREADABLE = "mask-unreadable"
    MASK_MISFIT = "mask-misfit"
    REVOKED = "revoked"
    KILL_SWITCH = "kill-switch"
    DAMAGED_INPUT = "damaged-input"
    MASK_FAULT = "mask-fault"
    NO_SIGNAL = "no-signal"


class Transport(StrEnum):
    """How RTP reaches ingest (RFC 2326 section 12.39)."""

    TCP = "tcp"
    UDP = "udp"


class Camera(Message):
    """A configured camera, as stored in the bucket `cameras`. `address` never carries credentials."""

    camera: CameraKey
    site: Site
    name: Annotated[str, Field(min_length=1, max_length=100)]
    address: Annotated[str, Field(max_length=1000)]
    transport: Transport = Transport.TCP
    owner: Text = ""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    groups: tuple[Slug, ...] = ()

    @field_validator("address")
    @classmethod
    def _no_credentials(cls, value: str) -> str:
        scheme, _, rest = value.partition("://")
        if scheme not in ("rtsp", "rtsps") or not rest:
            raise ValueError("an address starts with rtsp:// or rtsps://")
        if "@" in rest.split("/", 1)[0]:
            raise ValueError("credentials do not belong in an address")
        return value


class Credentials(Message):
    """A camera's credentials, in the bucket `credentials` that ingest alone can read."""

    username: Annotated[str, Field(max_length=200)]
    password: Annotated[str, Field(max_length=200, repr=False)]


class Lease(Message):
    """Ownership of a camera by a pod; the revision of the write that acquired it is the epoch."""

    pod: Pod
    acquired: Utc


class Demand(Message):
    """Somebody wants this layer now. The subject says who and what."""

    viewers: Annotated[int, Field(ge=1)] = 1


class KeyframeWish(Message):
    """A wish for an IDR, coalesced by the mask service."""

    reason: Literal["join", "loss", "switch"] = "join"


class Doorbell(Message):
    """There are frames in the ring up to, and without, `head`. A lost one costs nothing."""

    camera: CameraKey
    epoch: Annotated[Epoch, Field(ge=1)]
    ring: Annotated[str, Field(pattern=r"^[a-z0-9-]+\.ring$", max_length=120)]
    head: Annotated[int, Field(ge=0)]


class Withhold(Message):
    """Stop showing this camera at once. The KV entry beside it says the same for late readers."""

    reason: WithheldReason
    mask_revision: int = 0


class CameraStatus(Message):
    """Health of one camera as one service sees it, on change and every STATUS_INTERVAL_S."""

    camera: CameraKey
    source: Literal["ingest", "mask"]
    state: CameraState
    reason: DownReason | WithheldReason | None = None
    since: Utc
    detail: Text = ""
    epoch: int = 0
    width: int = 0
    height: int = 0
    codec: Text = ""
    decoded_frames: int = 0


Coordinate = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Point = tuple[Coordinate, Coordinate]
Polygon = Annotated[tuple[Point, ...], Field(min_length=3, max_length=MAX_POINTS)]


class MaskSet(Message):
    """All masks of a camera: polygons in normalised coordinates, (0, 0) top left, (1, 1) bottom right.

    `aspect` is width / height of the picture that they were drawn on. No polygons at all is a statement too,
    and only with `is_mask_free`: somebody named has approved that this camera needs none.
    """

    camera: CameraKey
    revision: Annotated[int, Field(ge=1)]
    polygons: Annotated[tuple[Polygon, ...], Field(max_length=MAX_POLYGONS)]
    aspect: Annotated[float, Field(gt=0.1, lt=10.0)]
    is_mask_free: bool = False
    approved_by: Annotated[str, Field(min_length=1, max_length=100)]
    approved_at: Utc

    @model_validator(mode="after")
    def _no_masks_is_a_statement(self) -> Self:
        if bool(self.polygons) == self.is_mask_free:
            raise ValueError("a mask set has polygons, or says that the camera needs none")
        if any(not math.isfinite(c) for polygon in self.polygons for point in polygon for c in point):
            raise ValueError("a coordinate that is not a number")
        return self


class MaskPointer(Message):
    """Which revision of a camera's mask sets is in force: key `<camera>.current` of the bucket `masks`.

    Says its camera again: a reader refuses a value that was written for another key, since an answer of the store can
    be steered onto any. `is_mask_free` repeats the mask set's, for lists; nothing is shown or withheld by it.
    """

    camera: CameraKey
    revision: Annotated[int, Field(ge=1)]
    is_revoked: bool = False
    is_mask_free: bool = False


class Offer(Message):
    """Gateway to relay: let this viewer in. The look has been recorded before this is sent."""

    session: Session
    camera: CameraKey
    layer: Layer
    person: Text
    sdp: Annotated[str, Field(max_length=64_000)]


class RelayErrorKind(StrEnum):
    """Why a relay refused an offer; mapped once to an HTTP status by the gateway."""

    INVALID = "invalid"
    UNAVAILABLE = "unavailable"
    EXHAUSTED = "exhausted"
    INTERNAL = "internal"


class Answer(Message):
    """Relay to gateway: an SDP answer, or why there is none."""

    relay: Relay
    sdp: str = ""
    error: RelayErrorKind | None = None
    detail: Text = ""


class Close(Message):
    """Gateway to relay: end this viewer now."""

    session: Session
    reason: Text = ""


class Closed(Message):
    """Relay to gateway: whether there was such a viewer."""

    was_open: bool


class AuditEvent(Message):
    """One entry of the record. `subject` says the site, the camera and the kind again."""

    id: Slug
    at: Utc
    site: Site
    kind: AuditKind
    actor: Text
    camera: CameraKey | None = None
    session: Text = ""
    layer: Layer | None = None
    purpose: Text = ""
    seconds: Annotated[float, Field(ge=0)] | None = None
    address: Text = ""
    detail: Text = ""


def mask_pointer_key(camera: CameraId) -> str:
    return f"{camera}.current"


def mask_revision_key(camera: CameraId, revision: int) -> str:
    """Key of one immutable revision."""
    return f"{camera}.r{revision}"
