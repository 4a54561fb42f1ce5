"""Give a service its role, its schema and its tables. Safe to repeat, and safe when several do it at once."""

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from chassis.database._database import driver_url
from chassis.database._walls import APPEND_ONLY

__all__ = ["MigrationsNotFound", "migrate"]

_LOCK = 0x6D69_6772
"""One lock for all services: extensions and roles are shared by all of them."""
_RACES = {"42710", "23505", "XX000"}
"""SQLSTATEs of a lost race for a role: duplicate_object, unique_violation, 'tuple concurrently updated'."""


_GROWING = text(
    "SELECT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
    " JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = :schema AND tgname = :trigger"
)
"""Tables that may only grow."""


class MigrationsNotFound(RuntimeError):
    """A service's package carries no migrations."""


async def migrate(service: str, admin_url: str, database_url: str, *, versions: Path | None = None) -> None:
    """Bring the service's role, schema and tables up to its newest revision.

    ``admin_url`` may create roles and schemas and owns the tables; ``database_url`` holds the service's own user and
    password. The service's role is neither superuser nor BYPASSRLS, owns nothing, and may only read and write rows.
    Revisions are those of the package ``service``, or of the folder ``versions``.
    """
    engine = create_async_engine(driver_url(admin_url))
    login = driver_url(database_url)
    if not login.username:
        raise ValueError("the database address names no user; write postgresql://<service>:<password>@host/database")
    try:
        await _ensure_role(engine, login.username, login.password or "")
        async with engine.begin() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            await _ensure_schema(connection, service, login.username)
            await connection.run_sync(_upgrade, service, versions or find_versions(service))
            await _grant(connection, service, login.username)
    finally:
        await engine.dispose()


async def _ensure_role(engine: AsyncEngine, role: str, password: str) -> None:
    """Roles belong to the whole cluster, whose databases share no advisory lock: so try again after a lost race."""
    for attempt in range(8):
        try:
            async with engine.begin() as connection:
                known = await connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role})
                verb = "ALTER" if known else "CREATE"
                rights = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"
                await _execute(connection, f"{verb} ROLE %I {rights} PASSWORD %L", role, password)
            return
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _RACES or attempt == 7:
                raise
            await asyncio.sleep(0.05 * (attempt + 1))


async def _ensure_schema(connection: AsyncConnection, service: str, role: str) -> None:
    await _execute(connection, "CREATE SCHEMA IF NOT EXISTS %I", service)
    await _execute(connection, "REVOKE ALL ON SCHEMA %I FROM PUBLIC", service)
    await _execute(connection, "GRANT USAGE ON SCHEMA %I TO %I", service, role)
    await _execute(connection, "SET LOCAL search_path = %I, public", service)


async def _grant(connection: AsyncConnection, service: str, role: str) -> None:
    rights = "SELECT, INSERT, UPDATE, DELETE"
    await _execute(connection, f"GRANT {rights} ON ALL TABLES IN SCHEMA %I TO %I", service, role)
    await _execute(connection, "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %I TO %I", service, role)
    await _execute(connection, "REVOKE INSERT, UPDATE, DELETE ON %I.alembic_version FROM %I", service, role)
    for table in (await connection.execute(_GROWING, {"schema": service, "trigger": APPEND_ONLY})).scalars().all():
        await _execute(connection, "REVOKE UPDATE, DELETE ON %I.%I FROM %I", service, table, role)


async def _execute(connection: AsyncConnection, statement: str, *names: str) -> None:
    """Run a statement that cannot take parameters, with its names quoted by PostgreSQL."""
    slots = ", ".join(f"CAST(:n{i} AS text)" for i in range(len(names)))
    quoted = await connection.scalar(
        text(f"SELECT format(CAST(:statement AS text), {slots})"),
        {"statement": statement, **{f"n{i}": name for i, name in enumerate(names)}},
    )
    await connection.exec_driver_sql(str(quoted))


def _upgrade(connection: Connection, service: str, versions: Path) -> None:
    # Alembic is needed only here; a serving process does without its memory.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "_alembic"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(versions).replace("%", "%%"))
    attributes: dict[Any, Any] = config.attributes
    attributes.update(connection=connection, schema=service)
    command.upgrade(config, "heads")


def find_versions(service: str) -> Path:
    """The folder of a service's Alembic revisions: inside its wheel, or beside its sources."""
    spec = importlib.util.find_spec(service)
    if spec is None or not spec.submodule_search_locations:
        raise MigrationsNotFound(f"no package {service!r} is installed, so it has no migrations")
    package = Path(spec.submodule_search_locations[0])
    places = (package / "_migrations" / "versions", package.parent.parent / "migrations" / "versions")
    for place in places:
        if place.is_dir():
            return place
    raise MigrationsNotFound(f"{service} has no migrations; looked in {places[0]} and {places[1]}")
