"""Checking a password, with a wait for those who guess."""

import asyncio
import hashlib
import math
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID
from weakref import WeakValueDictionary

from chassis.database import Database
from chassis.telemetry import get_logger
from gateway.domain import lockout
from gateway.domain.lockout import Patience
from gateway.domain.refusals import TooManyAttempts
from gateway.ports import Passwords, RecordsOn, User
from gateway.usecases import witness

__all__ = ["CheckPassword"]

_log = get_logger(__name__)
_NO_TENANT = UUID(int=0)


class CheckPassword:
    """Whether this is the user's password; see ``domain/lockout.py`` for who has to wait and why."""

    def __init__(self, database: Database, records_on: RecordsOn, passwords: Passwords) -> None:
        self._database = database
        self._records_on = records_on
        self._passwords = passwords
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, email: str, password: str, *, address: str) -> User | None:
        """The user, if the password is right and they may sign in; raises TooManyAttempts.

        A right password whose hash is out of date is hashed anew. Attempts from one address come one after the other:
        those under way count as failures, and many right ones at once shall not look like guesses.
        """
        turn = self._turns.setdefault(address, asyncio.Lock())
        async with turn:
            return await self._check(email, password, address)

    async def _check(self, email: str, password: str, address: str) -> User | None:
        async with self._database.read(_NO_TENANT) as connection:
            user = await self._records_on(connection).people.user_by_email(email)
        if user is not None:
            witness.about(user.tenant_id, user.id)
        subjects = await self._subjects(email, address, user)
        await self._count(subjects)
        right = await self._passwords.verify(password, user.password_hash if user else None)
        if user is None or user.disabled or not right:
            return None
        await self._uncount(subjects)
        return await self._with_new_hash(user, password)

    async def _subjects(self, email: str, address: str, user: User | None) -> dict[str, Patience]:
        account = email.lower()
        subjects = {
            _subject("pair", account, address): lockout.PAIR,
            _subject("address", address): lockout.ADDRESS,
        }
        if not await self._known(user, address):
            subjects[_subject("account", account)] = lockout.ACCOUNT
        return subjects

    async def _known(self, user: User | None, address: str) -> bool:
        """Whether the user signed in from there before; takes as long when there is no user."""
        tenant_id, user_id = (user.tenant_id, user.id) if user else (_NO_TENANT, _NO_TENANT)
        async with self._database.read(tenant_id) as connection:
            return await self._records_on(connection).sessions.known_from(user_id, address)

    async def _count(self, subjects: dict[str, Patience]) -> None:
        """Count the attempt as failed before it is made. Raises TooManyAttempts, and then it does not count."""
        async with self._database.begin(_NO_TENANT) as work:
            attempts = self._records_on(work.connection).attempts
            known = await attempts.lock(list(subjects))
            now = datetime.now(UTC)
            wait_s = lockout.longest_wait_s(known, now)
            if wait_s > 0:
                _log.warning("a sign-in has to wait", wait_s=round(wait_s, 1))
                detail = "too many wrong passwords: wait before you try again"
                raise TooManyAttempts(detail, retry_after_s=math.ceil(wait_s))
            await attempts.save({name: lockout.counted(known[name], subjects[name], now) for name in subjects})

    async def _uncount(self, subjects: dict[str, Patience]) -> None:
        """The attempt was no failure. Whoever knows the password may mistype it again from here."""
        pair = [name for name, patience in subjects.items() if patience is lockout.PAIR]
        async with self._database.begin(_NO_TENANT) as work:
            attempts = self._records_on(work.connection).attempts
            known = await attempts.lock(list(subjects))
            await attempts.save({name: lockout.uncounted(known[name]) for name in subjects if name not in pair})
            await attempts.forget(pair)

    async def _with_new_hash(self, user: User, password: str) -> User:
        """The user, whose password is hashed as today's parameters ask for."""
        if user.password_hash is None or not self._passwords.outdated(user.password_hash):
            return user
        renewed = await self._passwords.hash(password)
        async with self._database.begin(user.tenant_id) as work:
            people = self._records_on(work.connection).people
            if await people.user(user.id, lock=True) != user:
                return user  # it was changed meanwhile; whoever begins a session looks again
            await people.set_password(user.id, renewed)
        return replace(user, password_hash=renewed)


def _subject(*of: str) -> str:
    """A digest, so that the table holds neither addresses nor accounts."""
    return hashlib.sha256("\n".join(of).encode()).hexdigest()
