"""What PostgreSQL itself refuses: another tenant's rows, and changes of what may only grow."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["APPEND_ONLY", "above_the_walls", "append_only", "force_row_level_security"]

APPEND_ONLY = "only_grows"
"""The trigger on tables that may only grow; ``migrate`` knows by it what the service's role must not be given."""

_TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"
"""The tenant of the transaction; NULL, which equals nothing, when none is set."""


def force_row_level_security(op: Any, table: str) -> None:
    """Show and accept only rows of the transaction's tenant in ``table``, even to the table's owner.

    Call it in a revision after ``op.create_table``; the table must have a column ``tenant_id uuid``. ``op`` is
    ``alembic.op``. FORCE binds the owner too; only superusers and BYPASSRLS roles pass, and service roles are neither.
    """
    name = _quoted(table)
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant_wall ON {name} USING (tenant_id = {_TENANT}) WITH CHECK (tenant_id = {_TENANT})")


def append_only(op: Any, table: str) -> None:
    """Let ``table`` only grow: nobody but its owner may change or delete a row, and the service's role is not that.

    Twice over: ``migrate`` grants the role no UPDATE and no DELETE on it, and a trigger refuses both.
    """
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION {APPEND_ONLY}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID) <> current_user THEN
                RAISE insufficient_privilege USING MESSAGE = format('the table %s only grows', TG_TABLE_NAME);
            END IF;
            RETURN NULL;
        END $$
        """
    )
    name = _quoted(table)
    op.execute(
        f"CREATE TRIGGER {APPEND_ONLY} BEFORE UPDATE OR DELETE OR TRUNCATE ON {name}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {APPEND_ONLY}()"
    )


@contextmanager
def above_the_walls(op: Any, *tables: str) -> Iterator[None]:
    """Let a revision see and write the rows of all tenants in these tables, until the block ends.

    FORCE binds the tables' owner as well. Where that is no superuser, as with most who rent out databases, a revision
    that moves rows would find none and say nothing. The tables are locked meanwhile: nobody else sees them like this.
    """
    for table in tables:
        op.execute(f"ALTER TABLE {_quoted(table)} NO FORCE ROW LEVEL SECURITY")
    yield
    for table in tables:
        op.execute(f"ALTER TABLE {_quoted(table)} FORCE ROW LEVEL SECURITY")


def _quoted(table: str) -> str:
    return '"' + table.replace('"', '""') + '"'
