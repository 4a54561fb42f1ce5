"""Exports of everything a tenant has."""

import sqlalchemy as sa
from alembic import op

from chassis.database import force_row_level_security

revision = "0011"
down_revision = "0010"

_TENANT = sa.text("nullif(current_setting('app.tenant_id', true), '')::uuid")


def upgrade() -> None:
    op.create_table(
        "exports",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("tenant_id", sa.Uuid, nullable=False, server_default=_TENANT),
        sa.Column("media", sa.Boolean, nullable=False),
        sa.Column("requested_by", sa.Uuid, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("sha256", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    force_row_level_security(op, "exports")
    op.create_index("exports_newest", "exports", ["tenant_id", "id"])
