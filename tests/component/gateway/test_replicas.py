"""Viewers belong to the site: whoever let them in, and whether he still lives, each gateway ends those who must go."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from proto.messages import Answer
from proto.names import relay_id
from proto.subjects import Bucket, kv_stream
from services.bootstrap.embedded import free_port
from services.gateway.accounts import person_key
from services.gateway.policy import Role
from services.gateway.viewers import Viewer
from services.runtime.clock import VirtualClock
from services.runtime.kv import Keys
from tests.component.gateway.processes import serving
from tests.component.gateway.site import RELAY, SDP, GatewayAtWork, StandIn, gateway_at_work
from tests.support.waiting import until

TYPE = {"Content-Type": "application/sdp"}
SILENT = relay_id("relay-silent")


async def look(client: httpx.AsyncClient, path: str = "/whep/cam1", *, at: str = "") -> httpx.Response:
    """`at` is the origin of another gateway than the client's own; a cookie holds at both."""
    return await client.post(f"{at}{path}", content=SDP, headers=TYPE | ({"Origin": at} if at else {}))


async def site_with_cameras(site: GatewayAtWork) -> httpx.AsyncClient:
    client = await site.signed_in()
    for camera in ("cam1", "cam2"):
        await site.camera(client, camera)
    return client


@contextlib.asynccontextmanager
async def killable(
    site: GatewayAtWork, client: httpx.AsyncClient
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A second gateway, a process, once it serves: its origin."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    async with serving(site.nats, port) as process:
        async with asyncio.timeout(20):
            while not await is_served(client, origin):
                await asyncio.sleep(0.05)
        yield origin, process


async def is_served(client: httpx.AsyncClient, origin: str) -> bool:
    try:
        return (await client.get(f"{origin}/api/me")).status_code == 200
    except httpx.ConnectError:
        return False


async def test_viewers_of_a_killed_gateway_are_ended_by_another(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        administrator, relay = await site_with_cameras(site), await site.relay(StandIn())
        ann, bob = await site.signed_in(Role.OPERATOR, name="Ann"), await site.signed_in(Role.OPERATOR, name="Bob")
        made = (await administrator.post("/api/tokens", json={"name": "wall", "expires_in_s": 600})).json()
        wall = await site.client(token=made["token"])
        async with killable(site, administrator) as (origin, process):
            looks = [(ann, "cam1"), (bob, "cam1"), (wall, "cam1"), (administrator, "cam2"), (administrator, "cam1")]
            opened = [await look(client, f"/whep/{camera}", at=origin) for client, camera in looks]
            assert [answer.status_code for answer in opened] == [201] * 5
            process.kill()
            await process.wait()
        assert relay.closed == []

        async def closed(number: int) -> None:
            session = opened[number].headers["location"].rpartition("/")[2]
            await until(lambda: session in [c.session for c in relay.closed], what=f"{number} is closed", timeout_s=2)

        assert (await ann.post("/api/sign-out")).status_code == 204
        await closed(0)
        await site.delete(Bucket.PEOPLE, person_key("Bob"))
        await closed(1)
        assert (await administrator.delete(f"/api/tokens/{made['id']}")).status_code == 204
        await closed(2)
        assert (await administrator.delete("/api/cameras/cam2")).status_code == 204
        await closed(3)
        assert (await administrator.delete(opened[4].headers["location"])).status_code == 204
        await closed(4)
        assert len(relay.closed) == 5
        async with asyncio.timeout(3):
            while (await Keys(site.observer, Bucket.SESSIONS).read_all("viewer.*"))[0]:
                await asyncio.sleep(0.02)


async def test_a_viewer_is_stored_before_he_is_let_in_and_can_be_ended_at_any_gateway(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site, site.replica() as other:
        client, relay = await site_with_cameras(site), await site.relay(StandIn())
        location = (await look(client)).headers["location"]
        session = relay.offers[0].session
        stored = await site.stored(Bucket.SESSIONS, f"viewer.{session}")
        assert stored is not None
        assert (stored["relay"], stored["camera"], stored["session"]) == (RELAY, "cam1", session)
        assert client.cookies["us_session"] not in str(stored)
        there = {"Origin": other}
        assert (await client.delete(other + location, headers=there)).status_code == 204
        assert [close.session for close in relay.closed] == [session]
        assert await site.stored(Bucket.SESSIONS, f"viewer.{session}") is None
        assert (await client.delete(other + location, headers=there)).status_code == 404
        for nonsense in ("*", ">", "a.b", "%2a", "x" * 100):
            assert (await client.delete(f"/whep/cam1/{nonsense}")).status_code == 404


async def test_whom_the_store_does_not_take_is_not_let_in(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client, relay = await site_with_cameras(site), await site.relay(StandIn())
        await site.fill(kv_stream(Bucket.SESSIONS))
        answer = await look(client)
        assert (answer.status_code, answer.json()["error"]["kind"]) == (503, "unavailable")
        assert [close.session for close in relay.closed][:1] == [relay.offers[0].session]


async def test_a_gateway_that_drains_leaves_viewers_running_and_the_next_ends_those_who_must_go(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client, relay = await site_with_cameras(site), await site.relay(StandIn())
        ann = await site.signed_in(name="Ann")
        for somebody in (client, ann):
            assert (await look(somebody)).status_code == 201
        ours, anns = (offer.session for offer in relay.offers)
        await site.drain()
        assert relay.closed == []
        stored = await site.stored(Bucket.SESSIONS, f"viewer.{anns}")
        assert stored is not None
        await Keys(site.observer, Bucket.SESSIONS).delete(stored["access"])
        async with site.replica() as next_one:
            await until(lambda: relay.closed, what="the viewer is closed", timeout_s=2)
            assert (await client.get(f"{next_one}/api/me")).status_code == 200
            assert [close.session for close in relay.closed] == [anns]
            location = f"{next_one}/whep/cam1/{ours}"
            assert (await client.delete(location, headers={"Origin": next_one})).status_code == 204


async def test_a_silent_relay_delays_no_revocation_at_another(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        await site_with_cameras(site)
        relays = {"cam1": RELAY, "cam2": SILENT}
        relay = await site.relay(StandIn(answer=lambda offer: Answer(relay=relays[offer.camera], sdp="v=0\r\n")))
        silent = await site.relay(StandIn(relay=SILENT, hangs=True))
        ann, bob = await site.signed_in(Role.OPERATOR, name="Ann"), await site.signed_in(Role.OPERATOR, name="Bob")
        answers = [await look(ann, "/whep/cam2") for _ in range(40)] + [await look(bob)]
        assert {answer.status_code for answer in answers} == {201}
        await site.delete(Bucket.PEOPLE, person_key("Ann"))
        await until(lambda: silent.closed, what="the silent relay is asked", timeout_s=2)
        await site.delete(Bucket.PEOPLE, person_key("Bob"))
        await until(lambda: relay.closed, what="the other relay's viewer is closed", timeout_s=2)
        asked = len(silent.closed)
        await until(lambda: len(silent.closed) > asked, what="the silent one is asked again", timeout_s=4)


async def test_who_finds_no_place_in_a_relays_line_is_closed_by_a_later_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.closing.MAX_WAITING", 4)
    async with gateway_at_work(tmp_path) as site:
        await site_with_cameras(site)
        relay = await site.relay(StandIn())
        ann = await site.signed_in(Role.OPERATOR, name="Ann")
        for _ in range(10):
            assert (await look(ann)).status_code == 201
        await site.delete(Bucket.PEOPLE, person_key("Ann"))
        sessions = {offer.session for offer in relay.offers}
        await until(lambda: {close.session for close in relay.closed} == sessions, what="all are closed", timeout_s=5)
        assert "us_closes_dropped_total 0.0" not in site.process.metrics.render().decode()


async def test_a_viewer_whose_session_has_not_come_here_yet_is_given_a_moment(tmp_path: Path) -> None:
    """Sessions, people, cameras and viewers are watched one by one: a viewer may come before what allows him."""
    clock = VirtualClock()
    async with gateway_at_work(tmp_path, clock=clock) as site:
        await site_with_cameras(site)
        relay = await site.relay(StandIn())
        ann = await site.signed_in(Role.OPERATOR, name="Ann")
        assert (await look(ann)).status_code == 201
        ours = relay.offers[0].session
        stored = await site.stored(Bucket.SESSIONS, f"viewer.{ours}")
        assert stored is not None
        early = Viewer.model_validate(stored | {"session": "early", "access": "on-its-way"})
        await site.put(Bucket.SESSIONS, "viewer.early", early)
        await site.delete(Bucket.PEOPLE, person_key("Ann"))
        await until(lambda: relay.closed, what="a sweep has been", timeout_s=2)
        assert [close.session for close in relay.closed] == [ours]
        clock.advance(1)
        await until(lambda: len(relay.closed) == 2, what="it never came", timeout_s=2)
        assert relay.closed[1].session == "early"
