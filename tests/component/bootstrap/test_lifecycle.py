"""Servers and identities over restarts, crashes, upgrades and second starts."""

import asyncio
import json
import socket
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proto.names import SiteId
from services.bootstrap import identity as identity_module
from services.bootstrap import service, streams
from services.bootstrap.embedded import EmbeddedServer, free_port
from services.bootstrap.errors import ServerFailed, StreamRefused
from services.bootstrap.identity import open_identity
from services.bootstrap.permissions import Account, Permissions, User, permissions
from services.bootstrap.server import ServerPlan, config
from services.bootstrap.supervisor import EmbeddedSite
from services.runtime.bus import Bus, BusSettings
from services.runtime.errors import Unavailable
from services.runtime.metrics import Metrics
from tests.component.bootstrap.raw_client import WITHIN_S, is_let_in, raw_client
from tests.support.nats import NatsSite, RunningSite

SITE = SiteId("islington")


async def apply(site: RunningSite, **changes: Any) -> service.Report:
    return await service.apply(site.identity, site.url, streams.wanted(SITE, **changes))


async def test_apply_brings_everything_once_and_changes_nothing_after(tmp_path: Path) -> None:
    identity = open_identity(tmp_path, SITE, now_s=int(time.time()))
    plan, wanted = _plan(tmp_path / "server", free_port()), streams.wanted(SITE)
    server = EmbeddedServer(plan.state, config(identity, plan), plan.port)
    await server.start()
    try:
        url = f"nats://127.0.0.1:{plan.port}"
        first = await service.apply(identity, url, wanted)
        assert first == service.Report(("ingest", "site"), tuple(stream["name"] for stream in wanted), ())
        assert await service.apply(identity, url, wanted) == service.Report((), (), ())
    finally:
        await server.stop()


async def test_apply_without_a_server_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "CONNECT_WITHIN_S", 0.2)
    identity = open_identity(tmp_path, SITE, now_s=int(time.time()))
    with pytest.raises(Unavailable, match="system"):
        await service.apply(identity, f"nats://127.0.0.1:{free_port()}", streams.wanted(SITE))


