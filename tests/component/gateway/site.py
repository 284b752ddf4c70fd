"""A gateway in the test's own process, on a real nats-server, spoken to over real HTTP."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import argon2
import httpx

from proto import subjects
from proto.messages import Answer, AuditEvent, Close, Closed, Message, Offer
from proto.names import RelayId, relay_id, site_id
from proto.subjects import AuditKind, Bucket, RelayCall
from services.bootstrap import jwt
from services.bootstrap.embedded import LOOPBACK, free_port
from services.bootstrap.keys import Key, KeyKind, load_key, write_private
from services.bootstrap.permissions import Account, Permissions
from services.gateway.accounts import Person, new_person, person_key
from services.gateway.policy import Role
from services.gateway.service import make
from services.gateway.settings import GatewaySettings
from services.runtime import bus as runtime_bus
from services.runtime.bus import Bus, BusSettings
from services.runtime.clock import Clock, SystemClock, utc
from services.runtime.health import Readiness
from services.runtime.kv import Keys
from services.runtime.metrics import Metrics
from services.runtime.process import Process
from tests.support.nats import NatsSite, RunningSite
from tests.support.waiting import until

SITE = "islington"
PASSWORD = "a password for tests"
RELAY = relay_id("relay-1")
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
SQUARE = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.4], [0.1, 0.4]]

WATCHED = (Bucket.PEOPLE, Bucket.SESSIONS, Bucket.CAMERAS, Bucket.MASKS)

_QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass(slots=True)
class StandIn:
    """Answers where a relay would, and keeps what it was asked. `answer` None: it does not answer at all.

    One that hangs keeps whom it is to close, and does not answer.
    """

    answer: Callable[[Offer], Answer | None] = lambda _offer: Answer(relay=RELAY, sdp="v=0\r\nanswer")
    offers: list[Offer] = field(default_factory=list)
    closed: list[Close] = field(default_factory=list)
    before_answer: Callable[[], Awaitable[None]] | None = None
    relay: RelayId = RELAY
    hangs: bool = False

    async def on_offer(self, message: runtime_bus.Message) -> bytes:
        offer = Offer.from_wire(message.payload)
        self.offers.append(offer)
        if self.before_answer is not None:
            await self.before_answer()
        answer = self.answer(offer)
        if answer is None:
            await asyncio.Event().wait()
            raise AssertionError
        return answer.to_wire()

    async def on_close(self, message: runtime_bus.Message) -> bytes:
        self.keep(message)
        return Closed(was_open=True).to_wire()

    def keep(self, message: runtime_bus.Message) -> None:
        self.closed.append(Close.from_wire(message.payload))


@dataclass(slots=True)
class GatewayAtWork:
    """What a test needs of a running gateway."""

    nats: RunningSite
    observer: Bus
    process: Process
    settings: GatewaySettings
    clock: Clock
    origin: str
    events: list[AuditEvent]
    _stack: contextlib.AsyncExitStack
    _task: asyncio.Future[None]
    _known: dict[str, int] = field(default_factory=dict)
    _heard: int = 0

    def on_change(self, message: runtime_bus.Message) -> None:
        self._known[message.subject] = int(message.headers["Nats-Sequence"])

    async def add(self, name: str, role: Role, *, password: str = PASSWORD) -> Person:
        """Store a person who may then sign in."""
        person = new_person(name, role, _QUICK.hash(password), utc(self.clock.utc_us() - 1_000_000))
        await self.put(Bucket.PEOPLE, person_key(name), person)
        return person

    async def put(self, bucket: Bucket, key: str, message: Message | bytes) -> int:
        """Store a value; returns when the gateway knows it."""
        value = message if isinstance(message, bytes) else message.to_wire()
        revision = await Keys(self.observer, bucket).put(key, value)
        await self._until_known(bucket, key, revision)
        return revision

    async def put_unseen(self, bucket: Bucket, key: str, value: bytes, headers: Mapping[str, str]) -> None:
        """Store a value of a bucket that the gateway does not watch."""
        await Keys(self.observer, bucket).put(key, value, headers=headers)

    async def all(self, bucket: Bucket) -> list[dict[str, Any]]:
        entries, _ = await Keys(self.observer, bucket).read_all()
        return [json.loads(entry.value or b"null") for entry in entries.values()]

    async def tell(self, subject: str, payload: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Publish what a service would; returns when the gateway has heard it."""
        heard = self._heard
        assert await self.observer.publish(subject, payload, headers)
        await until(lambda: self._heard > heard, what=f"{subject} is heard")

    def on_hear(self, _message: runtime_bus.Message) -> None:
        self._heard += 1

    @contextlib.asynccontextmanager
    async def replica(self) -> AsyncIterator[str]:
        """A second gateway on the same server; its origin."""
        settings = self.settings.model_copy(update={"http_port": free_port()})
        async with _gateway(self.nats, settings, self.clock) as two:
            yield two.origin

    async def drain(self) -> None:
        """Ask the gateway to end, and wait until it has."""
        self.process.draining.set()
        await asyncio.wait({self._task}, timeout=8)
        assert self._task.done()

    async def delete(self, bucket: Bucket, key: str) -> None:
        await self._until_known(bucket, key, await Keys(self.observer, bucket).delete(key))

    async def _until_known(self, bucket: Bucket, key: str, revision: int) -> None:
        if bucket in WATCHED:
            subject = subjects.changed(bucket, key)
            await until(lambda: self._known.get(subject, 0) >= revision, what=f"{subject} is known")

    async def stored(self, bucket: Bucket, key: str) -> dict[str, Any] | None:
        entry = await Keys(self.observer, bucket).get(key)
        return None if entry is None or entry.value is None else json.loads(entry.value)

    async def again(self, name: str) -> httpx.AsyncClient:
        """A further browser of somebody who has signed in before."""
        client = await self.client()
        answer = await client.post("/api/sign-in", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 204, answer.text
        return client

    async def client(self, *, token: str = "") -> httpx.AsyncClient:
        """Nobody's browser, or a program with a bearer token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {"Origin": self.origin}
        client = httpx.AsyncClient(base_url=self.origin, headers=headers, timeout=15, trust_env=False)
        return await self._stack.enter_async_context(client)

    async def signed_in(self, role: Role = Role.ADMINISTRATOR, *, name: str = "") -> httpx.AsyncClient:
        """The browser of a new person with that role."""
        name = name or f"{role} person"
        await self.add(name, role)
        return await self.again(name)

    async def camera(self, client: httpx.AsyncClient, camera: str = "cam1", **fields: Any) -> dict[str, Any]:
        body = {"name": f"Camera {camera}", "address": "rtsp://192.0.2.1/live"} | fields
        answer = await client.put(f"/api/cameras/{camera}", json=body)
        assert answer.status_code in (200, 201), answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def event(self, kind: AuditKind, count: int = 1) -> AuditEvent:
        """The event of this kind, once there are that many: the newest."""
        await until(lambda: len(self.of_kind(kind)) >= count, what=f"{count} events {kind}", timeout_s=5)
        return self.of_kind(kind)[count - 1]

    def of_kind(self, kind: AuditKind) -> list[AuditEvent]:
        return [event for event in self.events if event.kind is kind]

    async def stored_events(self, subject: str) -> list[AuditEvent]:
        """What the stream holds of a subject: the last one, or nothing."""
        found = await self.observer.direct_get(subjects.AUDIT_STREAM, {"last_by_subj": subject})
        return [AuditEvent.from_wire(message.payload) for message in found]

    async def fill_record(self) -> None:
        await self.fill(subjects.AUDIT_STREAM)

    async def fill(self, stream: str) -> None:
        """Let a stream take nothing more."""
        info = await self.observer.request(f"$JS.API.STREAM.INFO.{stream}", b"", timeout_s=2)
        config = json.loads(info.payload)["config"] | {"max_msgs": 1}
        subject = f"$JS.API.STREAM.UPDATE.{stream}"
        answer = await self.observer.request(subject, json.dumps(config).encode(), timeout_s=2)
        assert "error" not in json.loads(answer.payload), answer.payload

    async def until_answered(self, ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        """Ask until the answer is not 503: the services come back one after the other."""
        async with asyncio.timeout(10):
            while (answer := await ask()).status_code == 503:
                await asyncio.sleep(0.05)
            return answer

    async def relay(self, stand_in: StandIn) -> StandIn:
        """Serve offers and closes, as the relay's own NATS user, until the gateway ends."""
        return await self._stack.enter_async_context(self.relay_for_a_while(stand_in))

    @contextlib.asynccontextmanager
    async def relay_for_a_while(self, stand_in: StandIn) -> AsyncIterator[StandIn]:
        settings = BusSettings(self.nats.url, self.nats.creds("relay"), "relay-stand-in")
        async with Bus.connect(settings, user="relay", metrics=Metrics()) as bus:
            closing = subjects.relay_call(stand_in.relay, RelayCall.CLOSE)
            if stand_in.hangs:
                await bus.subscribe(closing, stand_in.keep)
            else:
                await bus.serve(subjects.relay_offer(), stand_in.on_offer, queue=subjects.RELAY_QUEUE)
                await bus.serve(closing, stand_in.on_close)
            yield stand_in


@contextlib.asynccontextmanager
async def gateway_at_work(
    folder: Path, *, clock: Clock | None = None, dist: Path | None = None, **settings: Any
) -> AsyncIterator[GatewayAtWork]:
    """Start a nats-server and a gateway; both end with the block."""
    async with contextlib.AsyncExitStack() as stack:
        nats = await stack.enter_async_context(NatsSite.start(folder, site=SITE))
        observer = await stack.enter_async_context(_observer(nats, folder))
        port = free_port()
        given = GatewaySettings(site=site_id(SITE), nats_creds=nats.creds("gateway"), nats_url=nats.url)
        usual = {"http_port": port, "cookie_secure": False, "drain_limit_s": 4.0}
        given = given.model_copy(update=usual | settings)
        events: list[AuditEvent] = []
        await observer.subscribe("audit.>", lambda message: events.append(AuditEvent.from_wire(message.payload)))
        clock = clock or SystemClock()
        running = await stack.enter_async_context(_gateway(nats, given, clock, dist or folder / "no-client"))
        inner = await stack.enter_async_context(contextlib.AsyncExitStack())
        work = GatewayAtWork(nats, observer, running.process, given, clock, running.origin, events, inner, running.task)
        # On the gateway's own connection and after its own subscriptions: what comes here has come there.
        for bucket in WATCHED:
            await running.process.bus.subscribe(subjects.changed(bucket, ">"), work.on_change)
        for subject in (subjects.status_of_site(given.site), subjects.still_of_site(given.site)):
            await running.process.bus.subscribe(subject, work.on_hear)
        yield work


@dataclass(frozen=True, slots=True)
class _Running:
    process: Process
    origin: str
    task: asyncio.Future[None]


@contextlib.asynccontextmanager
async def _gateway(
    nats: RunningSite, settings: GatewaySettings, clock: Clock, dist: Path = Path("/nonexistent")
) -> AsyncIterator[_Running]:
    metrics, readiness = Metrics(), Readiness()
    readiness.set("views", met=False)
    bus_settings = BusSettings(nats.url, nats.creds("gateway"), "gateway-test")
    async with Bus.connect(bus_settings, user="gateway", metrics=metrics, readiness=readiness) as bus:
        process = Process(bus, metrics, readiness)
        task: asyncio.Future[None] = asyncio.ensure_future(make(settings, clock, dist)(process))
        try:
            await until(lambda: task.done() or "views" not in readiness.explain(), what="the gateway serves")
            if task.done():
                await task
            yield _Running(process, f"http://{LOOPBACK}:{settings.http_port}", task)
        finally:
            process.draining.set()
            await asyncio.wait_for(task, 8)


@contextlib.asynccontextmanager
async def _observer(nats: RunningSite, folder: Path) -> AsyncIterator[Bus]:
    """A user who may do everything in the site's account, as none of the services may."""
    signing = load_key(folder / "nats" / "keys" / "signing" / "site.nk", KeyKind.ACCOUNT)
    key = Key.make(KeyKind.USER)
    everything = Permissions(publish=(">",), subscribe=(">",))
    account = nats.identity.accounts[Account.SITE]
    claims = jwt.user_claims(everything, account=account.subject)
    token = jwt.issue(signing, subject=key.public, name="observer", claims=claims, issued_at_s=account.issued_at_s)
    write_private(folder / "observer.creds", jwt.creds_text(token, key))
    settings = BusSettings(nats.url, folder / "observer.creds", "observer")
    async with Bus.connect(settings, user="observer", metrics=Metrics()) as bus:
        yield bus
