"""A client of the server with nothing between: what an intruder who holds a service's creds file can do."""

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from nats.aio.client import Client
from nats.aio.msg import Msg

from services.bootstrap import jwt
from tests.support.nats import RunningSite

WITHIN_S = 5.0
_VIOLATION = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"')


class RawClient:
    """One connection and everything that it was sent. nats-py gives the server's errors in lower case."""

    def __init__(self, client: Client, user: str) -> None:
        self.client = client
        self.user = user
        self.received: list[Msg] = []
        self.refused: dict[str, set[str]] = {"publish": set(), "subscription": set()}
        self._news = asyncio.Event()

    async def on_error(self, error: Exception) -> None:
        if found := _VIOLATION.search(str(error).lower()):
            self.refused[found[1]].add(found[2])

    async def settle(self) -> None:
        """Return when the server has done, and answered, everything sent before.

        nats-py writes a ping ahead of commands that still wait for its flusher; the second one comes after them.
        """
        await self.client.flush()
        await self.client.flush()

    async def refused_publishes(self, subjects: Iterable[str]) -> set[str]:
        for subject in subjects:
            await self.client.publish(subject, b"{}")
        await self.settle()
        return self.refused["publish"]

    async def refused_subscriptions(self, subjects: Iterable[str]) -> set[str]:
        for subject in subjects:
            await self.client.subscribe(subject)
        await self.settle()
        return self.refused["subscription"]

    async def listen(self, subject: str, queue: str = "") -> None:
        async def take(msg: Msg) -> None:
            self.received.append(msg)
            self._news.set()

        await self.client.subscribe(subject, queue=queue, cb=take)
        await self.settle()

    async def next(self) -> Msg:
        """The next message that `listen` brought."""
        async with asyncio.timeout(WITHIN_S):
            while not self.received:
                self._news.clear()
                await self._news.wait()
        return self.received.pop(0)

    async def ask(self, subject: str, payload: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        """Request and read the JSON answer."""
        answer = await self.client.request(
            subject, payload, timeout=WITHIN_S, headers=dict(headers) if headers else None
        )
        return json.loads(answer.data)

    async def direct_get(self, stream: str, query: Mapping[str, Any]) -> list[Msg]:
        """Everything that a direct get answers, the end marker included."""
        answers: asyncio.Queue[Msg] = asyncio.Queue()
        inbox = self.client.new_inbox()
        subscription = await self.client.subscribe(inbox, cb=answers.put)
        await self.settle()
        await self.client.publish(f"$JS.API.DIRECT.GET.{stream}", json.dumps(dict(query)).encode(), reply=inbox)
        found: list[Msg] = []
        async with asyncio.timeout(WITHIN_S):
            while not found or ("batch" in query and "Status" not in (found[-1].headers or {})):
                found.append(await answers.get())
        await subscription.unsubscribe()
        return found


@contextlib.asynccontextmanager
async def raw_client(site: RunningSite, user: str) -> AsyncIterator[RawClient]:
    client = Client()
    raw = RawClient(client, user)
    await client.connect(
        site.url,
        user_credentials=str(site.creds(user)),
        inbox_prefix=f"_INBOX_{user}",
        error_cb=raw.on_error,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0,
    )
    try:
        yield raw
    finally:
        await client.close()


async def is_let_in(site: RunningSite, creds: str) -> bool:
    """Whether the server takes the user of this creds file's contents, asked in its own protocol."""
    token, key = jwt.read_creds(creds)
    url = urlsplit(site.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    try:
        async with asyncio.timeout(WITHIN_S):
            nonce = json.loads((await reader.readline()).removeprefix(b"INFO "))["nonce"]
            signature = base64.urlsafe_b64encode(key.sign(nonce.encode())).decode().rstrip("=")
            hello = {"jwt": token.text, "sig": signature, "verbose": False, "lang": "test", "version": "1"}
            writer.write(b"CONNECT " + json.dumps(hello).encode() + b"\r\nPING\r\n")
            return await reader.readline() == b"PONG\r\n"
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
