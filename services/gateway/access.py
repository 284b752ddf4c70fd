"""Sessions in force: made, looked up, ended and swept; lookups need no store, so that its outage signs nobody out."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from proto.subjects import Bucket
from services.gateway import sessions
from services.gateway.accounts import Person
from services.gateway.errors import Conflicted, Invalid, NotFound, Unauthenticated
from services.gateway.sessions import MAX_TOKEN, Caller, Lengths, SessionKind, SessionRecord
from services.gateway.tables import Table
from services.runtime.bus import Bus
from services.runtime.clock import Clock, utc
from services.runtime.errors import Conflict, RuntimeFault
from services.runtime.kv import Keys

MAX_SESSIONS_EACH = 50
"""Of one kind and person; the oldest of more signed-in browsers ends, and further tokens are refused."""

MIN_TOKEN_LENGTH_S = 60
TOMBSTONE_S = 3600
"""How long the store remembers that a session was ended: longer than any replica's watch lags."""

USES_PER_IDLE = 12
"""A use is written when the last written one is older than the idle limit by this."""

DUE_PER_SWEEP = 50

_OVER = "You are not signed in, or your session has ended."


class Access:
    """The sessions and the people that they belong to. One event loop."""

    def __init__(
        self, bus: Bus, people: Table[Person], records: Table[SessionRecord], clock: Clock, lengths: Lengths
    ) -> None:
        self._keys = Keys(bus, Bucket.SESSIONS)
        self._people = people
        self._records = records
        self._clock = clock
        self._lengths = lengths
        self._used: dict[str, datetime] = {}

    # Lookups

    def authenticate(self, token: str, kind: SessionKind, address: str) -> Caller:
        """Who presents this token; counts as a use. Raises Unauthenticated."""
        token_hash = sessions.hash_token(token[:MAX_TOKEN])
        record = self._records.get(sessions.session_id(token_hash))
        if record is None or record.kind is not kind or not sessions.is_of(record, token_hash):
            raise Unauthenticated(_OVER)
        caller = self._caller(record, address)
        if caller is None:
            raise Unauthenticated(_OVER)
        self._used[record.id] = self._now()
        return caller

    def current(self, session: str) -> Caller | None:
        """Whose session this is, None if it no longer holds. No use of it."""
        record = self._records.get(session)
        return None if record is None else self._caller(record, "")

    def knows(self, session: str) -> bool:
        """Whether the session and its person are known here, in force or not."""
        record = self._records.get(session)
        return record is not None and self._people.get(record.person_key) is not None

    def of_person(self, person_key: str, kind: SessionKind) -> list[SessionRecord]:
        """Sessions in force, oldest first."""
        found = [
            record
            for _, record in self._records.items()
            if record.person_key == person_key and record.kind is kind and self._caller(record, "") is not None
        ]
        return sorted(found, key=lambda record: record.created)

    def _caller(self, record: SessionRecord, address: str) -> Caller | None:
        person = self._people.get(record.person_key)
        if person is None or record.created < person.password_set_at:
            return None
        return Caller(person, record, address) if self._holds(record) else None

    def _now(self) -> datetime:
        return utc(self._clock.utc_us())

    # Changes

    async def begin(self, person_key: str, person: Person) -> tuple[str, SessionRecord]:
        """A browser's session and its token, which is kept nowhere. Raises RuntimeFault."""
        for oldest in self.of_person(person_key, SessionKind.COOKIE)[: -MAX_SESSIONS_EACH + 1]:
            await self.end(oldest)
        token = sessions.new_token()
        record = sessions.new_record(
            token,
            kind=SessionKind.COOKIE,
            person_key=person_key,
            role=person.role,
            now=self._now(),
            length_s=self._lengths.session_s,
        )
        await self._write(record)
        return token, record

    async def grant(self, caller: Caller, label: str, length_s: float) -> tuple[str, SessionRecord]:
        """A bearer token with the caller's role. Raises Invalid, Conflicted, RuntimeFault."""
        if not MIN_TOKEN_LENGTH_S <= length_s <= self._lengths.token_s:
            limits = f"{MIN_TOKEN_LENGTH_S} to {self._lengths.token_s:.0f}"
            raise Invalid(f"A token holds for {limits} seconds.")
        key = caller.session.person_key
        if len(self.of_person(key, SessionKind.BEARER)) >= MAX_SESSIONS_EACH:
            raise Conflicted(f"You have {MAX_SESSIONS_EACH} tokens already; end one first.")
        token = sessions.new_token()
        record = sessions.new_record(
            token,
            kind=SessionKind.BEARER,
            person_key=key,
            role=caller.session.role,
            now=self._now(),
            length_s=length_s,
            label=label,
        )
        await self._write(record)
        return token, record

    def token(self, id_: str) -> SessionRecord:
        """The bearer token of this id. Raises NotFound."""
        record = self._records.get(id_)
        if record is None or record.kind is not SessionKind.BEARER:
            raise NotFound("There is no such token.")
        return record

    async def end(self, record: SessionRecord) -> None:
        """Raises RuntimeFault: then it goes on."""
        revision = await self._keys.delete(record.id, ttl_s=TOMBSTONE_S)
        self._records.took(record.id, None, revision)
        self._used.pop(record.id, None)

    async def _write(self, record: SessionRecord) -> None:
        value = record.to_wire()
        left_s = math.ceil((record.expires - self._now()).total_seconds())
        revision = await self._keys.put(record.id, value, last=self._records.revision(record.id), ttl_s=max(1, left_s))
        self._records.took(record.id, value, revision)

    # Upkeep

    async def sweep(self) -> None:
        """End what no longer holds, and write down uses, some at a time. What fails is done again next time."""
        self._used = {id_: used for id_, used in self._used.items() if self._records.get(id_) is not None}
        for record in list(islice(self._due(), DUE_PER_SWEEP)):
            used = self._used.get(record.id, record.used)
            try:
                if self._holds(record):
                    # Compare-and-set: a use must not bring back a session that has been ended, as while this waited.
                    await self._write(record.model_copy(update={"used": used}))
                else:
                    await self.end(record)
            except Conflict:
                continue  # another replica was first
            except RuntimeFault:
                return

    def _due(self) -> Iterator[SessionRecord]:
        """Records that no longer hold, and those whose last written use is too long ago."""
        every = timedelta(seconds=self._lengths.idle_s / USES_PER_IDLE)
        for id_, record in self._records.items():
            used = self._used.get(id_, record.used)
            is_unwritten = record.kind is SessionKind.COOKIE and used - record.used > every
            if is_unwritten or not self._holds(record):
                yield record

    def _holds(self, record: SessionRecord) -> bool:
        used = self._used.get(record.id, record.used)
        return sessions.holds(record, self._now(), used, self._lengths.idle_s)
