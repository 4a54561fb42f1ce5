"""Promises of the database: the wall between tenants, and between services."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy import bindparam, func, insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from chassis._failures import is_outage
from chassis.database import Database, Prepared, fetch, migrate
from chassis.testing import drop_database, fresh_database, service_url
from support.chassis_toy import OTHER_TENANT, TENANT, VERSIONS, note, notes

pytestmark = pytest.mark.servers

ALL = Prepared(select(notes).order_by(notes.c.id))
LONGER = Prepared(select(notes.c.text).where(notes.c.text > "o", notes.c.text != bindparam("not")))
SESSION = Prepared(select(func.pg_backend_pid().label("pid")))
NONSENSE = Prepared(select(1 / (func.count(notes.c.id) - func.count(notes.c.id))))


@pytest.fixture
async def toy_url(postgres_url: str) -> AsyncIterator[str]:
    database = await fresh_database("toy", postgres_url, versions=VERSIONS)
    yield service_url("toy", postgres_url, database)
    await drop_database(postgres_url, database)


@pytest.fixture
async def database(toy_url: str) -> AsyncIterator[Database]:
    database = Database(toy_url, service="toy")
    yield database
    await database.close()


def admin_at(postgres_url: str, toy_url: str) -> str:
    there = make_url(postgres_url).set(database=make_url(toy_url).database)
    return there.render_as_string(hide_password=False)


async def refused(connection: Any, statement: str) -> str:
    """The SQLSTATE PostgreSQL refuses this statement with."""
    with pytest.raises(asyncpg.PostgresError) as refusal:
        await connection.execute(statement)
    return str(refusal.value.sqlstate)


async def test_a_tenant_sees_its_own_rows_and_no_others(database: Database) -> None:
    async with database.begin(TENANT) as work:
        await note(work, "ours")
    async with database.begin(OTHER_TENANT) as work:
        await note(work, "theirs")

    async with database.read(TENANT) as connection:
        seen = (await connection.execute(select(notes.c.text))).scalars().all()

    assert seen == ["ours"]


async def test_a_row_of_another_tenant_cannot_be_written(database: Database) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        async with database.begin(TENANT) as work:
            await work.connection.execute(insert(notes).values(tenant_id=OTHER_TENANT, text="smuggled"))


async def test_a_transaction_without_a_tenant_sees_no_tenants_rows(database: Database) -> None:
    async with database.begin(TENANT) as work:
        await note(work, "ours")

    async with database.begin_untenanted() as connection:
        seen = (await connection.execute(select(notes.c.text))).scalars().all()

    assert seen == []


async def test_the_tenant_does_not_outlive_its_transaction(database: Database) -> None:
    async with database.begin(TENANT) as work:
        await note(work, "ours")

    async with database.begin_untenanted() as connection:
        tenant = await connection.scalar(text("SELECT current_setting('app.tenant_id', true)"))

    assert tenant in ("", None)


async def test_an_exception_leaves_no_trace_of_the_unit_of_work(database: Database) -> None:
    async def half_way() -> None:
        async with database.begin(TENANT) as work:
            await note(work, "half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await half_way()

    async with database.read(TENANT) as connection:
        assert (await connection.execute(select(notes.c.text))).all() == []


async def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError, match="read-only"):
        async with database.read(TENANT) as connection:
            await connection.execute(insert(notes).values(tenant_id=TENANT, text="x"))


async def test_a_read_that_is_cut_short_leaves_neither_its_transaction_nor_its_tenant(database: Database) -> None:
    async def cut_short(how: BaseException) -> None:
        async with database.read(TENANT) as connection:
            await connection.execute(select(notes.c.text))
            raise how

    for how in (RuntimeError(), asyncio.CancelledError()):
        with pytest.raises(type(how)):
            await cut_short(how)

    async with database.begin_untenanted() as connection:
        tenant = await connection.scalar(text("SELECT current_setting('app.tenant_id', true)"))
        mode = await connection.scalar(text("SHOW transaction_read_only"))
    assert (tenant in ("", None), mode) == (True, "off")


async def test_a_prepared_query_sees_its_tenants_rows_and_no_others(database: Database) -> None:
    async with database.begin(TENANT) as work:
        await note(work, "ours")
    async with database.begin(OTHER_TENANT) as work:
        await note(work, "theirs")

    seen = []
    for tenant_id in (TENANT, OTHER_TENANT, TENANT):
        async with database.read(tenant_id) as connection:
            seen.append([row["text"] for row in await fetch(connection, ALL)])

    assert seen == [["ours"], ["theirs"], ["ours"]]


async def test_a_prepared_query_says_the_same_whichever_way_it_goes(database: Database) -> None:
    async with database.begin(TENANT) as work:
        for word in ("ours", "other", "a"):
            await note(work, word)
        within = [
            dict(row) for query in (ALL, LONGER) for row in await fetch(work.connection, query, **{"not": "ours"})
        ]

    async with database.read(TENANT) as connection:
        quick = [dict(row) for query in (ALL, LONGER) for row in await fetch(connection, query, **{"not": "ours"})]

    assert quick == within
    assert [row["text"] for row in quick] == ["ours", "other", "a", "other"]


async def test_who_reads_in_both_ways_never_waits_for_a_connection_while_holding_the_others(database: Database) -> None:
    async with database.read(TENANT) as connection:
        first = await connection.scalar(text("SELECT pg_backend_pid()"))
        second = (await fetch(connection, SESSION))[0]["pid"]

    async def both_ways(number: int) -> None:
        async with database.read(TENANT) as connection:
            for one in range(4):
                if (one + number) % 2:
                    await fetch(connection, ALL)
                else:
                    await connection.execute(select(notes.c.text))

    async with asyncio.timeout(20):
        await asyncio.gather(*(both_ways(number) for number in range(60)))

    assert first == second


def test_a_query_with_a_list_cannot_be_prepared() -> None:
    with pytest.raises(ValueError, match="prepared"):
        Prepared(select(notes).where(notes.c.id.in_([1, 2])))


async def test_prepared_queries_cut_short_leave_neither_their_transaction_nor_their_tenant(database: Database) -> None:
    async def cut_short(how: BaseException) -> int:
        async with database.read(TENANT) as connection:
            pid: int = (await fetch(connection, SESSION))[0]["pid"]
            if isinstance(how, DBAPIError):
                await fetch(connection, NONSENSE)
            elif how.args != ("none",):
                raise how
            return pid

    first = await cut_short(RuntimeError("none"))
    for how in (RuntimeError(), asyncio.CancelledError(), DBAPIError("", None, ValueError())):
        with pytest.raises(type(how)):
            await cut_short(how)
    async with database.read(OTHER_TENANT) as connection:
        others = await fetch(connection, ALL)
        tenant = (await fetch(connection, Prepared(select(func.current_setting("app.tenant_id").label("is")))))[0]["is"]
        pid = (await fetch(connection, SESSION))[0]["pid"]

    assert (others, tenant) == ([], str(OTHER_TENANT))
    assert pid == first, "none of this costs a connection"


async def test_a_prepared_query_that_is_given_up_costs_its_connection_and_the_next_one_works(
    database: Database,
) -> None:
    slow = Prepared(select(func.pg_sleep(30)))

    async def give_up() -> None:
        async with asyncio.timeout(0.2), database.read(TENANT) as connection:
            await fetch(connection, slow)

    with pytest.raises(TimeoutError):
        await give_up()

    for _ in range(7):  # more than there is room for
        async with database.read(TENANT) as connection:
            assert await fetch(connection, ALL) == []


async def test_a_prepared_query_asks_a_server_that_ended_the_session_and_the_next_one_works(
    database: Database, postgres_url: str, toy_url: str
) -> None:
    async def end(pid: int) -> None:
        admin = await asyncpg.connect(admin_at(postgres_url, toy_url))
        await admin.execute("SELECT pg_terminate_backend($1)", pid)
        await admin.close()

    async def ended_while_reading() -> None:
        async with database.read(TENANT) as connection:
            await end((await fetch(connection, SESSION))[0]["pid"])
            await fetch(connection, ALL)

    with pytest.raises((DBAPIError, ConnectionError)) as raised:
        await ended_while_reading()
    async with database.read(TENANT) as connection:
        found = await fetch(connection, ALL)

    assert is_outage(raised.value)
    assert found == []


async def test_nobody_is_given_a_connection_with_somebody_elses_transaction(database: Database) -> None:
    async with database._single_statements() as connection:
        left_open: Any = (await connection.get_raw_connection()).driver_connection
        await left_open.execute(f"BEGIN; SELECT set_config('app.tenant_id', '{TENANT}', true)")

    async with database.begin_untenanted() as connection:
        given = (await connection.get_raw_connection()).driver_connection
        tenant = await connection.scalar(text("SELECT current_setting('app.tenant_id', true)"))

    assert given is not left_open
    assert tenant in ("", None)


async def test_a_read_from_a_server_that_ended_the_session_is_an_outage_and_the_next_one_works(
    database: Database, postgres_url: str, toy_url: str
) -> None:
    async with database.read(TENANT) as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
    admin = await asyncpg.connect(admin_at(postgres_url, toy_url))
    await admin.execute("SELECT pg_terminate_backend($1)", pid)
    await admin.close()

    async def read() -> list[Any]:
        async with database.read(TENANT) as connection:
            return list((await connection.execute(select(notes.c.text))).all())

    with contextlib.suppress(ConnectionError):  # unless the pool saw the end of the session before we came
        await read()
    assert await read() == []


async def test_the_services_role_cannot_get_around_the_wall(toy_url: str) -> None:
    connection = await asyncpg.connect(toy_url)
    role = await connection.fetchrow("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
    owner = await connection.fetchval("SELECT tableowner FROM pg_tables WHERE tablename = 'notes'")

    refusals = {
        await refused(connection, statement)
        for statement in (
            "SET row_security = off; SELECT * FROM toy.notes",
            "ALTER TABLE toy.notes DISABLE ROW LEVEL SECURITY",
            "DROP POLICY tenant_wall ON toy.notes",
            "ALTER ROLE toy BYPASSRLS",
            "CREATE TABLE toy.mine (id int)",
            "CREATE TABLE public.mine (id int)",
            "TRUNCATE toy.notes",
            "DELETE FROM toy.alembic_version",
        )
    }
    await connection.close()

    assert tuple(role) == (False, False)
    assert owner != "toy"
    assert refusals == {"42501"}


async def test_the_wall_binds_the_owner_of_the_table_too(postgres_url: str, toy_url: str) -> None:
    connection = await asyncpg.connect(admin_at(postgres_url, toy_url))

    forced = await connection.fetchval("SELECT relforcerowsecurity FROM pg_class WHERE oid = 'toy.notes'::regclass")
    await connection.close()

    assert forced


async def test_another_services_role_does_not_see_the_schema(postgres_url: str, toy_url: str) -> None:
    admin_url = admin_at(postgres_url, toy_url)
    neighbour_url = make_url(toy_url).set(username="neighbour").render_as_string(hide_password=False)
    await migrate("neighbour", admin_url, neighbour_url, versions=VERSIONS)
    connection = await asyncpg.connect(neighbour_url)

    refusals = {await refused(connection, f"SELECT * FROM toy.{table}") for table in ("notes", "outbox", "tasks")}
    own = await connection.fetchval("SELECT count(*) FROM neighbour.notes")
    await connection.close()

    assert refusals == {"42501"}
    assert own == 0


async def test_migrating_again_and_at_the_same_time_changes_nothing(postgres_url: str, toy_url: str) -> None:
    admin_url = admin_at(postgres_url, toy_url)

    await asyncio.gather(*(migrate("toy", admin_url, toy_url, versions=VERSIONS) for _ in range(3)))

    connection = await asyncpg.connect(admin_url)
    revisions = await connection.fetch("SELECT version_num FROM toy.alembic_version")
    await connection.close()
    assert [row["version_num"] for row in revisions] == ["0001"]


async def test_the_kernel_is_told_to_notice_a_server_that_vanished(database: Database) -> None:
    async with database._engine.connect() as connection:
        raw = await connection.get_raw_connection()
        wire = raw.driver_connection._transport.get_extra_info("socket")  # type: ignore[union-attr]

        alive = wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        patience_ms = wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    assert alive
    assert patience_ms == 30_000
