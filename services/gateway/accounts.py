"""People who may sign in: what is kept of each, under which key."""

import hashlib
import secrets
import unicodedata
from datetime import datetime
from typing import Annotated

from pydantic import Field

from proto.messages import Message, Slug, Utc
from services.gateway.policy import Role

MAX_NAME = 100
MIN_PASSWORD, MAX_PASSWORD = 12, 1_000
"""NCSC and NIST SP 800-63B section 3.1.1.2: length rather than rules; bounded, since hashing it costs."""

_GENERATED_GROUPS, _GENERATED_GROUP = 5, 4
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without the ones that are mistaken for each other; 20 of 31 are 99 bits."""


class Person(Message):
    """Somebody with an account, in the bucket `people` under `person_key(name)`.

    `id` stands in the record in place of the name, so that a person can be erased and the record stay whole.
    Sessions made before `password_set_at` are void.
    """

    id: Slug
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    role: Role
    password_hash: Annotated[str, Field(max_length=500, repr=False)]
    password_set_at: Utc


def person_key(name: str) -> str:
    """The same for names that people would take for the same: case, width and outer spaces play no part."""
    plain = unicodedata.normalize("NFKC", name).strip().casefold()
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def new_person(name: str, role: Role, password_hash: str, now: datetime, *, id_: str = "") -> Person:
    """`id_` is given for somebody who is known already, and keeps it."""
    return Person(
        id=id_ or f"p-{secrets.token_hex(8)}",
        name=name.strip(),
        role=role,
        password_hash=password_hash,
        password_set_at=now,
    )


def new_password() -> str:
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GENERATED_GROUP)) for _ in range(_GENERATED_GROUPS))
    return "-".join(groups)
