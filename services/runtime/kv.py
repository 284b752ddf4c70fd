"""Key-value buckets on JetStream, without consumers: reads are direct gets, watches read republished writes.

Services may then be denied every consumer call: a user who may create a consumer can have any stream that he
names delivered wherever he likes. The server publishes each write, once stored, on `changed.<bucket>.<key>`
with `Nats-Sequence`; a delete carries `KV-Operation`. A lost one is found by comparing the last sequence.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from proto import subjects
from proto.subjects import Bucket
from services.runtime import logs
from services.runtime.bus import Bus, Message
from services.runtime.errors import RuntimeFault, Unavailable

HEARTBEAT_S = 1.0
HEARTBEAT_LOST_S = 2.0
READ_LIMIT_S = 2.0
RETRY_S = 0.25

BATCH = {"batch": 256, "max_bytes": 2_000_000}
"""Keys and bytes of one read. The server sends a batch at once, and cuts off a reader who has more than its
`max_pending` of 8 MB on the way."""

MAX_HELD = 4_096
"""Writes that may come while a bucket is read; with more, the read is begun again."""

_log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's last write; `value` is None when that was a delete. `revision` orders all writes of a bucket."""

    key: str
    value: bytes | None
    revision: int
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)


class Keys:
    """Reads and writes of one bucket."""

    def __init__(self, bus: Bus, bucket: Bucket) -> None:
        self._bus = bus
        self.bucket = bucket
        self._stream = subjects.kv_stream(bucket)

    async def get(self, key: str) -> Entry | None:
        """The key's last write, None if it has none or is deleted. Raises Unavailable, DeadlineExceeded."""
        found = await self._bus.direct_get(self._stream, {"last_by_subj": subjects.kv(self.bucket, key)})
        entry = _entry(self.bucket, found[0]) if found else None
        return None if entry is None or entry.value is None else entry

    async def put(
        self,
        key: str,
        value: bytes,
        *,
        last: int | None = None,
        ttl_s: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """Write and return the revision.

        `last` makes it compare-and-set: 0 for a key that must not be there, else the revision that must be its
        last; raises Conflict. `ttl_s`, whole seconds, makes the key expire by itself, silently. `headers` are
        the writer's own, and stand in the Entry.
        """
        conditions = _conditions(last, ttl_s)
        return await self._bus.append(subjects.kv(self.bucket, key), value, headers={**(headers or {}), **conditions})

    async def delete(self, key: str, *, last: int | None = None, ttl_s: int | None = None) -> int:
        """`ttl_s` is how long the store keeps the note that the key was deleted; for ever if None."""
        headers = {"KV-Operation": "DEL", **_conditions(last, ttl_s)}
        return await self._bus.append(subjects.kv(self.bucket, key), b"", headers=headers)

    async def read_all(self, filter_: str = ">") -> tuple[dict[str, Entry], int]:
        """Every key that matches and is not deleted, and the revision of the last matching write."""
        entries: dict[str, Entry] = {}
        last = 0
        while True:
            query = {"seq": last + 1, "next_by_subj": subjects.kv(self.bucket, filter_)} | BATCH
            found = await self._bus.direct_get(self._stream, query, timeout_s=READ_LIMIT_S)
            for message in found:
                entry = _entry(self.bucket, message)
                last = entry.revision
                entries[entry.key] = entry
            if not found or found[-1].headers.get("Nats-Num-Pending") == "0":
                return {k: e for k, e in entries.items() if e.value is not None}, last

    async def last_revision(self, filter_: str = ">") -> int:
        """Revision of the last matching write that is still there; 0 for none."""
        query = {"last_by_subj": subjects.kv(self.bucket, filter_)}
        found = await self._bus.direct_get(self._stream, query, timeout_s=HEARTBEAT_LOST_S)
        return _entry(self.bucket, found[0]).revision if found else 0


class Watch:
    """The keys of a bucket that match, kept current. Made by `watch`; read `entries` at any time.

    `is_synced` is False from a lost connection until everything has been read again: until then `entries` is
    what was last known. `is_alive` is False when the store has not answered for HEARTBEAT_LOST_S.
    """

    def __init__(self, bus: Bus, bucket: Bucket, filter_: str, on_change: Callable[[Entry], None]) -> None:
        self.entries: dict[str, Entry] = {}
        self.is_synced = False
        self.is_alive = False
        self._bus = bus
        self._keys = Keys(bus, bucket)
        self._filter = filter_
        self._on_change = on_change
        self._last = 0
        self._held: list[Entry] | None = None
        self._connection = 0
        self._wake = asyncio.Event()
        self._synced = asyncio.Event()

    async def synced(self) -> None:
        """Wait until everything has been read."""
        await self._synced.wait()

    def on_disconnect(self) -> None:
        self._connection += 1
        self.is_synced = False
        self._synced.clear()

    def on_connect(self) -> None:
        self.on_disconnect()
        self._wake.set()

    def take(self, message: Message) -> None:
        """A republished write; anything else that came on its subject is ignored.

        A server's answer can be steered to any subject by whoever asks for it, but it then names another one.
        """
        bucket = self._keys.bucket
        key = message.subject.removeprefix(subjects.changed(bucket, ""))
        stands = (subjects.kv_stream(bucket), subjects.kv(bucket, key))
        if (message.headers.get("Nats-Stream"), message.headers.get("Nats-Subject")) != stands:
            _log.warning("not a republished write", subject=message.subject)
            return
        entry = _entry(bucket, message)
        if self._held is not None:
            self._held.append(entry)
        if entry.revision > self._last:
            self._last = entry.revision
            self._apply(entry)

    def _apply(self, entry: Entry) -> None:
        known = self.entries.get(entry.key)
        if entry.value is None:
            if self.entries.pop(entry.key, None) is None:
                return
        elif known is not None and known.revision == entry.revision:
            return
        else:
            self.entries[entry.key] = entry
        self._on_change(entry)

    async def run(self) -> None:
        """Read everything, then compare the last revision each HEARTBEAT_S and read again on any difference."""
        heard = 0.0
        loop = asyncio.get_running_loop()
        while True:
            try:
                # After a store that was silent for long everything is read again, whatever it says.
                is_known = self.is_synced and self.is_alive
                if not is_known or await self._keys.last_revision(self._filter) != self._last:
                    await self._read()
                heard, self.is_alive = loop.time(), True
                pause_s = HEARTBEAT_S
            except RuntimeFault as exc:
                if loop.time() - heard > HEARTBEAT_LOST_S and self.is_alive:
                    self.is_alive = False
                    _log.warning("store does not answer", bucket=self._keys.bucket, error=str(exc))
                pause_s = RETRY_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
            self._wake.clear()

    async def _read(self) -> None:
        connection, was_synced = self._connection, self.is_synced
        held: list[Entry] = []
        self._held = held
        try:
            entries, last = await self._keys.read_all(self._filter)
        finally:
            self._held = None
        if len(held) > MAX_HELD or connection != self._connection:
            raise Unavailable(f"{self._keys.bucket} changed too much while it was read")
        # What came while reading may be newer than what was read, deletions too.
        for entry in held:
            read = entries.get(entry.key)
            if entry.revision > (read.revision if read else last):
                entries[entry.key] = entry
                last = max(last, entry.revision)
        if was_synced:
            # A replica that lags behind may have answered: on one connection no key goes back to an earlier write.
            entries |= {k: e for k, e in self.entries.items() if k in entries and e.revision > entries[k].revision}
        for key in [k for k in self.entries if k not in entries]:
            self._apply(Entry(key, None, last))
        for entry in entries.values():
            self._apply(entry)
        self._last = last
        self.is_synced = True
        self._synced.set()


@contextlib.asynccontextmanager
async def watch(
    bus: Bus, bucket: Bucket, filter_: str = ">", *, on_change: Callable[[Entry], None] = lambda _entry: None
) -> AsyncIterator[Watch]:
    """Watch a bucket while the block runs. Enters at once: await `synced()` where the first state matters.

    `on_change` is called on the loop for each change, also for those found by reading again; a deleted key comes
    as an Entry without a value. It must not block.
    """
    view = Watch(bus, bucket, filter_, on_change)
    bus.on_disconnect(view.on_disconnect)
    bus.on_connect(view.on_connect)
    subscription = await bus.subscribe(subjects.changed(bucket, filter_), view.take)
    owner = asyncio.current_task()
    task = asyncio.create_task(view.run(), name=f"watch {bucket}")
    task.add_done_callback(lambda ended: _end_owner(ended, owner))
    try:
        yield view
    finally:
        task.cancel()
        await asyncio.wait({task})
        bus.forget(view.on_disconnect, view.on_connect)
        await subscription.close()
        if not task.cancelled():
            await task


def _end_owner(task: asyncio.Task[None], owner: asyncio.Task[Any] | None) -> None:
    """A watch that has failed never reads again: whoever trusts it must not go on."""
    if not task.cancelled() and owner is not None:
        owner.cancel()


def _entry(bucket: Bucket, message: Message) -> Entry:
    headers: Mapping[str, str] = message.headers
    subject = headers["Nats-Subject"]
    is_deleted = "KV-Operation" in headers or "Nats-Marker-Reason" in headers
    return Entry(
        key=subject[len(subjects.kv(bucket, "")) :],
        value=None if is_deleted else message.payload,
        revision=int(headers["Nats-Sequence"]),
        headers=headers,
    )


def _conditions(last: int | None, ttl_s: int | None) -> dict[str, str]:
    conditions = {} if last is None else {"Nats-Expected-Last-Subject-Sequence": str(last)}
    if ttl_s is not None:
        conditions["Nats-TTL"] = str(ttl_s)
    return conditions
