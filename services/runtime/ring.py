"""The frame ring: decoded I420 frames from ingest to its mask service, through a file in memory and nowhere else.

One producer, one consumer. `head` counts the frames ever written, `tail` those the consumer is done with; a slot
belongs to the consumer from `head` until `tail` passes it, so that a frame being read is never overwritten. A full
ring refuses the new frame. The consumer reads only up to the `head` that a doorbell named: the doorbell's way
through two sockets orders the producer's writes before the consumer's reads on any processor. The space is taken
with posix_fallocate, since writing into a hole of a full tmpfs ends the process with SIGBUS.

File: one page of header, then slots of one header and the planes Y, U, V without padding.
"""

import contextlib
import fcntl
import mmap
import os
import struct
from collections.abc import Generator
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from proto.names import CameraId, Epoch
from services.runtime.errors import RingFault

SUFFIX: Final = ".ring"
DEFAULT_SLOTS: Final = 6
"""A quarter of a second at 25 fps: more would only hold frames that are too old to show."""

_MAGIC: Final = b"USRING\x00\x02"
_PAGE: Final = 4096
_FIXED = struct.Struct("<8sQIIII")  # magic, epoch, width, height, slots, stride
_COUNTER = struct.Struct("<Q")
_HEAD_AT: Final = 64
_TAIL_AT: Final = 128  # a cache line of its own: the two sides never write the same one
_READER_AT: Final = 192
_SLOT = struct.Struct("<QqQIIII")  # seq, pts_90k, captured_utc_us, flags, size, width, height
_SLOT_HEADER: Final = 64

Plane = NDArray[np.uint8]


class FrameFlag(IntFlag):
    """What ingest says of a frame."""

    NONE = 0
    DAMAGED = 1
    """Decoded from damaged input, or after a loss: no pixels are in the slot, and a slate must be shown."""
    STILL = 2
    """A keyframe decoded for the still alone; nobody watches."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One slot in the consumer's hands. The planes are views of the ring: writable, valid until `release`."""

    seq: int
    pts_90k: int
    captured_utc_us: int
    flags: FrameFlag
    width: int
    height: int
    i420: Plane
    """All three planes as one run of bytes, `i420_size` long."""

    def planes(self) -> tuple[Plane, Plane, Plane]:
        """Views of Y (height, width), U and V (each halved, rounded up)."""
        return split_i420(self.i420, self.width, self.height)


def i420_size(width: int, height: int) -> int:
    """Bytes of an I420 picture; odd sizes round the chroma planes up."""
    return width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)


def split_i420(i420: Plane, width: int, height: int) -> tuple[Plane, Plane, Plane]:
    luma, chroma_width, chroma_height = width * height, (width + 1) // 2, (height + 1) // 2
    chroma = chroma_width * chroma_height
    return (
        i420[:luma].reshape(height, width),
        i420[luma : luma + chroma].reshape(chroma_height, chroma_width),
        i420[luma + chroma : luma + 2 * chroma].reshape(chroma_height, chroma_width),
    )


def ring_name(camera: CameraId, epoch: Epoch, generation: int) -> str:
    """A new epoch or picture size is a new file, never a resized one: `generation` counts sizes."""
    return f"{camera}-{epoch}-{generation}{SUFFIX}"


