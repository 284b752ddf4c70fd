"""Each user against each subject: what the table does not grant, the server refuses, and what it grants it allows."""

import pytest

from services.bootstrap.permissions import User, streams
from tests.component.bootstrap.raw_client import raw_client
from tests.support.nats import RunningSite

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY: frozenset[str] = frozenset()


def only(*users: str) -> frozenset[str]:
    return frozenset(users)


# Written out by hand, not derived from the table that it tests. Subjects have names in lower case alone where a
# test compares them, since nats-py reports violations in lower case.
MEDIA_PUBLISHERS = {
    "frames.pod1.cam1": only("ingest"),
    "masked.islington.cam1.main": only("mask"),
    "masked.hackney.cam1.main": NOBODY,
    "still.islington.cam1": only("mask"),
    "still.hackney.cam1": NOBODY,
    "status.islington.cam1": only("ingest", "mask"),
    "demand.islington.islington.cam1.main": only("relay"),
    "demand.islington.hackney.cam1.main": only("relay"),
    "demand.hackney.islington.cam1.main": NOBODY,
    "keyframe.islington.islington.cam1.main": only("relay"),
    "keyframe.hackney.islington.cam1.main": NOBODY,
    "withhold.islington.cam1": only("gateway"),
    "relay.offer": only("gateway"),
    "relay.r1.close": only("gateway"),
    "audit.islington.cam1.look-start": only("gateway", "relay"),
    "audit.islington.cam1.look-stop": only("gateway", "relay"),
    "audit.islington.cam1.mask-approved": only("gateway"),
    "audit.islington.-.sign-in": only("gateway"),
    "audit.hackney.cam1.look-start": NOBODY,
}
STORE_PUBLISHERS = {
    "$KV.leases.cam1": only("ingest"),
    "$KV.stills.cam1": only("mask"),
    "$KV.cameras.cam1": only("gateway"),
    "$KV.credentials.cam1": only("gateway"),
    "$KV.masks.cam1.current": only("gateway"),
    "$KV.masks.cam1.r1": only("gateway"),
    "$KV.people.p1": only("gateway"),
    "$KV.sessions.s1": only("gateway"),
    "$KV.anything.else": NOBODY,
    "changed.cameras.cam1": NOBODY,
    "changed.masks.cam1.current": NOBODY,
    "changed.sessions.s1": NOBODY,
}
READERS = {
    "cameras": only("ingest", "mask", "gateway"),
    "credentials": only("ingest"),
    "masks": only("mask", "gateway"),
    "leases": only("ingest"),
    "people": only("gateway"),
    "sessions": only("gateway"),
    "stills": only("gateway"),
}
READING_PUBLISHERS = {
    f"$JS.API.DIRECT.GET.KV_{bucket}{suffix}": users
    for bucket, users in READERS.items()
    for suffix in ("", f".$KV.{bucket}.x")
} | {"$JS.API.DIRECT.GET.AUDIT": NOBODY}
# All of these would give a service what it may not read, or let it change how it is kept.
FORBIDDEN_CALLS = (
    "$JS.API.INFO",
    "$JS.API.ACCOUNT.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.CREATE.THEFT",
    "$JS.API.STREAM.TEMPLATE.CREATE.THEFT",
    "$JS.API.META.LEADER.STEPDOWN",
    "$JS.API.SERVER.REMOVE",
    "$SYS.REQ.CLAIMS.LIST",
    "$SYS.REQ.CLAIMS.PACK",
    "$SYS.REQ.CLAIMS.DELETE",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.SERVER.PING.CONNZ",
    "$SYS.REQ.ACCOUNT.PING.CONNZ",
    "$SYS.REQ.USER.INFO",
    "$SYS.DEBUG.SUBSCRIBERS",
    "$JS.ACK.KV_masks.c.1.1.1.1.1",
    "$JS.FC.KV_masks.c.x",
    "$JSC.R.x",
    "$SRV.PING",
    "$NRG.x",
    "_R_.x",
    "_INBOX.x.y",
    "_INBOX_ingest.x",
    "_INBOX_mask.x",
    "_INBOX_relay.x",
    "_INBOX_gateway.x",
    "_INBOX_bootstrap.x",
    "_INBOX_system.x",
    *(
        subject
        for name in streams()
        for subject in (
            f"$JS.API.STREAM.DELETE.{name}",
            f"$JS.API.STREAM.PURGE.{name}",
            f"$JS.API.STREAM.SNAPSHOT.{name}",
            f"$JS.API.STREAM.RESTORE.{name}",
            f"$JS.API.STREAM.MSG.GET.{name}",
            f"$JS.API.STREAM.MSG.DELETE.{name}",
            f"$JS.API.STREAM.LEADER.STEPDOWN.{name}",
            f"$JS.API.CONSUMER.CREATE.{name}",
            f"$JS.API.CONSUMER.CREATE.{name}.thief",
            f"$JS.API.CONSUMER.CREATE.{name}.thief.$KV.x",
            f"$JS.API.CONSUMER.DURABLE.CREATE.{name}.thief",
            f"$JS.API.CONSUMER.MSG.NEXT.{name}.thief",
            f"$JS.API.CONSUMER.NAMES.{name}",
            f"$JS.API.CONSUMER.LIST.{name}",
            f"$JS.API.CONSUMER.INFO.{name}.thief",
            f"$JS.API.CONSUMER.DELETE.{name}.thief",
        )
    ),
)
PUBLISHERS = {
    **MEDIA_PUBLISHERS,
    **STORE_PUBLISHERS,
    **READING_PUBLISHERS,
    **dict.fromkeys(FORBIDDEN_CALLS, NOBODY),
    "$SYS.REQ.CLAIMS.UPDATE": only("system"),
    "$SYS.REQ.ACCOUNT.AAAA.CLAIMS.LOOKUP": only("system"),
    **{
        f"$JS.API.STREAM.{verb}.{name}": only("bootstrap")
        for name in streams()
        for verb in ("INFO", "CREATE", "UPDATE")
    },
}

