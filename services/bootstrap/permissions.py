"""Who may publish and subscribe what: one table, least privilege, built from the contract's subjects.

Everything is an allow list; what is not here is refused by the server. A user reads replies below its own inbox
prefix alone, so that nobody overhears another's. No user may create a consumer: a consumer delivers any stream
of the account to any subject. Watching is a core subscription to `changed.<bucket>.>`, reading a direct get.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from proto import subjects
from proto.names import CameraId, PodId, RelayId, SiteId
from proto.subjects import ANY, AUDIT_STREAM, REST, AuditKind, Bucket

ANSWER_WITHIN_S = 5
"""How long a service that answers requests may take: later its answer is refused by the server."""

_CAMERA, _POD, _RELAY = CameraId(ANY), PodId(ANY), RelayId(ANY)
_LOOKS = (AuditKind.LOOK_START, AuditKind.LOOK_STOP, AuditKind.LOOK_REFUSED)


class Account(StrEnum):
    """Subject spaces that know nothing of each other but what is exported and imported."""

    SYSTEM = "system"
    SITE = "site"
    INGEST = "ingest"


class User(StrEnum):
    """Who connects."""

    SYSTEM = "system"
    BOOTSTRAP = "bootstrap"
    INGEST = "ingest"
    MASK = "mask"
    RELAY = "relay"
    GATEWAY = "gateway"

    @property
    def account(self) -> Account:
        match self:
            case User.SYSTEM:
                return Account.SYSTEM
            case User.INGEST:
                return Account.INGEST
            case _:
                return Account.SITE


@dataclass(frozen=True, slots=True)
class Permissions:
    """Subjects that a user may publish and subscribe. `answer_within_s` lets it answer each request that it was
    sent once, within that time; 0 lets it answer none. `<subject> <group>` allows that queue group alone."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    answer_within_s: int = 0


def inbox(user: User) -> str:
    return f"_INBOX_{user}.{REST}"


def streams() -> tuple[str, ...]:
    """Every stream that there is."""
    return (*(subjects.kv_stream(bucket) for bucket in Bucket), AUDIT_STREAM)


def permissions(user: User, site: SiteId) -> Permissions:
    """The table's row for one user."""
    match user:
        case User.SYSTEM:
            return _system()
        case User.BOOTSTRAP:
            return _bootstrap()
        case User.INGEST:
            return _ingest(site)
        case User.MASK:
            return _mask(site)
        case User.RELAY:
            return _relay(site)
        case User.GATEWAY:
            return _gateway(site)


def _system() -> Permissions:
    return Permissions(
        publish=("$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP"),
        subscribe=(inbox(User.SYSTEM),),
    )


def _bootstrap() -> Permissions:
    return Permissions(
        publish=tuple(f"$JS.API.STREAM.{verb}.{name}" for name in streams() for verb in ("INFO", "CREATE", "UPDATE")),
        subscribe=(inbox(User.BOOTSTRAP),),
    )


def _ingest(site: SiteId) -> Permissions:
    reads = (Bucket.CAMERAS, Bucket.CREDENTIALS, Bucket.LEASES)
    return Permissions(
        publish=(
            subjects.frames(_POD, _CAMERA),
            subjects.status(site, _CAMERA),
            subjects.kv(Bucket.LEASES, REST),
            *_reading(reads),
        ),
        subscribe=(subjects.demand_of_site(site), *_watching(reads), inbox(User.INGEST)),
    )


def _mask(site: SiteId) -> Permissions:
    reads = (Bucket.CAMERAS, Bucket.MASKS)
    return Permissions(
        publish=(
            subjects.masked_of_site(site),
            subjects.still(site, _CAMERA),
            subjects.status(site, _CAMERA),
            subjects.kv(Bucket.STILLS, REST),
            *_reading(reads),
        ),
        subscribe=(
            subjects.frames(_POD, _CAMERA),
            subjects.demand_of_site(site),
            subjects.keyframe_of_site(site),
            subjects.withhold_of_site(site),
            *_watching(reads),
            inbox(User.MASK),
        ),
    )


def _relay(site: SiteId) -> Permissions:
    return Permissions(
        publish=(
            subjects.demand_by(site),
            subjects.keyframe_by(site),
            *(subjects.audit(site, _CAMERA, kind) for kind in _LOOKS),
        ),
        subscribe=(
            subjects.masked_of_site(site),
            # As a member of the group alone: outside it, one relay would see the offers made to all.
            f"{subjects.relay_offer()} {subjects.RELAY_QUEUE}",
            subjects.relay_calls(_RELAY),
            subjects.withhold_of_site(site),
            inbox(User.RELAY),
        ),
        answer_within_s=ANSWER_WITHIN_S,
    )


def _gateway(site: SiteId) -> Permissions:
    reads = (Bucket.CAMERAS, Bucket.MASKS, Bucket.PEOPLE, Bucket.SESSIONS, Bucket.STILLS)
    writes = (Bucket.CAMERAS, Bucket.CREDENTIALS, Bucket.MASKS, Bucket.PEOPLE, Bucket.SESSIONS)
    return Permissions(
        publish=(
            subjects.relay_offer(),
            subjects.relay_calls(_RELAY),
            subjects.withhold_of_site(site),
            subjects.audit_of_site(site),
            *(subjects.kv(bucket, REST) for bucket in writes),
            *_reading(reads),
        ),
        subscribe=(
            subjects.status_of_site(site),
            subjects.still(site, _CAMERA),
            *_watching(reads),
            inbox(User.GATEWAY),
        ),
    )


def _reading(buckets: Iterable[Bucket]) -> tuple[str, ...]:
    """Direct gets, by sequence or subject in the payload, and of a key named by the subject."""
    gets = (f"$JS.API.DIRECT.GET.{subjects.kv_stream(bucket)}" for bucket in buckets)
    return tuple(subject for get in gets for subject in (get, f"{get}.{REST}"))


def _watching(buckets: Iterable[Bucket]) -> tuple[str, ...]:
    return tuple(subjects.changed(bucket, REST) for bucket in buckets)
