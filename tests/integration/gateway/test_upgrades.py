"""Upgrades of a gateway that has rows, where who owns the tables may not see over the wall between tenants.

Superusers see over it. Who rents a database is none, and there a revision that moves rows must not find nothing.
"""

import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

import chassis.database
from chassis.database._database import driver_url
from chassis.database._migrate import find_versions
from chassis.testing import drop_database

pytestmark = pytest.mark.servers
STEPS = [{"step": "scenes", "state": "done", "run": 1, "engine": "x", "seconds": 2.5}]


@pytest.fixture
async def owner_url(postgres_url: str) -> AsyncIterator[str]:
    """A database of its own, as its owner sees it, who is neither superuser nor may bypass row-level security."""
    name = f"owned_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f"CREATE ROLE {name} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD 'of the test'")
    await admin.execute(f"CREATE DATABASE {name} OWNER {name}")
    yield make_url(postgres_url).set(username=name, password="of the test", database=name).render_as_string(False)
    await drop_database(postgres_url, name)
    await admin.execute(f"DROP ROLE {name}")
    await admin.close()


def upgrade(connection: Connection, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(chassis.database.__file__).parent / "_alembic"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(find_versions("gateway")).replace("%", "%%"))
    config.attributes.update(connection=connection, schema="gateway")
    command.upgrade(config, to)


async def a_studio(connection: AsyncConnection, *, finished: bool) -> tuple[UUID, UUID]:
    """A tenant and its job, as the first version of the gateway kept them."""
    tenant_id, video_id, job_id = uuid4(), uuid4(), uuid4()
    await connection.execute(text("SELECT set_config('app.tenant_id', :id, true)"), {"id": str(tenant_id)})
    await connection.execute(text("INSERT INTO tenants (name) VALUES (:name)"), {"name": f"studio {tenant_id}"})
    video = (
        "INSERT INTO videos (id, state, title, filename, sha256, size_bytes, keys)"
        " VALUES (:id, 'ready', 'a', 'a.mp4', '', 1000, '{}')"
    )
    await connection.execute(text(video), {"id": video_id})
    job = (
        "INSERT INTO jobs (id, video_id, run, priority, options, steps, results, version, finished_at) VALUES"
        " (:id, :video, 1, 'normal', '{}', CAST(:steps AS jsonb), CAST(:results AS jsonb), 1,"
        " CASE WHEN :finished THEN now() END)"
    )
    results = json.dumps({"scenes.json": "derived/t/j/scenes-1/scenes.json"})
    values = {"id": job_id, "video": video_id, "steps": json.dumps(STEPS), "results": results, "finished": finished}
    await connection.execute(text(job), values)
    await connection.execute(text("SELECT set_config('app.tenant_id', '', true)"))
    return tenant_id, job_id


async def seen_by(connection: AsyncConnection, tenant_id: UUID, query: str) -> list[tuple[object, ...]]:
    await connection.execute(text("SELECT set_config('app.tenant_id', :id, true)"), {"id": str(tenant_id)})
    found = [tuple(row) for row in (await connection.execute(text(query))).all()]
    await connection.execute(text("SELECT set_config('app.tenant_id', '', true)"))
    return found


async def test_rows_of_every_tenant_come_along_and_the_walls_stand_again(owner_url: str) -> None:
    engine = create_async_engine(driver_url(owner_url))
    async with engine.begin() as connection:
        await connection.execute(text("CREATE SCHEMA gateway"))
        await connection.execute(text("SET LOCAL search_path = gateway, public"))
        await connection.run_sync(upgrade, "0001")
        done, done_job = await a_studio(connection, finished=True)
        busy, _ = await a_studio(connection, finished=False)
        await connection.run_sync(upgrade, "0016")
        gone = uuid4()
        erased = (
            "INSERT INTO erasures (id, kind, subject_id, reason, requested_at, asked_at, rows, places, job_ids, state)"
            f" VALUES ('{uuid4()}', 'tenant', '{gone}', 'asked', now(), now(), '{{}}', '{{}}', '{{}}', 'completed')"
            " RETURNING 1"
        )
        await seen_by(connection, gone, erased)

        await connection.run_sync(upgrade, "heads")

        taken_over = await seen_by(connection, done, "SELECT kind, job_id, seconds FROM findings")
        stored = await seen_by(connection, busy, "SELECT bytes FROM storage_counts")
        counted = (await connection.execute(text("SELECT tenant_id, unfinished FROM job_counts"))).all()
        departed = (await connection.execute(text("SELECT tenant_id FROM departed_tenants"))).scalars().all()
        open_tables = (
            "SELECT relname FROM pg_class WHERE relnamespace = 'gateway'::regnamespace AND relrowsecurity"
            " AND NOT relforcerowsecurity"
        )
        left_open = (await connection.execute(text(open_tables))).all()
        unseen = (await connection.execute(text("SELECT count(*) FROM jobs"))).scalar()
    await engine.dispose()

    assert taken_over == [("scenes", done_job, 2.5)]
    assert stored == [(1000,)]
    assert [tuple(row) for row in counted] == [(busy, 1)]
    assert departed == [gone]
    assert (left_open, unseen) == ([], 0)
