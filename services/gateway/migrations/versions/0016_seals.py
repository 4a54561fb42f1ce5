"""Seals over the audit, in a table that only grows like it."""

import sqlalchemy as sa
from alembic import op

from chassis.database import append_only, force_row_level_security

revision = "0016"
down_revision = "0015"

_TENANT = sa.text("nullif(current_setting('app.tenant_id', true), '')::uuid")


def upgrade() -> None:
    op.create_table(
        "audit_seals",
        sa.Column("tenant_id", sa.Uuid, nullable=False, server_default=_TENANT, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("from_xact", sa.BigInteger, nullable=False),
        sa.Column("to_xact", sa.BigInteger, nullable=False),
        sa.Column("lines", sa.Integer, nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    force_row_level_security(op, "audit_seals")
    append_only(op, "audit_seals")
    op.create_index("audit_xact", "audit", ["tenant_id", "xact"])
