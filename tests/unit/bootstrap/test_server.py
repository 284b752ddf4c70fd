"""The text of nats.conf."""

from pathlib import Path

import pytest

from proto.names import SiteId
from services.bootstrap.errors import WrongPlan
from services.bootstrap.identity import Identity, open_identity
from services.bootstrap.permissions import Account
from services.bootstrap.server import Cluster, ServerPlan, Tls, config


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return open_identity(tmp_path_factory.mktemp("identity"), SiteId("islington"), now_s=1_800_000_000)


TLS = Tls(Path("/tls/tls.crt"), Path("/tls/tls.key"), Path("/tls/ca.crt"))


def plan(**changes: object) -> ServerPlan:
    settings = {
        "name": "nats-0",
        "host": "127.0.0.1",
        "port": 4222,
        "state": Path("/data"),
        "max_memory_bytes": 1 << 27,
        "max_file_bytes": 1 << 31,
        **changes,
    }
    return ServerPlan(**settings)  # type: ignore[arg-type]  # one fixture for settings of many types


def test_only_the_system_account_is_preloaded(identity: Identity) -> None:
    text = config(identity, plan())
    system, site = identity.accounts[Account.SYSTEM], identity.accounts[Account.SITE]
    assert f"resolver_preload: {{ {system.subject}: {system.text} }}" in text
    assert site.subject not in text


def test_every_write_is_synced(identity: Identity) -> None:
    assert "sync_interval: always" in config(identity, plan())


def test_guards_against_stalled_readers_are_there(identity: Identity) -> None:
    lines = config(identity, plan()).splitlines()
    assert {"max_payload: 1MB", "max_pending: 8MB", "no_fast_producer_stall: true", "write_deadline: 2s"} <= set(lines)


def test_configuration_holds_no_secret(identity: Identity) -> None:
    text = config(identity, plan())
    for seed in (identity.folder / "keys").rglob("*.nk"):
        assert seed.read_text().strip() not in text


def test_monitoring_is_off_unless_asked_and_on_loopback_alone(identity: Identity) -> None:
    assert "http" not in config(identity, plan())
    assert 'http: "127.0.0.1:8222"' in config(identity, plan(host="0.0.0.0", monitor_port=8222))


def test_cluster_is_mutual_tls(identity: Identity) -> None:
    cluster = Cluster("0.0.0.0:6222", ["tls://nats-1:6222"], TLS)
    text = config(identity, plan(tls=TLS, cluster=cluster))
    assert '  tls { cert_file: "/tls/tls.crt", key_file: "/tls/tls.key", ca_file: "/tls/ca.crt", verify: true, ' in text
    assert 'routes: ["tls://nats-1:6222"]' in text


def test_name_may_come_from_the_servers_environment(identity: Identity) -> None:
    assert "server_name: $SERVER_NAME\n" in config(identity, plan(name="$SERVER_NAME"))


@pytest.mark.parametrize("name", ['a"b', "a\nb", "a\\b", "", "\x00"])
def test_text_that_would_break_the_configuration_is_refused(identity: Identity, name: str) -> None:
    with pytest.raises(WrongPlan):
        config(identity, plan(name=name))


@pytest.mark.parametrize("name", ["$A B", "$", "$A}"])
def test_what_is_no_variable_is_quoted(identity: Identity, name: str) -> None:
    assert f'server_name: "{name}"\n' in config(identity, plan(name=name))
