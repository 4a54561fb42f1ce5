"""Tenants, users and first answers in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Prepared, fetch
from gateway.adapters.postgres.tables import idempotency_keys, tenants, users
from gateway.domain.access import Caller, Role, may_appoint
from gateway.ports import Invitation, Reply, User

__all__ = ["PostgresPeople", "PostgresReplies", "user_of"]

_REPLY_LIFETIME = timedelta(hours=24)
_USER = Prepared(select(users).where(users.c.id == bindparam("id")))
_NOT_INVITED = {"invitation_hash": None, "invited_until": None, "invited_by": None}


class PostgresPeople:
    """Tenants and users. Looking somebody up by name opens the wall for that one row (see migration 0001)."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def user_by_email(self, email: str) -> User | None:
        """The user of this address, of whatever tenant; for signing in only."""
        await self._say("gateway.users_email", email.lower())
        found = await self._one(select(users).where(users.c.email == email.lower()))
        await self._say("gateway.users_email", "")
        return found

    async def user(self, user_id: UUID, *, lock: bool = False) -> User | None:
        """One user of the tenant; locked, nobody else changes it before this transaction ends."""
        if lock:
            return await self._one(select(users).where(users.c.id == user_id).with_for_update(key_share=True))
        found = await fetch(self._connection, _USER, id=user_id)
        return user_of(found[0]) if found else None

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[User]:
        """The newest users, older than the one named ``before``."""
        query = select(users).order_by(users.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(users.c.id < before)
        return [user_of(row) for row in (await self._connection.execute(query)).mappings()]

    async def able_owners(self) -> Sequence[UUID]:
        """The owners who can sign in; all of them stay locked until the transaction ends."""
        owners = select(users).where(users.c.role == Role.OWNER.value).order_by(users.c.id)
        rows = (await self._connection.execute(owners.with_for_update(key_share=True))).mappings().all()
        return [row["id"] for row in rows if row["password_hash"] is not None and row["disabled_at"] is None]

    async def tenant_named(self, name: str) -> UUID | None:
        """The tenant of this name; for setting up only."""
        await self._say("gateway.tenants_name", name)
        found: UUID | None = await self._connection.scalar(select(tenants.c.tenant_id).where(tenants.c.name == name))
        await self._say("gateway.tenants_name", "")
        return found

    async def tenant_ids(self, *, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Who the tenants are, in order, page by page; for the sweep only."""
        await self._say("gateway.sweep", "tenants")
        query = select(tenants.c.tenant_id).order_by(tenants.c.tenant_id).limit(limit)
        if after is not None:
            query = query.where(tenants.c.tenant_id > after)
        found = (await self._connection.execute(query)).scalars().all()
        await self._say("gateway.sweep", "")
        return found

    async def tenant_name(self, *, lock: bool = False) -> str | None:
        """The name of the transaction's tenant; locked, nobody else changes it before this transaction ends."""
        query = select(tenants.c.name)
        name: str | None = await self._connection.scalar(query.with_for_update() if lock else query)
        return name

    async def add_tenant(self, tenant_id: UUID, name: str) -> None:
        """Record a tenant."""
        await self._connection.execute(insert(tenants).values(tenant_id=tenant_id, name=name))

    async def rename_tenant(self, name: str) -> bool:
        """Give the transaction's tenant another name; False, and the transaction is lost, if another tenant has it."""
        try:
            await self._connection.execute(update(tenants).values(name=name))
        except IntegrityError:
            return False
        return True

    async def add_user(self, user: User) -> bool:
        """Record a user; False if the address is somebody's."""
        row = {"id": user.id, "email": user.email.lower(), "password_hash": user.password_hash, "role": user.role.value}
        added = await self._connection.execute(insert(users).values(row).on_conflict_do_nothing())
        return added.rowcount == 1

    async def save_user(self, user: User) -> None:
        """Overwrite a user's role and whether they are disabled.

        Who becomes an owner loses an invitation: an admin may hold it, and an admin may not touch owners. Invitations
        they gave to whom they may not appoint any more are void.
        """
        disabled_at = func.coalesce(users.c.disabled_at, func.now()) if user.disabled else None
        row = update(users).where(users.c.id == user.id).values(role=user.role.value, disabled_at=disabled_at)
        await self._connection.execute(row)
        if user.role is Role.OWNER:
            await self._void(users.c.id == user.id)
        refused = [role.value for role in Role if user.disabled or not may_appoint(user.role, role)]
        await self._void(users.c.invited_by == user.id, users.c.role.in_(refused))

    async def remove_user(self, user_id: UUID) -> None:
        """Forget a user with their sessions and keys."""
        await self._connection.execute(delete(users).where(users.c.id == user_id))

    async def set_password(self, user_id: UUID, password_hash: str) -> None:
        """Replace a user's password, and forget their invitation."""
        row = update(users).where(users.c.id == user_id)
        row = row.values(password_hash=password_hash, **_NOT_INVITED)
        await self._connection.execute(row)

    async def invite(self, user_id: UUID, invitation: Invitation) -> None:
        """Let the bearer of a token choose the user's password; an invitation before this one is void."""
        row = update(users).where(users.c.id == user_id)
        row = row.values(
            invitation_hash=invitation.token_hash, invited_until=invitation.until, invited_by=invitation.by
        )
        await self._connection.execute(row)

    async def invited(self, token_hash: str) -> User | None:
        """Who holds this invitation, locked; None if it is unknown, has expired, or who gave it is let in no more."""
        inviters = users.alias()
        able = select(inviters.c.id).where(inviters.c.disabled_at.is_(None))
        given = or_(users.c.invited_by.is_(None), users.c.invited_by.in_(able))
        good = (users.c.invitation_hash == token_hash, users.c.invited_until > func.now(), given)
        return await self._one(select(users).where(*good).with_for_update(key_share=True))

    async def _void(self, *whose: ColumnElement[bool]) -> None:
        await self._connection.execute(update(users).where(*whose).values(_NOT_INVITED))

    async def _one(self, query: Select[Any]) -> User | None:
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else user_of(row)

    async def _say(self, setting: str, value: str) -> None:
        await self._connection.execute(select(func.set_config(setting, value, True)))


class PostgresReplies:
    """First answers, kept for a day."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(self, caller: Caller, key: str, request_hash: str) -> Reply | None:
        """Claim a key within this transaction, waiting for another that holds it; the reply if it has one."""
        kept = idempotency_keys
        mine = kept.c.user_id == caller.user_id
        await self._connection.execute(delete(kept).where(mine, kept.c.created_at < func.now() - _REPLY_LIFETIME))
        row = insert(kept).values(user_id=caller.user_id, key=key, request_hash=request_hash)
        claimed = await self._connection.execute(row.on_conflict_do_nothing())
        if claimed.rowcount == 1:
            return None
        found = await self._connection.execute(select(kept).where(mine, kept.c.key == key))
        reply = found.mappings().one()
        return Reply(request_hash=reply["request_hash"], status=reply["status"], body=reply["body"])

    async def keep(self, caller: Caller, key: str, *, status: int, body: bytes, about: Collection[UUID] = ()) -> None:
        """Keep the answer with the claimed key. ``about``: the ids in it, where it is sealed."""
        kept = idempotency_keys
        row = update(kept).where(kept.c.user_id == caller.user_id, kept.c.key == key)
        await self._connection.execute(row.values(status=status, body=body, about=list(about)))

    async def forget_old(self, *, limit: int) -> int:
        """Forget the tenant's answers that are older than a day; returns how many."""
        kept = idempotency_keys
        old = (
            select(kept.c.user_id, kept.c.key)
            .where(kept.c.created_at < func.now() - _REPLY_LIFETIME)
            .order_by(kept.c.created_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        row = delete(kept).where(tuple_(kept.c.user_id, kept.c.key).in_(old))
        return (await self._connection.execute(row)).rowcount


def user_of(row: Mapping[Any, Any]) -> User:
    """A user as its row says."""
    return User(
        id=row["id"],
        tenant_id=row["tenant_id"],
        email=row["email"],
        password_hash=row["password_hash"],
        role=Role(row["role"]),
        disabled=row["disabled_at"] is not None,
        created_at=row["created_at"],
        came_by_provider=row["came_by_provider"],
    )
