"""Runners as people see them, and whether it was told that a budget is spent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.database import force_row_level_security

revision = "0022"
down_revision = "0021"

_TENANT = sa.text("nullif(current_setting('app.tenant_id', true), '')::uuid")


def upgrade() -> None:
    op.create_table(
        "runners",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("tenant_id", sa.Uuid, nullable=False, server_default=_TENANT),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("labels", ARRAY(sa.Text), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("ephemeral", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("chunks_done", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True)),
        sa.Column("changed_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        comment="Machines that were invited, as the upscale service last said they are.",
    )
    op.create_index("runners_newest", "runners", ["tenant_id", "id"])
    force_row_level_security(op, "runners")
    op.add_column("budgets", sa.Column("told_spent", sa.Boolean, nullable=False, server_default=sa.false()))
