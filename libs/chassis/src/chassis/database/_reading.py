"""Short reads: what clients ask for all day is one small query, and most of its cost would be getting ready for it.

A query that is written down once as ``Prepared`` goes to the driver as it is: SQLAlchemy compiles it once, and neither
builds nor looks anything up when it is asked. All else goes through SQLAlchemy as ever. Both ways begin a read-only
transaction that is the tenant's, in one trip, and end it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Select, TextClause
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from typing_extensions import override

__all__ = ["Prepared", "Readers", "Reading", "as_readers_are", "fetch", "setting_up"]

_BEGIN = "BEGIN READ ONLY; SELECT set_config('app.tenant_id', '{}', true)"
_GONE = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
_PATIENCE_S = 30.0
"""How long one waits for a connection while all are in use."""
_DIALECT = PGDialect_asyncpg()  # type: ignore[no-untyped-call]


class Prepared:
    """A query, compiled once. What changes from one time to the next are its ``bindparam`` by name."""

    def __init__(self, query: Select[Any] | TextClause) -> None:
        compiled = query.compile(dialect=_DIALECT)
        if "POSTCOMPILE" in str(compiled):
            raise ValueError("a list in IN (…) has another length each time: such a query cannot be prepared")
        self.query = query
        self.sql = str(compiled)
        self._order: tuple[str, ...] = tuple(compiled.positiontup or ())
        self._fixed = compiled.params

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of the query's ``$1`` and so on."""
        return [values[name] if name in values else self._fixed[name] for name in self._order]


class Readers:
    """Connections of the driver, kept for short reads: the one used last is lent first."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], *, most: int) -> None:
        self._connect = connect
        self._room = asyncio.Semaphore(most)
        self._idle: list[asyncpg.Connection] = []

    async def begin(self, tenant_id: UUID) -> asyncpg.Connection:
        """A connection in a read-only transaction of the tenant's. Give it back with ``end``."""
        async with asyncio.timeout(_PATIENCE_S if self._room.locked() else None):
            await self._room.acquire()
        connection: asyncpg.Connection | None = None
        try:
            async with setting_up():
                connection = self._known() or await self._connect()
                await _begin(connection, tenant_id)
        except BaseException:
            if connection is not None:
                connection.terminate()
            self._room.release()
            raise
        return connection

    async def end(self, connection: asyncpg.Connection, *, broken: bool) -> None:
        """End the transaction and keep the connection; one that cannot even do that is thrown away."""
        ended = False
        try:
            if not broken:
                await connection.execute("ROLLBACK")
                ended = not connection.is_in_transaction()
        except _GONE:
            return  # what was to be read was read, or failed for a reason that is told already
        finally:
            self._room.release()
            if ended:
                self._idle.append(connection)
            else:
                connection.terminate()

    async def close(self) -> None:
        """Give all connections back."""
        while self._idle:
            await self._idle.pop().close(timeout=2)

    def _known(self) -> asyncpg.Connection | None:
        """A server that went away closed its sockets: such connections are dropped, without a ping for every read."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed() and not connection.is_in_transaction():
                return connection
            connection.terminate()
        return None


class Reading(AsyncConnection):
    """What is read for one tenant: transactions begin when something is asked, each on the connection it needs.

    What one statement sets for the next (``set_config(…, true)``) holds for those that go the same way.
    """

    def __init__(self, engine: AsyncEngine, readers: Readers, tenant_id: UUID) -> None:
        super().__init__(engine)
        self._readers = readers
        self._tenant_id = tenant_id
        self._quick: asyncpg.Connection | None = None
        self._broken = False

    async def fetch(self, asked: Prepared, values: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """The rows of a prepared query. Raises what SQLAlchemy would.

        Who holds one of SQLAlchemy's connections waits for no other: each pool could be held by who waits for both.
        """
        if self._quick is None and self.sync_connection is not None:
            found: Sequence[Mapping[str, Any]] = (await self.execute(asked.query, values)).mappings().all()
            return found
        if self._quick is None:
            self._quick = await self._readers.begin(self._tenant_id)
        try:
            rows: Sequence[Mapping[str, Any]] = await self._quick.fetch(asked.sql, *asked.arguments(values))
            return rows
        except asyncpg.PostgresError as error:
            gone = self._quick.is_closed()
            raise DBAPIError(asked.sql, None, error, hide_parameters=True, connection_invalidated=gone) from error
        except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            self._broken = True
            raise ConnectionError("PostgreSQL ended a session that was reading") from error
        except BaseException:
            self._broken = True
            raise

    @override
    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        await self._started()
        return await super().execute(*args, **kwargs)

    @override
    async def exec_driver_sql(self, *args: Any, **kwargs: Any) -> Any:
        await self._started()
        return await super().exec_driver_sql(*args, **kwargs)

    async def over(self) -> None:
        """End what was begun."""
        try:
            if self._quick is not None:
                await self._readers.end(self._quick, broken=self._broken)
        finally:
            if self.sync_connection is not None:
                try:
                    await self._end()
                finally:
                    await self.__aexit__(None, None, None)

    async def _started(self) -> None:
        if self.sync_connection is None:
            async with setting_up():
                _ = await self.start()
                await self._begin()

    async def _begin(self) -> None:
        driver: asyncpg.Connection = (await self.get_raw_connection()).driver_connection
        try:
            await _begin(driver, self._tenant_id)
        except BaseException:
            await self.invalidate()
            raise

    async def _end(self) -> None:
        """End what was read. A connection that cannot even do that is thrown away, with what was set on it."""
        if self.invalidated:
            return
        ended = False
        try:
            await (await self.get_raw_connection()).driver_connection.execute("ROLLBACK")  # type: ignore[union-attr]
            ended = True
        except _GONE:
            return
        finally:
            if not ended:
                await self.invalidate()


async def fetch(connection: AsyncConnection, asked: Prepared, **values: Any) -> Sequence[Mapping[str, Any]]:
    """The rows of a prepared query, by the shortest way this connection has."""
    if isinstance(connection, Reading):
        return await connection.fetch(asked, values)
    found: Any = await connection.execute(asked.query, values)
    rows: Sequence[Mapping[str, Any]] = found.mappings().all()
    return rows


async def as_readers_are(connection: asyncpg.Connection) -> asyncpg.Connection:
    """A connection of the driver that gives JSON as SQLAlchemy does."""
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    return connection


@asynccontextmanager
async def setting_up() -> AsyncIterator[None]:
    """A session that ends while it is being set up is a server that went away.

    Of that the driver says just that its connection is closed or busy, which elsewhere would be our fault.
    """
    try:
        yield
    except asyncpg.ClientConfigurationError:
        raise
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, InterfaceError, InternalError) as error:
        raise ConnectionError("PostgreSQL ended a session that was being set up") from error


async def _begin(connection: asyncpg.Connection, tenant_id: UUID) -> None:
    try:
        await connection.execute(_BEGIN.format(UUID(int=tenant_id.int)))
    except _GONE as error:
        raise ConnectionError("PostgreSQL ended a session that began to read") from error
