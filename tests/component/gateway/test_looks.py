"""WHEP: a look is on the record before a relay hears of it, and lasts while its viewer may look and no longer."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from proto.messages import Answer, Offer, RelayErrorKind
from proto.subjects import AuditKind, Bucket
from services.gateway.accounts import person_key
from services.gateway.policy import Role
from services.gateway.throttle import Pace
from services.runtime.clock import VirtualClock
from tests.component.gateway.site import RELAY, SDP, GatewayAtWork, StandIn, gateway_at_work
from tests.support.waiting import until

TYPE = {"Content-Type": "application/sdp"}


async def look(client: httpx.AsyncClient, path: str = "/whep/cam1") -> httpx.Response:
    return await client.post(path, content=SDP, headers=TYPE)


def refuse(error: RelayErrorKind) -> Callable[[Offer], Answer]:
    return lambda _offer: Answer(relay=RELAY, error=error, detail="an inside of the relay")


async def viewer(site: GatewayAtWork) -> httpx.AsyncClient:
    client = await site.signed_in()
    await site.camera(client)
    return client


async def test_an_offer_gets_the_relays_answer_and_a_location_that_ends_it(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client, relay = await viewer(site), await site.relay(StandIn())
        answer = await look(client, "/whep/cam1?layer=tile")
        assert answer.status_code == 201
        assert answer.headers["content-type"].partition(";")[0] == "application/sdp"
        assert answer.text == "v=0\r\nanswer"
        assert answer.headers["etag"]
        offer = relay.offers[0]
        assert (offer.camera, offer.layer, offer.sdp) == ("cam1", "tile", SDP)
        assert answer.headers["location"] == f"/whep/cam1/{offer.session}"
        assert (await client.delete(answer.headers["location"])).status_code == 204
        assert [close.session for close in relay.closed] == [offer.session]
        assert (await client.delete(answer.headers["location"])).status_code == 404


async def test_the_layer_is_main_where_none_is_named(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client, relay = await viewer(site), await site.relay(StandIn())
        await look(client)
        assert relay.offers[0].layer == "main"


async def test_the_look_is_stored_before_the_offer_reaches_the_relay(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await viewer(site)
        stored: list[str] = []

        async def before_answer() -> None:
            stored.extend(event.session for event in await site.stored_events("audit.islington.cam1.look-start"))

        relay = await site.relay(StandIn(before_answer=before_answer))
        assert (await look(client)).status_code == 201
        assert stored == [relay.offers[0].session]
        (event,) = await site.stored_events("audit.islington.cam1.look-start")
        assert (event.actor, event.layer, event.address) == (relay.offers[0].person, "main", "127.0.0.1")


async def test_without_a_record_nobody_looks(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client, relay = await viewer(site), await site.relay(StandIn())
        await site.fill_record()
        answer = await look(client)
        assert answer.status_code == 503
        assert answer.json()["error"]["kind"] == "unavailable"
        assert int(answer.headers["retry-after"]) >= 1
        assert relay.offers == []
        for path in ("/api/cameras/cam1/mask-set", "/api/cameras/cam1"):
            assert (await client.delete(path)).status_code in (404, 503)
        assert await site.stored(Bucket.CAMERAS, "cam1") is not None, "nothing is done without a record"
        other = await site.client()
        signing_in = await other.post("/api/sign-in", json={"name": "administrator person", "password": "x" * 20})
        assert signing_in.status_code == 401, "what is refused needs none"


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (RelayErrorKind.INVALID, 400, "invalid"),
        (RelayErrorKind.EXHAUSTED, 503, "unavailable"),
        (RelayErrorKind.UNAVAILABLE, 503, "unavailable"),
        (RelayErrorKind.INTERNAL, 503, "unavailable"),
    ],
)
async def test_a_relays_refusal_has_its_status_and_is_recorded(
    tmp_path: Path, error: RelayErrorKind, status: int, kind: str
) -> None:
    async with gateway_at_work(tmp_path) as site:
        client, relay = await viewer(site), await site.relay(StandIn(answer=refuse(error)))
        answer = await look(client)
        assert (answer.status_code, answer.json()["error"]["kind"]) == (status, kind)
        assert ("retry-after" in answer.headers) is (status == 503)
        assert "inside" not in answer.text
        event = await site.event(AuditKind.LOOK_REFUSED)
        assert event.session == relay.offers[0].session


async def test_without_a_relay_the_answer_is_503_at_once(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await viewer(site)
        answer = await look(client)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        await site.event(AuditKind.LOOK_REFUSED)


async def test_a_relay_that_does_not_answer_is_a_504(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.whep.OFFER_LIMIT_S", 0.2)
    async with gateway_at_work(tmp_path) as site:
        client = await viewer(site)
        await site.relay(StandIn(answer=lambda _offer: None))
        answer = await look(client)
        assert answer.status_code == 504
        assert answer.json()["error"]["kind"] == "unavailable"
        await site.event(AuditKind.LOOK_REFUSED)


async def test_a_viewer_belongs_to_who_opened_it_and_to_administrators(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        administrator = await viewer(site)
        relay = await site.relay(StandIn())
        ann, bob = await site.signed_in(Role.OPERATOR, name="Ann"), await site.signed_in(Role.SUPERVISOR, name="Bob")
        first, second = await look(ann), await look(ann)
        assert (await bob.delete(first.headers["location"])).status_code == 404
        wrong = first.headers["location"].replace("cam1", "cam2")
        assert (await ann.delete(wrong)).status_code == 404
        assert relay.closed == []
        assert (await ann.delete(first.headers["location"])).status_code == 204
        assert (await administrator.delete(second.headers["location"])).status_code == 204
        assert len(relay.closed) == 2


async def test_losing_the_right_ends_a_running_look_within_two_seconds(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        await viewer(site)
        relay = await site.relay(StandIn())
        for number, lose in enumerate(("role", "account")):
            ann = await site.signed_in(Role.OPERATOR, name="Ann")
            assert (await look(ann)).status_code == 201
            if lose == "role":
                await site.add("Ann", Role.AUDITOR)
            else:
                await site.delete(Bucket.PEOPLE, person_key("Ann"))
            count = number + 1
            await until(lambda count=count: len(relay.closed) == count, what=lose, timeout_s=2)  # type: ignore[misc]  # mypy cannot infer a lambda with a default


async def test_who_signs_out_while_the_relay_answers_is_not_let_in(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await viewer(site)

        async def before_answer() -> None:
            assert (await client.post("/api/sign-out")).status_code == 204

        relay = await site.relay(StandIn(before_answer=before_answer))
        assert (await look(client)).status_code == 401
        assert [close.session for close in relay.closed] == [relay.offers[0].session]


async def test_ending_a_token_ends_its_looks(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client, relay = await viewer(site), await site.relay(StandIn())
        made = (await client.post("/api/tokens", json={"name": "wall", "expires_in_s": 600})).json()
        program = await site.client(token=made["token"])
        assert (await look(program)).status_code == 201
        await client.delete(f"/api/tokens/{made['id']}")
        assert len(relay.closed) == 1


async def test_one_session_has_so_many_viewers_and_the_oldest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.viewers.Viewers.__init__.__defaults__", (100, 2, 100))
    async with gateway_at_work(tmp_path) as site:
        client, relay = await viewer(site), await site.relay(StandIn())
        for _ in range(3):
            assert (await look(client)).status_code == 201
        await until(lambda: relay.closed, what="the oldest is closed")
        assert [close.session for close in relay.closed] == [relay.offers[0].session]


async def test_one_person_has_so_many_viewers_in_all_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.viewers.Viewers.__init__.__defaults__", (100, 64, 2))
    async with gateway_at_work(tmp_path) as site:
        await viewer(site)
        relay = await site.relay(StandIn())
        first, other = await site.signed_in(name="Ann"), await site.signed_in(name="Bob")
        second = await site.again("Ann")
        assert [(await look(client)).status_code for client in (first, first, other)] == [201] * 3
        answer = await look(second)
        assert (answer.status_code, answer.json()["error"]["kind"]) == (429, "throttled")
        assert int(answer.headers["retry-after"]) >= 1
        assert len(relay.offers) == 3
        assert (await look(first)).status_code == 201, "a page that is loaded again takes its own places"
        await until(lambda: relay.closed, what="the oldest is closed")
        assert [close.session for close in relay.closed] == [relay.offers[0].session]


async def test_who_looks_too_often_waits_and_leaves_no_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.whep.BY_PERSON", Pace(burst=2, refill_s=1))
    clock = VirtualClock()
    async with gateway_at_work(tmp_path, clock=clock) as site:
        client = await viewer(site)
        await site.relay(StandIn())
        ann = await site.signed_in(name="Ann")
        assert [(await look(client)).status_code for _ in range(2)] == [201] * 2
        answer = await look(client)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert answer.json()["error"]["kind"] == "throttled"
        assert (await look(ann)).status_code == 201, "nobody else waits for it"
        await site.event(AuditKind.LOOK_START, 3)
        assert len(site.of_kind(AuditKind.LOOK_START)) == 3
        assert site.of_kind(AuditKind.LOOK_REFUSED) == []
        clock.advance(1)
        assert (await look(client)).status_code == 201


async def test_a_full_gateway_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.viewers.Viewers.__init__.__defaults__", (1, 64, 64))
    async with gateway_at_work(tmp_path) as site:
        client, relay = await viewer(site), await site.relay(StandIn())
        assert (await look(client)).status_code == 201
        answer = await look(client)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert len(relay.offers) == 1


@pytest.mark.parametrize("method", ["OPTIONS", "PATCH", "GET", "PUT"])
async def test_what_whep_does_not_do_yet_is_405_and_says_what_it_does(tmp_path: Path, method: str) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await viewer(site)
        answer = await client.request(method, "/whep/cam1")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        answer = await client.request(method, "/whep/cam1/x")
        assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE")
        assert answer.json()["error"]["kind"] == "invalid"


async def test_a_bad_request_to_look_is_refused_before_it_is_recorded(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client, relay = await viewer(site), await site.relay(StandIn())
        cases: list[tuple[int, str, bytes, dict[str, str]]] = [
            (404, "/whep/nowhere", SDP.encode(), TYPE),
            (404, "/whep/CAM1", SDP.encode(), TYPE),
            (415, "/whep/cam1", SDP.encode(), {"Content-Type": "application/json"}),
            (415, "/whep/cam1", SDP.encode(), {}),
            (422, "/whep/cam1?layer=ultra", SDP.encode(), TYPE),
            (422, "/whep/cam1?layer=", SDP.encode(), TYPE),
            (400, "/whep/cam1", b"", TYPE),
            (400, "/whep/cam1", b"not SDP at all", TYPE),
            (400, "/whep/cam1", b"\xff\xfe\x00", TYPE),
            (413, "/whep/cam1", b"v=0\r\n" + b"a" * 64_000, TYPE),
        ]
        for status, path, body, headers in cases:
            answer = await client.post(path, content=body, headers=headers)
            assert answer.status_code == status, (path, body[:20])
            assert set(answer.json()) == {"error"}
        assert relay.offers == []
        assert site.of_kind(AuditKind.LOOK_START) == []


async def test_a_relay_that_is_away_for_a_moment_is_told_when_it_is_back(tmp_path: Path) -> None:
    """After NATS has restarted the gateway may be back before the relay is, whose viewers go on meanwhile."""
    async with gateway_at_work(tmp_path) as site:
        client = await viewer(site)
        async with site.relay_for_a_while(StandIn()) as relay:
            await look(client)
        assert (await client.post("/api/sign-out")).status_code == 204
        assert relay.closed == []
        back = await site.relay(StandIn())
        await until(lambda: back.closed, what="the viewer is closed", timeout_s=3)
        assert back.closed[0].session == relay.offers[0].session


async def test_many_looks_at_once_are_each_recorded(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client, relay = await viewer(site), await site.relay(StandIn())
        answers = await asyncio.gather(*(look(client) for _ in range(20)))
        assert all(answer.status_code == 201 for answer in answers)
        await site.event(AuditKind.LOOK_START, 20)
        assert {event.session for event in site.of_kind(AuditKind.LOOK_START)} == {o.session for o in relay.offers}
