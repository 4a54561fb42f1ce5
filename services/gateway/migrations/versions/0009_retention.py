"""How long tenants keep what, and what is over its time, found by its age."""

import sqlalchemy as sa
from alembic import op

from chassis.database import force_row_level_security

revision = "0009"
down_revision = "0008"

_TENANT = sa.text("nullif(current_setting('app.tenant_id', true), '')::uuid")


def upgrade() -> None:
    op.create_table(
        "retentions",
        sa.Column("tenant_id", sa.Uuid, nullable=False, server_default=_TENANT, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("days", sa.Integer),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    force_row_level_security(op, "retentions")
    op.create_index("videos_oldest", "videos", ["tenant_id", "created_at"])
    op.create_index("scripts_oldest", "scripts", ["tenant_id", "created_at"])
