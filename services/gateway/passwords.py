"""Password hashing with argon2, off the event loop, a few at a time; the one module that imports argon2."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from services.gateway.errors import OutOfReach

THREADS = 2
"""Each hash takes 64 MiB and some 60 ms on four lanes (RFC 9106 section 4, second choice)."""

MAX_WAITING = 32
"""Two seconds of work; further sign-ins are told to come again."""

T = TypeVar("T")


class Passwords:
    """Hashes and verifies. Made by `start`."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._hasher = argon2.PasswordHasher()
        self._nobody = ""
        self._waiting = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls) -> AsyncIterator["Passwords"]:
        """With its threads, which are joined at the end of the block."""
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        passwords = cls(pool)
        try:
            passwords._nobody = await passwords.hash(secrets.token_urlsafe())
            yield passwords
        finally:
            await asyncio.to_thread(pool.shutdown)

    async def hash(self, password: str) -> str:
        """Raises OutOfReach when too many wait."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is right. None, for nobody, takes as long and is never right.

        Raises OutOfReach when too many wait.
        """
        is_right = await self._run(lambda: self._verify(password_hash or self._nobody, password))
        return is_right and password_hash is not None

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise OutOfReach("Too many people are signing in at this moment.", retry_after_s=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1
