"""The audit: a table that takes new rows from our role and gives none up before their time.

Nobody who has our role can change a line or take one out; what deletes the lines whose retention is over is a function
of the table's owner, which takes nothing younger than thirty days and nothing of another tenant.
"""

import sqlalchemy as sa
from alembic import op

from chassis.database import append_only, force_row_level_security

revision = "0006"
down_revision = "0005"

_TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("tenant_id", sa.Uuid, nullable=False, server_default=sa.text(_TENANT)),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("resource_id", sa.Uuid),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("user_id", sa.Uuid),
        sa.Column("session_id", sa.Uuid),
        sa.Column("key_id", sa.Uuid),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("trace_id", sa.Text, nullable=False),
        sa.Column("remark", sa.Text),
        sa.Column("xact", sa.BigInteger, nullable=False, server_default=sa.text("pg_current_xact_id()::text::bigint")),
    )
    force_row_level_security(op, "audit")
    append_only(op, "audit")
    op.create_index("audit_newest", "audit", ["tenant_id", "id"])
    op.create_index("audit_resource", "audit", ["tenant_id", "resource_id", "id"])
    op.create_index("audit_user", "audit", ["tenant_id", "user_id", "id"])
    op.create_index("audit_oldest", "audit", ["tenant_id", "at"])
    op.execute(
        f"""
        CREATE FUNCTION forget_audit(days integer) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
        SET search_path FROM CURRENT AS $$
        DECLARE
            forgotten bigint;
        BEGIN
            DELETE FROM audit WHERE tenant_id = {_TENANT} AND at < now() - make_interval(days => greatest(days, 30));
            GET DIAGNOSTICS forgotten = ROW_COUNT;
            RETURN forgotten;
        END $$
        """
    )
