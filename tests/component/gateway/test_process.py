"""The gateway as a process: its first person from the command line, its settings, its end."""

import asyncio
import signal
from pathlib import Path

import httpx

from services.bootstrap.embedded import free_port
from tests.component.gateway.processes import COMMAND, environment, serving
from tests.support.nats import NatsSite, RunningSite


async def run(nats: RunningSite, *arguments: str, stdin: str = "", **settings: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        env=environment(nats, **settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 30)
    return process.returncode or 0, out.decode(), err.decode()


async def sign_in(port: int, name: str, password: str) -> int:
    """Status of signing in, once the process serves."""
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(20):
        while True:
            try:
                body = {"name": name, "password": password}
                return (await client.post(f"http://127.0.0.1:{port}/api/sign-in", json=body)).status_code
            except httpx.ConnectError:
                await asyncio.sleep(0.05)


async def test_the_first_person_is_added_and_signs_in_and_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as nats:
        code, password, err = await run(nats, "add-person", "--name", "Ann", "--role", "administrator")
        assert code == 0, err
        port = free_port()
        async with serving(nats, port) as process:
            assert await sign_in(port, "ann", password.strip()) == 204
            process.send_signal(signal.SIGTERM)
            assert process.stderr is not None
            log = (await asyncio.wait_for(process.stderr.read(), 10)).decode()
            assert await process.wait() == 0, log
            assert password.strip() not in log
            assert "Traceback" not in log


async def test_a_password_can_be_given_and_changed_and_is_not_shown(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as nats:
        add = ("add-person", "--name", "Ann", "--role", "operator", "--password-stdin")
        assert await run(nats, *add, stdin="correct horse battery\n") == (0, "", "")
        assert await run(nats, *add, stdin="correct horse battery") == (0, "", ""), "saying it again changes nothing"
        code, _, err = await run(nats, *add, stdin="another password of hers")
        assert code == 1
        assert "--replace" in err
        assert (await run(nats, *add, "--replace", stdin="another password of hers"))[0] == 0
        port = free_port()
        async with serving(nats, port):
            assert await sign_in(port, "Ann", "another password of hers") == 204
            assert await sign_in(port, "Ann", "correct horse battery") == 401


async def test_what_cannot_be_added_is_said_in_a_sentence(tmp_path: Path) -> None:
    async with NatsSite.start(tmp_path) as nats:
        add = ("add-person", "--name", "Ann", "--role")
        for arguments, stdin, settings, says in (
            ((*add, "emperor"), "", {}, "role"),
            ((*add, "operator", "--password-stdin"), "short", {}, "12"),
            (("add-person", "--name", " ", "--role", "operator"), "", {}, "1 to 100"),
            ((*add, "operator"), "", {"US_SITE": "Not a slug"}, "US_SITE"),
        ):
            code, out, err = await run(nats, *arguments, stdin=stdin, **settings)
            assert code != 0
            assert out == ""
            assert says in err
            assert "Traceback" not in err