async def test_changed_stream_is_updated_and_keeps_its_contents(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as site, raw_client(site, "gateway") as gateway:
        await gateway.ask("$KV.people.kept", b"kept")
        wanted = [
            {**config, "max_bytes": 20 * streams.MIB} if config["name"] == "KV_people" else config
            for config in streams.wanted(SITE)
        ]
        report = await service.apply(site.identity, site.url, wanted)
        assert report == service.Report((), (), ("KV_people",))
        assert await service.apply(site.identity, site.url, wanted) == service.Report((), (), ())
        (found,) = await gateway.direct_get("KV_people", {"last_by_subj": "$KV.people.kept"})
        assert found.data == b"kept"


async def test_stream_that_does_not_fit_the_server_is_refused_by_name(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as site:
        with pytest.raises(StreamRefused, match="AUDIT"):
            await apply(site, audit_max_bytes=streams.AUDIT_MAX_BYTES * 100)


async def test_what_was_acknowledged_is_there_after_a_crash(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as site, raw_client(site, "gateway") as gateway:
        await gateway.ask("$KV.masks.cam1.current", b"approved")
        event = await gateway.ask("audit.islington.cam1.look-start", b"{}")
        await site.kill()
        await site.start()
        async with raw_client(site, "gateway") as again:
            (found,) = await again.direct_get("KV_masks", {"last_by_subj": "$KV.masks.cam1.current"})
            later = await again.ask("audit.islington.cam1.look-stop", b"{}")
    assert (found.data, later["seq"]) == (b"approved", event["seq"] + 1)


async def test_stills_are_empty_and_writable_after_a_restart(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as site:
        for _ in range(2):
            async with raw_client(site, "mask") as mask:
                assert (await mask.ask("$KV.stills.cam1", b"jpeg"))["seq"] == 1
            await site.restart()


async def test_full_bucket_refuses_new_keys_and_takes_changes_of_old_ones(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as site, raw_client(site, "gateway") as gateway:
        wanted = [
            {**config, "max_bytes": 40_000} if config["name"] == "KV_people" else config
            for config in streams.wanted(SITE)
        ]
        await service.apply(site.identity, site.url, wanted)
        answers = [await gateway.ask(f"$KV.people.p{n}", b"x" * 12_000) for n in range(4)]
        assert [answer.get("error", {}).get("description") for answer in answers] == [None] * 3 + [
            "maximum bytes exceeded"
        ]
        assert "error" not in await gateway.ask("$KV.people.p0", b"y" * 12_000)


@pytest.mark.parametrize("call", ["STREAM.PURGE.AUDIT", "STREAM.MSG.DELETE.AUDIT", "STREAM.DELETE.AUDIT"])
async def test_not_even_the_bootstrap_user_can_remove_events(tmp_path: Path, call: str) -> None:
    async with NatsSite.start(tmp_path) as site, raw_client(site, "bootstrap") as bootstrap:
        assert await bootstrap.refused_publishes([f"$JS.API.{call}"]) == {f"$js.api.{call}".lower()}


async def test_record_cannot_be_made_deletable_again(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as site, raw_client(site, "bootstrap") as bootstrap:
        audit = streams.wanted(SITE)[-1]
        for setting in ("deny_delete", "deny_purge"):
            answer = await bootstrap.ask("$JS.API.STREAM.UPDATE.AUDIT", json.dumps({**audit, setting: False}).encode())
            assert "can not cancel" in answer["error"]["description"]


async def test_changed_permissions_hold_after_a_restart_and_older_tokens_are_void(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with NatsSite.start(tmp_path) as site:
        old_creds = site.creds("relay").read_text()
        assert await is_let_in(site, old_creds)
    _grant(monkeypatch, User.RELAY, publish=("demand.islington.>",))
    async with NatsSite.start(tmp_path) as site:
        async with raw_client(site, "relay") as relay:
            assert await relay.refused_publishes(["keyframe.islington.islington.cam1.main"])
        assert not await is_let_in(site, old_creds)
        assert await is_let_in(site, site.creds("mask").read_text())


async def test_changed_permissions_reach_a_running_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with NatsSite.start(tmp_path) as site, _bus(site, "relay") as relay, _bus(site, "mask") as mask:
        let_in_again, others_left = asyncio.Event(), asyncio.Event()
        relay.on_connect(let_in_again.set)
        mask.on_disconnect(others_left.set)
        _grant(monkeypatch, User.RELAY, publish=("demand.islington.>",))
        identity = open_identity(tmp_path / "nats", SITE, now_s=int(time.time()))
        report = await service.apply(identity, site.url, streams.wanted(SITE))
        assert report.pushed == (Account.SITE,)
        await asyncio.wait_for(let_in_again.wait(), WITHIN_S)
        assert relay.is_connected
        assert not others_left.is_set()


def _bus(site: RunningSite, user: str) -> AbstractAsyncContextManager[Bus]:
    return Bus.connect(BusSettings(site.url, site.creds(user), user), user=user, metrics=Metrics())


def _grant(monkeypatch: pytest.MonkeyPatch, user: User, **changes: Any) -> None:
    """Make this version's table differ for one user."""
    original = permissions

    def changed(asked: User, name: SiteId) -> Permissions:
        row = original(asked, name)
        return replace(row, **changes) if asked is user else row

    monkeypatch.setattr(identity_module, "permissions", changed)


async def test_account_goes_out_later_than_the_one_that_servers_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with NatsSite.start(tmp_path) as site:
        held = site.identity.accounts[Account.SITE].issued_at_s
        _grant(monkeypatch, User.RELAY, answer_within_s=3)
        (tmp_path / "nats" / "accounts" / "site.jwt").unlink()
        identity = open_identity(tmp_path / "nats", SITE, now_s=held - 1_000)
        await service.apply(identity, site.url, streams.wanted(SITE))
        again = open_identity(tmp_path / "nats", SITE, now_s=held - 1_000)
        assert again.accounts[Account.SITE].issued_at_s > held
        assert await service.apply(again, site.url, streams.wanted(SITE)) == service.Report((), (), ())


async def test_users_of_another_identity_are_not_let_in(tmp_path: Path) -> None:
    other = open_identity(tmp_path / "other", SITE, now_s=int(time.time()))
    async with NatsSite.start(tmp_path) as site:
        for identity, expected in ((site.identity, True), (other, False)):
            tries = (is_let_in(site, identity.creds(user).read_text()) for user in User)
            assert set(await asyncio.gather(*tries)) == {expected}


async def test_server_has_the_wanted_guards(tmp_path: Path) -> None:
    port = free_port()
    async with NatsSite.start(tmp_path, monitor_port=port):
        found = await asyncio.to_thread(_monitor, port, "varz")
    jetstream = found["jetstream"]["config"]
    assert (jetstream["sync_always"], jetstream["domain"]) == (True, "islington")
    assert (found["max_payload"], found["max_pending"], found["write_deadline"]) == (1 << 20, 8 << 20, 2_000_000_000)
    assert found["trusted_operators_claim"][0]["nats"]["strict_signing_key_usage"] is True


def _monitor(port: int, page: str) -> Any:
    with socket.create_connection(("127.0.0.1", port), WITHIN_S) as connection:
        connection.sendall(f"GET /{page} HTTP/1.0\r\n\r\n".encode())
        text = b"".join(iter(lambda: connection.recv(65_536), b""))
    return json.loads(text.partition(b"\r\n\r\n")[2])


def _plan(folder: Path, port: int) -> ServerPlan:
    return ServerPlan("test", "127.0.0.1", port, folder, 1 << 28, 1 << 31, log=folder / "nats.log")


async def test_second_server_on_a_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.bootstrap.embedded.STOP_WITHIN_S", 0.1)
    async with NatsSite.start(tmp_path) as site:
        port = free_port()
        state = tmp_path / "nats" / "server"
        second = EmbeddedServer(state, config(site.identity, _plan(state, port)), port)
        with pytest.raises(ServerFailed, match="another nats-server"):
            await second.start()


async def test_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    identity = open_identity(tmp_path / "identity", SITE, now_s=int(time.time()))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        server = EmbeddedServer(tmp_path, config(identity, _plan(tmp_path, port)), port)
        with pytest.raises(ServerFailed, match="address already in use"):
            await server.start()


async def test_server_that_ends_by_itself_is_started_again_and_given_up_in_the_end(tmp_path: Path) -> None:
    identity = open_identity(tmp_path, SITE, now_s=int(time.time()))
    plan = _plan(tmp_path / "server", free_port())
    site = EmbeddedSite(identity, plan, streams.wanted(SITE))
    ready, stopping = asyncio.Event(), asyncio.Event()
    run = asyncio.create_task(site.run(stopping, ready.set), name="site")
    await asyncio.wait_for(ready.wait(), WITHIN_S)
    async with asyncio.timeout(4 * WITHIN_S):
        while not run.done():
            _kill(site)
            await asyncio.wait({run}, timeout=0.1)
    with pytest.raises(ServerFailed, match="5 times"):
        run.result()


def _kill(site: EmbeddedSite) -> None:
    process = site._server._process
    if process is not None and process.returncode is None:
        process.kill()
