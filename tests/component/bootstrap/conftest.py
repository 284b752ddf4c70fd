"""One server for all tests of a module that leave it as it was."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.nats import NatsSite, RunningSite


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningSite]:
    async with NatsSite.start(tmp_path_factory.mktemp("site")) as running:
        yield running
