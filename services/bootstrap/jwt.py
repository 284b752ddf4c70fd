"""NATS's decentralised JWTs (version 2): claims of operators, accounts and users, signed with nkeys.

An empty allow list would permit everything: `user_claims` refuses it. Times are whole seconds (RFC 7519).
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.bootstrap.errors import BadKey
from services.bootstrap.keys import Key
from services.bootstrap.permissions import Permissions

Claims = Mapping[str, Any]
"""The `nats` part of a JWT."""

UNLIMITED = -1
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
_JWT_BEGIN, _JWT_END = "-----BEGIN NATS USER JWT-----", "------END NATS USER JWT------"
_SEED_BEGIN, _SEED_END = "-----BEGIN USER NKEY SEED-----", "------END USER NKEY SEED------"


@dataclass(frozen=True, slots=True)
class Token:
    """What a JWT says. `text` is the JWT itself: of an account public, of a user worthless without its seed."""

    text: str
    id: str
    issuer: str
    subject: str
    name: str
    issued_at_s: int
    claims: Claims

    def says(self, *, issuer: str, subject: str, name: str, claims: Claims) -> bool:
        """Whether it says the same, whenever it was issued."""
        mine = (self.issuer, self.subject, self.name, self.claims)
        return mine == (issuer, subject, name, claims)


def issue(signer: Key, *, subject: str, name: str, claims: Claims, issued_at_s: int) -> Token:
    body: dict[str, Any] = {"iat": issued_at_s, "iss": signer.public, "name": name, "sub": subject, "nats": claims}
    # The id is the hash of the rest: unique, since no two tokens of a subject are issued in the same second.
    body["jti"] = base64.b32encode(hashlib.sha256(_json(body)).digest()).decode().rstrip("=")
    signed = f"{_base64(_json(_HEADER))}.{_base64(_json(body))}"
    return read(f"{signed}.{_base64(signer.sign(signed.encode()))}")


def read(text: str) -> Token:
    """Read a JWT without checking its signature, which is the server's to do. Raises BadKey."""
    try:
        part = text.strip().split(".")[1]
        body = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return Token(
            text=text.strip(),
            id=str(body["jti"]),
            issuer=str(body["iss"]),
            subject=str(body["sub"]),
            name=str(body["name"]),
            issued_at_s=int(body["iat"]),
            claims=dict(body["nats"]),
        )
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        raise BadKey("not a NATS JWT") from None


def operator_claims(*, system_account: str, signing_key: str) -> Claims:
    """An operator whose accounts and users are signed by signing keys alone, so that root keys can stay away."""
    return {
        "signing_keys": [signing_key],
        "strict_signing_key_usage": True,
        "system_account": system_account,
        **_kind("operator"),
    }


def account_claims(
    *,
    signing_key: str,
    has_jetstream: bool = False,
    revoked_until_s: Mapping[str, int] | None = None,
    exports: Sequence[Claims] = (),
    imports: Sequence[Claims] = (),
) -> Claims:
    """An account without leaf nodes. `revoked_until_s` names users whose tokens issued up to then are void."""
    limits = {
        **dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn"), UNLIMITED),
        "wildcards": True,
        "leaf": 0,
    }
    if has_jetstream:
        limits |= dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), UNLIMITED)
    claims: dict[str, Any] = {
        "limits": limits,
        "default_permissions": {"pub": {}, "sub": {}},
        "signing_keys": [signing_key],
        **_kind("account"),
    }
    if exports:
        claims["exports"] = list(exports)
    if imports:
        claims["imports"] = list(imports)
    if revoked_until_s:
        claims["revocations"] = dict(sorted(revoked_until_s.items()))
    return claims


def user_claims(permissions: Permissions, *, account: str) -> Claims:
    """A user of ordinary client connections, with an allow list of subjects for each direction."""
    if not permissions.publish or not permissions.subscribe:
        raise ValueError("an empty allow list would permit every subject")
    claims: dict[str, Any] = {
        "pub": {"allow": list(permissions.publish)},
        "sub": {"allow": list(permissions.subscribe)},
        **dict.fromkeys(("subs", "data", "payload"), UNLIMITED),
        "allowed_connection_types": ["STANDARD"],
        "issuer_account": account,
        **_kind("user"),
    }
    if permissions.answer_within_s:
        claims["resp"] = {"max": 1, "ttl": permissions.answer_within_s * 1_000_000_000}
    return claims


def creds_text(token: Token, key: Key) -> str:
    """The contents of a creds file, as NATS clients read it."""
    return f"{_JWT_BEGIN}\n{token.text}\n{_JWT_END}\n\n{_SEED_BEGIN}\n{key.seed}\n{_SEED_END}\n"


def read_creds(text: str) -> tuple[Token, Key]:
    """Raises BadKey for a creds file that is damaged or whose key is another's."""
    token, key = read(_between(text, _JWT_BEGIN, _JWT_END)), Key(_between(text, _SEED_BEGIN, _SEED_END))
    if token.subject != key.public:
        raise BadKey("a creds file whose token and seed belong to different users")
    return token, key


def _between(text: str, begin: str, end: str) -> str:
    _, found_begin, rest = text.partition(begin)
    inside, found_end, _ = rest.partition(end)
    if not found_begin or not found_end:
        raise BadKey("not a creds file")
    return inside.strip()


def _kind(name: str) -> dict[str, Any]:
    return {"type": name, "version": 2}


def _json(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
