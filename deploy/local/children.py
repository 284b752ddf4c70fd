"""Child processes of the local run: started, watched, started again when they die, ended in order."""

import asyncio
import contextlib
import ctypes
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

STOP_LIMIT_S = 15.0
RESTART_PAUSE_S = (1.0, 15.0)
_PR_SET_PDEATHSIG = 1


class ChildFailed(Exception):
    """Raised when a process ends before it is ready; says where its log is."""


@dataclass(frozen=True, slots=True)
class Command:
    """One process: `python -m module arguments`. `ready` is the start of the line on standard output that says so."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: str = ""


class Child:
    """A running process and the task that keeps it so. Logs to one file, begun anew at each run."""

    def __init__(self, command: Command, folder: Path) -> None:
        self.command = command
        self.log = folder / f"{command.name}.log"
        self.ready_line = ""
        self.starts = 0
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self, *, limit_s: float = 120.0) -> None:
        """Start and wait for the ready line. Raises ChildFailed when it ends first, or the limit passes."""
        self.log.touch(mode=0o600)
        self.log.write_bytes(b"")
        try:
            async with asyncio.timeout(limit_s):
                await self._spawn()
        except TimeoutError:
            await self.stop()
            raise ChildFailed(f"{self.command.name} was not ready within {limit_s:.0f} s: see {self.log}") from None
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.command.name}")

    async def _spawn(self) -> None:
        self.starts += 1
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", *self.command.arguments),
                env=dict(self.command.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us alone, who end the others in order
                preexec_fn=_die_with_parent,
            )
        await self._wait_ready()

    async def _wait_ready(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        if not self.command.ready:
            return
        while line := await self._process.stdout.readline():
            text = line.decode(errors="replace").rstrip()
            if text.startswith(self.command.ready):
                self.ready_line = text
                return
            print(f"  {self.command.name}: {text}", flush=True)
        await self._process.wait()
        raise ChildFailed(f"{self.command.name} ended before it was ready: see {self.log}")

    async def _keep(self) -> None:
        pause_s = RESTART_PAUSE_S[0]
        while True:
            assert self._process is not None
            await _discard(self._process.stdout)
            status = await self._process.wait()
            print(f"{self.command.name} ended with status {status}: starting it again (log: {self.log})", flush=True)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RESTART_PAUSE_S[1])
            with contextlib.suppress(ChildFailed):
                await self._spawn()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after STOP_LIMIT_S."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        # A full pipe would keep the child from ending.
        drain = asyncio.create_task(_discard(process.stdout), name=f"drain {self.command.name}")
        try:
            async with asyncio.timeout(STOP_LIMIT_S):
                await process.wait()
        except TimeoutError:
            print(f"{self.command.name} did not end: killed", flush=True)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        finally:
            drain.cancel()
            await asyncio.wait({drain})


async def _discard(stream: asyncio.StreamReader | None) -> None:
    while stream is not None and await stream.read(65536):
        pass


def _die_with_parent() -> None:
    """Ask Linux to send SIGTERM should the parent be killed, so that nothing is ever left running."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
