"""The gateway as a process of its own."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator

from tests.support.nats import RunningSite

COMMAND = (sys.executable, "-m", "services.gateway")


def environment(nats: RunningSite, **settings: str) -> dict[str, str]:
    usual = {"US_SITE": "islington", "US_NATS_URL": nats.url, "US_NATS_CREDS": str(nats.creds("gateway"))}
    return {**os.environ, **usual, **settings}


@contextlib.asynccontextmanager
async def serving(nats: RunningSite, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    settings = {"US_HTTP_PORT": str(port), "US_COOKIE_SECURE": "false"}
    process = await asyncio.create_subprocess_exec(
        *COMMAND, env=environment(nats, **settings), stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