def remove_stale(folder: Path) -> int:
    """Make the folder (mode 0700) and remove every ring in it: what ingest does at its start."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stale = list(folder.glob(f"*{SUFFIX}*"))
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


class _Mapped:
    """A mapped ring file; the counters are read and written as aligned 64-bit words."""

    def __init__(self, path: Path, memory: mmap.mmap) -> None:
        self.path = path
        self._memory = memory
        fixed: tuple[bytes, int, int, int, int, int] = _FIXED.unpack_from(memory, 0)
        magic, epoch, self.width, self.height, self.slots, self._stride = fixed
        if magic != _MAGIC:
            raise RingFault(f"{path.name} is not a ring of this version")
        if (
            self._stride != _stride(self.width, self.height)
            or not self.slots
            or len(memory) != _PAGE + self.slots * self._stride
        ):
            raise RingFault(f"{path.name} says a size that it has not")
        self.epoch = Epoch(epoch)
        self._words = np.frombuffer(memory, np.uint64, count=_PAGE // 8)
        self._bytes = np.frombuffer(memory, np.uint8)

    def _word(self, at: int) -> int:
        return int(self._words[at // 8])

    def _set_word(self, at: int, value: int) -> None:
        self._words[at // 8] = value

    @property
    def head(self) -> int:
        return self._word(_HEAD_AT)

    @property
    def tail(self) -> int:
        return self._word(_TAIL_AT)

    def _slot_at(self, count: int) -> int:
        return _PAGE + (count % self.slots) * self._stride

    def close(self) -> None:
        """Let go of the mapping. Views of slots still held keep the memory until they go too."""
        del self._words, self._bytes
        with contextlib.suppress(BufferError):
            self._memory.close()


class RingWriter(_Mapped):
    """The producer's side. One thread."""

    def __init__(self, path: Path, memory: mmap.mmap) -> None:
        super().__init__(path, memory)
        self.dropped = 0
        self._seq = 0

    @classmethod
    def create(
        cls, folder: Path, name: str, *, epoch: Epoch, width: int, height: int, slots: int = DEFAULT_SLOTS
    ) -> "RingWriter":
        """Make a ring file, mode 0600. Raises RingFault when the memory-backed folder has no room for it."""
        stride = _stride(width, height)
        size = _PAGE + slots * stride
        path = folder / name
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise RingFault(f"no ring {name}: {exc.strerror}") from exc
        try:
            os.posix_fallocate(fd, 0, size)
            memory = mmap.mmap(fd, size)
        except OSError as exc:
            path.unlink(missing_ok=True)
            raise RingFault(f"no room for {size} bytes of ring: {exc.strerror}") from exc
        finally:
            os.close(fd)
        _FIXED.pack_into(memory, 0, _MAGIC, epoch, width, height, slots, stride)
        return cls(path, memory)

    def planes(self) -> tuple[Plane, Plane, Plane] | None:
        """The next slot's planes to fill, or None: the ring is full, the frame is dropped and counted."""
        if self.head - self.tail >= self.slots:
            self.dropped += 1
            return None
        at = self._slot_at(self.head) + _SLOT_HEADER
        return split_i420(self._bytes[at : at + i420_size(self.width, self.height)], self.width, self.height)

    def commit(self, *, seq: int, pts_90k: int, captured_utc_us: int, flags: FrameFlag = FrameFlag.NONE) -> int:
        """Hand the slot that `planes` gave to the consumer. Returns the new head, for the doorbell."""
        count = self.head
        size = 0 if flags & FrameFlag.DAMAGED else i420_size(self.width, self.height)
        _SLOT.pack_into(
            self._memory, self._slot_at(count), seq, pts_90k, captured_utc_us, flags, size, self.width, self.height
        )
        self._set_word(_HEAD_AT, count + 1)
        return count + 1

    def remove(self) -> None:
        """Unlink and let go. A consumer that still reads keeps its mapping until it is done."""
        self.path.unlink(missing_ok=True)
        self.close()


class RingReader(_Mapped):
    """The consumer's side. One thread."""

    @classmethod
    def attach(cls, folder: Path, name: str, *, head: int) -> "RingReader":
        """Map a ring that a doorbell named. A consumer that comes back after another skips to the head.

        Raises RingFault when the file has gone or is no ring.
        """
        path = folder / name
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as exc:
            raise RingFault(f"no ring {name}: {exc.strerror}") from exc
        try:
            # Of two consumers one would release slots that the other still reads. The mapping holds on to the lock.
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            size = os.fstat(fd).st_size
            if size < _PAGE:
                raise RingFault(f"{name} is shorter than a ring's header")
            memory = mmap.mmap(fd, size)
        except BlockingIOError:
            raise RingFault(f"{name} is being read by somebody else") from None
        except OSError as exc:
            raise RingFault(f"no ring {name}: {exc.strerror}") from exc
        finally:
            os.close(fd)
        ring = cls(path, memory)
        # Before the first doorbell there is no reader; whoever finds one there has died in between.
        if ring._word(_READER_AT) and head > ring.tail:
            ring._set_word(_TAIL_AT, head - 1)
        ring._set_word(_READER_AT, os.getpid())
        return ring

    def frames(self, head: int) -> Generator[Frame, None, None]:
        """Frames up to `head`, oldest first; each is released when the next one is asked for.

        Leaving the loop early releases the frame in hand as well.
        """
        while (count := self.tail) < min(head, self.head):
            try:
                yield self._frame(count)
            finally:
                self._set_word(_TAIL_AT, count + 1)

    def skip_to(self, head: int) -> int:
        """Release all but the newest frame before `head`; returns how many were skipped."""
        skipped = max(0, min(head, self.head) - 1 - self.tail)
        self._set_word(_TAIL_AT, self.tail + skipped)
        return skipped

    def _frame(self, count: int) -> Frame:
        at = self._slot_at(count)
        seq, pts_90k, captured_utc_us, flags, size, width, height = _SLOT.unpack_from(self._memory, at)
        if (width, height) != (self.width, self.height) or size not in (0, i420_size(width, height)):
            raise RingFault(f"slot {count} of {self.path.name} is not a frame of this ring")
        pixels = self._bytes[at + _SLOT_HEADER : at + _SLOT_HEADER + size]
        return Frame(seq, pts_90k, captured_utc_us, FrameFlag(flags), width, height, pixels)


def _stride(width: int, height: int) -> int:
    size = _SLOT_HEADER + i420_size(width, height)
    return -(-size // _SLOT_HEADER) * _SLOT_HEADER
