"""The streams that there should be: a bucket is a stream of one message a key, the audit record is a stream.

A bucket republishes each write, once stored, on `changed.<bucket>.<key>`, and answers direct gets; so nobody
needs a consumer. Every stream is bounded, and refuses new writes when full rather than drop old ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proto import subjects
from proto.limits import MAX_HEADER_BYTES, MAX_MESSAGE_BYTES, MAX_STILL_BYTES
from proto.names import SiteId
from proto.subjects import AUDIT_STREAM, REST, Bucket

Config = Mapping[str, Any]
"""A stream's configuration as JetStream's API writes it."""

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
AUDIT_MAX_BYTES = GIB
"""Some two million events; the default of a small site. JetStream reserves it against the server's `max_file`."""

AUDIT_MAX_MESSAGE_BYTES = 16 * KIB
DUPLICATE_WINDOW_S = 120

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one bucket: a write larger than `max_message_bytes`, headers included, is refused, and so is one that
    would make the bucket larger than `max_bytes`."""

    max_message_bytes: int
    max_bytes: int
    is_in_memory: bool = False


BOUNDS: Mapping[Bucket, Bounds] = {
    Bucket.CAMERAS: Bounds(16 * KIB, 64 * MIB),
    Bucket.CREDENTIALS: Bounds(4 * KIB, 16 * MIB),
    # 64 polygons of 256 points with every digit of a double come to some 700 kB.
    Bucket.MASKS: Bounds(MAX_MESSAGE_BYTES, 256 * MIB),
    # Small on purpose: nothing but a lease fits in.
    Bucket.LEASES: Bounds(KIB, 8 * MIB),
    Bucket.PEOPLE: Bounds(16 * KIB, 32 * MIB),
    Bucket.SESSIONS: Bounds(16 * KIB, 64 * MIB),
    # A thousand cameras' stills of 130 kB; masked pictures have no business on a disk.
    Bucket.STILLS: Bounds(MAX_STILL_BYTES + MAX_HEADER_BYTES, 128 * MIB, is_in_memory=True),
}


def wanted(site: SiteId, *, replicas: int = 1, audit_max_bytes: int = AUDIT_MAX_BYTES) -> tuple[Config, ...]:
    """Every stream of a site. `replicas` is 1 on one server and 3 in a cluster of three."""
    buckets = (_bucket(bucket, BOUNDS[bucket], replicas) for bucket in Bucket)
    return (*buckets, _audit(site, replicas, audit_max_bytes))


def reserved_bytes(streams: tuple[Config, ...], storage: str) -> int:
    """What the streams reserve of a server's `file` or `memory`."""
    return sum(int(stream["max_bytes"]) for stream in streams if stream["storage"] == storage)


def differences(wanted: Config, found: Config) -> Config:
    """The settings that the server has otherwise than wanted. What it does not name is off there."""
    return {name: value for name, value in wanted.items() if (found.get(name) or None) != (value or None)}


def _bucket(bucket: Bucket, bounds: Bounds, replicas: int) -> Config:
    config: dict[str, Any] = {
        **_common(subjects.kv_stream(bucket), subjects.kv(bucket, REST), replicas),
        "storage": "memory" if bounds.is_in_memory else "file",
        "max_msgs_per_subject": 1,
        "max_msg_size": bounds.max_message_bytes,
        "max_bytes": bounds.max_bytes,
        "deny_delete": True,
        # One message with `Nats-Rollup: all` would empty the bucket, and with one value a key a delete does.
        "deny_purge": True,
        "allow_rollup_hdrs": False,
        "allow_msg_ttl": True,
        "republish": {"src": subjects.kv(bucket, REST), "dest": subjects.changed(bucket, REST)},
    }
    return config


def _audit(site: SiteId, replicas: int, max_bytes: int) -> Config:
    """The record: nobody can delete, purge, roll up, expire or overwrite an event."""
    return {
        **_common(AUDIT_STREAM, subjects.audit_of_site(site), replicas),
        "storage": "file",
        "max_msgs_per_subject": -1,
        "max_msg_size": AUDIT_MAX_MESSAGE_BYTES,
        "max_bytes": max_bytes,
        "deny_delete": True,
        "deny_purge": True,
        "allow_rollup_hdrs": False,
        "allow_msg_ttl": False,
    }


def _common(name: str, subject: str, replicas: int) -> dict[str, Any]:
    return {
        "name": name,
        "subjects": [subject],
        "retention": "limits",
        "discard": "new",
        "max_age": 0,
        "max_msgs": -1,
        "num_replicas": replicas,
        "duplicate_window": DUPLICATE_WINDOW_S * _NANOSECONDS,
        "allow_direct": True,
    }
