"""Sessions and bearer tokens: what is kept of each, and until when it holds. Of a token only its hash is kept."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from proto.messages import Camera, Message, Slug, Text, Utc
from services.gateway import policy
from services.gateway.accounts import Person
from services.gateway.policy import Right, Role

SESSIONS = "*"
"""Filter of the bucket's sessions: what else is in it has a dot in its key."""

MAX_TOKEN = 128
"""A longer one is nobody's, and not worth hashing."""


class SessionKind(StrEnum):
    """How a session is presented; one of either kind is not taken as the other."""

    COOKIE = "cookie"
    BEARER = "bearer"


class SessionRecord(Message):
    """One session, in the bucket `sessions` under its id. `role` bounds what it can do, whatever its person may."""

    id: Slug
    token_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", repr=False)]
    kind: SessionKind
    person_key: Slug
    role: Role
    label: Text = ""
    created: Utc
    expires: Utc
    used: Utc


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long sessions hold: at most `session_s`, and `idle_s` after their last use; a token `token_s` at most."""

    session_s: float
    idle_s: float
    token_s: float


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request, by which session, from which address."""

    person: Person
    session: SessionRecord
    address: str = ""

    def may(self, right: Right, camera: Camera | None = None) -> bool:
        """Both the person, as of now, and the session must have the right."""
        return all(policy.may(role, right, camera) for role in (self.person.role, self.session.role))

    def may_know_of(self, camera: Camera | None = None) -> bool:
        return all(policy.may_know_of(role, camera) for role in (self.person.role, self.session.role))


def new_token() -> str:
    """256 random bits, behind a prefix by which secret scanners know it."""
    return f"us_{secrets.token_urlsafe(32)}"


def hash_token(token: str) -> str:
    """A token is random enough that a fast hash keeps it: nobody can guess what was hashed."""
    return hashlib.sha256(token.encode()).hexdigest()


def session_id(token_hash: str) -> str:
    """Half of the hash: tells sessions apart, and says nothing of the token."""
    return token_hash[:32]


def is_of(record: SessionRecord, token_hash: str) -> bool:
    return hmac.compare_digest(record.token_hash, token_hash)


def new_record(
    token: str,
    *,
    kind: SessionKind,
    person_key: str,
    role: Role,
    now: datetime,
    length_s: float,
    label: str = "",
) -> SessionRecord:
    token_hash = hash_token(token)
    return SessionRecord(
        id=session_id(token_hash),
        token_hash=token_hash,
        kind=kind,
        person_key=person_key,
        role=role,
        label=label,
        created=now,
        expires=now + timedelta(seconds=length_s),
        used=now,
    )


def holds(record: SessionRecord, now: datetime, used: datetime, idle_s: float) -> bool:
    """Whether a session last used then holds now. A bearer token has no idle limit: a machine may be silent."""
    if now >= record.expires:
        return False
    return record.kind is SessionKind.BEARER or (now - max(used, record.used)).total_seconds() < idle_s
