"""Tenants, users, refresh tokens and first answers in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables import idempotency_keys, refresh_tokens, tenants, users
from gateway.domain.access import Caller, Role
from gateway.ports import RefreshToken, Reply, User

__all__ = ["PostgresPeople", "PostgresRefreshTokens", "PostgresReplies"]

_REPLY_LIFETIME = timedelta(hours=24)


class PostgresPeople:
    """Tenants and users. Looking somebody up by name opens the wall for that one row (see migration 0001)."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def user_by_email(self, email: str) -> User | None:
        """The user of this address, of whatever tenant; for signing in only."""
        await self._say("gateway.users_email", email.lower())
        found = await self._connection.execute(select(users).where(users.c.email == email.lower()))
        await self._say("gateway.users_email", "")
        return _user(found.mappings().one_or_none())

    async def user(self, user_id: UUID) -> User | None:
        """One user of the tenant."""
        found = await self._connection.execute(select(users).where(users.c.id == user_id))
        return _user(found.mappings().one_or_none())

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

    async def tenant_name(self) -> str | None:
        """The name of the transaction's tenant."""
        name: str | None = await self._connection.scalar(select(tenants.c.name))
        return name

    async def add_tenant(self, tenant_id: UUID, name: str) -> None:
        """Record a tenant."""
        await self._connection.execute(insert(tenants).values(tenant_id=tenant_id, name=name))

    async def add_user(self, user: User) -> None:
        """Record a user."""
        row = {"id": user.id, "email": user.email.lower(), "password_hash": user.password_hash, "role": user.role.value}
        await self._connection.execute(insert(users).values(row))

    async def set_password(self, user_id: UUID, password_hash: str) -> None:
        """Replace a user's password."""
        await self._connection.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))

    async def _say(self, setting: str, value: str) -> None:
        await self._connection.execute(select(func.set_config(setting, value, True)))


class PostgresRefreshTokens:
    """Refresh tokens of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, token: RefreshToken) -> None:
        """Record a token, and drop the user's long expired ones."""
        mine = refresh_tokens.c.user_id == token.user_id
        await self._connection.execute(delete(refresh_tokens).where(mine, refresh_tokens.c.expires_at < func.now()))
        row = insert(refresh_tokens).values(
            token_hash=token.token_hash,
            family_id=token.family_id,
            user_id=token.user_id,
            expires_at=token.expires_at,
        )
        await self._connection.execute(row)

    async def use(self, token_hash: str) -> tuple[RefreshToken, bool] | None:
        """Mark a token used and return it, with whether this was its first use; None if it is unknown.

        Its user stays locked until the transaction ends: of two uses at once only one is the first, and a family that
        is being revoked gains no member meanwhile.
        """
        this = refresh_tokens.c.token_hash == token_hash
        owner = select(refresh_tokens.c.user_id).where(this).scalar_subquery()
        await self._connection.execute(select(users.c.id).where(users.c.id == owner).with_for_update(key_share=True))
        row = (await self._connection.execute(select(refresh_tokens).where(this))).mappings().one_or_none()
        if row is None:
            return None
        token = RefreshToken(
            token_hash=row["token_hash"],
            family_id=row["family_id"],
            user_id=row["user_id"],
            expires_at=row["expires_at"],
            used=row["used_at"] is not None,
            revoked=row["revoked_at"] is not None,
        )
        if not token.used:
            await self._connection.execute(update(refresh_tokens).where(this).values(used_at=func.now()))
        return token, not token.used

    async def revoke_family(self, family_id: UUID) -> None:
        """Make every token of a sign-in worthless."""
        tokens = update(refresh_tokens).where(refresh_tokens.c.family_id == family_id)
        await self._connection.execute(tokens.values(revoked_at=func.now()))

    async def revoke_user(self, user_id: UUID) -> None:
        """Make every token of a user worthless."""
        tokens = update(refresh_tokens).where(refresh_tokens.c.user_id == user_id)
        await self._connection.execute(tokens.values(revoked_at=func.now()))


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

    async def keep(self, caller: Caller, key: str, *, status: int, body: bytes) -> None:
        """Keep the answer with the claimed key."""
        kept = idempotency_keys
        row = update(kept).where(kept.c.user_id == caller.user_id, kept.c.key == key)
        await self._connection.execute(row.values(status=status, body=body))

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


def _user(row: Mapping[Any, Any] | None) -> User | None:
    if row is None:
        return None
    return User(
        id=row["id"],
        tenant_id=row["tenant_id"],
        email=row["email"],
        password_hash=row["password_hash"],
        role=Role(row["role"]),
    )
