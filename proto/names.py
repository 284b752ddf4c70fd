"""Names that appear in subjects and keys, and the one place that says which strings may be one."""

import re
from enum import StrEnum
from typing import NewType

SiteId = NewType("SiteId", str)
"""An authority's slug, such as `islington`. A demander is a site too: the account that asks."""

CameraId = NewType("CameraId", str)
"""Immutable id of a camera; the number and the name that people use stand beside it."""

PodId = NewType("PodId", str)
"""One ingest with its mask service: the two share a frame ring."""

RelayId = NewType("RelayId", str)
SessionId = NewType("SessionId", str)
Epoch = NewType("Epoch", int)
"""Revision of the write that acquired the camera's lease: the fencing token of everything made under it."""


class Layer(StrEnum):
    """One resolution and bit rate of a camera's masked output."""

    MAIN = "main"
    TILE = "tile"


# A dot, a star, a greater-than sign or white space would change what a NATS subject means: a slug has none.
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class InvalidName(ValueError):
    """A string that may not stand in a subject or a key."""


def slug(text: str, *, what: str = "name") -> str:
    """Return `text` if it is a slug: 1 to 63 of `a-z 0-9 -`, not starting or ending with a dash.

    Raises InvalidName otherwise. The text is quoted and cut in the message, since it may be anybody's input.
    """
    if not _SLUG.fullmatch(text):
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise InvalidName(f"{what} {shown!r} is not 1 to 63 characters of a-z, 0-9 and '-'")
    return text


def site_id(text: str) -> SiteId:
    return SiteId(slug(text, what="site"))


def camera_id(text: str) -> CameraId:
    return CameraId(slug(text, what="camera"))


def pod_id(text: str) -> PodId:
    return PodId(slug(text, what="pod"))


def relay_id(text: str) -> RelayId:
    return RelayId(slug(text, what="relay"))


def session_id(text: str) -> SessionId:
    return SessionId(slug(text, what="session"))
