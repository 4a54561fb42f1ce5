"""The wall between tenants: PostgreSQL itself refuses another tenant's rows."""

from typing import Any

__all__ = ["force_row_level_security"]

_TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"
"""The tenant of the transaction; NULL, which equals nothing, when none is set."""


def force_row_level_security(op: Any, table: str) -> None:
    """Show and accept only rows of the transaction's tenant in ``table``, even to the table's owner.

    Call it in a revision after ``op.create_table``; the table must have a column ``tenant_id uuid``. ``op`` is
    ``alembic.op``. FORCE binds the owner too; only superusers and BYPASSRLS roles pass, and service roles are neither.
    """
    name = '"' + table.replace('"', '""') + '"'
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant_wall ON {name} USING (tenant_id = {_TENANT}) WITH CHECK (tenant_id = {_TENANT})")
