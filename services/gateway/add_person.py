"""`python -m services.gateway add-person`: an account from the command line, the first one above all."""

import argparse
import asyncio
import sys
from typing import Final

from pydantic import ValidationError

from proto.subjects import AuditKind, Bucket
from services.gateway.accounts import (
    MAX_NAME,
    MAX_PASSWORD,
    MIN_PASSWORD,
    Person,
    new_password,
    new_person,
    person_key,
)
from services.gateway.audit import Audit
from services.gateway.errors import OutOfReach
from services.gateway.passwords import Passwords
from services.gateway.policy import Role
from services.runtime import logs
from services.runtime.bus import Bus, BusSettings
from services.runtime.clock import SystemClock, utc_now
from services.runtime.errors import Conflict, RuntimeFault
from services.runtime.kv import Entry, Keys
from services.runtime.metrics import Metrics
from services.runtime.settings import ServiceSettings

CONNECT_LIMIT_S: Final = 15.0
ACTOR: Final = "command-line"


class CannotAdd(Exception):
    """Raised with a sentence for the person at the terminal."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="the name to sign in with")
    parser.add_argument("--role", required=True, type=Role, choices=list(Role), metavar="ROLE", help=", ".join(Role))
    parser.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input; else one is made"
    )
    parser.add_argument(
        "--replace", action="store_true", help="change role and password of somebody who is there already"
    )


def run(given: argparse.Namespace) -> int:
    """Print the password if it was made here, and nothing else. Exit status 0, or 1 with a sentence."""
    try:
        settings = ServiceSettings()
        logs.configure("gateway", settings.instance, "WARNING")
        password = _password_from(sys.stdin.readline()) if given.password_stdin else new_password()
        asyncio.run(_add(settings, _name(given.name), given.role, password, may_replace=given.replace))
    except ValidationError as exc:
        print(f"gateway: setting US_{str(exc.errors()[0]['loc'][0]).upper()} is missing or wrong", file=sys.stderr)
        return 1
    except CannotAdd as exc:
        print(f"gateway: {exc}", file=sys.stderr)
        return 1
    if not given.password_stdin:
        print(password)
    return 0


def _name(text: str) -> str:
    if not 1 <= len(text.strip()) <= MAX_NAME:
        raise CannotAdd(f"a name has 1 to {MAX_NAME} characters")
    return text


def _password_from(line: str) -> str:
    password = line.rstrip("\r\n")
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise CannotAdd(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return password


async def _add(settings: ServiceSettings, name: str, role: Role, password: str, *, may_replace: bool) -> None:
    metrics = Metrics()
    bus_settings = BusSettings(settings.nats_url, settings.nats_creds, "gateway-add-person")
    try:
        async with asyncio.timeout(CONNECT_LIMIT_S), Bus.connect(bus_settings, user="gateway", metrics=metrics) as bus:
            audit = Audit(bus, settings.site, SystemClock(), metrics)
            await _store(bus, audit, name, role, password, may_replace=may_replace)
    except TimeoutError:
        raise CannotAdd(f"NATS at {settings.nats_url} did not answer within {CONNECT_LIMIT_S:.0f} s") from None
    except Conflict:
        raise CannotAdd("somebody else has changed this account at the same time") from None
    except (RuntimeFault, OutOfReach) as exc:
        raise CannotAdd(f"the account was not stored: {exc}") from None


async def _store(bus: Bus, audit: Audit, name: str, role: Role, password: str, *, may_replace: bool) -> None:
    keys, key = Keys(bus, Bucket.PEOPLE), person_key(name)
    entry = await keys.get(key)
    known = _read(entry)
    async with Passwords.start() as passwords:
        if known is not None and known.role is role and await passwords.verify(known.password_hash, password):
            return  # so that a start may say it again, and end nobody's session
        if entry is not None and not may_replace:
            raise CannotAdd("there is somebody of this name already; --replace changes the role and the password")
        password_hash = await passwords.hash(password)
    person = new_person(name, role, password_hash, utc_now(), id_=known.id if known else "")
    done = "replaced" if entry else "added"
    await audit.record(AuditKind.ADMINISTRATION, actor=ACTOR, detail=f"person {person.id} {done} as {role}")
    await keys.put(key, person.to_wire(), last=entry.revision if entry else await keys.last_revision(key))


def _read(entry: Entry | None) -> Person | None:
    """None also for one that cannot be read."""
    try:
        return Person.from_wire((entry.value if entry else None) or b"")
    except ValidationError:
        return None
