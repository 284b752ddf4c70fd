"""What the accounts of a site export to each other, derived from the table of permissions.

Ingest reads cameras' own bytes, and has an account of its own for this reason: the server sends an answer to
whatever reply subject the asker named, with no regard to what the asker may publish. Ingest may write leases and
read them back, so within the site's account it could have the server write words of its choice wherever it
likes: an approved mask set, an offer to a relay. From an account of its own an answer returns into that account.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from proto.names import SiteId
from services.bootstrap.jwt import Claims
from services.bootstrap.permissions import Account, User, inbox, permissions

REPUBLISHED = "changed."
"""What the server itself publishes goes to another account as a stream; as a service it would not."""

READING = "$JS.API.DIRECT.GET."
"""Answered by several messages when it is a batch."""

STORE = ("$KV.", READING)
"""Beginnings of subjects whose messages the site's streams take."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A subject that passes between the site's account and ingest's.

    A stream goes from its exporter to the importer, a service the other way. A stream import is not fed by what
    a service brings into its exporter, while services follow each other: so demand, which will come from
    partners as a service of the site, goes on to ingest as a service too.
    """

    exporter: Account
    kind: str
    subject: str


def exports(account: Account, site: SiteId) -> list[Claims]:
    """What others may import. Without tokens: no account exists that our operator has not signed."""
    return [_export(crossing) for crossing in _crossings(site) if crossing.exporter is account]


def imports(account: Account, site: SiteId, keys: Mapping[Account, str]) -> list[Claims]:
    """What is taken from the other account; `keys` are the accounts' public keys."""
    if account is Account.SYSTEM:
        return []
    return [
        {"name": c.subject, "subject": c.subject, "account": keys[c.exporter], "type": c.kind}
        for c in _crossings(site)
        if c.exporter is not account
    ]


def _crossings(site: SiteId) -> Iterable[Crossing]:
    row = permissions(User.INGEST, site)
    for subject in row.publish:
        if subject.startswith(STORE):
            yield Crossing(Account.SITE, "service", subject)
        else:
            yield Crossing(Account.INGEST, "stream", subject)
    for subject in row.subscribe:
        if subject.startswith(REPUBLISHED):
            yield Crossing(Account.SITE, "stream", subject)
        elif subject != inbox(User.INGEST):
            yield Crossing(Account.INGEST, "service", subject)


def _export(crossing: Crossing) -> Claims:
    claims: dict[str, Any] = {"name": crossing.subject, "subject": crossing.subject, "type": crossing.kind}
    if crossing.kind == "service":
        claims["response_type"] = "Stream" if crossing.subject.startswith(READING) else "Singleton"
    return claims
