"""The sweep of sessions, beside what people do at the same time."""

from pathlib import Path

from proto.subjects import Bucket
from services.gateway.access import Access
from services.gateway.accounts import Person, new_person, person_key
from services.gateway.policy import Role
from services.gateway.sessions import Lengths, SessionKind, SessionRecord
from services.gateway.tables import Table
from services.runtime.bus import Bus, BusSettings
from services.runtime.clock import VirtualClock, utc
from services.runtime.kv import Keys
from services.runtime.metrics import Metrics
from tests.support.nats import NatsSite

LENGTHS = Lengths(session_s=43_200, idle_s=3_600, token_s=86_400)


class _Interrupted(Access):
    """Somebody signs out just when a use is about to be written."""

    leaving: SessionRecord | None = None

    async def _write(self, record: SessionRecord) -> None:
        if self.leaving is not None:
            leaving, self.leaving = self.leaving, None
            await self.end(leaving)
        await super()._write(record)


async def test_who_signs_out_while_uses_are_written_stays_signed_out(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as nats:
        settings = BusSettings(nats.url, nats.creds("gateway"), "gateway-test")
        async with Bus.connect(settings, user="gateway", metrics=Metrics()) as bus:
            clock, people, records = VirtualClock(), Table(Person), Table(SessionRecord)
            access = _Interrupted(bus, people, records, clock, LENGTHS)
            ann, key = new_person("Ann", Role.OPERATOR, "hash", utc(clock.utc_us())), person_key("Ann")
            people.took(key, ann.to_wire(), 1)
            (staying, _), (token, leaving) = await access.begin(key, ann), await access.begin(key, ann)
            clock.advance(600)
            for used in (staying, token):
                access.authenticate(used, SessionKind.COOKIE, "")
            access.leaving = leaving
            await access.sweep()
            kept, _ = await Keys(bus, Bucket.SESSIONS).read_all()
            assert len(kept) == 1
            assert leaving.id not in kept