SUBSCRIBERS = {
    **dict.fromkeys(
        (
            ">",
            "*",
            "*.>",
            "*.*.>",
            "$KV.>",
            "$KV.credentials.>",
            "$KV.masks.>",
            "$JS.>",
            "$JS.API.>",
            "$JS.API.DIRECT.GET.KV_credentials",
            "$JS.EVENT.>",
            "$JSC.>",
            "$SYS.>",
            "$SYS.ACCOUNT.>",
            "$SRV.>",
            "$NRG.>",
            "_R_.>",
            "_INBOX.>",
            "_INBOX.*",
            "frames.>",
            "*.pod1.cam1",
            "masked.>",
            "masked.*.*.*",
            "masked.hackney.>",
            "still.>",
            "demand.>",
            "keyframe.>",
            "withhold.>",
            "status.>",
            "relay.>",
            "relay.offer",
            "audit.>",
            "audit.islington.>",
            "changed.>",
            "changed.*.>",
            "changed.*.cam1",
        ),
        NOBODY,
    ),
    **{f"_INBOX_{user}.>": only(user) for user in User},
    **{f"changed.{bucket}.>": users for bucket, users in READERS.items()},
    "frames.*.*": only("mask"),
    "frames.pod1.*": only("mask"),
    "masked.islington.>": only("relay"),
    "masked.islington.cam1.main": only("relay"),
    "still.islington.*": only("gateway"),
    "demand.*.islington.>": only("ingest", "mask"),
    "keyframe.*.islington.>": only("mask"),
    "withhold.islington.*": only("mask", "relay"),
    "status.islington.*": only("gateway"),
    "relay.*.>": only("relay"),
    "relay.r1.>": only("relay"),
}


@pytest.mark.parametrize("user", [str(user) for user in User])
async def test_user_publishes_its_own_subjects_and_no_other(site: RunningSite, user: str) -> None:
    async with raw_client(site, user) as client:
        refused = await client.refused_publishes(PUBLISHERS)
    assert refused == {subject.lower() for subject, users in PUBLISHERS.items() if user not in users}


@pytest.mark.parametrize("user", [str(user) for user in User])
async def test_user_subscribes_its_own_subjects_and_no_other(site: RunningSite, user: str) -> None:
    async with raw_client(site, user) as client:
        refused = await client.refused_subscriptions(SUBSCRIBERS)
    assert refused == {subject.lower() for subject, users in SUBSCRIBERS.items() if user not in users}


async def test_relay_takes_offers_in_the_group_alone(site: RunningSite) -> None:
    async with raw_client(site, "relay") as relay:
        await relay.client.subscribe("relay.offer", queue="listeners")
        await relay.client.subscribe("relay.offer", queue="relays")
        await relay.settle()
        assert relay.refused["subscription"] == {"relay.offer"}


@pytest.mark.parametrize("user", ["ingest", "mask", "gateway", "bootstrap"])
async def test_nobody_but_the_relay_joins_the_relays(site: RunningSite, user: str) -> None:
    async with raw_client(site, user) as client:
        await client.client.subscribe("relay.offer", queue="relays")
        await client.settle()
        assert client.refused["subscription"] == {"relay.offer"}


@pytest.mark.parametrize("user", [str(user) for user in User])
async def test_naming_the_jetstream_domain_is_no_way_around(site: RunningSite, user: str) -> None:
    async with raw_client(site, user) as client:
        for subject in ("STREAM.NAMES", "STREAM.MSG.GET.KV_credentials", "CONSUMER.CREATE.KV_credentials"):
            client.refused["publish"].clear()
            await client.refused_publishes([f"$JS.islington.API.{subject}"])
            # The server puts the domain's name aside before it looks at permissions, in accounts that have one.
            assert client.refused["publish"] in (
                {f"$js.api.{subject}".lower()},
                {f"$js.islington.api.{subject}".lower()},
            )
