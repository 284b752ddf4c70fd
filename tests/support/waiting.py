"""Waiting for events under a time-out, never for seconds."""

import asyncio
from collections.abc import Callable

WAIT_S = 15.0
POLL_S = 0.01


async def until(condition: Callable[[], object], *, what: str = "", timeout_s: float = WAIT_S) -> None:
    """Wait until `condition()` is true; fails with `what` after `timeout_s`. For state that gives no event."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():  # the state belongs to another process or thread
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise AssertionError(f"did not happen within {timeout_s} s: {what or condition}") from None
