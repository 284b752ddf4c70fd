"""The bus: the one module that imports nats-py, and what Upper Street needs of it and no more.

Nothing published while the connection is away is kept for later: a masked picture that was made before an
outage must not be shown after it, when its mask set may have been revoked. The client is rebuilt for ever.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription

from proto.limits import MAX_MESSAGE_BYTES
from services.runtime import logs
from services.runtime.errors import Conflict, DeadlineExceeded, Refused, Unavailable
from services.runtime.health import Readiness
from services.runtime.metrics import Metrics

PING_INTERVAL_S = 10
"""nats-py's own default of 120 s leaves a dead connection unnoticed for four minutes."""

RECONNECT_WAIT_S = 0.25
CONNECT_TIMEOUT_S = 2
SETTLE_LIMIT_S = 1
CLOSE_LIMIT_S = 2
FLUSH_LIMIT_S = 60
PENDING_MESSAGES = 4_096
PENDING_BYTES = 32 * 1024 * 1024
"""Of one subscription whose handler has not caught up; beyond it the newest are dropped and counted."""

WRONG_LAST_SEQUENCE = 10071

T = TypeVar("T")

_log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class BusSettings:
    """`url` may name several servers, with commas. `creds` is the file of this service's own user."""

    url: str
    creds: Path
    name: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came. Headers are empty where there were none."""

    subject: str
    payload: bytes
    headers: Mapping[str, str]
    reply: str


Handler = Callable[[Message], None]
"""Called on the event loop for each message, in order. Must not block; hands on what takes time."""

Responder = Callable[[Message], Awaitable[bytes]]


@dataclass(slots=True, eq=False)
class Subscription:
    """A subscription that outlives connections. `close` ends it."""

    subject: str
    queue: str
    handler: Callable[[Msg], Awaitable[None]]
    _bus: "Bus"
    current: NatsSubscription | None = None

    async def close(self) -> None:
        self._bus._subscriptions.discard(self)
        current, self.current = self.current, None
        if current is not None:
            with contextlib.suppress(nats.errors.Error):
                await current.unsubscribe()


class _Answers:
    """Replies of one direct get, until the last: the only one, or a batch's end marker."""

    def __init__(self, *, is_batch: bool) -> None:
        self.messages: list[Msg] = []
        self.done = asyncio.Event()
        self._is_batch = is_batch

    async def take(self, msg: Msg) -> None:
        self.messages.append(msg)
        if not self._is_batch or (msg.headers or {}).get("Status"):
            self.done.set()


