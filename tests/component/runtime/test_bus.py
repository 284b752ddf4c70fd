"""The bus and its buckets against a real nats-server that restarts under them."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from proto import subjects
from proto.names import CameraId, Layer, SiteId
from proto.subjects import Bucket
from services.runtime.bus import Bus, BusSettings, Message
from services.runtime.errors import Conflict, DeadlineExceeded, Unavailable
from services.runtime.kv import Entry, Keys, watch
from services.runtime.metrics import Metrics
from tests.support.nats import NatsSite, RunningSite
from tests.support.waiting import WAIT_S, until

SITE = SiteId("islington")
MASKED = subjects.masked(SITE, CameraId("cam1"), Layer.MAIN)


@contextlib.asynccontextmanager
async def connect(site: RunningSite, user: str) -> AsyncIterator[Bus]:
    settings = BusSettings(url=site.url, creds=site.creds(user), name=f"test-{user}")
    async with Bus.connect(settings, user=user, metrics=Metrics()) as bus:
        yield bus


async def test_request_is_answered_and_an_absent_service_is_unavailable(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as site, connect(site, "gateway") as gateway, connect(site, "relay") as relay:
        with pytest.raises(Unavailable):
            await gateway.request(subjects.relay_offer(), b"?", timeout_s=2)

        async def answer(message: Message) -> bytes:
            return message.payload.upper()

        await relay.serve(subjects.relay_offer(), answer, queue="relays")
        assert (await gateway.request(subjects.relay_offer(), b"offer", timeout_s=2)).payload == b"OFFER"


async def test_service_that_is_too_slow_is_a_deadline(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as site, connect(site, "gateway") as gateway, connect(site, "relay") as relay:

        async def never(_message: Message) -> bytes:
            await asyncio.get_running_loop().create_future()
            return b""

        await relay.serve(subjects.relay_offer(), never, queue="relays")
        with pytest.raises(DeadlineExceeded):
            await gateway.request(subjects.relay_offer(), b"offer", timeout_s=0.1)


async def test_keys_are_written_compared_and_read(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as site, connect(site, "gateway") as bus:
        keys = Keys(bus, Bucket.MASKS)
        first = await keys.put("cam1.current", b"one", last=0)
        with pytest.raises(Conflict):
            await keys.put("cam1.current", b"two", last=0)
        second = await keys.put("cam1.current", b"two", last=first)
        assert await keys.get("cam1.current") == Entry("cam1.current", b"two", second)
        await keys.delete("cam1.current")
        assert await keys.get("cam1.current") is None
        assert await keys.get("never") is None


async def test_more_keys_than_one_read_returns_are_all_found(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as site, connect(site, "gateway") as bus:
        keys = Keys(bus, Bucket.CAMERAS)
        await asyncio.gather(*(keys.put(f"cam{n}", b"x") for n in range(600)))
        await keys.delete("cam7")
        entries, last = await keys.read_all()
        assert entries.keys() == {f"cam{n}" for n in range(600) if n != 7}
        assert last == 601


async def test_watch_sees_what_was_there_and_what_changes(tmp_path: Path) -> None:
    changes: list[Entry] = []
    async with NatsSite.start(tmp_path) as site, connect(site, "gateway") as gateway, connect(site, "mask") as mask:
        keys = Keys(gateway, Bucket.MASKS)
        await keys.put("cam1.current", b"1")
        await keys.put("cam1.r1", b"filtered out")
        async with watch(mask, Bucket.MASKS, "*.current", on_change=changes.append) as view:
            await asyncio.wait_for(view.synced(), WAIT_S)
            assert {k: e.value for k, e in view.entries.items()} == {"cam1.current": b"1"}
            await keys.put("cam2.current", b"2")
            await keys.delete("cam1.current")
            await until(lambda: len(changes) == 3)
            assert [(e.key, e.value) for e in changes] == [
                ("cam1.current", b"1"),
                ("cam2.current", b"2"),
                ("cam1.current", None),
            ]
            assert view.entries.keys() == {"cam2.current"}


async def test_change_made_while_the_server_restarts_is_seen_before_the_watch_is_synced_again(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as site, connect(site, "mask") as mask:
        async with connect(site, "gateway") as gateway:
            await Keys(gateway, Bucket.MASKS).put("cam1.current", b"approved")
        async with watch(mask, Bucket.MASKS, "*.current") as view:
            await asyncio.wait_for(view.synced(), WAIT_S)
            disconnected = asyncio.Event()
            mask.on_disconnect(disconnected.set)
            await site.stop()
            await asyncio.wait_for(disconnected.wait(), WAIT_S)
            assert not view.is_synced
            await site.start()
            async with connect(site, "gateway") as gateway:
                await Keys(gateway, Bucket.MASKS).put("cam1.current", b"revoked")
            await asyncio.wait_for(view.synced(), WAIT_S)
            await until(lambda: view.entries["cam1.current"].value == b"revoked")
            assert view.is_synced


async def test_write_that_the_watch_never_heard_of_is_found_by_the_heartbeat(tmp_path: Path) -> None:
    async with (
        NatsSite.start(tmp_path) as site,
        connect(site, "gateway") as gateway,
        connect(site, "mask") as mask,
        watch(mask, Bucket.MASKS, "*.current") as view,
    ):
        await asyncio.wait_for(view.synced(), WAIT_S)
        # Lose the subscription as a bug of the server's would; the store still answers.
        [subscription] = [s for s in mask._subscriptions if s.subject.startswith("changed.")]
        assert subscription.current is not None
        await subscription.current.unsubscribe()
        await Keys(gateway, Bucket.MASKS).put("cam1.current", b"1")
        await until(lambda: "cam1.current" in view.entries)


async def test_nothing_published_without_a_connection_is_sent_on_the_next(tmp_path: Path) -> None:
    got: list[bytes] = []
    async with NatsSite.start(tmp_path) as site, connect(site, "mask") as mask, connect(site, "relay") as relay:
        await relay.subscribe(MASKED, lambda m: got.append(m.payload))
        assert await mask.publish(MASKED, b"before")
        await until(lambda: got == [b"before"])
        lost = asyncio.Event()
        mask.on_disconnect(lost.set)
        await site.stop()
        await asyncio.wait_for(lost.wait(), WAIT_S)
        assert not await mask.publish(MASKED, b"during")
        await site.start()
        await until(lambda: mask.is_connected and relay.is_connected)

        async def published() -> bool:
            await mask.publish(MASKED, b"after")
            await asyncio.sleep(0.05)
            return b"after" in got

        async with asyncio.timeout(WAIT_S):
            while not await published():
                pass
        assert b"during" not in got


async def test_message_that_is_too_large_is_refused_here_and_not_by_the_server(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as site, connect(site, "mask") as mask:
        assert not await mask.publish(MASKED, b"x" * 1_000_001)
        assert mask.is_connected


async def test_client_that_nats_gives_up_is_built_anew_with_its_subscriptions(tmp_path: Path) -> None:
    got: list[bytes] = []
    async with NatsSite.start(tmp_path) as site, connect(site, "relay") as relay, connect(site, "mask") as mask:
        await relay.subscribe(MASKED, lambda m: got.append(m.payload))
        back = asyncio.Event()
        relay.on_connect(back.set)
        assert relay._client is not None
        await relay._client._process_err("'Authorization Violation'")
        await asyncio.wait_for(back.wait(), WAIT_S)
        assert relay.is_connected
        await mask.publish(MASKED, b"again")
        await until(lambda: got == [b"again"])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Nats-Stream": "KV_masks", "Nats-Subject": "$KV.masks.cam2.current", "Nats-Sequence": "9"},
        {"Nats-Stream": "KV_cameras", "Nats-Subject": "$KV.masks.cam1.current", "Nats-Sequence": "9"},
    ],
)
async def test_answer_steered_onto_a_watch_is_not_taken_for_a_write(tmp_path: Path, headers: dict[str, str]) -> None:
    async with (
        NatsSite.start(tmp_path) as site,
        connect(site, "mask") as mask,
        watch(mask, Bucket.MASKS, "*.current") as view,
    ):
        view.take(Message("changed.masks.cam1.current", b"forged", headers, ""))
        assert view.entries == {}


async def test_subscriber_that_gives_up_while_the_server_is_slow_does_not_cost_the_connection(tmp_path: Path) -> None:
    got: list[bytes] = []
    async with NatsSite.start(tmp_path) as site, connect(site, "relay") as relay, connect(site, "mask") as mask:
        lost = asyncio.Event()
        relay.on_disconnect(lost.set)
        for _ in range(20):
            giving_up = asyncio.create_task(relay.subscribe(MASKED, lambda m: got.append(m.payload)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            giving_up.cancel()
            await asyncio.gather(giving_up, return_exceptions=True)
        await (await relay.subscribe(subjects.withhold_of_site(SITE), lambda _m: None)).close()
        await mask.publish(MASKED, b"unit")
        await until(lambda: b"unit" in got)
        assert not lost.is_set()


async def test_publisher_that_is_cancelled_while_the_server_takes_nothing_ends(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as site, connect(site, "mask") as mask:
        (server,) = (p for p in psutil.Process().children() if p.name() == "nats-server")
        count = 0

        async def publish() -> None:
            nonlocal count
            while True:
                await mask.publish(MASKED, bytes(900_000))
                count += 1
                await asyncio.sleep(0)

        server.send_signal(signal.SIGSTOP)
        try:
            task = asyncio.create_task(publish())
            seen = -1
            while seen != count:  # until it waits for room
                seen = count
                await asyncio.sleep(0.2)
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=2)
            assert done
        finally:
            task.cancel()
            server.send_signal(signal.SIGCONT)


async def test_replica_that_lags_behind_does_not_bring_an_older_write_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        NatsSite.start(tmp_path) as site,
        connect(site, "gateway") as gateway,
        connect(site, "mask") as mask,
        watch(mask, Bucket.MASKS, "*.current") as view,
    ):
        keys = Keys(gateway, Bucket.MASKS)
        await view.synced()
        await keys.put("cam1.current", b"approved")
        await until(lambda: "cam1.current" in view.entries)
        query = {"seq": 1, "next_by_subj": subjects.kv(Bucket.MASKS, "*.current"), "batch": 256}
        behind = await mask.direct_get("KV_masks", query)
        await keys.put("cam1.current", b"revoked")
        await until(lambda: view.entries["cam1.current"].value == b"revoked")
        asked = 0

        async def late(_stream: str, query: Mapping[str, Any], *, timeout_s: float = 2.0) -> list[Message]:
            nonlocal asked
            asked += 1
            assert timeout_s
            return behind if query.get("seq", 1) == 1 else []

        monkeypatch.setattr(mask, "direct_get", late)
        await until(lambda: asked >= 4, what="heartbeat and read, twice")
        assert view.entries["cam1.current"].value == b"revoked"


async def test_watch_that_fails_ends_who_trusts_it(tmp_path: Path) -> None:
    def fail(_entry: Entry) -> None:
        raise LookupError("a fault of ours")

    async with NatsSite.start(tmp_path) as site, connect(site, "gateway") as gateway, connect(site, "mask") as mask:
        await Keys(gateway, Bucket.MASKS).put("cam1.current", b"one")
        with pytest.raises(LookupError):
            async with asyncio.timeout(10) as limit, watch(mask, Bucket.MASKS, on_change=fail):
                await asyncio.get_running_loop().create_future()
        assert not limit.expired()


@pytest.mark.parametrize("answer", [b"", b"not json", b"[]", b'{"seq": null}', b"{}", b'{"error": {"code": 503}}'])
async def test_acknowledgement_that_no_stream_gives_is_unavailable(tmp_path: Path, answer: bytes) -> None:
    async with NatsSite.start(tmp_path) as site, connect(site, "gateway") as gateway, connect(site, "relay") as relay:

        async def acknowledge(_message: Message) -> bytes:
            return answer

        await relay.serve(subjects.relay_offer(), acknowledge, queue=subjects.RELAY_QUEUE)
        with pytest.raises(Unavailable):
            await gateway.append(subjects.relay_offer(), b"?")
