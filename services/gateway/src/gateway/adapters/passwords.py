"""Passwords hashed with argon2id, by pwdlib."""

import asyncio

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

__all__ = ["Argon2Passwords"]


class Argon2Passwords:
    """Argon2id with 12 MiB, 3 passes and 1 lane, one of the equals in OWASP's Password Storage Cheat Sheet.

    A hash takes some 20 ms of CPU, and the process keeps the memory of the first ones. It runs in a thread, and no
    more than two at once, so that a burst of sign-ins slows sign-ins down and nothing else.
    """

    def __init__(self) -> None:
        self._argon2 = Argon2Hasher(time_cost=3, memory_cost=12_288, parallelism=1)
        self._hasher = PasswordHash((self._argon2,))
        self._turn = asyncio.Semaphore(2)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """A salted hash."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether they match; takes as long when there is no hash, so that nobody learns which users exist."""
        known = password_hash is not None
        if self._nobody is None:
            self._nobody = await self.hash("nobody's password")
        async with self._turn:
            try:
                matches = await asyncio.to_thread(self._hasher.verify, password, password_hash or self._nobody)
            except UnknownHashError:
                return False
        return matches and known

    def outdated(self, password_hash: str) -> bool:
        """Whether this hash was made with weaker parameters than those of today."""
        return self._argon2.check_needs_rehash(password_hash)
