"""Brings running servers to what they should hold: the site's account, then its streams. Changes nothing twice."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from services.bootstrap import jwt
from services.bootstrap.errors import AccountRefused, BadKey, StreamRefused
from services.bootstrap.identity import Identity
from services.bootstrap.permissions import Account, User
from services.bootstrap.streams import Config, differences
from services.runtime.bus import Bus, BusSettings
from services.runtime.errors import DeadlineExceeded, Unavailable
from services.runtime.metrics import Metrics

CONNECT_WITHIN_S = 15.0
ANSWER_WITHIN_S = 5.0
STREAM_NOT_FOUND = 10059

PUSHED = (Account.INGEST, Account.SITE)
"""The system account is part of the server's configuration."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was changed; empty when everything was as it should be."""

    pushed: tuple[str, ...]
    created: tuple[str, ...]
    updated: tuple[str, ...]


async def apply(identity: Identity, url: str, streams: Sequence[Config]) -> Report:
    """Push the account and make the streams. Raises AccountRefused, StreamRefused, Unavailable."""
    async with _connected(identity, url, User.SYSTEM) as bus:
        pushed = [account for account in PUSHED if await _push(bus, identity, account)]
    created: list[str] = []
    updated: list[str] = []
    async with _connected(identity, url, User.BOOTSTRAP) as bus:
        for stream in streams:
            match await _bring(bus, stream):
                case "CREATE":
                    created.append(stream["name"])
                case "UPDATE":
                    updated.append(stream["name"])
    return Report(tuple(pushed), tuple(created), tuple(updated))


class _connected(AbstractAsyncContextManager[Bus]):  # noqa: N801  # used as a function
    """A bus of one user, with a limit to the wait for a server."""

    def __init__(self, identity: Identity, url: str, user: User) -> None:
        settings = BusSettings(url=url, creds=identity.creds(user), name="bootstrap")
        self._user = user
        self._bus = Bus.connect(settings, user=user, metrics=Metrics())

    async def __aenter__(self) -> Bus:
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                return await self._bus.__aenter__()
        except TimeoutError:
            raise Unavailable(f"no server took the user {self._user} within {CONNECT_WITHIN_S} s") from None

    async def __aexit__(self, *exc: Any) -> bool | None:
        return await self._bus.__aexit__(*exc)


async def _push(bus: Bus, identity: Identity, account: Account) -> bool:
    """Bring one account to the server unless it has it already; whether it was brought."""
    token = identity.accounts[account]
    lookup = f"$SYS.REQ.ACCOUNT.{token.subject}.CLAIMS.LOOKUP"
    answer = await bus.request(lookup, b"", timeout_s=ANSWER_WITHIN_S)
    try:
        known = jwt.read(answer.payload.decode(errors="replace"))
    except BadKey:
        known = None
    if known is not None and known.id == token.id:
        return False
    if known is not None:
        token = identity.issue_after(account, known.issued_at_s)
    answer = await bus.request("$SYS.REQ.CLAIMS.UPDATE", token.text.encode(), timeout_s=ANSWER_WITHIN_S)
    body = _object(answer.payload)
    if body.get("data", {}).get("code") != 200:
        raise AccountRefused(f"{account}: {body.get('error', {}).get('description', 'no reason given')}"[:300])
    return True


async def _bring(bus: Bus, wanted: Config) -> str:
    """Create or update one stream as needed; which of the two it was, or nothing."""
    name = wanted["name"]
    found = await _ask(bus, "INFO", name, {})
    if found is None:
        await _ask(bus, "CREATE", name, wanted)
        return "CREATE"
    if not differences(wanted, found["config"]):
        return ""
    await _ask(bus, "UPDATE", name, {**found["config"], **wanted})
    return "UPDATE"


async def _ask(bus: Bus, verb: str, name: str, body: Config) -> dict[str, Any] | None:
    """One call of JetStream's API; None for a stream that there is not. Raises StreamRefused."""
    answer = await bus.request(
        f"$JS.API.STREAM.{verb}.{name}", json.dumps(dict(body)).encode() if body else b"", timeout_s=ANSWER_WITHIN_S
    )
    found = _object(answer.payload)
    if error := found.get("error"):
        if error.get("err_code") == STREAM_NOT_FOUND and verb == "INFO":
            return None
        raise StreamRefused(f"{name}: {error.get('description', 'no reason given')}")
    return found


def _object(payload: bytes) -> dict[str, Any]:
    try:
        found = json.loads(payload)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise DeadlineExceeded("the server's answer is not JSON")
    return found
