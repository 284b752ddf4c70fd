"""What each service needs works: the bus's own ways across accounts, buckets without consumers, requests."""

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from proto import subjects
from proto.names import CameraId, Layer, PodId, RelayId, SiteId
from proto.subjects import AuditKind, Bucket, RelayCall
from services.bootstrap.streams import BOUNDS
from services.runtime import kv
from services.runtime.bus import Bus, BusSettings
from services.runtime.errors import Conflict
from services.runtime.metrics import Metrics
from tests.component.bootstrap.raw_client import WITHIN_S, RawClient, raw_client
from tests.support.nats import RunningSite

pytestmark = pytest.mark.asyncio(loop_scope="module")

SITE, CAMERA, POD, RELAY = SiteId("islington"), CameraId("cam1"), PodId("pod1"), RelayId("r1")
ACK_FIELDS = {"stream", "domain", "seq"}


async def put(client: RawClient, bucket: str, key: str, value: bytes = b"v", **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    answer: dict[str, Any] = await client.ask(f"$KV.{bucket}.{key}", value, named)
    return answer


@pytest.mark.parametrize(
    ("publisher", "subscriber", "subscription", "subject"),
    [
        ("ingest", "mask", "frames.*.*", subjects.frames(POD, CAMERA)),
        ("ingest", "gateway", "status.islington.*", subjects.status(SITE, CAMERA)),
        ("mask", "gateway", "status.islington.*", subjects.status(SITE, CAMERA)),
        ("mask", "gateway", "still.islington.*", subjects.still(SITE, CAMERA)),
        ("mask", "relay", "masked.islington.>", subjects.masked(SITE, CAMERA, Layer.MAIN)),
        ("relay", "ingest", "demand.*.islington.>", subjects.demand(SITE, SITE, CAMERA, Layer.TILE)),
        ("relay", "mask", "demand.*.islington.>", subjects.demand(SITE, SITE, CAMERA, Layer.TILE)),
        ("relay", "mask", "keyframe.*.islington.>", subjects.keyframe(SITE, SITE, CAMERA, Layer.MAIN)),
        ("gateway", "mask", "withhold.islington.*", subjects.withhold(SITE, CAMERA)),
        ("gateway", "relay", "withhold.islington.*", subjects.withhold(SITE, CAMERA)),
    ],
)
async def test_message_reaches_the_service_it_is_for(
    site: RunningSite, publisher: str, subscriber: str, subscription: str, subject: str
) -> None:
    async with raw_client(site, publisher) as sender, raw_client(site, subscriber) as receiver:
        await receiver.listen(subscription)
        await sender.client.publish(subject, b"payload", headers={"Us-Seq": "1"})
        message = await receiver.next()
    assert (message.subject, message.data, (message.headers or {})["Us-Seq"]) == (subject, b"payload", "1")


@pytest.mark.parametrize(
    ("writer", "bucket", "reader"),
    [
        ("ingest", "leases", "ingest"),
        ("mask", "stills", "gateway"),
        ("gateway", "cameras", "ingest"),
        ("gateway", "cameras", "mask"),
        ("gateway", "credentials", "ingest"),
        ("gateway", "masks", "mask"),
        ("gateway", "people", "gateway"),
        ("gateway", "sessions", "gateway"),
    ],
)
async def test_write_is_acknowledged_republished_and_read_back(
    site: RunningSite, writer: str, bucket: str, reader: str
) -> None:
    key, value = f"way-{writer}-{reader}.current", f"{bucket} for {reader}".encode()
    async with raw_client(site, writer) as writing, raw_client(site, reader) as reading:
        await reading.listen(f"changed.{bucket}.>")
        ack = await put(writing, bucket, key, value)
        assert ack.keys() == ACK_FIELDS
        changed = await reading.next()
        stored = (await reading.direct_get(f"KV_{bucket}", {"last_by_subj": f"$KV.{bucket}.{key}"}))[0]
    assert (changed.subject, changed.data) == (f"changed.{bucket}.{key}", value)
    for message in (changed, stored):
        assert message.headers is not None
        assert message.headers["Nats-Stream"] == f"KV_{bucket}"
        assert message.headers["Nats-Subject"] == f"$KV.{bucket}.{key}"
        assert message.headers["Nats-Sequence"] == str(ack["seq"])
    assert stored.data == value


@pytest.mark.parametrize(("writer", "bucket", "reader"), [("ingest", "leases", "ingest"), ("gateway", "masks", "mask")])
async def test_batch_is_answered_in_order_and_ends_with_a_marker(
    site: RunningSite, writer: str, bucket: str, reader: str
) -> None:
    async with raw_client(site, writer) as writing, raw_client(site, reader) as reading:
        first = (await put(writing, bucket, "batch1.current"))["seq"]
        await put(writing, bucket, "batch2.r1")
        last = (await put(writing, bucket, "batch2.current"))["seq"]
        query = {"batch": 10, "seq": first, "next_by_subj": f"$KV.{bucket}.*.current"}
        found = await reading.direct_get(f"KV_{bucket}", query)
        none = await reading.direct_get(f"KV_{bucket}", {**query, "seq": last + 1})
        newest = await reading.direct_get(f"KV_{bucket}", {"last_by_subj": f"$KV.{bucket}.>"})
    headers = [message.headers or {} for message in found]
    assert [h.get("Nats-Subject") for h in headers[:-1]] == [f"$KV.{bucket}.batch{n}.current" for n in (1, 2)]
    assert [h.get("Nats-Num-Pending") for h in headers] == ["1", "0", "0"]
    assert headers[-1] == {
        "Status": "204",
        "Description": "EOB",
        "Nats-Num-Pending": "0",
        "Nats-Last-Sequence": str(last),
    }
    assert [message.headers for message in none] == [{"Status": "404", "Description": "Message Not Found"}]
    assert (newest[0].headers or {})["Nats-Sequence"] == str(last)


async def test_batch_ends_at_the_bytes_asked_for_and_says_what_is_pending(site: RunningSite) -> None:
    large = b"x" * (BOUNDS[Bucket.MASKS].max_message_bytes - 1_000)
    async with raw_client(site, "gateway") as gateway:
        first = (await put(gateway, "masks", "large0.r1", large))["seq"]
        for number in range(1, 5):
            await put(gateway, "masks", f"large{number}.r1", large)
        query = {"batch": 100, "seq": first, "next_by_subj": "$KV.masks.*.r1", "max_bytes": 2_000_000}
        found = await gateway.direct_get("KV_masks", query)
        end = found[-1].headers or {}
        rest = await gateway.direct_get("KV_masks", {**query, "seq": int(end["Nats-Last-Sequence"]) + 1})
    # A message that reaches the limit is still sent.
    assert ([len(m.data) for m in found[:-1]], end["Status"], end["Nats-Num-Pending"]) == ([len(large)] * 3, "204", "2")
    assert ([len(m.data) for m in rest[:-1]], (rest[-1].headers or {})["Nats-Num-Pending"]) == ([len(large)] * 2, "0")


async def test_lease_is_taken_renewed_and_expires(site: RunningSite) -> None:
    async with raw_client(site, "ingest") as ingest:
        await ingest.listen("changed.leases.short")
        taken = await put(ingest, "leases", "short", Nats_TTL="1", Nats_Expected_Last_Subject_Sequence="0")
        refused = await put(ingest, "leases", "short", Nats_TTL="1", Nats_Expected_Last_Subject_Sequence="0")
        renewed = await put(
            ingest, "leases", "short", Nats_TTL="1", Nats_Expected_Last_Subject_Sequence=str(taken["seq"])
        )
        assert refused["error"]["err_code"] == 10071
        async with asyncio.timeout(WITHIN_S):
            while await _revision(ingest, "leases", "short") is not None:
                await asyncio.sleep(0.05)
        again = await put(ingest, "leases", "short", Nats_TTL="1", Nats_Expected_Last_Subject_Sequence="0")
    # An expiry is silent, so that the key can be taken again at once: what was republished are the three writes.
    assert [(m.headers or {})["Nats-Sequence"] for m in ingest.received] == [
        str(write["seq"]) for write in (taken, renewed, again)
    ]


async def _revision(client: RawClient, bucket: str, key: str) -> str | None:
    found = await client.direct_get(f"KV_{bucket}", {"last_by_subj": f"$KV.{bucket}.{key}"})
    return (found[0].headers or {}).get("Nats-Sequence")


async def test_delete_is_republished_as_such(site: RunningSite) -> None:
    async with raw_client(site, "gateway") as gateway, raw_client(site, "mask") as mask:
        await mask.listen("changed.masks.>")
        await put(gateway, "masks", "gone.current")
        await put(gateway, "masks", "gone.current", b"", KV_Operation="DEL")
        await mask.next()
        deleted = await mask.next()
    assert (deleted.data, (deleted.headers or {})["KV-Operation"]) == (b"", "DEL")


async def test_nobody_can_empty_a_bucket_with_one_message(site: RunningSite) -> None:
    async with raw_client(site, "gateway") as gateway:
        kept = (await put(gateway, "people", "kept"))["seq"]
        answer = await put(gateway, "people", "wiper", Nats_Rollup="all")
        assert answer["error"]["description"] == "rollup not permitted"
        assert await _revision(gateway, "people", "kept") == str(kept)


@pytest.mark.parametrize("bucket", [bucket for bucket in Bucket if bucket is not Bucket.CREDENTIALS])
async def test_write_above_a_buckets_bound_is_refused(site: RunningSite, bucket: Bucket) -> None:
    writer = {Bucket.LEASES: "ingest", Bucket.STILLS: "mask"}.get(bucket, "gateway")
    async with raw_client(site, writer) as client:
        answer = await put(client, bucket, "large", b"x" * (BOUNDS[bucket].max_message_bytes + 1))
    assert answer["error"]["description"] == "message size exceeds maximum allowed"


@pytest.mark.parametrize(("user", "kind"), [("gateway", AuditKind.SIGN_IN), ("relay", AuditKind.LOOK_STOP)])
async def test_audit_event_is_acknowledged_once_stored(site: RunningSite, user: str, kind: AuditKind) -> None:
    async with raw_client(site, user) as client:
        ack = await client.ask(subjects.audit(SITE, CAMERA, kind), b"{}")
    assert (ack["stream"], ack["seq"] >= 1) == ("AUDIT", True)


@pytest.mark.parametrize("header", [{"Nats-TTL": "1"}, {"Nats-Rollup": "all"}, {"Nats-Rollup": "sub"}])
async def test_audit_event_can_neither_expire_nor_replace_others(site: RunningSite, header: dict[str, str]) -> None:
    async with raw_client(site, "gateway") as client:
        answer = await client.ask(subjects.audit(SITE, None, AuditKind.SIGN_IN), b"{}", header)
    assert "error" in answer


async def test_each_offer_is_answered_by_one_relay(site: RunningSite) -> None:
    async with (
        raw_client(site, "gateway") as gateway,
        raw_client(site, "relay") as one,
        raw_client(site, "relay") as other,
    ):
        for relay in (one, other):
            await relay.listen(subjects.relay_offer(), queue=subjects.RELAY_QUEUE)
        asked = asyncio.create_task(gateway.client.request(subjects.relay_offer(), b"offer", timeout=WITHIN_S))
        async with asyncio.timeout(WITHIN_S):
            while not one.received and not other.received:
                await asyncio.sleep(0.01)
        (offer,) = one.received + other.received
        relay = one if one.received else other
        await relay.client.publish(offer.reply, b"answer")
        assert (await asked).data == b"answer"


async def test_relay_answers_each_request_once_and_nothing_else(site: RunningSite) -> None:
    async with raw_client(site, "gateway") as gateway, raw_client(site, "relay") as relay:
        await relay.listen(subjects.relay_calls(RELAY))
        asked = asyncio.create_task(
            gateway.client.request(subjects.relay_call(RELAY, RelayCall.CLOSE), b"{}", timeout=WITHIN_S)
        )
        reply = (await relay.next()).reply
        for answer in (b"first", b"second"):
            await relay.client.publish(reply, answer)
        await relay.client.publish(reply + "x", b"unasked")
        await relay.settle()
        assert (await asked).data == b"first"
    assert relay.refused["publish"] == {reply.lower(), f"{reply}x".lower()}


async def test_watch_of_the_bus_sees_a_change_in_another_account(site: RunningSite) -> None:
    async with _bus(site, "gateway") as gateway, _bus(site, "ingest") as ingest:
        cameras = kv.Keys(gateway, Bucket.CAMERAS)
        await cameras.put("watched-before", b"1")
        changes: asyncio.Queue[kv.Entry] = asyncio.Queue()
        async with kv.watch(ingest, Bucket.CAMERAS, on_change=changes.put_nowait) as view:
            await asyncio.wait_for(view.synced(), WITHIN_S)
            assert view.entries["watched-before"].value == b"1"
            await cameras.put("watched-after", b"2")
            async with asyncio.timeout(WITHIN_S):
                while (await changes.get()).key != "watched-after":
                    pass


async def test_lease_written_by_the_bus_is_compare_and_set(site: RunningSite) -> None:
    async with _bus(site, "ingest") as ingest:
        leases = kv.Keys(ingest, Bucket.LEASES)
        value = json.dumps({"v": 1, "pod": "p" * 63, "acquired": datetime.now(UTC).isoformat()}).encode()
        taken = await leases.put("c" * 63, value, last=0, ttl_s=30)
        with pytest.raises(Conflict):
            await leases.put("c" * 63, value, last=0, ttl_s=30)
        assert await leases.put("c" * 63, value, last=taken, ttl_s=30) > taken
        await leases.delete("c" * 63)


def _bus(site: RunningSite, user: str) -> contextlib.AbstractAsyncContextManager[Bus]:
    return Bus.connect(BusSettings(site.url, site.creds(user), user), user=user, metrics=Metrics())


async def test_demand_reaches_every_pod_of_both_services(site: RunningSite) -> None:
    async with contextlib.AsyncExitStack() as stack:
        pods = [await stack.enter_async_context(raw_client(site, user)) for user in ("ingest", "mask") * 2]
        relay = await stack.enter_async_context(raw_client(site, "relay"))
        for pod in pods:
            await pod.listen("demand.*.islington.>")
        await relay.client.publish(subjects.demand(SITE, SITE, CAMERA, Layer.MAIN), b"{}")
        assert [(await pod.next()).data for pod in pods] == [b"{}"] * 4
        for pod in pods:
            await pod.settle()
            assert pod.received == []
