"""Time in a chaos run: what the jobs of a tenant found gets old within seconds, and its retention is over."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from uuid import UUID

import asyncpg

from support.chaos_books import connected

__all__ = ["Ageing"]

_EVERY_S = 2.0
_ENDED = "EXISTS (SELECT FROM gateway.jobs job WHERE job.id = found.job_id AND job.finished_at IS NOT NULL)"
_OLDER = f"""
    UPDATE gateway.findings found SET created_at = created_at - interval '3 days'
    WHERE tenant_id = ANY($1) AND deleted_at IS NULL AND created_at > now() - interval '1 day' AND {_ENDED}
      AND abs(hashtext(job_id::text)) % 2 = 0
"""


class Ageing:
    """Lets every other job of some tenants be of last week, once it has ended."""

    def __init__(self, postgres_url: str, tenants: Collection[UUID]) -> None:
        self._postgres_url = postgres_url
        self._tenants = list(tenants)
        self.aged = 0

    async def run(self) -> None:
        """Until cancelled; a database that is away just now is asked again."""
        while True:
            with suppress(
                OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError
            ):
                async with connected(self._postgres_url) as connection:
                    done = await connection.execute(_OLDER, self._tenants, timeout=5)
                    self.aged += int(done.rpartition(" ")[2])
            await asyncio.sleep(_EVERY_S)
