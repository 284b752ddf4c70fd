"""A thread with one owner: stops on an event, tells the event loop when it has ended, joined off the loop."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable

from services.runtime import logs

Work = Callable[[threading.Event], None]
"""Returns soon after the event is set."""

_log = logs.logger(__name__)


class OwnedThread:
    """Runs `work(stop)` once; `ended` is done, on the loop, when it has returned or raised."""

    def __init__(self, name: str, work: Work) -> None:
        self.stop = threading.Event()
        self._work = work
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        # A daemon, so that a thread caught in libav cannot keep a process that has been told twice to end.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Once `ended` is done: the thread has said its last word, and this takes microseconds."""
        self._thread.join()

    def _run(self) -> None:
        error: Exception | None = None
        try:
            self._work(self.stop)
        except Exception as raised:  # noqa: BLE001  # raised again by `ended`, in the task that owns the thread
            error = raised
        self._loop.call_soon_threadsafe(self._finish, error)

    def _finish(self, error: Exception | None) -> None:
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)


@contextlib.asynccontextmanager
async def running(name: str, work: Work, *, stop_limit_s: float) -> AsyncIterator[None]:
    """Run `work` in a thread while the block runs; what it raises ends the block.

    Leaving the block stops the thread and waits until it has ended; a block that is cancelled waits `stop_limit_s`
    at the most, and leaves a thread that is caught in a library to end by itself.
    """
    thread = OwnedThread(name, work)
    thread.start()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_watch(thread), name=f"watch {name}")
            yield
            thread.stop.set()
    finally:
        thread.stop.set()
        done, _ = await asyncio.wait({thread.ended}, timeout=stop_limit_s)
        if not done:
            _log.warning("a thread has not ended in time", thread=name, limit_s=stop_limit_s)
        elif thread.ended.exception() is None:
            thread.join()


async def _watch(thread: OwnedThread) -> None:
    await asyncio.shield(thread.ended)
