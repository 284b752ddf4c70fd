"""Mask sets as they are stored: the pointers watched, the revisions they name read, orders to withhold obeyed."""

import asyncio
import contextlib
from typing import Final

from proto import subjects
from proto.messages import WithheldReason, Withhold, mask_revision_key
from proto.names import CameraId, InvalidName, camera_id
from proto.subjects import Bucket
from services.mask.errors import UnreadableMaskSet
from services.mask.masks.maskset import read_mask_set
from services.mask.masks.register import MaskRegister
from services.runtime import logs
from services.runtime.bus import Bus, Message
from services.runtime.errors import RuntimeFault
from services.runtime.kv import Entry, Keys, Watch

POINTERS: Final = "*.current"
RETRY_S: Final = 0.5
MAX_SILENT: Final = 3
"""Unanswered reads, of seconds each, after which the store is taken to be out of reach."""

_POINTER_SUFFIX: Final = ".current"

_log = logs.logger(__name__)


class MaskStore:
    """Feeds the register. `run` is its one task; the other methods are called on the same loop."""

    def __init__(self, bus: Bus, register: MaskRegister) -> None:
        self._keys = Keys(bus, Bucket.MASKS)
        self._register = register
        self._watch: Watch | None = None
        self._wake = asyncio.Event()
        self._connection = 0
        self._is_caught_up = False

    @property
    def is_current(self) -> bool:
        """All pointers have been read on this connection, and what they name has been tried once."""
        return self._is_caught_up and self._watch is not None and self._watch.is_synced

    def on_disconnect(self) -> None:
        self._connection += 1
        self._is_caught_up = False

    def on_connect(self) -> None:
        self.on_disconnect()
        self._wake.set()

    def on_pointer(self, entry: Entry) -> None:
        """A pointer was written or deleted."""
        self._wake.set()
        try:
            camera = camera_id(entry.key.removesuffix(_POINTER_SUFFIX))
            self._register.point(camera, entry.value)
        except InvalidName as exc:
            _log.error("a key that names no camera", error=str(exc))
        except UnreadableMaskSet as exc:
            _log.error("mask set withheld", camera=entry.key.removesuffix(_POINTER_SUFFIX), error=str(exc))

    def on_withhold(self, message: Message) -> None:
        """An order to withhold at once. One that cannot be read is obeyed all the same."""
        try:
            camera = subjects.parse_camera(message.subject)
        except InvalidName:
            return
        try:
            order = Withhold.from_wire(message.payload)
        except ValueError:
            order = Withhold(reason=WithheldReason.KILL_SWITCH)
        _log.warning("withheld by order", camera=camera, reason=order.reason)
        self._register.withhold(camera, order)

    async def run(self, watch: Watch) -> None:
        """Read what the register wants, for ever. The store out of reach: what is in force stays so."""
        self._watch = watch
        while True:
            await watch.synced()
            connection = self._connection
            has_answered = await self._read_wanted()
            if has_answered and connection == self._connection:
                self._is_caught_up = True
            is_all = not any(self._register.wanted())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if is_all and self._is_caught_up else RETRY_S):
                    await self._wake.wait()
            self._wake.clear()

    async def _read_wanted(self) -> bool:
        """Whether the store answered for each. One that it does not answer for holds up no other."""
        silent = 0
        for camera, revision in self._register.wanted():
            try:
                entry = await self._keys.get(mask_revision_key(camera, revision))
            except RuntimeFault as exc:
                _log.warning("mask set not read: will try again", camera=camera, error=str(exc))
                silent += 1
                if silent >= MAX_SILENT:
                    break
                continue
            if entry is None or entry.value is None:
                self._register.miss(camera, revision)
            else:
                await self._read(camera, revision, entry.value)
        return not silent

    async def _read(self, camera: CameraId, revision: int, value: bytes) -> None:
        try:
            masks = await asyncio.to_thread(read_mask_set, value, camera, revision)
        except UnreadableMaskSet as exc:
            _log.error("mask set withheld", camera=camera, error=str(exc))
            self._register.refuse(camera, revision)
        else:
            _log.info("mask set in force", camera=camera, revision=revision, polygons=len(masks.polygons))
            self._register.load(masks)
