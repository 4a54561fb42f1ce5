"""PostgreSQL as one service sees it: its own schema, one tenant a transaction."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import event as hook
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DisconnectionError, InterfaceError, InternalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from chassis.database._reading import Readers, Reading, as_readers_are
from chassis.database._unit import Commit, UnitOfWork
from contracts.event import Event

__all__ = ["Database", "driver_url"]

_IDLE_IN_TRANSACTION_MS = "60000"
"""No transaction spans GPU, ffmpeg or network work; one that does is ended before it blocks others for long."""
_VANISHED_S = 30
"""A server from whose machine nothing comes for so long is gone, whatever it was asked."""
_UNANSWERED_S = 120.0
"""No statement of ours takes so long. A proxy may acknowledge every byte and never pass on an answer."""


def driver_url(url: str) -> URL:
    """The address as SQLAlchemy wants it, on the asyncpg driver."""
    return make_url(str(url)).set(drivername="postgresql+asyncpg")


class Database:
    """Transactions on the schema named like the service. Connects at first use.

    A statement without an answer for ``answer_s`` seconds is an outage.
    """

    def __init__(self, url: str, *, service: str, pool_size: int = 5, answer_s: float = _UNANSWERED_S) -> None:
        self.service = service
        self.url = str(url)
        self._connect_args: dict[str, Any] = {
            "server_settings": {
                "application_name": service,
                "search_path": f'"{service}", public',
                "idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION_MS,
            },
            "timeout": 10,
            "command_timeout": answer_s,
        }
        self._engine = create_async_engine(
            driver_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_recycle=1800,
            hide_parameters=True,  # they hold keys and password hashes, and tracebacks go to logs
            connect_args=self._connect_args,
        )
        hook.listen(
            self._engine.sync_engine, "connect", lambda made, _: _notice_a_vanished_server(made.driver_connection)
        )
        hook.listen(self._engine.sync_engine, "checkout", _refuse_closed)
        self._singly = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._readers = Readers(self._reader, most=pool_size)
        self._listeners: list[Callable[[Event[Any]], None]] = []

    @asynccontextmanager
    async def begin(self, tenant_id: UUID) -> AsyncIterator[UnitOfWork]:
        """One transaction for one tenant: commits at a clean exit, else rolls back."""
        async with self._begin_many() as commit:
            yield await commit.unit(tenant_id)

    def committed(self, work: UnitOfWork) -> None:
        """Called with each unit of work once it is committed; for a subclass that passes the word on."""

    @asynccontextmanager
    async def _begin_many(self) -> AsyncIterator[Commit]:
        """One transaction that several units of work share, one after the other: all of them hold, or none."""
        async with _lent(self._engine) as connection, connection.begin():
            commit = Commit(connection, service=self.service)
            yield commit
            await commit.seal()
        for work in commit.units:
            self.committed(work)
        for event in commit.announced:
            for listener in self._listeners:
                listener(event)

    @asynccontextmanager
    async def read(self, tenant_id: UUID) -> AsyncIterator[AsyncConnection]:
        """Read-only, for one tenant: each statement sees what is committed by then.

        A transaction begins and is made the tenant's in one trip: most of what clients ask for is one short query.
        """
        reading = Reading(self._singly, self._readers, tenant_id)
        try:
            yield reading
        finally:
            await reading.over()

    @asynccontextmanager
    async def begin_untenanted(self) -> AsyncIterator[AsyncConnection]:
        """One transaction for no tenant: it sees the plumbing and tables without a wall, and no tenant's rows."""
        async with _lent(self._engine) as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def _single_statements(self) -> AsyncIterator[AsyncConnection]:
        """A connection on which each statement is its own transaction: a third of the round trips, for the plumbing."""
        async with _lent(self._singly) as connection:
            yield connection

    async def ping(self) -> None:
        """Return if PostgreSQL answers; raise what the driver raises if not."""
        async with _lent(self._engine) as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Give all connections back."""
        await self._readers.close()
        await self._engine.dispose()

    async def _reader(self) -> asyncpg.Connection:
        url = driver_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(url, **self._connect_args)
        _notice_a_vanished_server(connection)
        return await as_readers_are(connection)

    def _on_announced(self, listener: Callable[[Event[Any]], None]) -> None:
        """Call ``listener`` with each event after the commit that announced it (the harness listens so)."""
        self._listeners.append(listener)


def _notice_a_vanished_server(connection: Any) -> None:
    """A machine that loses its power closes nothing: without this, whoever waits for its answer waits for ever."""
    wire = connection._transport.get_extra_info("socket")
    if wire is None or wire.family not in (socket.AF_INET, socket.AF_INET6):
        return
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", _VANISHED_S // 3),
        ("TCP_KEEPINTVL", _VANISHED_S // 6),
        ("TCP_KEEPCNT", 4),
        ("TCP_USER_TIMEOUT", _VANISHED_S * 1000),
    ):
        if hasattr(socket, name):  # not every system knows all of them
            wire.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


@asynccontextmanager
async def _lent(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection from the pool. A session that ends while it is being set up is a server that went away.

    Of that the driver says just that its connection is closed or busy, which elsewhere would be our fault.
    """
    lent = False
    try:
        async with engine.connect() as connection:
            lent = True
            yield connection
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, InterfaceError, InternalError) as error:
        if lent or isinstance(error, asyncpg.ClientConfigurationError):
            raise
        raise ConnectionError("PostgreSQL ended a session that was being set up") from error


def _refuse_closed(connection: Any, _record: Any, _proxy: Any) -> None:
    """A server that went away closed its sockets: make the pool connect anew, without a ping for every transaction.

    Nor is anybody given a connection on which somebody else's transaction was left open.
    """
    if connection.driver_connection.is_closed() or connection.driver_connection.is_in_transaction():
        raise DisconnectionError("this connection cannot be used")
