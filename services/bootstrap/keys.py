"""Nkeys: made, stored and loaded; the one module that imports nkeys.

A seed file holds one line, is readable by its owner alone, and is written whole or not at all.
"""

import contextlib
import os
import secrets
import tempfile
from enum import Enum
from pathlib import Path
from typing import cast

import nkeys

from services.bootstrap.errors import BadKey

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
OTHERS = 0o007
"""Mode bits that no secret may have. A group's are allowed, since a mounted Kubernetes secret has them."""


class KeyKind(Enum):
    """What a key stands for; the letter is the first of its public key and the second of its seed."""

    OPERATOR = "O"
    ACCOUNT = "A"
    USER = "U"


_PREFIX = {
    KeyKind.OPERATOR: nkeys.PREFIX_BYTE_OPERATOR,
    KeyKind.ACCOUNT: nkeys.PREFIX_BYTE_ACCOUNT,
    KeyKind.USER: nkeys.PREFIX_BYTE_USER,
}


class Key:
    """An Ed25519 key pair. Its representation shows the public half alone."""

    __slots__ = ("_pair", "_seed", "kind", "public")

    def __init__(self, seed: str) -> None:
        """Raises BadKey for anything but an operator's, account's or user's seed."""
        try:
            prefix, raw = nkeys.decode_seed(seed.encode())
            # nkeys does not check the seed's checksum; writing it again does.
            is_whole = nkeys.encode_seed(bytes(raw), prefix).decode() == seed
            self.kind = next(kind for kind, byte in _PREFIX.items() if byte == prefix)
        except (nkeys.NkeysError, ValueError, StopIteration):
            raise BadKey("not the seed of an operator, account or user") from None
        if not is_whole:
            raise BadKey("a damaged seed")
        self._seed = seed
        self._pair = nkeys.from_seed(seed.encode())
        self.public = cast(str, self._pair.public_key.decode().rstrip("="))

    @classmethod
    def make(cls, kind: KeyKind) -> "Key":
        return cls(nkeys.encode_seed(secrets.token_bytes(32), _PREFIX[kind]).decode())

    @property
    def seed(self) -> str:
        return self._seed

    def sign(self, data: bytes) -> bytes:
        return cast(bytes, self._pair.sign(data))

    def __repr__(self) -> str:
        return f"Key({self.public})"


def load_key(path: Path, kind: KeyKind) -> Key:
    """Raises FileNotFoundError, or BadKey naming the file."""
    seed = read_private(path).strip()
    try:
        key = Key(seed)
    except BadKey as exc:
        raise BadKey(f"{path}: {exc}; restore it from your copy") from None
    if key.kind is not kind:
        raise BadKey(f"{path}: the key of an {key.kind.name.lower()}, not of an {kind.name.lower()}")
    return key


def load_key_if_there(path: Path, kind: KeyKind) -> Key | None:
    try:
        return load_key(path, kind)
    except FileNotFoundError:
        return None


def load_or_make_key(path: Path, kind: KeyKind) -> Key:
    """Load the key, or make and store it where there is none."""
    if (key := load_key_if_there(path, kind)) is not None:
        return key
    key = Key.make(kind)
    write_private(path, key.seed + "\n")
    return key


def read_private(path: Path) -> str:
    """Raises BadKey if everybody may read the file, FileNotFoundError if there is none."""
    with path.open(encoding="ascii", errors="replace") as file:
        if os.fstat(file.fileno()).st_mode & OTHERS:
            raise BadKey(f"{path} is open to everybody: chmod 600 it, and change the keys if others use this machine")
        return file.read()


def make_private_folder(path: Path) -> None:
    """Make the folder, and those above it, for their owner alone; one that is there keeps its mode."""
    if not path.is_dir():
        make_private_folder(path.parent)
        path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write the file whole or not at all, for its owner alone, and on the disk when this returns."""
    make_private_folder(path.parent)
    # mkstemp makes the file with mode 0600.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
