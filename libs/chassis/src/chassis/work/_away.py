"""What comes out of a call to a server that may be away."""

import asyncpg
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

__all__ = ["AWAY"]

AWAY: tuple[type[Exception], ...] = (
    SQLAlchemyError,
    asyncpg.PostgresError,  # while one connects, asyncpg's errors come unwrapped
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    RedisError,
    OSError,
)
