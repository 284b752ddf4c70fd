"""Cancelling a task that waits for an answer, at the very moment of the answer."""

import asyncio

import pytest

from services.runtime.bus import _cancellable


async def test_a_cancellation_at_the_moment_of_the_answer_is_not_lost() -> None:
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(_cancellable(asyncio.wait_for(answer, 5)))
    await asyncio.sleep(0)
    answer.set_result(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_answer_without_a_cancellation_is_given() -> None:
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    answer.set_result(1)
    assert await _cancellable(asyncio.wait_for(answer, 5)) == 1


async def test_a_task_that_cleans_up_after_its_cancellation_still_gets_answers() -> None:
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def work() -> int:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            return await _cancellable(asyncio.wait_for(answer, 5))
        return 0

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    answer.set_result(7)
    assert await task == 7
