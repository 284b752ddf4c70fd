"""The commands as processes: what they print, leave behind, and say when something is wrong."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from services.bootstrap.embedded import find_server

WITHIN_S = 15.0
READY = re.compile(r"ready nats://127\.0\.0\.1:(\d+) creds=(.+)\n")


def bootstrap(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.bootstrap", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A running `serve` and its line; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.bootstrap", "serve", "--dir", folder, "--site", "islington"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(WITHIN_S):
            yield process, (await process.stdout.readline()).decode()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def servers_of(process: asyncio.subprocess.Process) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


async def gone(processes: list[psutil.Process]) -> None:
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, WITHIN_S)
    assert alive == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_serve_says_it_is_ready_and_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    async with serving(tmp_path / "nats") as (process, line):
        found = READY.fullmatch(line)
        assert found
        assert Path(found[2]) == tmp_path / "nats" / "creds"
        report = bootstrap("apply", "--dir", tmp_path / "nats", "--url", f"nats://127.0.0.1:{found[1]}")
        assert report.stdout == "pushed nothing\ncreated nothing\nupdated nothing\n"
        servers = servers_of(process)
        assert len(servers) == 1
        process.send_signal(number)
        assert await process.wait() == 0
        await gone(servers)


async def test_server_of_a_serve_that_was_killed_ends_too_and_the_folder_serves_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as (process, _):
        servers = servers_of(process)
        process.kill()
        await process.wait()
        async with serving(tmp_path) as (_, line):
            assert READY.fullmatch(line)
        await gone(servers)


async def test_ctrl_c_in_a_terminal_reaches_serve_alone(tmp_path: Path) -> None:
    async with serving(tmp_path) as (process, _):
        (server,) = servers_of(process)
        assert os.getsid(server.pid) != os.getsid(process.pid)


def test_keys_prints_nothing_secret_and_changes_nothing_the_second_time(tmp_path: Path) -> None:
    first, second = (bootstrap("keys", "--dir", tmp_path, "--site", "islington") for _ in range(2))
    assert (first.returncode, first.stderr, second.stdout) == (0, "", first.stdout)
    assert f"creds {tmp_path}/creds/gateway.creds" in first.stdout.splitlines()
    for path in tmp_path.rglob("*.nk"):
        assert path.read_text().strip() not in first.stdout


TLS = ("--tls-cert", "/tls/tls.crt", "--tls-key", "/tls/tls.key", "--tls-ca", "/tls/ca.crt")


def test_printed_configuration_is_one_that_the_server_takes(tmp_path: Path) -> None:
    printed = bootstrap("config", "--dir", tmp_path / "id", "--site", "islington", "--state", tmp_path / "state")
    (tmp_path / "nats.conf").write_text(printed.stdout)
    check = subprocess.run(
        [find_server(), "-t", "-c", tmp_path / "nats.conf"],
        env={"SERVER_NAME": "nats-0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (check.returncode, "is valid" in check.stdout + check.stderr) == (0, True)


def test_printed_cluster_configuration_asks_for_certificates_of_its_peers(tmp_path: Path) -> None:
    cluster = ("--cluster", "0.0.0.0:6222", "--route", "tls://nats-0:6222", "--route", "tls://nats-1:6222")
    printed = bootstrap("config", "--dir", tmp_path, "--site", "islington", *cluster, *TLS)
    assert "verify: true" in printed.stdout
    assert 'routes: ["tls://nats-0:6222", "tls://nats-1:6222"]' in printed.stdout


@pytest.mark.parametrize(
    "wrong",
    [
        ("--cluster", "0.0.0.0:6222", "--route", "nats://nats-0:6222"),
        ("--cluster", "0.0.0.0:6222", *TLS),
        ("--route", "tls://nats-0:6222", *TLS),
        ("--tls-cert", "/tls/tls.crt"),
        ("--name", 'a"b'),
    ],
)
def test_unsound_configuration_is_refused(tmp_path: Path, wrong: tuple[str, ...]) -> None:
    printed = bootstrap("config", "--dir", tmp_path, "--site", "islington", *wrong)
    assert (printed.returncode, printed.stdout) == (1, "")
    assert printed.stderr.startswith("bootstrap: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("keys", "--dir", "{}", "--site", "hackney"), "holds the identity of islington"),
        (("keys", "--dir", "{}", "--site", "Not A Slug"), "is not 1 to 63 characters"),
        (("serve", "--dir", "{}/site", "--site", "islington"), "File exists"),
        (("apply", "--dir", "{}/nothing", "--url", "nats://127.0.0.1:1"), "holds no identity"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    bootstrap("keys", "--dir", tmp_path, "--site", "islington")
    found = bootstrap(*(argument.format(tmp_path) for argument in arguments))
    assert found.returncode in (1, 2)
    assert said in found.stderr.splitlines()[-1]
    assert "Traceback" not in found.stderr
