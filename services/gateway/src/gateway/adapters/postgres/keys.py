"""API keys and failed sign-ins in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Prepared, fetch
from gateway.adapters.postgres.people import user_of
from gateway.adapters.postgres.tables import api_keys, sign_in_attempts, users
from gateway.domain.access import Right
from gateway.domain.lockout import MEMORY, Tally
from gateway.ports import ApiKey, User

__all__ = ["PostgresApiKeys", "PostgresAttempts"]

_NOTED_EVERY = timedelta(minutes=1)
"""That a key was used is written down no more often, so that a request is not a write."""
_GOOD_KEY = Prepared(
    select(api_keys).where(
        api_keys.c.key_hash == bindparam("key_hash"),
        api_keys.c.revoked_at.is_(None),
        or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > func.now()),
    )
)
_ABLE_USER = Prepared(select(users).where(users.c.id == bindparam("id"), users.c.disabled_at.is_(None)))


class PostgresApiKeys:
    """API keys of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, key: ApiKey) -> None:
        """Record a key."""
        row = {
            "id": key.id,
            "user_id": key.user_id,
            "name": key.name,
            "prefix": key.prefix,
            "key_hash": key.key_hash,
            "scopes": sorted(key.scopes),
            "expires_at": key.expires_at,
        }
        await self._connection.execute(insert(api_keys).values(row))

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[ApiKey]:
        """The newest keys, older than the one named ``before``."""
        query = select(api_keys).order_by(api_keys.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(api_keys.c.id < before)
        return [_key(row) for row in (await self._connection.execute(query)).mappings()]

    async def get(self, key_id: UUID) -> ApiKey | None:
        """One key."""
        found = await self._connection.execute(select(api_keys).where(api_keys.c.id == key_id))
        row = found.mappings().one_or_none()
        return None if row is None else _key(row)

    async def good(self, key_hash: str) -> tuple[ApiKey, User] | None:
        """A key that is neither revoked nor expired, and its user if not disabled."""
        found = await fetch(self._connection, _GOOD_KEY, key_hash=key_hash)
        able = await fetch(self._connection, _ABLE_USER, id=found[0]["user_id"]) if found else ()
        return (_key(found[0]), user_of(able[0])) if able else None

    async def holder(self, key_hash: str) -> tuple[UUID, UUID] | None:
        """A key, good or not, and whose it is."""
        query = select(api_keys.c.id, api_keys.c.user_id).where(api_keys.c.key_hash == key_hash)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else (row.id, row.user_id)

    async def touch(self, key_id: UUID) -> None:
        """Note that the key was used just now."""
        row = update(api_keys).where(api_keys.c.id == key_id).values(used_at=func.now())
        stale = or_(api_keys.c.used_at.is_(None), api_keys.c.used_at < func.now() - _NOTED_EVERY)
        await self._connection.execute(row.where(stale))

    async def revoke(self, key_id: UUID) -> None:
        """Make a key worthless."""
        row = update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
        await self._connection.execute(row.values(revoked_at=func.now()))


class PostgresAttempts:
    """Failed sign-ins of everybody, counted by subject."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, subjects: Sequence[str]) -> dict[str, Tally]:
        """The counts, locked until the transaction ends; always in one order, so that nobody waits crosswise."""
        known = sign_in_attempts
        rows = [{"subject": subject, "failures": 0, "changed_at": func.now()} for subject in sorted(subjects)]
        await self._connection.execute(insert(known).values(rows).on_conflict_do_nothing())
        these = select(known).where(known.c.subject.in_(subjects)).order_by(known.c.subject).with_for_update()
        return {
            row["subject"]: Tally(row["failures"], row["blocked_until"], row["changed_at"])
            for row in (await self._connection.execute(these)).mappings()
        }

    async def save(self, tallies: dict[str, Tally]) -> None:
        """Overwrite counts."""
        for subject, tally in sorted(tallies.items()):
            values = {
                "failures": tally.failures,
                "blocked_until": tally.blocked_until,
                "changed_at": tally.changed_at,
            }
            row = insert(sign_in_attempts).values(subject=subject, **values)
            await self._connection.execute(row.on_conflict_do_update(index_elements=["subject"], set_=values))

    async def forget(self, subjects: Sequence[str]) -> None:
        """Drop counts, and whatever was counted too long ago to matter."""
        known = sign_in_attempts
        await self._connection.execute(delete(known).where(known.c.subject.in_(subjects)))
        old = select(known.c.subject).where(known.c.changed_at < func.now() - 2 * MEMORY).limit(1000)
        await self._connection.execute(delete(known).where(known.c.subject.in_(old.with_for_update(skip_locked=True))))


def _key(row: Mapping[Any, Any]) -> ApiKey:
    return ApiKey(
        id=row["id"],
        user_id=row["user_id"],
        name=row["name"],
        prefix=row["prefix"],
        key_hash=row["key_hash"],
        scopes=frozenset(map(Right, row["scopes"])),
        expires_at=row["expires_at"],
        created_at=row["created_at"],
        used_at=row["used_at"],
        revoked_at=row["revoked_at"],
    )
