"""Signing in: throttled, the same whether a name is known or not, and on the record."""

from proto.subjects import AuditKind
from services.gateway.access import Access
from services.gateway.accounts import Person, person_key
from services.gateway.audit import NOBODY, Audit
from services.gateway.errors import Throttled, Unauthenticated
from services.gateway.passwords import Passwords
from services.gateway.sessions import Caller, SessionRecord
from services.gateway.tables import Table
from services.gateway.throttle import Pace, Throttle
from services.runtime.clock import Clock
from services.runtime.metrics import Metrics

BY_NAME_HERE = Pace(burst=5, refill_s=15)
"""For one name from one address: some 5,800 guesses a day."""

BY_NAME = Pace(burst=30, refill_s=5)
"""For one name from all addresses, some 17,000 guesses a day: wide enough that one address, which is held to the pace
above, cannot keep a person out from another."""

BY_ADDRESS = Pace(burst=30, refill_s=2)
"""A control room may share one address; what was in order does not count."""


class SignIn:
    """The way in with a name and a password, and the way out."""

    def __init__(
        self, people: Table[Person], access: Access, passwords: Passwords, audit: Audit, clock: Clock, metrics: Metrics
    ) -> None:
        self._people = people
        self._access = access
        self._passwords = passwords
        self._audit = audit
        self._by_name_here = Throttle(clock, BY_NAME_HERE)
        self._by_name = Throttle(clock, BY_NAME)
        self._by_address = Throttle(clock, BY_ADDRESS)
        self._ends = metrics.counter("sign_ins_total", "Attempts to sign in, by end", ("end",))

    async def sign_in(self, name: str, password: str, address: str) -> tuple[str, SessionRecord]:
        """A session's token and record. Raises Throttled, Unauthenticated, OutOfReach, RuntimeFault."""
        key = person_key(name)
        self._throttle(key, address)
        person = self._people.get(key)
        is_right = await self._passwords.verify(None if person is None else person.password_hash, password)
        if person is None or not is_right:
            await self._refused(person, key, address)
            raise Unauthenticated("The name or the password is wrong.")
        self._by_name_here.forget(_here(key, address))
        self._by_name.give_back(key)
        self._by_address.give_back(address)
        await self._audit.record(AuditKind.SIGN_IN, actor=person.id, address=address)
        token, record = await self._access.begin(key, person)
        self._ends.labels("in").inc()
        return token, record

    async def sign_out(self, caller: Caller) -> None:
        """Raises RuntimeFault: then the session goes on."""
        await self._access.end(caller.session)
        await self._audit.note(
            AuditKind.SIGN_OUT, actor=caller.person.id, session=caller.session.id, address=caller.address
        )

    def _throttle(self, key: str, address: str) -> None:
        """No further than the first that says no: who is refused for his address takes nothing from a name."""
        attempts = (
            (self._by_address, address),
            (self._by_name_here, _here(key, address)),
            (self._by_name, key),
        )
        for throttle, of in attempts:
            if (wait_s := throttle.attempt(of)) > 0:
                self._ends.labels("throttled").inc()
                raise Throttled("There were too many attempts to sign in.", wait_s)

    async def _refused(self, person: Person | None, key: str, address: str) -> None:
        self._ends.labels("refused").inc()
        # Not the name as typed: people type their passwords there.
        await self._audit.note(
            AuditKind.SIGN_IN_REFUSED,
            actor=NOBODY if person is None else person.id,
            address=address,
            detail=f"name {key}",
        )


def _here(key: str, address: str) -> str:
    return f"{key} {address}"
