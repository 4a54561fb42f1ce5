"""Sign-ins and their refresh tokens in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.postgres.tables import refresh_tokens, revocations, sessions, users
from gateway.domain.access import Right
from gateway.ports import Origin, RefreshToken, Session

__all__ = ["PostgresRefreshTokens", "PostgresSessions"]

_REMEMBERED = timedelta(days=30)
"""An ended session is kept for so long: where its user signed in from is known by it."""


class PostgresSessions:
    """Sign-ins of the transaction's tenant."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, session: Session) -> None:
        """Record a session, and forget those of the user that are long over."""
        mine, over = sessions.c.user_id == session.user_id, func.coalesce(sessions.c.ended_at, sessions.c.expires_at)
        await self._connection.execute(delete(sessions).where(mine, over < func.now() - _REMEMBERED))
        row = {
            "id": session.id,
            "user_id": session.user_id,
            "address": session.origin.address,
            "agent": session.origin.agent,
            "scopes": None if session.scopes is None else sorted(session.scopes),
            "expires_at": session.expires_at,
        }
        await self._connection.execute(insert(sessions).values(row))

    async def get(self, session_id: UUID) -> Session | None:
        """A session that has not ended."""
        query = select(sessions).where(sessions.c.id == session_id, sessions.c.ended_at.is_(None))
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _session(row)

    async def live(self, user_id: UUID) -> Sequence[Session]:
        """The user's sessions that go on, newest first."""
        going_on = (sessions.c.ended_at.is_(None), sessions.c.expires_at > func.now())
        query = select(sessions).where(sessions.c.user_id == user_id, *going_on).order_by(sessions.c.id.desc())
        return [_session(row) for row in (await self._connection.execute(query)).mappings()]

    async def touch(self, session_id: UUID, expires_at: datetime) -> None:
        """Note that the session was used, and until when it can go on."""
        row = update(sessions).where(sessions.c.id == session_id).values(used_at=func.now(), expires_at=expires_at)
        await self._connection.execute(row)

    async def known_from(self, user_id: UUID, address: str) -> bool:
        """Whether the user signed in from this address before."""
        query = select(sessions.c.id).where(sessions.c.user_id == user_id, sessions.c.address == address).limit(1)
        return (await self._connection.execute(query)).first() is not None

    async def end(self, session_ids: Sequence[UUID], *, token_lifetime: timedelta) -> Sequence[UUID]:
        """End those that go on, with their refresh tokens; access tokens are refused for as long as they could live."""
        these = (sessions.c.id.in_(session_ids), sessions.c.ended_at.is_(None))
        row = update(sessions).where(*these).values(ended_at=func.now()).returning(sessions.c.id)
        ended: Sequence[UUID] = (await self._connection.execute(row)).scalars().all()
        if ended:
            tokens = update(refresh_tokens).where(refresh_tokens.c.family_id.in_(ended))
            await self._connection.execute(tokens.values(revoked_at=func.now()))
            await self._connection.execute(delete(revocations).where(revocations.c.until < func.now()))
            rows = [{"session_id": id_, "until": func.now() + token_lifetime} for id_ in ended]
            await self._connection.execute(insert(revocations).values(rows).on_conflict_do_nothing())
        return ended


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


def _session(row: Mapping[Any, Any]) -> Session:
    return Session(
        id=row["id"],
        user_id=row["user_id"],
        origin=Origin(row["address"], row["agent"]),
        expires_at=row["expires_at"],
        scopes=None if row["scopes"] is None else frozenset(map(Right, row["scopes"])),
        created_at=row["created_at"],
        used_at=row["used_at"],
    )
