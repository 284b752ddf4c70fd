"""A bucket's messages, read and current, so that a request needs no store to answer it."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from pydantic import ValidationError

from proto.messages import Message
from services.runtime import logs
from services.runtime.kv import Entry

M = TypeVar("M", bound=Message)

MAX_UNCONFIRMED = 1_000
"""Own writes that the watch has not come to yet; the oldest is forgotten beyond."""

_log = logs.logger(__name__)


class Table(Generic[M]):
    """Messages by key, from a watch and from own writes, which count at once. What cannot be read is not there.

    The watch has the last word: an own write stands until the watch has come to it.
    """

    def __init__(self, model: type[M]) -> None:
        self._model = model
        self._rows: dict[str, tuple[M | None, int]] = {}
        self._own: dict[str, int] = {}

    def __contains__(self, key: str) -> bool:
        """Whether something is stored, that cannot be read too."""
        return key in self._rows

    def get(self, key: str) -> M | None:
        row = self._rows.get(key)
        return None if row is None else row[0]

    def items(self) -> Iterator[tuple[str, M]]:
        """Over a copy: the table may change meanwhile."""
        return iter([(key, message) for key, (message, _) in self._rows.items() if message is not None])

    def revision(self, key: str) -> int:
        """Revision of the key's last write; 0 for none."""
        row = self._rows.get(key)
        return 0 if row is None else row[1]

    def take(self, entry: Entry) -> None:
        """A change that the watch tells of. One that is older than an own write plays no part."""
        if entry.revision < self._own.get(entry.key, 0):
            return
        self._own.pop(entry.key, None)
        self._apply(entry.key, entry.value, entry.revision)

    def took(self, key: str, value: bytes | None, revision: int) -> None:
        """An own write, acknowledged by the store; None for a delete."""
        if revision < self.revision(key):
            return
        self._own[key] = revision
        if len(self._own) > MAX_UNCONFIRMED:
            del self._own[next(iter(self._own))]
        self._apply(key, value, revision)

    def _apply(self, key: str, value: bytes | None, revision: int) -> None:
        if value is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = (self._read(key, value), revision)

    def _read(self, key: str, value: bytes) -> M | None:
        try:
            return self._model.from_wire(value)
        except ValidationError as exc:
            _log.warning("unreadable entry", model=self._model.__name__, key=key, errors=exc.error_count())
            return None