class Bus:
    """A connection to NATS that is kept for ever. Made by `connect`; one event loop."""

    def __init__(self, settings: BusSettings, user: str, metrics: Metrics, readiness: Readiness | None) -> None:
        self._settings = settings
        self._inbox = f"_INBOX_{user}"
        self._readiness = readiness or Readiness()
        self._client: Client | None = None
        self._subscriptions: set[Subscription] = set()
        self._lost = asyncio.Event()
        self._is_closing = False
        self._answering: set[asyncio.Task[None]] = set()
        self._flushes: set[asyncio.Task[None]] = set()
        self._on_disconnect: list[Callable[[], None]] = []
        self._on_connect: list[Callable[[], None]] = []
        self._dropped = metrics.counter("bus_dropped_total", "Messages lost at the bus, by cause", ("cause",))
        self._connected = metrics.gauge("bus_connected", "1 while connected to NATS")

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(
        cls, settings: BusSettings, *, user: str, metrics: Metrics, readiness: Readiness | None = None
    ) -> AsyncIterator["Bus"]:
        """Connect, waiting for a server as long as it takes; closed at the end of the block.

        `user` names the service, whose NATS user may read replies below `_INBOX_<user>` alone.
        """
        bus = cls(settings, user, metrics, readiness)
        await bus._open()
        keeper = asyncio.create_task(bus._keep(), name="bus-keeper")
        try:
            yield bus
        finally:
            bus._is_closing = True
            keeper.cancel()
            for task in list(bus._answering):
                task.cancel()
            await asyncio.gather(keeper, *bus._answering, return_exceptions=True)
            if bus._client is not None:
                # The drain flushes what was published, such as the last close or audit event.
                await bus._settle()
                with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
                    async with asyncio.timeout(CLOSE_LIMIT_S):
                        await bus._client.close()
            for task in bus._flushes:
                task.cancel()
            await asyncio.gather(*bus._flushes, return_exceptions=True)

    # Connection

    @property
    def is_connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    def on_disconnect(self, callback: Callable[[], None]) -> None:
        """Call when the connection is lost, before anything can be published on a new one."""
        self._on_disconnect.append(callback)

    def on_connect(self, callback: Callable[[], None]) -> None:
        """Call when a connection has been made again and the subscriptions stand."""
        self._on_connect.append(callback)

    def forget(self, *callbacks: Callable[[], None]) -> None:
        """Take callbacks of `on_disconnect` and `on_connect` off again."""
        self._on_disconnect = [c for c in self._on_disconnect if c not in callbacks]
        self._on_connect = [c for c in self._on_connect if c not in callbacks]

    async def _open(self) -> None:
        for subscription in self._subscriptions:
            subscription.current = None
        self._client = client = Client()
        await client.connect(
            servers=self._settings.url.split(","),
            name=self._settings.name,
            user_credentials=str(self._settings.creds),
            inbox_prefix=self._inbox,
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]  # annotated int, only ever slept
            connect_timeout=CONNECT_TIMEOUT_S,
            ping_interval=PING_INTERVAL_S,
            max_outstanding_pings=2,
            pending_size=2 * 1024 * 1024,
            error_cb=self._report,
            disconnected_cb=self._disconnected,
            reconnected_cb=self._reconnected,
            closed_cb=self._closed,
        )
        # One that was asked for while the client was being built stands already.
        for subscription in [s for s in self._subscriptions if s.current is None]:
            await self._stand(subscription)
        await self._settle()
        self._mark(is_up=True)

    async def _keep(self) -> None:
        """Rebuild the client whenever nats-py gives up, as it does after an authorisation error."""
        while True:
            await self._lost.wait()
            self._lost.clear()
            await asyncio.sleep(RECONNECT_WAIT_S + random.random())
            _log.warning("connection given up by the client: connecting anew")
            try:
                await self._open()
            except (nats.errors.Error, OSError) as exc:
                _log.warning("not connected yet", error=str(exc)[:200])
                self._lost.set()
                continue
            for callback in self._on_connect:
                callback()

    def _mark(self, *, is_up: bool) -> None:
        self._connected.set(int(is_up))
        self._readiness.set("bus", met=is_up, why="no connection to NATS")

    async def _disconnected(self) -> None:
        self._mark(is_up=False)
        client = self._client
        if client is not None:
            # nats-py would send these on the next connection; see the module's first paragraph.
            if client._pending:
                self._dropped.labels("disconnect").inc(len(client._pending))
            client._pending = []
            client._pending_data_size = 0
        for callback in self._on_disconnect:
            callback()
        if not self._is_closing:
            _log.warning("disconnected from NATS")

    async def _reconnected(self) -> None:
        self._mark(is_up=True)
        _log.info("reconnected to NATS")
        for callback in self._on_connect:
            callback()

    async def _closed(self) -> None:
        self._mark(is_up=False)
        if not self._is_closing:
            self._lost.set()

    async def _report(self, error: Exception) -> None:
        if isinstance(error, nats.errors.SlowConsumerError):
            self._dropped.labels("slow-consumer").inc()
        elif "permissions violation" in str(error).lower():
            _log.error("the server refused", error=str(error)[:300])
        else:
            _log.debug("bus", error=repr(error)[:300])

    # Core

    async def publish(self, subject: str, payload: bytes, headers: Mapping[str, str] | None = None) -> bool:
        """Publish now or not at all. False when there is no connection or the message is too large."""
        client = self._client
        if client is None or not client.is_connected:
            self._dropped.labels("not-connected").inc()
            return False
        if len(payload) > MAX_MESSAGE_BYTES:
            self._dropped.labels("too-large").inc()
            return False
        try:
            await _cancellable(client.publish(subject, payload, headers=dict(headers) if headers else None))
        except (nats.errors.Error, OSError, RuntimeError):
            self._dropped.labels("not-connected").inc()
            return False
        return True

    async def request(
        self, subject: str, payload: bytes, *, timeout_s: float, headers: Mapping[str, str] | None = None
    ) -> Message:
        """Ask and wait. Raises Unavailable (nobody there) or DeadlineExceeded (no answer in time)."""
        client = self._client
        if client is None or not client.is_connected:
            raise Unavailable("no connection to NATS")
        try:
            msg = await _cancellable(
                client.request(subject, payload, timeout=timeout_s, headers=dict(headers) if headers else None)
            )
        except nats.errors.NoRespondersError as exc:
            raise Unavailable(f"nobody answers {subject}") from exc
        except (nats.errors.TimeoutError, TimeoutError) as exc:
            raise DeadlineExceeded(f"no answer from {subject} within {timeout_s} s") from exc
        except (nats.errors.Error, OSError) as exc:
            raise Unavailable(f"{subject}: {exc}") from exc
        return _message(msg)

    async def subscribe(self, subject: str, handler: Handler, *, queue: str = "") -> Subscription:
        """Deliver messages to `handler` until closed, over any number of connections."""

        async def deliver(msg: Msg) -> None:
            handler(_message(msg))

        return await self._subscribe(subject, queue, deliver)

    async def serve(
        self, subject: str, responder: Responder, *, queue: str = "", concurrency: int = 16
    ) -> Subscription:
        """Answer requests, `concurrency` at a time; further ones wait in the subscription's bounded queue."""
        places = asyncio.Semaphore(concurrency)

        async def answer(msg: Msg) -> None:
            try:
                reply = await responder(_message(msg))
                if msg.reply:
                    await self.publish(msg.reply, reply)
            finally:
                places.release()

        async def deliver(msg: Msg) -> None:
            await places.acquire()
            task = asyncio.create_task(answer(msg), name=f"serve {subject}")
            self._answering.add(task)
            task.add_done_callback(self._answered)

        return await self._subscribe(subject, queue, deliver)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._answering.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a request was not answered", task=task.get_name(), exc_info=error)

    async def _subscribe(self, subject: str, queue: str, deliver: Callable[[Msg], Awaitable[None]]) -> Subscription:
        subscription = Subscription(subject, queue, deliver, self)
        self._subscriptions.add(subscription)
        if self._client is not None and not self._client.is_closed:
            await self._stand(subscription)
            await self._settle()
        return subscription

    async def _settle(self) -> None:
        """Wait until the server has taken everything sent so far.

        Two rounds: nats-py may write the first ping ahead of commands that wait to be flushed. In a task of its own:
        nats-py's reader ends on the pong of a flush that was given up, and with it the connection.
        """
        assert self._client is not None
        task = asyncio.create_task(_flush(self._client), name="bus-flush")
        self._flushes.add(task)
        task.add_done_callback(self._flushes.discard)
        await asyncio.wait({task}, timeout=SETTLE_LIMIT_S)

    async def _stand(self, subscription: Subscription) -> None:
        assert self._client is not None
        subscription.current = await self._client.subscribe(
            subscription.subject,
            queue=subscription.queue,
            cb=subscription.handler,
            pending_msgs_limit=PENDING_MESSAGES,
            pending_bytes_limit=PENDING_BYTES,
        )

    # JetStream, without consumers: writes are acknowledged publishes, reads are direct gets

    async def append(
        self,
        subject: str,
        payload: bytes,
        *,
        timeout_s: float = 2.0,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """Publish into a stream and return the sequence that it was stored under.

        Raises Conflict (`Nats-Expected-Last-Subject-Sequence` did not hold), Refused (the stream will not have
        it: full, or too large), Unavailable or DeadlineExceeded (it may be stored or not).
        """
        ack = await self.request(subject, payload, timeout_s=timeout_s, headers=headers)
        try:
            answer = json.loads(ack.payload)
            error = answer.get("error")
            if not error:
                return int(answer["seq"])
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise Unavailable(f"{subject} was answered by no stream") from exc
        if error.get("err_code") == WRONG_LAST_SEQUENCE:
            raise Conflict(f"{subject}: {error.get('description', '')}")
        raise (Unavailable if error.get("code", 500) >= 500 else Refused)(error.get("description", ""))

    async def direct_get(self, stream: str, query: Mapping[str, Any], *, timeout_s: float = 2.0) -> list[Message]:
        """Read stored messages (ADR-31 direct get; `batch` for several, which end with a status 204).

        Empty when nothing matches. Raises Unavailable, DeadlineExceeded, Refused.
        """
        client = self._client
        if client is None or not client.is_connected:
            raise Unavailable("no connection to NATS")
        answers = _Answers(is_batch="batch" in query)
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox, cb=answers.take)
        try:
            await _cancellable(
                client.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(dict(query)).encode(), reply=inbox)
            )
            async with asyncio.timeout(timeout_s):
                await answers.done.wait()
        except TimeoutError as exc:
            raise DeadlineExceeded(f"{stream} did not answer within {timeout_s} s") from exc
        except (nats.errors.Error, OSError) as exc:
            raise Unavailable(f"{stream}: {exc}") from exc
        finally:
            with contextlib.suppress(nats.errors.Error, OSError):
                await subscription.unsubscribe()
        return _stored(stream, answers.messages)


async def _cancellable(call: Awaitable[T]) -> T:
    """Await a call of nats-py's that may lose a cancellation, so that the task would never end: asyncio.wait_for does
    so before Python 3.12 for one that comes at the same moment as the answer (CPython issue 86296), and a publish for
    any that comes while it waits for room in the connection's buffer."""
    task = asyncio.current_task()
    before = task.cancelling() if task is not None else 0
    answer = await call
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
    return answer


async def _flush(client: Client) -> None:
    with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
        for _ in range(2):
            await client.flush(timeout=FLUSH_LIMIT_S)


def _message(msg: Msg) -> Message:
    return Message(msg.subject, msg.data, msg.headers or {}, msg.reply)


def _stored(stream: str, messages: list[Msg]) -> list[Message]:
    """The messages without the end marker. Statuses: 204 end of batch, 404 nothing, 503 nobody there."""
    last = (messages[-1].headers or {}).get("Status") if messages else None
    if last is None:
        return [_message(m) for m in messages]
    if last == "503":
        raise Unavailable(f"nobody answers for {stream}")
    if last not in ("204", "404"):
        raise Refused(f"{stream} answered with status {last}")
    return [_message(m) for m in messages[:-1]]
