"""The wall between tenants in all six schemas, as PostgreSQL's own catalogue has it: no new table is forgotten."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from chassis.testing import drop_database, fresh_database, service_url
from contracts.registry import SERVICES

pytestmark = pytest.mark.servers

OF_ALL_TENANTS = {
    "tasks": "the dispatcher serves all tenants in turn, and nobody reads it for a client",
    "runners": "a machine is known before its tenant is, and a shared one works for all; people see the gateway's copy",
    "offers": "claimed across tenants by shared runners; ids and numbers, nothing of the films",
    "leases": "looked after for all tenants at once, as tasks are",
    "paces": "speeds by kind of machine, those of the operator's for all; read for no client",
    "job_counts": "one number a tenant, for the bound over all",
    "departed_tenants": "ids alone, of tenants that were erased: upkeep walks them, and no client is answered from it",
}
"""Tables that name a tenant and have no wall, and why. What is not listed must have one."""
TABLES = """
SELECT relation.relname AS name, relation.relrowsecurity AS walled, relation.relforcerowsecurity AS forced,
       relation.relowner = role.oid AS owned,
       EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation.oid AND attname = 'tenant_id'
                                          AND attnum > 0 AND NOT attisdropped) AS has_tenant,
       has_table_privilege(role.oid, relation.oid, 'TRUNCATE') OR has_table_privilege(role.oid, relation.oid, 'TRIGGER')
         AS may_too_much,
       ARRAY(SELECT pg_get_expr(coalesce(polqual, polwithcheck), polrelid) FROM pg_policy WHERE polrelid = relation.oid)
         AS policies
FROM pg_class AS relation, pg_roles AS role
WHERE relation.relnamespace = $1::text::regnamespace AND relation.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND role.rolname = $1::text
"""
ROLE = """
SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication AS mighty,
       EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid) AS member_of_another,
       has_schema_privilege(oid, $1::text, 'CREATE') AS may_create
FROM pg_roles WHERE rolname = $1::text
"""


@pytest.fixture(params=SERVICES)
async def service(request: pytest.FixtureRequest, postgres_url: str) -> AsyncIterator[tuple[str, str, str]]:
    """A service's name, and the addresses of its migrated database for the administrator and for itself."""
    name: str = request.param
    database = await fresh_database(name, postgres_url)
    admin = make_url(postgres_url).set(database=database).render_as_string(hide_password=False)
    yield name, admin, service_url(name, postgres_url, database)
    await drop_database(postgres_url, database)


async def test_every_table_with_a_tenant_is_walled_and_its_service_cannot_get_around(
    service: tuple[str, str, str],
) -> None:
    name, admin_url, _ = service
    connection = await asyncpg.connect(admin_url)

    tables = await connection.fetch(TABLES, name)
    role = await connection.fetchrow(ROLE, name)
    await connection.close()

    assert role is not None
    assert not any(role.values()), "the role must not be able to lift the wall"
    tenants = [table for table in tables if table["has_tenant"] and table["name"] not in OF_ALL_TENANTS]
    assert tenants, "a service without a tenant's rows?"
    for table in tenants:
        assert table["walled"], f"{name}.{table['name']} has a tenant_id and no row-level security"
        assert table["forced"], f"{name}.{table['name']}: FORCE it, so that its owner is bound too"
        assert any("app.tenant_id" in policy for policy in table["policies"]), table["name"]
        assert not any(policy.strip() in ("", "true") for policy in table["policies"]), table["name"]
    assert not [table["name"] for table in tables if table["owned"] or table["may_too_much"]]


async def test_a_service_that_tries_to_lift_its_wall_is_refused(service: tuple[str, str, str]) -> None:
    name, admin_url, own_url = service
    admin = await asyncpg.connect(admin_url)
    tables = await admin.fetch(TABLES, name)
    await admin.close()
    walled = [f'"{name}"."{table["name"]}"' for table in tables if table["walled"]]

    connection = await asyncpg.connect(own_url)
    for table in walled:
        for attempt in (
            f"SET row_security = off; SELECT * FROM {table}",
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY mine ON {table} USING (true)",
            f"TRUNCATE {table}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(attempt)
        await connection.execute("RESET row_security")
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
    await connection.close()
