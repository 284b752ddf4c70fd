"""The configuration of nats-server, embedded or in production, as text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from proto.names import SiteId
from services.bootstrap.errors import WrongPlan
from services.bootstrap.identity import Identity
from services.bootstrap.permissions import Account

MAX_PAYLOAD = "1MB"
"""nats-server's default, and so what a partner's server takes: see proto.limits.MAX_MESSAGE_BYTES."""

MAX_PENDING = "8MB"
"""Unsent bytes of one client, beyond which the server drops its connection.

A batched direct get is sent at once and by itself ends only when it has passed this figure, so that a reader of
many large values would be dropped for what it asked: name `max_bytes` in a batch, well below this.
"""

WRITE_DEADLINE = "2s"
"""How long a client may take nothing at all. With the server's defaults a stalled reader holds up publishers."""


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of a server's certificate and of the authority that signs its peers'."""

    cert: Path
    key: Path
    ca: Path


@dataclass(frozen=True, slots=True)
class Cluster:
    """Peers of one server. Whoever can open a route reads everything, so a cluster is mutual TLS or nothing."""

    listen: str
    routes: Sequence[str]
    tls: Tls


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """What differs between servers. `name` may be `$NAME`, which the server takes from its environment.

    `state` holds the account resolver's and JetStream's folders. `monitor_port` serves plain HTTP on loopback.
    """

    name: str
    host: str
    port: int
    state: Path
    max_memory_bytes: int
    max_file_bytes: int
    monitor_port: int | None = None
    log: Path | None = None
    tls: Tls | None = None
    cluster: Cluster | None = None


def config(identity: Identity, plan: ServerPlan) -> str:
    """The text of nats.conf. Holds no secret: the tokens in it are public. Raises WrongPlan."""
    lines = [
        f"server_name: {_name(plan.name)}",
        f"listen: {_quoted(f'{plan.host}:{plan.port}')}",
        f"max_payload: {MAX_PAYLOAD}",
        f"max_pending: {MAX_PENDING}",
        "no_fast_producer_stall: true",
        f"write_deadline: {WRITE_DEADLINE}",
        'ping_interval: "10s"',
        "ping_max: 2",
        *([f"http: {_quoted(f'127.0.0.1:{plan.monitor_port}')}"] if plan.monitor_port is not None else []),
        *(_log(plan.log) if plan.log is not None else []),
        *(_tls("tls", plan.tls) if plan.tls is not None else []),
        *_accounts(identity, plan.state),
        *_jetstream(identity.site, plan),
        *(_cluster(identity.site, plan.cluster) if plan.cluster is not None else []),
    ]
    return "\n".join(lines) + "\n"


def _accounts(identity: Identity, state: Path) -> list[str]:
    """Operator mode. The system account alone is preloaded: of another the preloaded copy would win over the one
    that was pushed in the same second, and bring revoked rights back at a restart."""
    system = identity.accounts[Account.SYSTEM]
    return [
        f"operator: {identity.operator.text}",
        f"system_account: {system.subject}",
        "resolver {",
        "  type: full",
        f"  dir: {_quoted(state / 'accounts')}",
        "  allow_delete: false",
        '  interval: "2m"',
        "}",
        f"resolver_preload: {{ {system.subject}: {system.text} }}",
    ]


def _jetstream(site: SiteId, plan: ServerPlan) -> list[str]:
    """Every write is on the disk before it is acknowledged: a look that was audited stays so without power."""
    return [
        "jetstream {",
        f"  store_dir: {_quoted(plan.state / 'jetstream')}",
        f"  domain: {_quoted(site)}",
        "  sync_interval: always",
        f"  max_memory_store: {plan.max_memory_bytes}",
        f"  max_file_store: {plan.max_file_bytes}",
        "}",
    ]


def _cluster(site: SiteId, cluster: Cluster) -> list[str]:
    return [
        "cluster {",
        f"  name: {_quoted(site)}",
        f"  listen: {_quoted(cluster.listen)}",
        "  no_advertise: true",
        *_tls("  tls", cluster.tls),
        f"  routes: [{', '.join(_quoted(route) for route in cluster.routes)}]",
        "}",
    ]


def _tls(name: str, tls: Tls) -> list[str]:
    files = f"cert_file: {_quoted(tls.cert)}, key_file: {_quoted(tls.key)}, ca_file: {_quoted(tls.ca)}"
    verify = ", verify: true" if name.strip() != name else ""
    return [f"{name} {{ {files}{verify}, timeout: 3 }}"]


def _log(log: Path) -> list[str]:
    return [f"log_file: {_quoted(log)}", "logfile_size_limit: 8MB", "logfile_max_num: 3"]


def _name(name: str) -> str:
    """A name in quotes, or a variable, which the server reads from its environment, without."""
    variable = name.removeprefix("$")
    if variable != name and variable.isidentifier() and variable.isascii():
        return name
    return _quoted(name)


def _quoted(value: str | Path) -> str:
    text = str(value)
    if not text or '"' in text or "\\" in text or not text.isprintable():
        raise WrongPlan(f"{text[:80]!r} cannot be written into a server configuration")
    return f'"{text}"'
