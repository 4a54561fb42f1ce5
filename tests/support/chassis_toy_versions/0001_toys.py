"""The toy service's tables: the plumbing, and notes behind the wall."""

import sqlalchemy as sa
from alembic import op

from chassis.database import create_plumbing, force_row_level_security

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_plumbing(op)
    op.create_table(
        "notes",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    force_row_level_security(op, "notes")
