"""Signing in and out over HTTP: cookies, tokens, throttling, expiry, and whose page a request comes from."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from proto.subjects import AuditKind, Bucket
from services.gateway.accounts import person_key
from services.gateway.policy import Role
from services.gateway.throttle import Pace
from services.runtime.clock import VirtualClock
from tests.component.gateway.site import PASSWORD, SDP, StandIn, gateway_at_work
from tests.support.waiting import until


async def sign_in(client: httpx.AsyncClient, name: str, password: str) -> httpx.Response:
    return await client.post("/api/sign-in", json={"name": name, "password": password})


async def test_a_session_lives_in_a_cookie_that_scripts_and_other_sites_cannot_use(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path, cookie_secure=True) as site:
        await site.add("Ann", Role.OPERATOR)
        client = await site.client()
        answer = await sign_in(client, "ann", PASSWORD)
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"].lower()
        assert all(part in cookie for part in ("httponly", "samesite=strict", "secure", "path=/", "max-age=43200"))
        assert answer.headers["strict-transport-security"]
        token = re.match(r"us_session=([^;]+)", answer.headers["set-cookie"])
        assert token is not None
        assert token[1] not in str(await site.all(Bucket.SESSIONS)), "only its hash is stored"
        event = await site.event(AuditKind.SIGN_IN)
        assert event.address == "127.0.0.1"
        assert "ann" not in event.to_wire().decode().lower(), "the record holds an id, not a name"


async def test_signing_out_ends_the_session_and_its_viewers(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        await site.camera(client)
        relay = await site.relay(StandIn())
        opened = await client.post("/whep/cam1", content=SDP, headers={"Content-Type": "application/sdp"})
        assert opened.status_code == 201
        stolen = client.cookies["us_session"]
        assert (await client.post("/api/sign-out")).status_code == 204
        assert [close.session for close in relay.closed] == [relay.offers[0].session]
        assert (await client.get("/api/me")).status_code == 401
        thief = await site.client()
        assert (await thief.get("/api/me", headers={"Cookie": f"us_session={stolen}"})).status_code == 401
        assert await site.all(Bucket.SESSIONS) == []
        await site.event(AuditKind.SIGN_OUT)


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike_and_recorded(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        ann = await site.add("Ann", Role.OPERATOR)
        client = await site.client()
        wrong, unknown = await sign_in(client, "Ann", "not this one"), await sign_in(client, "Bob", "not this one")
        assert wrong.status_code == unknown.status_code == 401
        assert wrong.json() == unknown.json()
        first, second = await site.event(AuditKind.SIGN_IN_REFUSED, 1), await site.event(AuditKind.SIGN_IN_REFUSED, 2)
        assert (first.actor, second.actor) == (ann.id, "unknown")
        assert "Bob" not in second.to_wire().decode(), "people type their passwords where the name goes"


async def test_guessing_is_throttled_for_known_and_unknown_names_and_heals(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with gateway_at_work(tmp_path, clock=clock) as site:
        await site.add("Ann", Role.OPERATOR)
        client = await site.client()
        for name in ("Ann", "nobody"):
            tries = [await sign_in(client, name, "not this one") for _ in range(6)]
            assert [answer.status_code for answer in tries] == [401] * 5 + [429]
            assert int(tries[-1].headers["retry-after"]) == 15
            assert tries[-1].json()["error"]["kind"] == "throttled"
        assert (await sign_in(client, "Ann", PASSWORD)).status_code == 429, "the right one does not help either"
        clock.advance(15)
        assert (await sign_in(client, "Ann", PASSWORD)).status_code == 204
        assert (await sign_in(client, "Ann", PASSWORD)).status_code == 204, "being right begins the count anew"


async def test_one_address_cannot_keep_a_person_out_from_another(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path, clock=VirtualClock(), http_proxies="127.0.0.1") as site:
        await site.add("Ann", Role.OPERATOR)
        stranger, ann = await site.client(), await site.client()
        stranger.headers["X-Forwarded-For"], ann.headers["X-Forwarded-For"] = "203.0.113.9", "203.0.113.10"
        for _ in range(40):
            await sign_in(stranger, "Ann", "not this one")
        assert (await sign_in(stranger, "Ann", PASSWORD)).status_code == 429
        assert (await sign_in(ann, "Ann", PASSWORD)).status_code == 204


async def test_one_name_is_throttled_over_all_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.signin.BY_NAME", Pace(burst=6, refill_s=5))
    async with gateway_at_work(tmp_path, clock=VirtualClock(), http_proxies="127.0.0.1") as site:
        await site.add("Ann", Role.OPERATOR)
        client = await site.client()
        statuses = []
        for number in range(8):
            client.headers["X-Forwarded-For"] = f"203.0.113.{number}"
            statuses.append((await sign_in(client, "Ann", "not this one")).status_code)
        assert statuses == [401] * 6 + [429] * 2


async def test_who_is_refused_for_his_address_takes_nothing_from_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.signin.BY_ADDRESS", Pace(burst=2, refill_s=2))
    clock = VirtualClock()
    async with gateway_at_work(tmp_path, clock=clock) as site:
        await site.add("Ann", Role.OPERATOR)
        client = await site.client()
        for number in range(2):
            assert (await sign_in(client, f"name {number}", "not this one")).status_code == 401
        for _ in range(10):
            assert (await sign_in(client, "Ann", "not this one")).status_code == 429
        clock.advance(2)
        assert (await sign_in(client, "Ann", PASSWORD)).status_code == 204


async def test_one_address_cannot_try_many_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.signin.BY_ADDRESS", Pace(burst=6, refill_s=2))
    async with gateway_at_work(tmp_path, clock=VirtualClock()) as site:
        client = await site.client()
        answers = await asyncio.gather(*(sign_in(client, f"name {n}", "not this one") for n in range(8)))
        assert sorted(answer.status_code for answer in answers) == [401] * 6 + [429] * 2


async def test_sessions_end_when_idle_and_when_their_time_is_up(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with gateway_at_work(tmp_path, clock=clock) as site:
        client = await site.signed_in()
        for _ in range(12):
            assert (await client.get("/api/me")).status_code == 200, "in use, a session goes on"
            clock.advance(3_590)
        clock.advance(120)
        answer = await client.get("/api/me")
        assert answer.status_code == 401
        assert answer.json()["error"]["kind"] == "unauthenticated"
        idle = await site.signed_in(name="Idle")
        clock.advance(3_601)
        assert (await idle.get("/api/me")).status_code == 401


async def test_an_expired_session_is_swept_away_and_its_viewers_closed(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with gateway_at_work(tmp_path, clock=clock) as site:
        client = await site.signed_in()
        await site.camera(client)
        relay = await site.relay(StandIn())
        await client.post("/whep/cam1", content=SDP, headers={"Content-Type": "application/sdp"})
        clock.advance(3_601)
        await until(lambda: relay.closed, what="the viewer is closed", timeout_s=2)
        async with asyncio.timeout(3):
            while await site.all(Bucket.SESSIONS):
                await asyncio.sleep(0.02)


async def test_a_use_is_written_so_that_another_replica_knows_of_it(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with gateway_at_work(tmp_path, clock=clock) as site:
        client = await site.signed_in()
        (before,) = await site.all(Bucket.SESSIONS)
        clock.advance(600)
        await client.get("/api/me")
        async with asyncio.timeout(3):
            while (await site.all(Bucket.SESSIONS))[0]["used"] == before["used"]:
                await asyncio.sleep(0.02)


async def test_a_new_password_and_a_removed_account_end_all_sessions(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with gateway_at_work(tmp_path, clock=clock) as site:
        client = await site.signed_in(name="Ann")
        clock.advance(10)
        await site.add("Ann", Role.OPERATOR)
        assert (await client.get("/api/me")).status_code == 401
        assert (await sign_in(client, "Ann", PASSWORD)).status_code == 204
        await site.delete(Bucket.PEOPLE, person_key("Ann"))
        assert (await client.get("/api/me")).status_code == 401


async def test_another_sites_page_can_do_nothing_with_our_cookie(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in()
        cookie = {"Cookie": f"us_session={client.cookies['us_session']}"}
        body = {"name": "One", "address": "rtsp://192.0.2.1/"}
        stranger = httpx.AsyncClient(base_url=site.origin, trust_env=False)
        async with stranger:
            for origin in ("https://evil.example", "null", site.origin + "0", "http://[", ""):
                answer = await stranger.put("/api/cameras/cam1", json=body, headers=cookie | {"Origin": origin})
                assert answer.status_code == 403, origin
                assert answer.json()["error"]["kind"] == "denied"
            assert (await stranger.put("/api/cameras/cam1", json=body, headers=cookie)).status_code == 403
            assert (await stranger.post("/api/sign-out", headers=cookie)).status_code == 403
            post = await stranger.post("/api/sign-in", json={"name": "x", "password": "y"}, headers={"Origin": "null"})
            assert post.status_code == 403
            assert (await stranger.get("/api/cameras", headers=cookie)).json() == {"cameras": []}
            ours = await stranger.put("/api/cameras/cam1", json=body, headers=cookie | {"Origin": site.origin})
            assert ours.status_code == 201


async def test_a_public_origin_is_the_only_one(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path, public_origin="https://cctv.example") as site:
        await site.add("Ann", Role.OPERATOR)
        client = await site.client()
        assert (await sign_in(client, "Ann", PASSWORD)).status_code == 403
        client.headers["Origin"] = "https://cctv.example"
        assert (await sign_in(client, "Ann", PASSWORD)).status_code == 204


async def test_a_bearer_token_needs_no_cookie_and_ends_when_told(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site:
        client = await site.signed_in(Role.SUPERVISOR)
        made = await client.post("/api/tokens", json={"name": "wall", "expires_in_s": 3600})
        assert made.status_code == 201
        assert set(made.json()) == {"id", "name", "role", "token", "expires_at"}
        program = await site.client(token=made.json()["token"])
        assert (await program.get("/api/me")).json()["role"] == "supervisor"
        assert (await program.put("/api/cameras/a", json={"name": "A", "address": "rtsp://192.0.2.1/"})).is_success
        assert (await program.post("/api/tokens", json={"name": "more", "expires_in_s": 3600})).status_code == 403
        listed = (await client.get("/api/tokens")).json()["tokens"]
        assert [(token["id"], token["name"]) for token in listed] == [(made.json()["id"], "wall")]
        assert "token" not in listed[0], "a token is told once"
        as_cookie = await site.client()
        stolen = {"Cookie": f"us_session={made.json()['token']}"}
        assert (await as_cookie.get("/api/me", headers=stolen)).status_code == 401
        assert (await client.delete(f"/api/tokens/{made.json()['id']}")).status_code == 204
        assert (await program.get("/api/me")).status_code == 401
        assert len(site.of_kind(AuditKind.ADMINISTRATION)) == 2


async def test_a_token_expires_and_is_nobody_elses(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with gateway_at_work(tmp_path, clock=clock) as site:
        client, other = await site.signed_in(Role.OPERATOR), await site.signed_in(Role.WARDEN)
        administrator = await site.signed_in(Role.ADMINISTRATOR)
        for wrong in (0, 59, 1e12, -1):
            assert (await client.post("/api/tokens", json={"name": "x", "expires_in_s": wrong})).status_code == 422
        first, second = [
            (await client.post("/api/tokens", json={"name": "x", "expires_in_s": 3000})).json() for _ in range(2)
        ]
        assert (await other.get("/api/tokens")).json() == {"tokens": []}
        assert (await other.delete(f"/api/tokens/{first['id']}")).status_code == 404
        assert (await administrator.delete(f"/api/tokens/{first['id']}")).status_code == 204
        program = await site.client(token=second["token"])
        assert (await program.get("/api/me")).status_code == 200
        clock.advance(3001)
        assert (await program.get("/api/me")).status_code == 401


NONSENSE: list[dict[str, str | bytes]] = [
    {"Authorization": "Basic YTpi"},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer us_" + "x" * 5000},
    {"Authorization": b"Bearer \xff\xfe"},
    {"Cookie": "us_session="},
    {"Cookie": "us_session=" + "y" * 5000},
    {"Cookie": b"us_session=\xff"},
    {},
]


async def test_nonsense_for_a_session_is_nobodys(tmp_path: Path) -> None:
    async with gateway_at_work(tmp_path) as site, httpx.AsyncClient(base_url=site.origin, trust_env=False) as client:
        for header in NONSENSE:
            raw = [(name.encode(), text if isinstance(text, bytes) else text.encode()) for name, text in header.items()]
            answer = await client.get("/api/me", headers=raw)
            assert answer.status_code == 401, header
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.headers["content-security-policy"]


async def test_one_person_cannot_fill_the_store_with_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.access.MAX_SESSIONS_EACH", 3)
    async with gateway_at_work(tmp_path) as site:
        first = await site.signed_in(name="Ann")
        for _ in range(3):
            client = await site.client()
            assert (await sign_in(client, "Ann", PASSWORD)).status_code == 204
        assert len(await site.all(Bucket.SESSIONS)) == 3
        assert (await first.get("/api/me")).status_code == 401, "the oldest has ended"
        answers = [await client.post("/api/tokens", json={"name": "x", "expires_in_s": 60}) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [201, 201, 201, 409]


async def test_a_forwarded_address_is_believed_from_our_proxies_alone(tmp_path: Path) -> None:
    for number, (proxies, address) in enumerate((("", "127.0.0.1"), ("127.0.0.1", "203.0.113.9"))):
        async with gateway_at_work(tmp_path / str(number), http_proxies=proxies) as site:
            client = await site.client()
            client.headers["X-Forwarded-For"] = "203.0.113.9"
            assert (await sign_in(client, "Ann", "not this one")).status_code == 401
            assert (await site.event(AuditKind.SIGN_IN_REFUSED)).address == address
