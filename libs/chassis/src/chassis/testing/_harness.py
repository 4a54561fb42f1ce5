"""A whole service on a real PostgreSQL, with no Redis: facts are handed in, announcements are collected."""

import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Container, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import select
from sqlalchemy.engine import make_url

from chassis.blobs import Blobs, blobs_at
from chassis.database import Database, migrate
from chassis.database._tables import tasks
from chassis.database._unit import envelope_of
from chassis.run import Service, ServiceSettings
from contracts.event import Event, Fact

__all__ = ["Harness", "drop_database", "fresh_database", "harness", "service_url"]

S = TypeVar("S", bound=ServiceSettings)
_templates: dict[tuple[str, str], str] = {}
"""Migrated databases by server and service: copying one takes a tenth of migrating anew."""


class Harness:
    """A service under test."""

    def __init__(self, service: Service, blobs: Blobs) -> None:
        self.service = service
        self.database: Database = service.database
        self.blobs = blobs
        self.tenant_id = uuid4()
        """The tenant of whatever names none."""
        self.announced: list[Event[Any]] = []
        """Facts committed to the outbox, in order."""
        self.told: list[Event[Any]] = []
        """Losable facts, such as progress."""
        service.database._on_announced(self.announced.append)
        service.bus._teller = self._tell
        self.purged: list[UUID] = []
        """What was to be taken out of Redis, had there been one."""
        service.bus._purger = self._purge

    async def hear(
        self,
        fact: Fact,
        *,
        subject: str | UUID,
        job_id: UUID | None = None,
        tenant_id: UUID | None = None,
        event_id: UUID | None = None,
    ) -> bool:
        """Let the service's handler handle this fact, in its transaction; False if it knew the event already.

        Give the same ``event_id`` twice to see what a redelivery does. What the handler raises comes out here.
        """
        event = envelope_of(type(fact)).of(
            fact, source="test", subject=str(subject), tenant_id=tenant_id or self.tenant_id, job_id=job_id
        )
        if event_id is not None:
            event = event.model_copy(update={"id": event_id})
        return await self.service.bus.deliver(event)

    async def work_off(self) -> int:
        """Do every queued task now, retries included and without their waits; returns how many runs that took."""
        if self.service.work is None:
            raise LookupError(f"{self.service.name} has no workbench")
        return await self.service.work.work_off()

    async def tasks(self) -> Sequence[dict[str, Any]]:
        """The task rows as dictionaries, oldest first."""
        async with self.database.begin_untenanted() as connection:
            rows = await connection.execute(select(tasks).order_by(tasks.c.created_at, tasks.c.id))
            return [dict(row._mapping) for row in rows]

    def facts(self, kind: type[Fact]) -> list[Any]:
        """The announced facts of one kind, without their envelopes."""
        return [event.data for event in self.announced if isinstance(event.data, kind)]

    async def _purge(self, about: UUID, _announced: Sequence[str], _sparing: Container[str]) -> int:
        self.purged.append(about)
        return 0

    async def _tell(self, event: Event[Any]) -> None:
        self.told.append(event)


@asynccontextmanager
async def harness(
    name: str,
    build: Callable[[S], Service],
    *,
    settings: type[S],
    admin_url: str,
    versions: Path | None = None,
    **overrides: Any,
) -> AsyncIterator[Harness]:
    """A fresh, migrated database, a fresh folder of blobs, and the service that ``build`` makes of them.

    ``admin_url`` is a superuser's (the fixture ``postgres_url``); ``overrides`` are further settings. The database is
    dropped afterwards.
    """
    database = await fresh_database(name, admin_url, versions=versions)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", ignore_cleanup_errors=True) as folder:
        values: dict[str, Any] = {
            "database_url": service_url(name, admin_url, database),
            "redis_url": "redis://127.0.0.1:1/0",
            "blobs_url": f"file://{folder}/blobs",
            "http_port": 0,
            **overrides,
        }
        service = build(settings(**values))
        try:
            yield Harness(service, blobs_at(service.settings.blobs_url))
        finally:
            await service.close()
            await drop_database(admin_url, database)


async def fresh_database(name: str, admin_url: str, *, versions: Path | None = None) -> str:
    """The name of a new database that holds the service's schema, migrated; whoever asked drops it."""
    template = _templates.get((admin_url, name))
    if template is None:
        template = f"{name}_template_{secrets.token_hex(4)}"
        await _execute(admin_url, f'CREATE DATABASE "{template}"')
        await migrate(name, _at(admin_url, template), service_url(name, admin_url, template), versions=versions)
        _templates[(admin_url, name)] = template
    database = f"{name}_{secrets.token_hex(6)}"
    await _execute(admin_url, f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
    return database


async def drop_database(admin_url: str, database: str) -> None:
    """Remove it, whoever is still connected."""
    await _execute(admin_url, f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


def _at(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def service_url(name: str, admin_url: str, database: str) -> str:
    """The address as the service's own role sees it."""
    service = make_url(admin_url).set(username=name, password=f"{name}-of-the-harness", database=database)
    return service.render_as_string(hide_password=False)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
