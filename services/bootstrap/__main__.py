"""Commands: make a site's keys, serve it on an embedded server, apply it to running ones, print a configuration."""

import argparse
import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from proto.names import InvalidName, site_id
from services.bootstrap import server, service, streams
from services.bootstrap.embedded import LOOPBACK, free_port
from services.bootstrap.errors import BootstrapFault, WrongPlan
from services.bootstrap.identity import Identity, open_identity
from services.bootstrap.permissions import User
from services.bootstrap.server import Cluster, ServerPlan, Tls
from services.bootstrap.supervisor import EmbeddedSite
from services.runtime import logs
from services.runtime.errors import RuntimeFault


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0, or 1 with one line on standard error that says what is wrong."""
    options = _parser().parse_args(arguments)
    logs.configure("bootstrap", "local", options.log_level)
    try:
        identity = open_identity(options.dir, options.site, now_s=int(time.time()))
        match options.command:
            case "keys":
                _print_keys(identity)
            case "config":
                sys.stdout.write(server.config(identity, _production(options)))
            case "apply":
                _print_report(asyncio.run(service.apply(identity, options.url, _streams(options, identity))))
            case "serve":
                asyncio.run(_serve(identity, options))
    except (BootstrapFault, RuntimeFault, OSError) as exc:
        print(f"bootstrap: {exc}", file=sys.stderr)
        return 1
    return 0


def _print_keys(identity: Identity) -> None:
    print(f"site {identity.site}")
    for account, token in identity.accounts.items():
        print(f"account {account} {token.subject}")
    for user in User:
        print(f"creds {identity.creds(user)}")


def _print_report(report: service.Report) -> None:
    for what, names in (("pushed", report.pushed), ("created", report.created), ("updated", report.updated)):
        print(what, *(names or ("nothing",)))


async def _serve(identity: Identity, options: argparse.Namespace) -> None:
    wanted = _streams(options, identity)
    state = options.dir / "server"
    plan = ServerPlan(
        name=f"{identity.site}-embedded",
        host=LOOPBACK,
        port=options.port or free_port(),
        state=state,
        max_memory_bytes=streams.reserved_bytes(wanted, "memory"),
        max_file_bytes=streams.reserved_bytes(wanted, "file"),
        monitor_port=options.monitor_port,
        log=state / "nats.log",
    )
    site = EmbeddedSite(identity, plan, wanted)
    with _signalled() as stopping:
        await site.run(
            stopping, lambda: print(f"ready {site.url} creds={identity.creds(User.BOOTSTRAP).parent}", flush=True)
        )


@contextlib.contextmanager
def _signalled() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set."""
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        yield stopping
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _streams(options: argparse.Namespace, identity: Identity) -> tuple[streams.Config, ...]:
    return streams.wanted(identity.site, replicas=options.replicas, audit_max_bytes=options.audit_max_mib * streams.MIB)


def _production(options: argparse.Namespace) -> ServerPlan:
    files = [file for file in (options.tls_cert, options.tls_key, options.tls_ca) if file is not None]
    if len(files) not in (0, 3):
        raise WrongPlan("--tls-cert, --tls-key and --tls-ca belong together")
    tls = Tls(*files) if files else None
    if (options.cluster is None) != (not options.route) or (options.cluster is not None and tls is None):
        raise WrongPlan("a cluster needs --cluster, --route and --tls-…: a route without TLS is open to everybody")
    return ServerPlan(
        name=options.name,
        host=options.host,
        port=options.port,
        state=options.state,
        max_memory_bytes=options.max_memory_mib * streams.MIB,
        max_file_bytes=options.max_file_mib * streams.MIB,
        monitor_port=options.monitor_port,
        tls=tls,
        cluster=Cluster(options.cluster, options.route, tls) if options.cluster and tls is not None else None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.bootstrap", description=__doc__)
    parser.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    commands = parser.add_subparsers(dest="command", required=True)
    keys = _command(commands, "keys", "make or complete the keys and creds files of a site; prints nothing secret")
    serve = _command(commands, "serve", "run an embedded server until SIGTERM or SIGINT; makes keys on the first start")
    apply = _command(commands, "apply", "push accounts and streams to running servers; changes nothing twice")
    config = _command(commands, "config", "print the configuration of a production server; it holds no secret")
    for command in (keys, serve, config):
        command.add_argument("--site", required=True, type=_site, help="the authority's slug, such as islington")
    apply.add_argument("--site", type=_site, help="refuse to act if the folder is another site's")
    for command in (serve, apply):
        command.add_argument("--replicas", type=int, default=1, choices=(1, 3), help="3 in a cluster of three")
        command.add_argument("--audit-max-mib", type=int, default=streams.AUDIT_MAX_BYTES // streams.MIB)
    serve.add_argument("--port", type=int, default=0, help="0 takes a free one")
    apply.add_argument("--url", required=True, help="nats://host:port, several with commas between them")
    for command in (serve, config):
        command.add_argument("--monitor-port", type=int, help="serve plain HTTP monitoring on 127.0.0.1")
    _production_options(config)
    return parser


def _production_options(config: argparse.ArgumentParser) -> None:
    config.add_argument("--name", default="$SERVER_NAME", help="or $VARIABLE of the server's environment")
    config.add_argument("--host", default="0.0.0.0")  # noqa: S104  # a production server is there to be reached
    config.add_argument("--port", type=int, default=4222)
    config.add_argument("--state", type=Path, default=Path("/data"), help="folder of accounts and streams")
    config.add_argument("--max-memory-mib", type=int, default=512)
    config.add_argument("--max-file-mib", type=int, default=16 * 1024)
    config.add_argument("--cluster", help="host:port that routes of the other servers come in at; needs --tls-…")
    config.add_argument("--route", action="append", default=[], help="tls://host:port of another server, repeated")
    for part in ("cert", "key", "ca"):
        config.add_argument(f"--tls-{part}", type=Path, help="PEM file")


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, what: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=what, description=what)
    command.add_argument("--dir", required=True, type=Path, help="folder of the site's identity")
    return command


def _site(text: str) -> str:
    try:
        return site_id(text)
    except InvalidName as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


if __name__ == "__main__":
    sys.exit(main())
