"""The server answers to any reply subject that the asker names: nothing that matters can be reached by it.

Ingest alone can both write and read back words of its own choice, and so has an account of its own.
"""

import json

import pytest

from tests.component.bootstrap.raw_client import RawClient, raw_client
from tests.support.nats import RunningSite

pytestmark = pytest.mark.asyncio(loop_scope="module")

POINTER = b'{"v":1,"revision":7}'
TARGETS = (
    "$KV.masks.forged.current",
    "$KV.people.forged",
    "$KV.cameras.forged",
    "$KV.credentials.forged",
    "changed.masks.forged.current",
    "masked.islington.forged.main",
    "withhold.islington.forged",
    "keyframe.islington.islington.forged.main",
    "still.islington.forged",
    "audit.islington.forged.look-start",
    "relay.offer",
    "relay.r1.close",
)


async def steer(ingest: RawClient, target: str) -> None:
    """Have the server say our words, its acknowledgement, and its refusal, on that subject."""
    last = json.dumps({"last_by_subj": "$KV.leases.forged"}).encode()
    batch = json.dumps({"batch": 5, "seq": 1, "next_by_subj": "$KV.leases.forged", "no_hdr": True}).encode()
    for query in (last, batch, b"not json"):
        await ingest.client.publish("$JS.API.DIRECT.GET.KV_leases", query, reply=target)
    await ingest.client.publish("$KV.leases.forged-ack", POINTER, reply=target)
    await ingest.settle()
    # A request of our own is answered after those before it.
    assert (await ingest.direct_get("KV_leases", json.loads(last)))[0].data == POINTER


async def test_ingest_cannot_steer_an_answer_out_of_its_account(site: RunningSite) -> None:
    async with (
        raw_client(site, "ingest") as ingest,
        raw_client(site, "mask") as mask,
        raw_client(site, "relay") as relay,
        raw_client(site, "gateway") as gateway,
    ):
        await ingest.ask("$KV.leases.forged", POINTER)
        for subject in ("changed.masks.>", "withhold.islington.*", "keyframe.*.islington.>"):
            await mask.listen(subject)
        for subject in ("masked.islington.>", "relay.*.>", "withhold.islington.*"):
            await relay.listen(subject)
        await relay.listen("relay.offer", queue="relays")
        for bucket in ("cameras", "people"):
            await gateway.listen(f"changed.{bucket}.>")
        await gateway.listen("still.islington.*")
        for target in TARGETS:
            await steer(ingest, target)
        for client in (mask, relay, gateway):
            await client.settle()
            assert client.received == []
        for stream, subject in (("masks", "forged.current"), ("people", "forged"), ("cameras", "forged")):
            (answer,) = await gateway.direct_get(f"KV_{stream}", {"last_by_subj": f"$KV.{stream}.{subject}"})
            assert (answer.headers or {})["Status"] == "404"
        (credentials,) = await ingest.direct_get("KV_credentials", {"last_by_subj": "$KV.credentials.forged"})
        assert (credentials.headers or {})["Status"] == "404"
    async with raw_client(site, "bootstrap") as bootstrap:
        info = await bootstrap.ask("$JS.API.STREAM.INFO.AUDIT", b'{"subjects_filter":"audit.islington.forged.>"}')
    assert not info["state"].get("subjects")


async def test_ingest_cannot_steer_an_answer_into_a_subscription_of_its_own_watches(site: RunningSite) -> None:
    """Headers that say which stream a message is of come from the server, after those that were stored."""
    async with raw_client(site, "ingest") as ingest:
        forged = {"Nats-Stream": "KV_cameras", "Nats-Subject": "$KV.cameras.c", "Nats-Sequence": "999999"}
        written = await ingest.ask("$KV.leases.spoof", b"spoof", forged)
        (found,) = await ingest.direct_get("KV_leases", {"last_by_subj": "$KV.leases.spoof"})
    headers = found.headers or {}
    assert headers["Nats-Stream"] == "KV_leases"
    assert headers["Nats-Subject"] == "$KV.leases.spoof"
    assert headers["Nats-Sequence"] == str(written["seq"])


async def test_trace_header_cannot_report_to_a_subject_that_is_not_ones_own(site: RunningSite) -> None:
    async with raw_client(site, "ingest") as ingest:
        await ingest.client.publish(
            "status.islington.traced", b"", headers={"Nats-Trace-Dest": "$KV.masks.traced.current"}
        )
        await ingest.settle()
        assert ingest.refused["publish"] == {"$kv.masks.traced.current"}


@pytest.mark.parametrize("user", ["ingest", "mask", "relay", "bootstrap"])
async def test_answers_are_heard_by_their_asker_alone(site: RunningSite, user: str) -> None:
    async with (
        raw_client(site, user) as eavesdropper,
        raw_client(site, "gateway") as gateway,
        raw_client(site, "gateway") as same_user,
    ):
        for client in (eavesdropper, same_user):
            for pattern in ("_INBOX_gateway.>", "_INBOX.>", "_R_.>", ">", f"_INBOX_{user}.>"):
                await client.listen(pattern)
        await gateway.ask("$KV.people.overheard", b"secret")
        await gateway.direct_get("KV_people", {"last_by_subj": "$KV.people.overheard"})
        await eavesdropper.settle()
        await same_user.settle()
        assert eavesdropper.received == []
        # The same listening by the asker's own user does hear: the test can fail.
        assert {message.data for message in same_user.received} >= {b"secret"}
