"""One live camera: sends each access unit at its moment to all who read, and remembers when that was."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from deploy.local.camera.faults import Mode
from deploy.local.camera.programme import Programme, Sending

REPORT_INTERVAL_S = 2.0
_REMEMBERED_S = 60.0
_LATE_S = 1.0
"""Behind by more than this (the process was stopped), the camera jumps to now instead of catching up."""
_BURST_PACKETS = 16
_BURST_GAP_S = 0.001
"""UDP goes out in bursts that a reader's default socket buffer holds, as from a camera's 100 Mbit/s port."""


class Reader(Protocol):
    """One playing session, as a camera sees it."""

    @property
    def is_paced(self) -> bool:
        """Whether its packets must be spread over time: UDP."""
        ...

    @property
    def has_report(self) -> bool: ...

    def packets(self, sending: Sending) -> list[bytes]:
        """Packets for this reader of what is sent now; empty while it waits for a keyframe."""
        ...

    def send(self, packets: list[bytes]) -> None: ...

    def send_noise(self, noise: bytes) -> None: ...

    def report(self, utc_s: float, timestamp: int) -> None:
        """Send a sender report: this UTC time is that timestamp's."""
        ...

    def is_silent(self) -> bool:
        """Whether its client has not been heard of for longer than the session's time-out."""
        ...

    def end(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SentFrame:
    """Frame number (the index in the loop) and the moment at which the device began to send it."""

    number: int
    utc_s: float


@dataclass(slots=True)
class Playback:
    """Paced by the monotonic clock without drift; all readers see the same live position."""

    name: str
    programme: Programme
    readers: set[Reader] = field(default_factory=set)
    sent: deque[SentFrame] = field(init=False)
    tick: int = 0
    skipped_ticks: int = 0
    dropped_readers: int = 0
    _started_s: float = 0.0
    _report_due_s: float = 0.0

    def __post_init__(self) -> None:
        self.sent = deque(maxlen=round(_REMEMBERED_S * self.fps))

    @property
    def fps(self) -> int:
        return self.programme.clip.spec.fps

    @property
    def next_timestamp(self) -> int:
        return self.programme.timestamp(self.tick)

    def sent_utc(self, number: int) -> float | None:
        """When frame `number` was last begun to be sent; None if that was never, or more than a minute ago."""
        return next((frame.utc_s for frame in reversed(self.sent) if frame.number == number), None)

    async def run(self) -> None:
        """Play until cancelled."""
        loop = asyncio.get_running_loop()
        self._started_s = loop.time() - self.tick / self.fps
        while True:
            await asyncio.sleep(max(0.0, self._due_s() - loop.time()))
            self._jump_if_late(loop.time())
            tick, self.tick = self.tick, self.tick + 1
            await self._play(tick, loop.time())
            if tick % self.fps == 0:
                self._end_silent()

    def _due_s(self) -> float:
        return self._started_s + self.tick / self.fps

    def _jump_if_late(self, now_s: float) -> None:
        if now_s - self._due_s() > _LATE_S:
            now_tick = math.floor((now_s - self._started_s) * self.fps)
            self.skipped_ticks += now_tick - self.tick
            self.tick = now_tick

    async def _play(self, tick: int, now_s: float) -> None:
        sending = self.programme.take(tick)
        if sending is None:
            if self.programme.faults.mode is Mode.GARBAGE:
                for reader in tuple(self.readers):
                    reader.send_noise(self.programme.faults.noise(1_000))
            return
        utc_s = time.time()
        self.sent.append(SentFrame(sending.number, utc_s))
        parcels = [(reader, reader.packets(sending)) for reader in tuple(self.readers)]
        for reader, packets in parcels:
            if packets and not reader.is_paced:
                reader.send(packets)
        await self._send_paced([parcel for parcel in parcels if parcel[0].is_paced])
        self._report([reader for reader, packets in parcels if packets], utc_s, sending.timestamp, now_s)

    async def _send_paced(self, parcels: list[tuple[Reader, list[bytes]]]) -> None:
        """Spread what is large, over half the time until the next picture at most."""
        longest = max((len(packets) for _, packets in parcels), default=0)
        burst = max(_BURST_PACKETS, math.ceil(longest * 2 * self.fps * _BURST_GAP_S))
        for start in range(0, longest, burst):
            if start:
                await asyncio.sleep(_BURST_GAP_S)
            for reader, packets in parcels:
                if reader in self.readers and packets[start : start + burst]:
                    reader.send(packets[start : start + burst])

    def _report(self, readers: Iterable[Reader], utc_s: float, timestamp: int, now_s: float) -> None:
        """Each reader gets a report with its first picture, and all of them one every few seconds."""
        is_due = now_s >= self._report_due_s
        if is_due:
            self._report_due_s = now_s + REPORT_INTERVAL_S
        for reader in readers:
            if is_due or not reader.has_report:
                reader.report(utc_s, timestamp)

    def _end_silent(self) -> None:
        for reader in tuple(self.readers):
            if reader.is_silent():
                reader.end()
