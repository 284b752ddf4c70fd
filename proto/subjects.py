"""Every NATS subject of Upper Street, built by a function; `proto/README.md` says who may use which.

Demand and keyframe wishes name the demander first, so that each pair of accounts can export exactly
`demand.<them>.<us>.>` as a service.
"""

from dataclasses import dataclass
from enum import StrEnum

from proto.names import CameraId, InvalidName, Layer, PodId, RelayId, SiteId, camera_id, site_id, slug

ANY = "*"
REST = ">"


class Bucket(StrEnum):
    """JetStream key-value buckets; each is the stream `KV_<bucket>`."""

    CAMERAS = "cameras"
    CREDENTIALS = "credentials"
    MASKS = "masks"
    LEASES = "leases"
    PEOPLE = "people"
    SESSIONS = "sessions"
    STILLS = "stills"


class RelayCall(StrEnum):
    """What the gateway may ask of one relay."""

    CLOSE = "close"


class AuditKind(StrEnum):
    """What an audit event records."""

    SIGN_IN = "sign-in"
    SIGN_IN_REFUSED = "sign-in-refused"
    SIGN_OUT = "sign-out"
    LOOK_START = "look-start"
    LOOK_STOP = "look-stop"
    LOOK_REFUSED = "look-refused"
    STILL = "still"
    CAMERA_CHANGED = "camera-changed"
    CAMERA_REMOVED = "camera-removed"
    MASK_APPROVED = "mask-approved"
    MASK_REVOKED = "mask-revoked"
    ADMINISTRATION = "administration"


AUDIT_STREAM = "AUDIT"
RELAY_QUEUE = "relays"
"""Queue group of `relay.offer`: each offer reaches one relay."""

NO_CAMERA = "-"
"""Stands in an audit subject where no camera is concerned."""


@dataclass(frozen=True, slots=True)
class LayerAddress:
    """The parts of a demand, keyframe or masked subject; `demander` is empty for `masked`."""

    demander: str
    site: SiteId
    camera: CameraId
    layer: Layer


def demand(demander: SiteId, site: SiteId, camera: CameraId, layer: Layer) -> str:
    """Somebody at `demander` wants this layer now."""
    return f"demand.{demander}.{site}.{camera}.{layer}"


def demand_of_site(site: SiteId) -> str:
    """Every demand for a site's cameras, whoever asks: what ingest and mask subscribe."""
    return f"demand.{ANY}.{site}.{REST}"


def demand_by(demander: SiteId) -> str:
    """Every demand of one demander, for any site's cameras."""
    return f"demand.{demander}.{REST}"


def keyframe(demander: SiteId, site: SiteId, camera: CameraId, layer: Layer) -> str:
    """A wish for an IDR."""
    return f"keyframe.{demander}.{site}.{camera}.{layer}"


def keyframe_of_site(site: SiteId) -> str:
    return f"keyframe.{ANY}.{site}.{REST}"


def keyframe_by(demander: SiteId) -> str:
    """Every keyframe wish of one demander."""
    return f"keyframe.{demander}.{REST}"


def frames(pod: PodId, camera: CameraId) -> str:
    """Doorbell of one camera's ring."""
    return f"frames.{pod}.{camera}"


def frames_of_pod(pod: PodId) -> str:
    return f"frames.{pod}.{ANY}"


def masked(site: SiteId, camera: CameraId, layer: Layer) -> str:
    """Access units of one masked layer."""
    return f"masked.{site}.{camera}.{layer}"


def masked_of_site(site: SiteId) -> str:
    """Every masked layer of a site."""
    return f"masked.{site}.{REST}"


def still(site: SiteId, camera: CameraId) -> str:
    """Masked JPEG stills: a subject of their own, so that a `masked.` subscription never pulls them."""
    return f"still.{site}.{camera}"


def still_of_site(site: SiteId) -> str:
    return f"still.{site}.{ANY}"


def withhold(site: SiteId, camera: CameraId) -> str:
    """Kill switch and mask revocation, beside the KV entry."""
    return f"withhold.{site}.{camera}"


def withhold_of_site(site: SiteId) -> str:
    return f"withhold.{site}.{ANY}"


def status(site: SiteId, camera: CameraId) -> str:
    """Health of a camera and why."""
    return f"status.{site}.{camera}"


def status_of_site(site: SiteId) -> str:
    return f"status.{site}.{ANY}"


def relay_offer() -> str:
    """SDP offers, taken by one relay of a queue group."""
    return "relay.offer"


def relay_call(relay: RelayId, call: RelayCall) -> str:
    return f"relay.{relay}.{call}"


def relay_calls(relay: RelayId) -> str:
    return f"relay.{relay}.{REST}"


def audit(site: SiteId, camera: CameraId | None, kind: AuditKind) -> str:
    return f"audit.{site}.{NO_CAMERA if camera is None else camera}.{kind}"


def audit_of_site(site: SiteId) -> str:
    return f"audit.{site}.{REST}"


def kv(bucket: Bucket, key: str) -> str:
    """Where a write to a key is published."""
    return f"$KV.{bucket}.{key}"


def kv_stream(bucket: Bucket) -> str:
    return f"KV_{bucket}"


def changed(bucket: Bucket, key: str) -> str:
    """Where the server republishes a write once it is stored: what watches read, with no consumer."""
    return f"changed.{bucket}.{key}"


def parse_layer(subject: str) -> LayerAddress:
    """Read a `demand`, `keyframe` or `masked` subject. Raises InvalidName when it is none."""
    kind, *rest = subject.split(".")
    if kind == "masked":
        rest = ["", *rest]
    if kind not in ("demand", "keyframe", "masked") or len(rest) != 4:
        raise InvalidName(f"{subject[:80]!r} names no layer")
    demander, site, camera, layer = rest
    if layer not in Layer._value2member_map_:
        raise InvalidName(f"{layer[:40]!r} is not a layer")
    return LayerAddress(
        demander=slug(demander, what="demander") if demander else "",
        site=site_id(site),
        camera=camera_id(camera),
        layer=Layer(layer),
    )


def parse_camera(subject: str) -> CameraId:
    """The camera that a `frames`, `still`, `withhold` or `status` subject names. Raises InvalidName."""
    parts = subject.split(".")
    if len(parts) != 3:
        raise InvalidName(f"{subject[:80]!r} names no camera")
    return camera_id(parts[2])
