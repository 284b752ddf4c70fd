"""Threads with one owner."""

import asyncio
import threading

import pytest

from services.ingest.thread import running
from tests.support.waiting import until


async def test_leaving_the_block_stops_the_thread() -> None:
    ended = threading.Event()

    def work(stop: threading.Event) -> None:
        stop.wait(10)
        ended.set()

    async with running("worker", work, stop_limit_s=5):
        assert not ended.is_set()
    assert ended.is_set()


async def test_what_the_thread_raises_ends_the_block() -> None:
    def work(_stop: threading.Event) -> None:
        raise RuntimeError("a defect")

    with pytest.raises(ExceptionGroup) as raised:
        async with running("worker", work, stop_limit_s=5):
            await asyncio.Event().wait()
    assert raised.group_contains(RuntimeError, match="a defect")


async def test_a_cancelled_block_waits_for_the_thread_to_end() -> None:
    ended = threading.Event()

    def work(stop: threading.Event) -> None:
        stop.wait(10)
        ended.set()

    async def owner() -> None:
        async with running("worker", work, stop_limit_s=5):
            await asyncio.Event().wait()

    task = asyncio.create_task(owner())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_a_thread_that_does_not_end_is_left_after_the_limit() -> None:
    release = threading.Event()

    def work(_stop: threading.Event) -> None:
        release.wait(10)

    async def owner() -> None:
        async with running("caught", work, stop_limit_s=0.05):
            await asyncio.Event().wait()

    task = asyncio.create_task(owner())
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await task
    release.set()
    await until(lambda: all(thread.name != "caught" for thread in threading.enumerate()))
